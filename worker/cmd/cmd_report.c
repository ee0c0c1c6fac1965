/* SPDX-License-Identifier: Apache-2.0 */
/* report -- what an auditor reads: windows against rows, disposals against deadlines, what is kept and why.  Looks only. */
#include "base/text.h"
#include "cmd/looks.h"
#include "report/reportview.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>

#define PERIOD (30 * INSTANT_DAY)

enum
{
    OPT_FROM,
    OPT_TO,
    OPT_FORMAT,
    OPT_OUTPUT
};

static const OptionRule options[] = {
    [OPT_FROM] = { "--from", OPTION_TIME, "TIME", "the period's beginning (default: 30 days before its end)" },
    [OPT_TO] = { "--to", OPTION_TIME, "TIME", "the period's end, not included (default: now)" },
    [OPT_FORMAT] = { "--format", OPTION_TEXT, "text|json|csv|html",
                     "for people (the default), programs, a spreadsheet, or a browser" },
    [OPT_OUTPUT] = { "--output", OPTION_TEXT, "FILE",
                     "write it there (mode 0600), whole or not at all; a file that exists is kept" },
};

/* -- policies ------------------------------------------------------------------------------------------------------ */

static Err
survey_rows(Session *session, const Selector *selector, ReportPolicy *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const PolicyRule *rule = ret->rule;

    TRY(db_query_row(session->db, selector_survey_policy(selector), 0, NULL, &row));
    ret->rows_due = db_int64(row, 0, 0);
    ret->rows_held = db_int64(row, 0, 1);
    for (size_t i = 0; i < rule->exempt_count; i++)
    {
        const char *newest = db_text(row, 0, 2 + rule->exempt_count + i);
        Instant at;
        ret->rows_exempt[i] = db_int64(row, 0, 2 + i);
        if (newest != NULL && instant_parse(newest, &at))
            TRY(session_add(session, at, rule->exempts[i].keep_for, &ret->exempt_until[i]));
    }
    return OK;
}

static Err
survey_oldest(Session *session, const Selector *selector, ReportPolicy *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;

    TRY(db_query_row(session->db, selector_oldest(selector), 0, NULL, &row));
    if (db_text(row, 0, 0) != NULL && !instant_parse(db_text(row, 0, 0), &ret->oldest))
        return err_new(ERR_DATABASE, "\"%s\" holds a point in time that cannot be judged (infinity?)", ret->rule->age);
    return OK;
}

static Err
survey_policy(Session *session, Arena *arena, const Target *target, Instant now, ReportPolicy *ret)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Selector selector = { .arena = arena, .target = target };
    Instant late;

    TRY(db_begin(session->db, "isolation level repeatable read read only", &tx));
    TRY(session_subtract(session, now, target->policy->keep_for, &ret->cutoff));
    TRY(session_subtract(session, now, session->rules->overdue_after, &late));
    TRY(session_cutoffs(session, arena, target, now, &selector.cutoffs));
    TRY(survey_oldest(session, &selector, ret));
    TRY(survey_rows(session, &selector, ret));
    TRY(looks_any_due(session, arena, target, late, &ret->overdue));
    return db_commit(&tx);
}

static Err
add_policy(Session *session, Arena *arena, const Target *target, ReportDatabase *database)
{
    ReportPolicy policy = { .rule = target_policy_copy(arena, target), .oldest = INSTANT_NONE, .cutoff = INSTANT_NONE };

    policy.rows_exempt = ARENA_ARRAY(arena, int64_t, target->policy->exempt_count + 1);
    policy.exempt_until = ARENA_ARRAY(arena, Instant, target->policy->exempt_count + 1);
    for (size_t i = 0; i < target->policy->exempt_count; i++)
        policy.exempt_until[i] = INSTANT_NONE;
    if (target->problem != NULL)
        policy.problem = arena_strdup(arena, target->problem);
    else
    {
        const Err e = survey_policy(session, arena, target, database->status.now, &policy);
        if (e != OK && db_is_broken(session->db))
            return e;
        if (e != OK)
        {
            policy.problem = arena_strdup(arena, err_joined());
            err_clear();
        }
    }
    if (target->owner != NULL && policy.oldest == INSTANT_NONE && policy.problem == NULL)
        return OK; /* nothing is kept */
    ARENA_PUSH(arena, database->policies, database->policy_count, database->policy_room, policy);
    return OK;
}

