/* SPDX-License-Identifier: Apache-2.0 */
/* collect_processors.c -- the part of collect.h that gathers what processors were told and what they owe. */
#include "report/collect.h"

#include "sql.h"
#include "store/tasks.h"

Err
collect_certificate_processors(Arena *arena, Db *db, Certificate *certificate)
{
    const TaskFilter filter = { .disposal = certificate->disposal->id };
    Task *tasks;
    size_t count;

    TRY(tasks_list(arena, db, &filter, &tasks, &count));
    certificate->processors = ARENA_ARRAY(arena, CertificateProcessor, count + 1);
    certificate->processor_count = count;
    for (size_t i = 0; i < count; i++)
    {
        certificate->processors[i] = (CertificateProcessor){ .name = tasks[i].processor,
                                                             .state = processor_state_name(tasks[i].state),
                                                             .receipt = tasks[i].receipt,
                                                             .deadline = tasks[i].deadline,
                                                             .by = tasks[i].confirmed_by,
                                                             .message = tasks[i].message_id,
                                                             .accepted_at = tasks[i].accepted_at,
                                                             .confirmed_at = tasks[i].confirmed_at };
        certificate->processors_owe += processor_is_over(tasks[i].state) ? 0 : 1;
    }
    return OK;
}

Err
collect_told(Arena *arena, Db *db, StatusDatabase *status)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(db, SQL_status_processors, 0, NULL, &rows));
    for (size_t r = 0; r < db_rows(rows); r++)
        for (size_t i = 0; i < status->disposal_count; i++)
        {
            StatusDisposal *s = &status->disposals[i];
            const Disposal *d = s->disposal;
            if (d->id != db_int64(rows, r, 0))
                continue;
            s->told = (StatusTold){ .outstanding = db_int64(rows, r, 1),
                                    .overdue = db_int64(rows, r, 2),
                                    .processors = db_copy_text(arena, rows, r, 3),
                                    .late = db_copy_text(arena, rows, r, 4),
                                    .error = db_copy_text(arena, rows, r, 6) };
            if (s->told.overdue == 0 || (s->overdue && s->due_at <= db_instant(rows, r, 5)))
                continue;
            s->due_at = db_instant(rows, r, 5);
            s->overdue = true;
        }
    return OK;
}

Err
collect_report_processors(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to) };

    TRY(db_query(db, SQL_report_processors, 2, params, &rows));
    ret_database->processor_count = db_rows(rows);
    ret_database->processors = ARENA_ARRAY(arena, ReportProcessor, db_rows(rows) + 1);
    for (size_t i = 0; i < db_rows(rows); i++)
        ret_database->processors[i] = (ReportProcessor){ .name = db_copy_text(arena, rows, i, 0),
                                                         .outstanding = db_int64(rows, i, 1),
                                                         .overdue = db_int64(rows, i, 2),
                                                         .first_deadline = db_instant(rows, i, 3),
                                                         .failing = db_int64(rows, i, 4),
                                                         .told = db_int64(rows, i, 5),
                                                         .confirmed = db_int64(rows, i, 6),
                                                         .settled = db_int64(rows, i, 7) };
    return OK;
}
