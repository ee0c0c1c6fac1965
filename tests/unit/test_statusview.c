/* SPDX-License-Identifier: Apache-2.0 */
#include "report/statusview.h"

#include "base/text.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NOW (INT64_C(1795348800) * INSTANT_SECOND) /* 2026-11-22T12:00:00Z */
#define KEY "0f0e0d0c-secret-key-of-a-subject"

static Arena *arena;

static void
setup(void)
{
    arena = arena_new();
}

static void
teardown(void)
{
    arena_freep(&arena);
}

static Disposal
subject(int64_t id, State state)
{
    return (Disposal){ .id = id,
                       .kind = "workspace",
                       .name = "e547caa3a5b8",
                       .subject_key = KEY,
                       .incarnation = KEY,
                       .commitment = "e547caa3a5b8b097",
                       .ground = "contract_ended",
                       .state = state,
                       .as_of = NOW - 20 * INSTANT_DAY,
                       .cutoff = INSTANT_NONE,
                       .ended_at = NOW - 21 * INSTANT_DAY,
                       .opened_at = NOW - 20 * INSTANT_DAY,
                       .archived_at = state == STATE_OPEN ? INSTANT_NONE : NOW - 20 * INSTANT_DAY,
                       .erase_after = NOW + 9 * INSTANT_DAY,
                       .erasing_at = INSTANT_NONE,
                       .erased_at = state >= STATE_ERASED ? NOW - INSTANT_DAY : INSTANT_NONE,
                       .cleared_at = state == STATE_CLEARED ? NOW - INSTANT_HOUR : INSTANT_NONE,
                       .withdrawn_at = state == STATE_WITHDRAWN ? NOW - INSTANT_HOUR : INSTANT_NONE,
                       .key_destroyed_at = INSTANT_NONE,
                       .restored_at = INSTANT_NONE,
                       .requested_at = INSTANT_NONE,
                       .withdrawal_at = INSTANT_NONE,
                       .plan_at = INSTANT_NONE,
                       .next_attempt_at = INSTANT_NONE,
                       .snapshot_name = "eu-1-00000000" };
}

/* one row each: what is true of a disposal, and where it stands */
static const struct
{
    State state;
    bool at_work;
    int64_t attempts;
    int64_t hold_id;
    int64_t grace_days; /* until its end */
    bool immediate;
    Standing expected;
} standings[] = {
    { STATE_OPEN, false, 0, 0, 9, false, STANDING_READY },
    { STATE_OPEN, true, 0, 0, 9, false, STANDING_UNDER_WAY },
    { STATE_OPEN, false, 2, 0, 9, false, STANDING_FAILING },
    { STATE_OPEN, false, 0, 3, 9, false, STANDING_HELD },
    { STATE_ARCHIVED, false, 0, 0, 9, false, STANDING_WAITING },
    { STATE_ARCHIVED, false, 0, 0, -1, false, STANDING_READY },
    { STATE_ARCHIVED, false, 0, 0, 9, true, STANDING_READY },
    { STATE_ARCHIVED, false, 0, 3, 9, false, STANDING_HELD },
    { STATE_ARCHIVED, false, 0, 3, -1, false, STANDING_HELD },
    { STATE_ARCHIVED, false, 2, 3, -1, false, STANDING_FAILING },
    { STATE_ARCHIVED, true, 2, 3, -1, false, STANDING_UNDER_WAY },
    { STATE_ERASING, false, 0, 0, -1, false, STANDING_READY },
    { STATE_ERASED, false, 0, 0, -1, false, STANDING_READY },
    { STATE_CLEARED, false, 0, 0, -1, false, STANDING_DONE },
    { STATE_CLEARED, true, 2, 3, -1, false, STANDING_DONE },
    { STATE_WITHDRAWN, false, 0, 0, -1, false, STANDING_DONE },
};

