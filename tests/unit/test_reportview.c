/* SPDX-License-Identifier: Apache-2.0 */
#include "report/reportview.h"

#include "base/text.h"
#include "wrap/seal.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NOW (INT64_C(1795348800) * INSTANT_SECOND) /* 2026-11-22T12:00:00Z */
#define KEY "0f0e0d0c-secret-key-of-a-subject"

static Arena *arena;
static ExemptRule exempt;
static PolicyRule policy_rule;
static SubjectRule subject_rule;
static ReportPolicy policies[2];
static ReportSubject subjects[1];
static ReportHold holds[1];
static ReportKept kept[1];
static Disposal disposals[2];
static StatusDisposal standing[2];
static ReportDatabase databases[1];
static int64_t rows_exempt[1];
static Instant exempt_until[1];
static ReportDisposal gone[3];
static ReportWeek weeks[2];
static ReportOverdue overdue[2];
static Report report;

static void
fill_rules(void)
{
    exempt = (ExemptRule){ .keep_for = "1 year", .purpose = "detect abuse", .basis = "GDPR Art. 6(1)(f)" };
    policy_rule = (PolicyRule){ .name = "usage-events",
                                .class_name = "usage data",
                                .table = { "telemetry", "usage_event" },
                                .age = "occurred_at",
                                .keep_for = "90 days",
                                .grace = "14 days",
                                .purpose = "operate the service",
                                .basis = "GDPR Art. 6(1)(b)",
                                .exempts = &exempt,
                                .exempt_count = 1 };
    subject_rule = (SubjectRule){ .kind = "workspace", .root = { "cloud", "workspace" }, .grace = "30 days" };
}

static ReportDisposal
disposal_of(int64_t id, Instant requested, Instant erased)
{
    return (ReportDisposal){ .id = id,
                             .kind = "workspace",
                             .commitment = "e547caa3a5b8b097",
                             .ground = "contract_ended",
                             .state = erased == INSTANT_NONE ? STATE_ARCHIVED : STATE_CLEARED,
                             .requested_at = requested,
                             .ended_at = requested,
                             .archived_at = INSTANT_NONE,
                             .due_at = requested + 8 * INSTANT_DAY,
                             .deadline = requested + 10 * INSTANT_DAY,
                             .erased_at = erased,
                             .cleared_at = erased,
                             .withdrawn_at = INSTANT_NONE,
                             .restored_at = INSTANT_NONE,
                             .rows_erased = 80 };
}

static void
fill_history(void)
{
    gone[0] = disposal_of(3, NOW - 20 * INSTANT_DAY, NOW - 12 * INSTANT_DAY);
    gone[1] = disposal_of(4, NOW - 20 * INSTANT_DAY, NOW - 9 * INSTANT_DAY);
    gone[2] = disposal_of(15, NOW - 2 * INSTANT_DAY, INSTANT_NONE);
    weeks[0] = (ReportWeek){ .kind = "policy",
                             .policy = "usage-events",
                             .week = NOW - 13 * INSTANT_DAY - 12 * INSTANT_HOUR,
                             .disposals = 1,
                             .rows = 5847 };
    weeks[1] = (ReportWeek){
        .kind = "workspace", .week = NOW - 13 * INSTANT_DAY - 12 * INSTANT_HOUR, .disposals = 2, .rows = 160
    };
    overdue[0] =
        (ReportOverdue){ .at = NOW - 9 * INSTANT_DAY - INSTANT_HOUR, .disposals = 1, .oldest = NOW - 10 * INSTANT_DAY };
    overdue[1] = (ReportOverdue){ .at = NOW, .oldest = INSTANT_NONE };
}

static void
fill_work(void)
{
    rows_exempt[0] = 331;
    exempt_until[0] = NOW + 365 * INSTANT_DAY;
    policies[0] = (ReportPolicy){ .rule = &policy_rule,
                                  .oldest = NOW - 300 * INSTANT_DAY,
                                  .cutoff = NOW - 90 * INSTANT_DAY,
                                  .rows_held = 35,
                                  .rows_exempt = rows_exempt,
                                  .exempt_until = exempt_until,
                                  .counts = { .kind = "policy",
                                              .policy = "usage-events",
                                              .opened = 2,
                                              .archived = 2,
                                              .erased = 1,
                                              .in_time = 1,
                                              .rows_archived = 5847,
                                              .rows_erased = 5847,
                                              .rows_cleared = 2345 } };
    subjects[0] = (ReportSubject){ .rule = &subject_rule,
                                   .counts = { .kind = "workspace",
                                               .opened = 7,
                                               .archived = 6,
                                               .erased = 3,
                                               .in_time = 2,
                                               .cleared = 3,
                                               .withdrawn = 1,
                                               .rows_archived = 3147,
                                               .rows_erased = 1103,
                                               .rows_changed = 68,
                                               .rows_cleared = 1103,
                                               .under_way = 3 } };
}

