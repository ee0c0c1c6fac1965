/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tasks.h"

#include "sql.h"

#include <inttypes.h>
#include <string.h>

static const char *
number(Arena *arena, int64_t value)
{
    return arena_printf(arena, "%" PRId64, value);
}

static Err
read_task(Arena *arena, const DbResult *rows, size_t row, Task *ret)
{
    *ret = (Task){ .disposal = db_int64(rows, row, 0),
                   .processor = db_copy_text(arena, rows, row, 1),
                   .number = db_int64(rows, row, 2),
                   .message_id = db_copy_text(arena, rows, row, 3),
                   .call = db_int64(rows, row, 5),
                   .round = db_int64(rows, row, 6),
                   .sealed = db_copy_text(arena, rows, row, 7),
                   .key_id = db_copy_text(arena, rows, row, 8),
                   .receipt = db_copy_text(arena, rows, row, 9),
                   .confirmed_by = db_copy_text(arena, rows, row, 10),
                   .made_at = db_instant(rows, row, 11),
                   .deadline = db_instant(rows, row, 12),
                   .requested_at = db_instant(rows, row, 13),
                   .accepted_at = db_instant(rows, row, 14),
                   .confirmed_at = db_instant(rows, row, 15),
                   .attempts = db_int64(rows, row, 16),
                   .next_attempt_at = db_instant(rows, row, 17),
                   .last_error = db_copy_text(arena, rows, row, 18),
                   .kind = db_copy_text(arena, rows, row, 19),
                   .commitment = db_copy_text(arena, rows, row, 20),
                   .erased_at = db_instant(rows, row, 21),
                   .may_be_told = db_bool(rows, row, 22),
                   .held = db_bool(rows, row, 23),
                   .overdue = db_bool(rows, row, 24) };
    if (!processor_state_parse(db_text(rows, row, 4), &ret->state))
        return err_new(ERR_INTERNAL, "a message of disposal %" PRId64 " is in a state that this version does not know",
                       ret->disposal);
    return OK;
}

Err
tasks_list(Arena *arena, Db *db, const TaskFilter *filter, Task **ret_list, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { filter->disposal == 0 ? NULL : number(arena, filter->disposal), filter->processor,
                             filter->number == 0 ? NULL : number(arena, filter->number),
                             filter->open_only ? "true" : "false" };

    TRY(db_query(db, SQL_task_columns, 4, params, &rows));
    const size_t count = db_rows(rows);
    Task *list = ARENA_ARRAY(arena, Task, count + 1);
    for (size_t i = 0; i < count; i++)
        TRY(read_task(arena, rows, i, &list[i]));
    *ret_list = list;
    *ret_count = count;
    return OK;
}

Err
tasks_add(Arena *arena, Db *db, const Task *task, const char *deadline)
{
    const char *params[] = { number(arena, task->disposal),
                             task->processor,
                             number(arena, task->number),
                             task->message_id,
                             processor_state_name(task->state),
                             task->sealed,
                             task->key_id,
                             deadline };
    return db_query(db, SQL_task_add, 8, params, NULL);
}

Err
tasks_begin(Arena *arena, Db *db, int64_t disposal)
{
    const char *params[] = { number(arena, disposal) };
    return db_query(db, SQL_task_begin, 1, params, NULL);
}

Err
tasks_keys_list(Arena *arena, Db *db, int64_t disposal, const char ***ret_ids, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { number(arena, disposal) };

    TRY(db_query(db, SQL_processor_key_list, 1, params, &rows));
    *ret_count = db_rows(rows);
    *ret_ids = ARENA_ARRAY(arena, const char *, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_ids)[i] = db_copy_text(arena, rows, i, 0);
    return OK;
}

Err
tasks_keys_add(Arena *arena, Db *db, int64_t disposal, const char *key_id)
{
    const char *params[] = { number(arena, disposal), key_id };
    return db_query(db, SQL_processor_key_add, 2, params, NULL);
}

