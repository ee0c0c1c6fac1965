/* SPDX-License-Identifier: Apache-2.0 */
/* collect_report.c -- the part of collect.h that a report needs. */
#include "base/text.h"
#include "report/collect.h"
#include "sql.h"

#include <inttypes.h>

Err
collect_counts(Arena *arena, Db *db, const Report *report, ReportCounts **ret_counts, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to),
                             report->overdue_after };

    TRY(db_query(db, SQL_report_counts, 3, params, &rows));
    const size_t count = db_rows(rows);
    ReportCounts *list = ARENA_ARRAY(arena, ReportCounts, count + 1);
    for (size_t i = 0; i < count; i++)
        list[i] = (ReportCounts){ .kind = db_copy_text(arena, rows, i, 0),
                                  .policy = db_copy_text(arena, rows, i, 1),
                                  .opened = db_int64(rows, i, 2),
                                  .archived = db_int64(rows, i, 3),
                                  .erased = db_int64(rows, i, 4),
                                  .cleared = db_int64(rows, i, 5),
                                  .withdrawn = db_int64(rows, i, 6),
                                  .in_time = db_int64(rows, i, 7),
                                  .rows_archived = db_int64(rows, i, 8),
                                  .rows_erased = db_int64(rows, i, 9),
                                  .rows_changed = db_int64(rows, i, 10),
                                  .rows_cleared = db_int64(rows, i, 11),
                                  .under_way = db_int64(rows, i, 12),
                                  .late = db_int64(rows, i, 13) };
    *ret_counts = list;
    *ret_count = count;
    return OK;
}

static Err
collect_holds(Arena *arena, Db *db, const Report *report, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to) };

    TRY(db_query(db, SQL_report_holds, 2, params, &rows));
    database->hold_count = db_rows(rows);
    database->holds = ARENA_ARRAY(arena, ReportHold, database->hold_count + 1);
    for (size_t i = 0; i < database->hold_count; i++)
        database->holds[i] = (ReportHold){ .kind = db_copy_text(arena, rows, i, 0),
                                           .type = db_copy_text(arena, rows, i, 1),
                                           .in_force = db_int64(rows, i, 2),
                                           .first_end = db_instant(rows, i, 3),
                                           .placed = db_int64(rows, i, 4),
                                           .released = db_int64(rows, i, 5),
                                           .expired = db_int64(rows, i, 6) };
    return OK;
}

static Err
collect_disposals(Arena *arena, Db *db, const Report *report, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to),
                             report->overdue_after };

    TRY(db_query(db, SQL_report_disposals, 3, params, &rows));
    database->disposal_count = db_rows(rows);
    database->disposals = ARENA_ARRAY(arena, ReportDisposal, database->disposal_count + 1);
    for (size_t i = 0; i < database->disposal_count; i++)
    {
        ReportDisposal *d = &database->disposals[i];
        *d = (ReportDisposal){ .id = db_int64(rows, i, 0),
                               .kind = db_copy_text(arena, rows, i, 1),
                               .commitment = db_copy_text(arena, rows, i, 2),
                               .ground = db_copy_text(arena, rows, i, 3),
                               .immediate = db_bool(rows, i, 4),
                               .requested_at = db_instant(rows, i, 6),
                               .ended_at = db_instant(rows, i, 7),
                               .archived_at = db_instant(rows, i, 8),
                               .due_at = db_instant(rows, i, 9),
                               .deadline = db_instant(rows, i, 10),
                               .erased_at = db_instant(rows, i, 11),
                               .cleared_at = db_instant(rows, i, 12),
                               .withdrawn_at = db_instant(rows, i, 13),
                               .restored_at = db_instant(rows, i, 14),
                               .held = db_bool(rows, i, 15),
                               .rows_archived = db_int64(rows, i, 16),
                               .rows_erased = db_int64(rows, i, 17),
                               .rows_changed = db_int64(rows, i, 18) };
        if (!lifecycle_state_parse(db_text(rows, i, 5), &d->state))
            return err_new(ERR_INTERNAL, "disposal %" PRId64 " is in a state that is none", d->id);
    }
    return OK;
}