static void
fill_left(void)
{
    holds[0] = (ReportHold){
        .kind = "workspace", .type = "legal", .in_force = 1, .first_end = INSTANT_NONE, .placed = 1, .released = 2
    };
    kept[0] = (ReportKept){ .what = "billing.invoice",
                            .why = "tax records",
                            .rows = 68,
                            .disposals = 3,
                            .first_until = NOW,
                            .last_until = NOW + 3650 * INSTANT_DAY };
    disposals[0] = (Disposal){ .id = 15,
                               .kind = "workspace",
                               .name = "e547caa3a5b8",
                               .subject_key = KEY,
                               .ground = "contract_ended",
                               .state = STATE_ARCHIVED,
                               .erase_after = NOW + INSTANT_DAY,
                               .restored_at = INSTANT_NONE,
                               .requested_at = INSTANT_NONE,
                               .withdrawal_at = INSTANT_NONE,
                               .plan_at = INSTANT_NONE,
                               .next_attempt_at = INSTANT_NONE };
    standing[0] = (StatusDisposal){ .disposal = &disposals[0], .due_at = NOW + INSTANT_DAY };
}

/* All is well: one policy, one kind of subject, one disposal that waits. */
static void
setup(void)
{
    arena = arena_new();
    fill_rules();
    fill_history();
    fill_work();
    fill_left();
    databases[0] = (ReportDatabase){
        .status = { .name = "eu", .region = "eu", .now = NOW, .disposals = standing, .disposal_count = 1 },
        .policies = policies,
        .policy_count = 1,
        .subjects = subjects,
        .subject_count = 1,
        .disposals = gone,
        .disposal_count = COUNT(gone),
        .weeks = weeks,
        .week_count = COUNT(weeks),
        .overdue = overdue,
        .overdue_count = COUNT(overdue),
        .refused = 3,
        .holds = holds,
        .hold_count = 1,
        .kept = kept,
        .kept_count = 1
    };
    report = (Report){ .from = NOW - 30 * INSTANT_DAY,
                       .to = NOW,
                       .made_at = NOW,
                       .overdue_after = "2 days",
                       .configuration = "cccc",
                       .ledger = { .seq = 498, .digest = "dddd" },
                       .databases = databases,
                       .database_count = 1 };
}

static void
teardown(void)
{
    arena_freep(&arena);
}

static void
tells(const char *expected)
{
    const char *text = page_print_text(reportview_page(arena, &report));
    ck_assert_msg(strstr(text, expected) != NULL, "not in the report: %s", expected);
}

START_TEST(a_class_of_data_is_told_with_window_purpose_and_what_is_exempt)
{
    tells("  from           2026-10-23 12:00:00 UTC\n");
    tells("  class       policy        window   grace    oldest row  past window  exempt  held\n"
          "  usage data  usage-events  90 days  14 days  2026-01-26         none     331    35\n");
    tells("  policy        kept for  rows  purpose              legal basis        gone by\n"
          "  usage-events  90 days    all  operate the service  GDPR Art. 6(1)(b)\n"
          "  usage-events  1 year     331  detect abuse         GDPR Art. 6(1)(f)  2027-11-22\n");
    tells("  policy        archived  erased  changed  last copy gone  disposals  in time  late\n"
          "  usage-events     5,847   5,847        0           2,345          2        1     0\n");
}
END_TEST

START_TEST(a_kind_of_subject_is_told_with_its_deadlines)
{
    tells("  kind       grace    opened  archived  erased  in time  late  cleared  withdrawn  under way  overdue\n"
          "  workspace  30 days       7         6       3        2     1        3          1          3        0\n");
    tells("  kind       rows archived  erased  changed  last copy gone\n"
          "  workspace          3,147   1,103       68           1,103\n");
    tells("  kind       type   in force  the first ends  placed in the period  released  expired\n"
          "  workspace  legal         1  no end                             1         2        0\n"
          "  attempts that a hold refused in the period: 3\n");
    tells("  what             rows  disposals  gone by     why\n"
          "  billing.invoice    68          3  2036-11-19  tax records\n");
}
END_TEST