START_TEST(where_a_disposal_stands)
{
    Disposal d = subject(1, standings[_i].state);
    const StatusDisposal s = { .disposal = &d, .at_work = standings[_i].at_work, .hold_id = standings[_i].hold_id };

    d.attempts = standings[_i].attempts;
    d.immediate = standings[_i].immediate;
    d.erase_after = NOW + standings[_i].grace_days * INSTANT_DAY;
    ck_assert_str_eq(collect_standing_name(collect_standing(&s, NOW)), collect_standing_name(standings[_i].expected));
}
END_TEST

static void
sentences_are(const StatusDisposal *s, const char *expected)
{
    ck_assert_str_eq(statusview_sentence(arena, s, NOW), expected);
}

START_TEST(a_sentence_says_what_comes_next)
{
    Disposal d = subject(1, STATE_ARCHIVED);
    StatusDisposal s = { .disposal = &d, .rows_archived = 1234, .due_at = d.erase_after, .hold_until = INSTANT_NONE };

    sentences_are(&s, "grace until 2026-12-01 (in 9 days); 1,234 rows copied, all still in their tables");
    s.hold_id = 3;
    s.hold_type = "legal";
    sentences_are(&s, "hold 3 (legal); grace until 2026-12-01 (in 9 days)");
    s.hold_until = NOW + 40 * INSTANT_DAY;
    sentences_are(&s, "hold 3 (legal) until 2027-01-01 (in 40 days); grace until 2026-12-01 (in 9 days)");
    s.hold_id = 0;
    d.attempts = 3;
    d.last_error = "could not reach the store";
    d.next_attempt_at = NOW + 25 * INSTANT_MINUTE;
    sentences_are(&s, "3 attempts, the next in 25 min: could not reach the store");
    d.next_attempt_at = NOW - 1;
    sentences_are(&s, "3 attempts, the next run tries again: could not reach the store");
    d.attempts = 0;
    d.last_error = NULL;
    s.at_work = true;
    s.rows_done = 20;
    sentences_are(&s, "a worker is busy with it: 1,234 rows archived, 20 done");
}
END_TEST

START_TEST(a_sentence_says_since_when_it_is_overdue)
{
    Disposal d = subject(1, STATE_ARCHIVED);
    StatusDisposal s = { .disposal = &d, .rows_archived = 1, .overdue = true };

    s.due_at = d.erase_after = NOW - 5 * INSTANT_DAY;
    sentences_are(&s, "OVERDUE since 2026-11-17 (5 days ago): the next run erases it");
    s.overdue = false;
    sentences_are(&s, "grace ended 2026-11-17 (5 days ago): the next run erases it");
    d.last_error = "another worker was faster";
    sentences_are(&s,
                  "grace ended 2026-11-17 (5 days ago): the next run erases it; last time: another worker was faster");
}
END_TEST

START_TEST(a_moved_policy_waits_for_its_snapshots_end)
{
    Disposal d = subject(1, STATE_ARCHIVED);
    const StatusDisposal s = { .disposal = &d, .rows_archived = 1, .rows_done = 1 };

    d.kind = "policy";
    d.name = "usage-events";
    sentences_are(&s, "1 row moved into a snapshot, which goes after 2026-12-01 (in 9 days)");
}
END_TEST

START_TEST(what_is_over_says_how_it_ended)
{
    Disposal cleared = subject(1, STATE_CLEARED), withdrawn = subject(2, STATE_WITHDRAWN);
    const StatusDisposal one = { .disposal = &cleared, .rows_done = 12 }, two = { .disposal = &withdrawn };

    sentences_are(&one, "cleared 2026-11-22 (1 h ago): 12 rows erased or changed, no snapshot left");
    sentences_are(&two, "withdrawn 2026-11-22 (1 h ago): nothing was erased");
}
END_TEST