Err
tasks_keys_take(Arena *arena, Db *db, int64_t disposal, const char *key_id)
{
    const char *params[] = { number(arena, disposal), key_id };
    return db_query(db, SQL_processor_key_take, 2, params, NULL);
}

static Err
lock_query(Arena *arena, Db *db, const char *sql, const Task *task, bool *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { number(arena, task->disposal), task->processor, number(arena, task->number) };

    TRY(db_query_row(db, sql, 3, params, &row));
    *ret = db_bool(row, 0, 0);
    return OK;
}

Err
tasks_claim(Arena *arena, Db *db, const Task *task, bool *ret_claimed)
{
    return lock_query(arena, db, SQL_task_claim, task, ret_claimed);
}

Err
tasks_unclaim(Arena *arena, Db *db, const Task *task)
{
    bool ignored;
    return lock_query(arena, db, SQL_task_unclaim, task, &ignored);
}

Err
tasks_advance(Arena *arena, Db *db, Task *task, const TaskStep *step)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { number(arena, task->disposal),
                             task->processor,
                             number(arena, task->number),
                             processor_state_name(task->state),
                             number(arena, task->call),
                             processor_state_name(step->state),
                             number(arena, step->call),
                             number(arena, step->round),
                             step->receipt,
                             step->confirmed_by,
                             number(arena, step->attempts),
                             step->pause_us == 0 ? NULL : number(arena, step->pause_us),
                             step->error };

    TRY(db_query(db, SQL_task_advance, 13, params, &rows));
    if (db_rows(rows) != 1)
        return err_new(ERR_AGAIN, "another notifier was faster");
    task->state = step->state;
    task->call = step->call;
    task->round = step->round;
    task->receipt = step->receipt == NULL ? task->receipt : step->receipt;
    task->confirmed_by = step->confirmed_by;
    task->attempts = step->attempts;
    if (step->state == TASK_ACCEPTED && task->accepted_at == INSTANT_NONE)
        task->accepted_at = db_int64(rows, 0, 0);
    return OK;
}

Err
tasks_settle(Arena *arena, Db *db, const Task *which, const char *reason, const char *who, Task **ret_list,
             size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { number(arena, which->disposal), which->processor, reason, who };

    TRY(db_query(db, SQL_task_settle, 4, params, &rows));
    *ret_count = db_rows(rows);
    *ret_list = ARENA_ARRAY(arena, Task, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++)
    {
        (*ret_list)[i] = *which;
        (*ret_list)[i].number = db_int64(rows, i, 0);
        (*ret_list)[i].message_id = db_copy_text(arena, rows, i, 1);
        (*ret_list)[i].key_id = db_copy_text(arena, rows, i, 2);
    }
    return OK;
}

Err
tasks_key_destroyed(Arena *arena, Db *db, const Task *task)
{
    const char *params[] = { number(arena, task->disposal), task->processor, number(arena, task->number) };
    return db_query(db, SQL_task_key_destroyed, 3, params, NULL);
}

Err
tasks_drop_unsent(Arena *arena, Db *db, int64_t disposal)
{
    const char *params[] = { number(arena, disposal) };
    return db_query(db, SQL_task_drop_unsent, 1, params, NULL);
}

Err
tasks_count(Arena *arena, Db *db, int64_t disposal, TaskCounts *ret_counts)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { number(arena, disposal) };

    TRY(db_query_row(db, SQL_task_outstanding, 1, params, &row));
    *ret_counts =
        (TaskCounts){ .outstanding = db_int64(row, 0, 0), .overdue = db_int64(row, 0, 1), .keys = db_int64(row, 0, 2) };
    return OK;
}

Err
tasks_interval(Db *db, const char *interval, int64_t *ret_us)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;

    TRY(db_query_row(db, SQL_task_interval, 1, &interval, &row));
    *ret_us = db_int64(row, 0, 0);
    return OK;
}