START_TEST(each_disposal_is_told_against_its_deadline_and_what_is_late_comes_first)
{
    tells("  disposal  kind       requested   archived  deadline    erased      cleared     standing\n"
          "  eu-4      workspace  2026-11-02            2026-11-12  2026-11-13  2026-11-13  late\n"
          "  eu-3      workspace  2026-11-02            2026-11-12  2026-11-10  2026-11-10  in time\n"
          "  eu-15     workspace  2026-11-20            2026-11-30                          not due\n");
}
END_TEST

static const struct
{
    State state;
    int64_t deadline_in;
    int64_t erased_in; /* 0: not yet */
    bool held;
    const char *told;
} standings[] = {
    { STATE_ARCHIVED, INSTANT_DAY, 0, false, "not due" },
    { STATE_ARCHIVED, -INSTANT_DAY, 0, false, "OVERDUE" },
    { STATE_ARCHIVED, -INSTANT_DAY, 0, true, "held" },
    { STATE_ERASED, -INSTANT_DAY, -INSTANT_DAY, false, "in time" },
    { STATE_ERASED, -INSTANT_DAY, -INSTANT_HOUR, false, "late" },
    { STATE_WITHDRAWN, -INSTANT_DAY, 0, false, "withdrawn" },
};

START_TEST(a_deadline_is_kept_missed_or_still_to_come)
{
    ReportDisposal d = disposal_of(1, NOW - 20 * INSTANT_DAY, INSTANT_NONE);
    d.state = standings[_i].state;
    d.deadline = NOW + standings[_i].deadline_in;
    d.erased_at = standings[_i].erased_in == 0 ? INSTANT_NONE : NOW + standings[_i].erased_in;
    d.held = standings[_i].held;
    ck_assert_str_eq(collect_deadline(&d, NOW), standings[_i].told);
    d.restored_at = NOW;
    ck_assert_str_eq(collect_deadline(&d, NOW), "restored");
}
END_TEST

static void
html_tells(const char *expected)
{
    const char *html = page_print_html(reportview_page(arena, &report));
    ck_assert_msg(strstr(html, expected) != NULL, "not in the page: %s", expected);
}

START_TEST(charts_say_in_words_what_they_draw)
{
    html_tells("usage data: rows erased each week</title>");
    html_tells("5,847 rows in 5 weeks from 2026-10-19 on; most of them, 5,847, in the week of 2026-11-09.</desc>");
    html_tells("The oldest was 23 h past its deadline, on 2026-11-13; at the end: nothing is overdue.</desc>");
    html_tells("workspace: from request to erased, 2 disposals</title>");
    html_tells("half within 8 days, 9 of 10 within 11 days, all within 11 days</desc>");
}
END_TEST

START_TEST(the_same_evidence_gives_the_same_bytes)
{
    const Page *one = reportview_page(arena, &report);
    const Page *two = reportview_page(arena, &report);
    ck_assert_str_eq(page_print_html(one), page_print_html(two));
    ck_assert_str_eq(page_print_csv(one), page_print_csv(two));
    ck_assert_str_eq(page_print_html(one), page_print_html(one));
}
END_TEST

START_TEST(a_database_in_order_says_so)
{
    ck_assert_int_eq(reportview_faults(&databases[0]), 0);
    tells("  in order: nothing is overdue, failing or past its window longer than it may be\n");
    tells("Failing or overdue now\n  no disposal\n");
}
END_TEST

/* each alone is a finding */
static void
overdue_rows(void)
{
    policies[0].rows_due = 1234;
    policies[0].overdue = true;
}
static void
unknown_policy(void)
{
    policies[0].problem = "a cycle";
}
static void
late_policy(void)
{
    policies[0].counts.late = 1;
}
static void
late_subject(void)
{
    subjects[0].counts.late = 1;
}
static void
unopened_subject(void)
{
    subjects[0].waiting = subjects[0].overdue = 1;
}
static void
stopped_subject(void)
{
    subjects[0].problem = "a cycle";
}
static void
failing_disposal(void)
{
    disposals[0].attempts = 2;
    disposals[0].last_error = "no space left on device";
}
static void
open_scope(void)
{
    databases[0].status.coverage_problem = "1 table is reached by nothing";
}

static const struct
{
    void (*happens)(void);
    const char *told;
} faults[] = {
    { overdue_rows, "OVERDUE 1,234" },
    { unknown_policy, "  ! usage-events: a cycle\n" },
    { late_policy, "  NOT IN ORDER: 1 finding below\n" },
    { late_subject, "  OVERDUE 1\n" },
    { unopened_subject, "  workspace: 1 has ended and no disposal yet\n" },
    { stopped_subject, "  ! workspace: a cycle\n" },
    { failing_disposal,
      "  eu-15     workspace  e547caa3a5b8  archived  2 attempts, the next run tries again: no space left on device\n" },
    { open_scope, "  scope: 1 table is reached by nothing\n" },
};