/* -- subjects ------------------------------------------------------------------------------------------------------ */

static Err
add_subject(Session *session, Arena *arena, const Target *target, ReportDatabase *database)
{
    ReportSubject subject = { .rule = target->subject };
    const Instant now = database->status.now;
    Instant late;

    TRY(session_subtract(session, now, session->rules->overdue_after, &late));
    if (target->problem != NULL)
        subject.problem = arena_strdup(arena, target->problem);
    else if (target->subject->ended_at != NULL)
        TRY(looks_ended(session, arena, target, now, late, &subject.waiting, &subject.overdue));
    ARENA_PUSH(arena, database->subjects, database->subject_count, database->subject_room, subject);
    return OK;
}

/* -- what happened ------------------------------------------------------------------------------------------------- */

/* To the policy or kind that it belongs to; what is not configured any more gets a line of its own. */
static void
place_counts(Arena *arena, ReportDatabase *database, const ReportCounts *counts)
{
    for (size_t i = 0; counts->policy != NULL && i < database->policy_count; i++)
        if (database->policies[i].rule != NULL && strcmp(database->policies[i].rule->name, counts->policy) == 0)
        {
            database->policies[i].counts = *counts;
            return;
        }
    for (size_t i = 0; counts->policy == NULL && i < database->subject_count; i++)
        if (database->subjects[i].rule != NULL && strcmp(database->subjects[i].rule->kind, counts->kind) == 0)
        {
            database->subjects[i].counts = *counts;
            return;
        }
    const ReportPolicy policy = { .counts = *counts, .oldest = INSTANT_NONE, .cutoff = INSTANT_NONE };
    const ReportSubject subject = { .counts = *counts };
    if (counts->policy != NULL)
        ARENA_PUSH(arena, database->policies, database->policy_count, database->policy_room, policy);
    else
        ARENA_PUSH(arena, database->subjects, database->subject_count, database->subject_room, subject);
}

static Err
gather_own(Session *session, Arena *arena, const Report *report, ReportDatabase *database)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const CollectWhich all = { .id = 0 };
    ReportCounts *counts;
    size_t count;

    TRY(db_begin(session->db, "isolation level repeatable read read only", &tx));
    TRY(collect_status(arena, session->db, report->overdue_after, &all, &database->status));
    TRY(collect_counts(arena, session->db, report, &counts, &count));
    TRY(collect_report(arena, session->db, report, database));
    TRY(db_commit(&tx));
    for (size_t i = 0; i < count; i++)
        place_counts(arena, database, &counts[i]);
    return OK;
}

static Err
gather_database(Session *session, Arena *arena, const Report *report, ReportDatabase *database)
{
    looks_describe(arena, session, &database->status);
    TRY(session_now(session, &database->status.now));
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        TRY((target->policy != NULL ? add_policy : add_subject)(session, arena, target, database));
    }
    return gather_own(session, arena, report, database);
}

/* A database that cannot be asked is in the report with its error, and the command fails. */
static void
gather(const Workshop *workshop, Arena *arena, const DatabaseRule *rule, const Report *report, ReportDatabase *ret)
{
    CLEANUP(session_closep) Session *session = NULL;

    *ret = (ReportDatabase){ .status = { .name = rule->name, .region = rule->region, .now = INSTANT_NONE } };
    Err e = session_open(&workshop->house, rule, NULL, &session);
    if (e == OK)
        e = gather_database(session, arena, report, ret);
    if (e != OK)
        looks_keep_error(arena, e, &ret->status);
}