static Err
collect_weeks(Arena *arena, Db *db, const Report *report, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to) };

    TRY(db_query(db, SQL_report_weeks, 2, params, &rows));
    database->week_count = db_rows(rows);
    database->weeks = ARENA_ARRAY(arena, ReportWeek, database->week_count + 1);
    for (size_t i = 0; i < database->week_count; i++)
        database->weeks[i] = (ReportWeek){ .kind = db_copy_text(arena, rows, i, 0),
                                           .policy = db_copy_text(arena, rows, i, 1),
                                           .week = db_int64(rows, i, 2),
                                           .disposals = db_int64(rows, i, 3),
                                           .rows = db_int64(rows, i, 4) };
    return OK;
}

static Err
collect_overdue(Arena *arena, Db *db, const Report *report, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to),
                             report->overdue_after };

    TRY(db_query(db, SQL_report_overdue, 3, params, &rows));
    database->overdue_count = db_rows(rows);
    database->overdue = ARENA_ARRAY(arena, ReportOverdue, database->overdue_count + 1);
    for (size_t i = 0; i < database->overdue_count; i++)
        database->overdue[i] = (ReportOverdue){ .at = db_int64(rows, i, 0),
                                                .disposals = db_int64(rows, i, 1),
                                                .oldest = db_instant(rows, i, 2) };
    return OK;
}

static Err
collect_kept(Arena *arena, Db *db, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(db, SQL_report_kept, 0, NULL, &rows));
    database->kept_count = db_rows(rows);
    database->kept = ARENA_ARRAY(arena, ReportKept, database->kept_count + 1);
    for (size_t i = 0; i < database->kept_count; i++)
        database->kept[i] = (ReportKept){ .what = db_copy_text(arena, rows, i, 0),
                                          .why = db_copy_text(arena, rows, i, 1),
                                          .rows = db_int64(rows, i, 2),
                                          .disposals = db_int64(rows, i, 3),
                                          .first_until = db_instant(rows, i, 4),
                                          .last_until = db_instant(rows, i, 5) };
    return OK;
}

Err
collect_report(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database)
{
    ReportDatabase database = *ret_database;
    TRY(collect_disposals(arena, db, report, &database));
    TRY(collect_weeks(arena, db, report, &database));
    TRY(collect_overdue(arena, db, report, &database));
    TRY(collect_holds(arena, db, report, &database));
    TRY(collect_kept(arena, db, &database));
    TRY(collect_report_processors(arena, db, report, &database));
    TRY(collect_pending(arena, db, 0, &database.pending));
    *ret_database = database;
    return OK;
}

/* A refused attempt is written down once for each disposal and hold. */
static Err
visit_period(void *context, const JsonDoc *entry, const char *digest)
{
    const Report *report = context;
    const char *time = jsondoc_get_string(entry, "time");
    Instant at;

    (void)digest;
    if (!text_equal(jsondoc_get_string(entry, "event"), "refused") || time == NULL || !instant_parse(time, &at) ||
        at < report->from || at >= report->to)
        return OK;
    for (size_t i = 0; i < report->database_count; i++)
        if (text_equal(jsondoc_get_string(entry, "database"), report->databases[i].status.name))
            report->databases[i].refused++;
    return OK;
}

void
collect_ledger(Arena *arena, Report *report)
{
    for (size_t i = 0; i < report->database_count; i++)
        report->databases[i].refused = 0;
    report->ledger_code = ledger_walk(report->ledger_path, visit_period, report, &report->ledger);
    if (report->ledger_code == OK)
        return;
    report->ledger_problem = arena_strdup(arena, err_joined());
    err_clear();
}

const char *
collect_deadline(const ReportDisposal *d, Instant now)
{
    if (d->restored_at != INSTANT_NONE)
        return "restored";
    if (d->state == STATE_WITHDRAWN)
        return "withdrawn";
    if (d->erased_at != INSTANT_NONE)
        return d->erased_at <= d->deadline ? "in time" : "late";
    if (d->held)
        return "held";
    return now > d->deadline ? "OVERDUE" : "not due";
}