/* waiting, failing, overdue, held: in this order by id */
static StatusDatabase
four_disposals(void)
{
    StatusDatabase database = { .name = "eu", .region = "eu", .now = NOW, .disposal_count = 4 };
    Disposal *d = ARENA_ARRAY(arena, Disposal, 4);
    StatusDisposal *s = ARENA_ARRAY(arena, StatusDisposal, 4);
    for (size_t i = 0; i < 4; i++)
    {
        d[i] = subject((int64_t)i + 8, STATE_ARCHIVED);
        s[i] = (StatusDisposal){ .disposal = &d[i], .due_at = d[i].erase_after, .hold_until = INSTANT_NONE };
    }
    d[1].attempts = 1;
    d[1].last_error = "no space left on device";
    s[2].overdue = true;
    s[2].due_at = d[2].erase_after = NOW - 5 * INSTANT_DAY;
    s[3].hold_id = 3;
    s[3].hold_type = "legal";
    database.disposals = s;
    database.states[STATE_ARCHIVED] = 4;
    database.states[STATE_CLEARED] = 1234;
    return database;
}

START_TEST(what_needs_a_person_comes_first)
{
    StatusDatabase database = four_disposals();
    StatusDue due[] = { { .kind = "policy", .name = "cookies", .overdue = 1 },
                        { .kind = "account", .subjects = 2, .overdue = 1 },
                        { .kind = "server", .problem = "a cycle" } };

    database.due = due;
    database.due_count = COUNT(due);
    ck_assert_str_eq(
        statusview_text(arena, &database),
        "eu (region eu): not paused\n"
        "  id     kind       name          state     standing\n"
        "  eu-9   workspace  e547caa3a5b8  archived  FAILING   1 attempt, the next run tries again: no space left on device\n"
        "  eu-10  workspace  e547caa3a5b8  archived  ready     OVERDUE since 2026-11-17 (5 days ago): the next run erases it\n"
        "  eu-11  workspace  e547caa3a5b8  archived  held      hold 3 (legal); grace until 2026-12-01 (in 9 days)\n"
        "  eu-8   workspace  e547caa3a5b8  archived  waiting   grace until 2026-12-01 (in 9 days); 0 rows copied, all still in their tables\n"
        "  new    policy     cookies                 due       OVERDUE: rows are past their window: the next run takes them\n"
        "  new    account                            due       2 have ended, 1 of them OVERDUE: the next run opens them\n"
        "  new    server                             STOPPED   a cycle\n"
        "  3 overdue, 1 failing, 1 held, 0 under way, 1 ready, 1 waiting; since the beginning 1,234 cleared, 0 withdrawn\n");
}
END_TEST

START_TEST(an_idle_database_says_so)
{
    const StatusDatabase database = { .name = "eu", .now = NOW };

    ck_assert_str_eq(
        statusview_text(arena, &database),
        "eu: not paused\n"
        "  0 overdue, 0 failing, 0 held, 0 under way, 0 ready, 0 waiting; since the beginning 0 cleared, 0 withdrawn\n"
        "  nothing is under way\n");
}
END_TEST

START_TEST(a_pause_and_what_stops_every_erasure_stand_on_top)
{
    const StatusDatabase database = {
        .name = "eu", .now = NOW, .paused = true, .pause_story = "paused since noon", .coverage_problem = "2 tables"
    };
    ck_assert_ptr_nonnull(strstr(statusview_text(arena, &database), "eu: PAUSED, paused since noon\n"
                                                                    "  no subject is erased here: 2 tables\n"));
}
END_TEST

START_TEST(a_database_that_could_not_be_asked_says_nothing_else)
{
    const StatusDatabase database = { .name = "us", .now = INSTANT_NONE, .code = ERR_DATABASE, .error = "it is down" };
    ck_assert_str_eq(statusview_text(arena, &database), "us: COULD NOT BE ASKED: it is down\n");
}
END_TEST