/* -- the command --------------------------------------------------------------------------------------------------- */

static Err
read_period(const Context *context, Report *report)
{
    report->made_at = instant_now();
    report->to = command_given(context, OPT_TO) ? context->times[OPT_TO] : report->made_at;
    report->from = command_given(context, OPT_FROM) ? context->times[OPT_FROM] : report->to - PERIOD;
    if (report->from >= report->to)
        return err_new(ERR_USAGE, "the period ends before it begins: --from must be earlier than --to");
    return OK;
}

/* What a format's file or standard output holds. */
static const char *
print(Arena *arena, const Report *report, const char *format)
{
    if (strcmp(format, "json") == 0)
    {
        CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
        jsondoc_set_integer(doc, "schema_version", 1);
        jsondoc_set_string(doc, "command", "report");
        reportview_json(arena, report, doc);
        return arena_printf(arena, "%s\n", jsondoc_pretty(arena, doc));
    }
    const Page *page = reportview_page(arena, report);
    return strcmp(format, "html") == 0  ? page_print_html(page)
           : strcmp(format, "csv") == 0 ? page_print_csv(page)
                                        : page_print_text(page);
}

static Err
deliver(Context *context, const Report *report, const char *format)
{
    const char *path = context->values[OPT_OUTPUT];

    if (path == NULL && context->json)
        reportview_json(context->arena, report, context->out);
    else if (path == NULL)
        command_say(context, "%s", print(context->arena, report, format));
    if (path == NULL)
        return OK;
    const char *bytes = print(context->arena, report, format);
    TRY(file_save_new(path, bytes, strlen(bytes), 0600));
    jsondoc_set_string(context->out, "output", path);
    command_say(context, "written to %s\n", path);
    return OK;
}

static Err
verdict(const Report *report)
{
    if (report->ledger_problem != NULL)
        return err_new(report->ledger_code, "%s", report->ledger_problem);
    for (size_t i = 0; i < report->database_count; i++)
        TRY(looks_verdict(&report->databases[i].status));
    return OK;
}

static Err
run_report(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    static const char *const formats[] = { "text", "json", "csv", "html" };
    Report report = { .ledger_code = OK };
    const char *format;

    TRY(looks_format(context, OPT_FORMAT, formats, sizeof formats / sizeof *formats, &format));
    TRY(read_period(context, &report));
    if (command_given(context, OPT_OUTPUT) && file_exists(context->values[OPT_OUTPUT]))
        return err_new(ERR_USAGE, "\"%s\" is there already: a report replaces no file", context->values[OPT_OUTPUT]);
    TRY(workshop_open(context, WORKSHOP_RULES, &workshop));
    const Rules *rules = workshop.rules;
    report.overdue_after = rules->overdue_after;
    report.configuration = rules->config_digest;
    report.ledger_path = arena_printf(context->arena, "%s/ledger.jsonl", rules->state_dir);
    report.databases = ARENA_ARRAY(context->arena, ReportDatabase, rules->database_count + 1);
    report.database_count = rules->database_count;
    for (size_t i = 0; i < rules->database_count; i++)
        gather(&workshop, context->arena, &rules->databases[i], &report, &report.databases[i]);
    collect_ledger(context->arena, &report);
    report.checkpoint = collect_checkpoint(context->arena, evidence_checkpoints_dir(context->arena, rules));
    TRY(deliver(context, &report, format));
    return verdict(&report);
}

const Command command_report = {
    .name = "report",
    .operands = "",
    .summary = "what an auditor reads",
    .description =
        "Each class of data with its window, purpose and legal basis, its oldest row and what is past its window; the\n"
        "disposals of the period against their deadlines; holds; what was not erased, why and until when; failures; and\n"
        "the ledger, verified.  html is one page with charts, without script; csv is one table whose first column names\n"
        "the section, times in UTC.  Changes nothing.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_report,
};