START_TEST(whatever_is_wrong_is_a_finding_and_told)
{
    faults[_i].happens();
    ck_assert_int_eq(reportview_faults(&databases[0]), 1);
    tells("  NOT IN ORDER: 1 finding below\n");
    tells(faults[_i].told);
}
END_TEST

START_TEST(rows_that_the_next_run_takes_are_no_finding)
{
    policies[0].rows_due = 12;
    ck_assert_int_eq(reportview_faults(&databases[0]), 0);
    tells("  2026-01-26           12     331    35\n");
}
END_TEST

START_TEST(what_is_not_configured_any_more_keeps_its_line)
{
    policies[1] = (ReportPolicy){ .counts = { .kind = "policy", .policy = "old-policy", .rows_erased = 7 },
                                  .oldest = INSTANT_NONE,
                                  .cutoff = INSTANT_NONE };
    databases[0].policy_count = 2;
    tells("old-policy");
    tells("not configured");
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    reportview_json(arena, &report, doc);
    const JsonDoc *database = jsondoc_at(jsondoc_get(doc, "databases"), 0);
    const JsonDoc *policy = jsondoc_at(jsondoc_get(database, "policies"), 1);
    ck_assert_str_eq(jsondoc_get_string(policy, "name"), "old-policy");
    ck_assert(!jsondoc_get_bool(policy, "configured", true));
}
END_TEST

START_TEST(the_ledger_is_verified_or_the_report_says_what_is_wrong)
{
    tells("  498 entries, each with the digest of the one before: verified\n"
          "  head: entry 498, SHA-256 dddd\n");
    report.ledger_code = ERR_EVIDENCE;
    report.ledger_problem = "line 100 is damaged";
    tells("  DOES NOT VERIFY: line 100 is damaged\n");
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    reportview_json(arena, &report, doc);
    ck_assert(!jsondoc_get_bool(jsondoc_get(doc, "ledger"), "verifies", true));
    ck_assert_ptr_null(jsondoc_get(jsondoc_get(doc, "ledger"), "digest"));
}
END_TEST

START_TEST(a_database_that_could_not_be_asked_is_not_in_order)
{
    databases[0].status.error = "it is down";
    ck_assert_int_gt(reportview_faults(&databases[0]), 0);
    tells("  COULD NOT BE ASKED, nothing is known of it: it is down\n");
    ck_assert_ptr_null(strstr(page_print_text(reportview_page(arena, &report)), "in order"));
}
END_TEST

START_TEST(no_report_tells_a_subjects_key)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();

    failing_disposal();
    reportview_json(arena, &report, doc);
    const char *json = jsondoc_canonical(arena, doc);
    ck_assert_ptr_nonnull(strstr(json, "\"eu-15\"")); /* it is told, */
    ck_assert_ptr_null(strstr(json, KEY));            /* but not so */
    ck_assert_ptr_null(strstr(page_print_text(reportview_page(arena, &report)), KEY));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("reportview");
    TCase *cases = tcase_create("reportview");

    if (seal_init() != OK)
        return EXIT_FAILURE;
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_class_of_data_is_told_with_window_purpose_and_what_is_exempt);
    tcase_add_test(cases, a_kind_of_subject_is_told_with_its_deadlines);
    tcase_add_test(cases, each_disposal_is_told_against_its_deadline_and_what_is_late_comes_first);
    tcase_add_loop_test(cases, a_deadline_is_kept_missed_or_still_to_come, 0, (int)COUNT(standings));
    tcase_add_test(cases, charts_say_in_words_what_they_draw);
    tcase_add_test(cases, the_same_evidence_gives_the_same_bytes);
    tcase_add_test(cases, a_database_in_order_says_so);
    tcase_add_loop_test(cases, whatever_is_wrong_is_a_finding_and_told, 0, (int)COUNT(faults));
    tcase_add_test(cases, rows_that_the_next_run_takes_are_no_finding);
    tcase_add_test(cases, what_is_not_configured_any_more_keeps_its_line);
    tcase_add_test(cases, the_ledger_is_verified_or_the_report_says_what_is_wrong);
    tcase_add_test(cases, a_database_that_could_not_be_asked_is_not_in_order);
    tcase_add_test(cases, no_report_tells_a_subjects_key);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