START_TEST(counts_agree_with_the_lines)
{
    const StatusDatabase database = four_disposals();
    CLEANUP(jsondoc_freep) JsonDoc *doc = statusview_json(arena, &database);
    const JsonDoc *counts = jsondoc_get(doc, "counts");

    ck_assert_uint_eq(jsondoc_count(jsondoc_get(doc, "disposals")), 4);
    ck_assert_int_eq(jsondoc_get_integer(counts, "failing", -1), 1);
    ck_assert_int_eq(jsondoc_get_integer(counts, "held", -1), 1);
    ck_assert_int_eq(jsondoc_get_integer(counts, "ready", -1), 1);
    ck_assert_int_eq(jsondoc_get_integer(counts, "waiting", -1), 1);
    ck_assert_int_eq(jsondoc_get_integer(counts, "overdue", -1), 1);
    ck_assert_int_eq(jsondoc_get_integer(counts, "cleared", -1), 1234);
    ck_assert_str_eq(jsondoc_get_string(jsondoc_at(jsondoc_get(doc, "disposals"), 0), "id"), "eu-8");
}
END_TEST

START_TEST(no_view_tells_a_subjects_key)
{
    const StatusDatabase database = four_disposals();
    CLEANUP(jsondoc_freep) JsonDoc *doc = statusview_json(arena, &database);

    ck_assert_ptr_null(strstr(jsondoc_canonical(arena, doc), KEY));
    ck_assert_ptr_null(strstr(statusview_text(arena, &database), KEY));
    ck_assert_ptr_null(strstr(statusview_story(arena, &database, &database.disposals[0]), KEY));
}
END_TEST

START_TEST(a_story_has_the_times_and_the_tables_that_matter)
{
    StatusDatabase database = four_disposals();
    DisposalTable tables[] = {
        { .schema = "cloud", .table = "message", .action = "delete", .rows_archived = 1234 },
        { .schema = "cloud", .table = "empty", .action = "delete" },
        { .schema = "billing", .table = "invoice", .action = "keep", .rows_archived = 2 },
    };

    database.disposals[0].tables = tables;
    database.disposals[0].table_count = COUNT(tables);
    ck_assert_str_eq(statusview_story(arena, &database, &database.disposals[0]),
                     "eu-8: workspace e547caa3a5b8 is archived, waiting\n"
                     "  grace until 2026-12-01 (in 9 days); 0 rows copied, all still in their tables\n"
                     "\n"
                     "  ground        contract_ended\n"
                     "  commitment    e547caa3a5b8b097\n"
                     "  ended         2026-11-01 12:00:00 UTC, 21 days ago\n"
                     "  opened        2026-11-02 12:00:00 UTC, 20 days ago\n"
                     "  archived      2026-11-02 12:00:00 UTC, 20 days ago\n"
                     "  end of grace  2026-12-01 12:00:00 UTC, in 9 days\n"
                     "\n"
                     "  table            action  archived  done\n"
                     "  cloud.message    delete     1,234     0\n"
                     "  billing.invoice  keep           2     0\n");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("statusview");
    TCase *cases = tcase_create("statusview");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, where_a_disposal_stands, 0, (int)COUNT(standings));
    tcase_add_test(cases, a_sentence_says_what_comes_next);
    tcase_add_test(cases, a_sentence_says_since_when_it_is_overdue);
    tcase_add_test(cases, a_moved_policy_waits_for_its_snapshots_end);
    tcase_add_test(cases, what_is_over_says_how_it_ended);
    tcase_add_test(cases, what_needs_a_person_comes_first);
    tcase_add_test(cases, an_idle_database_says_so);
    tcase_add_test(cases, a_pause_and_what_stops_every_erasure_stand_on_top);
    tcase_add_test(cases, a_database_that_could_not_be_asked_says_nothing_else);
    tcase_add_test(cases, counts_agree_with_the_lines);
    tcase_add_test(cases, no_view_tells_a_subjects_key);
    tcase_add_test(cases, a_story_has_the_times_and_the_tables_that_matter);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
