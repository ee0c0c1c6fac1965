/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pass.h"

#include "base/fault.h"

#include <inttypes.h>
#include <stdio.h>

#define ALONE_BATCHES 4 /* before a second connection helps */

static const GraphTable *
table_at(const Job *job, size_t position)
{
    return &job->target->graph->tables[job->target->scope->tables[position].table];
}

Err
pass_refused(const Job *job, size_t position, int64_t remaining)
{
    if (remaining == 0)
        return OK;
    return err_new(ERR_RAIL,
                   "%" PRId64
                   " row(s) of %s were selected and are still there: a trigger, a rule or row security keeps "
                   "them; the batch was rolled back",
                   remaining, table_at(job, position)->quoted);
}

/* -- by numbers ---------------------------------------------------------------------------------------------------- */

typedef struct Numbers
{
    bool change;
    size_t index; /* position, or change */
    int number;   /* in expunge.disposal_table */
    const char *sql;
    const char *remaining_sql; /* NULL for a change */
} Numbers;

static Err
numbers_batch(Job *job, Arena *scratch, const Numbers *n, int64_t low, int64_t high, int64_t *ret_rows)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *done = NULL;
    CLEANUP(db_result_freep) DbResult *left = NULL;
    const char *params[] = { arena_printf(scratch, "%" PRId64, low), arena_printf(scratch, "%" PRId64, high) };

    TRY(job_guard(job, GUARD_BATCH, "for share", &tx));
    TRY(db_query_kept(job->session->db, n->sql, 2, params, &done));
    if (db_affected(done) < high - low && n->remaining_sql != NULL)
    {
        TRY(db_query_row(job->session->db, n->remaining_sql, 2, params, &left));
        TRY(pass_refused(job, n->index, db_int64(left, 0, 0)));
    }
    fault_point(n->change ? "change.updated" : "erase.deleted");
    TRY(disposals_advance(scratch, job->session->db, job->disposal->id, n->number, db_affected(done), NULL, 0));
    TRY(job_commit(job, &tx));
    fault_point(n->change ? "change.committed" : "erase.committed");
    *ret_rows = db_affected(done);
    return OK;
}

static Err
numbers_all(Job *job, const Numbers *n, const GraphTable *table, const char *action)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(db_result_freep) DbResult *numbered = NULL;

    TRY(db_query_row(job->session->db, selector_numbered(&job->selector), 0, NULL, &numbered));
    const int64_t last = db_int64(numbered, 0, 0), together = db_int64(numbered, 0, 1);
    for (int64_t low = 0; low < last; arena_reset(scratch))
    {
        const int64_t wanted = low == 0 && together > job->pace.rows ? together : job->pace.rows;
        const int64_t high = last - low > wanted ? low + wanted : last;
        const int64_t start = instant_monotonic();
        int64_t rows = 0;
        TRY(numbers_batch(job, scratch, n, low, high, &rows));
        job_count(job, table, action, rows, 0);
        low = high;
        TRY(job_rest(job, rows, instant_monotonic() - start));
    }
    return OK;
}

static Err
erase_numbers(Job *job, size_t position)
{
    const Numbers n = { .index = position,
                        .number = job_number(job, position),
                        .sql = selector_delete_numbers(&job->selector, position),
                        .remaining_sql = selector_remaining_numbers(&job->selector, position) };
    int64_t rows;

    TRY(job_count_rows(job, position, &rows));
    if (rows == 0)
        return OK;
    TRY(db_exec(job->session->db, selector_forget_numbers(&job->selector)));
    TRY(db_exec(job->session->db, selector_number(&job->selector, position)));
    TRY(numbers_all(job, &n, table_at(job, position), "delete"));
    return db_exec(job->session->db, selector_forget_numbers(&job->selector));
}

Err
pass_change(Job *job, size_t change)
{
    const GraphEdge *edge = &job->target->graph->edges[job->target->scope->changes[change].edge];
    const Numbers n = { .change = true,
                        .index = change,
                        .number = job_change_number(job, change),
                        .sql = selector_change_numbers(&job->selector, change) };
    int64_t rows;

    TRY(job_count_change(job, change, &rows));
    if (rows == 0)
        return OK;
    TRY(db_exec(job->session->db, selector_forget_numbers(&job->selector)));
    TRY(db_exec(job->session->db, selector_number_change(&job->selector, change)));
    TRY(numbers_all(job, &n, &job->target->graph->tables[edge->child], edge_action_name(edge->action)));
    return db_exec(job->session->db, selector_forget_numbers(&job->selector));
}

/* -- in one statement, inside the caller's transaction -------------------------------------------------------------- */

static Err
now_statement(Job *job, const char *number_sql, const char *sql, const char *remaining_sql, size_t position,
              int64_t most_rows, int64_t *ret_rows)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(db_result_freep) DbResult *done = NULL;
    int64_t last;

    TRY(db_exec(job->session->db, selector_forget_numbers(&job->selector)));
    TRY(db_exec(job->session->db, number_sql));
    TRY(session_number(job->session, selector_numbered(&job->selector), &last));
    last = last > most_rows ? most_rows : last;
    const char *params[] = { "0", arena_printf(scratch, "%" PRId64, last) };
    TRY(db_query(job->session->db, sql, 2, params, &done));
    *ret_rows = db_affected(done);
    if (*ret_rows < last && remaining_sql != NULL)
    {
        CLEANUP(db_result_freep) DbResult *left = NULL;
        TRY(db_query_row(job->session->db, remaining_sql, 2, params, &left));
        TRY(pass_refused(job, position, db_int64(left, 0, 0)));
    }
    return OK;
}

Err
pass_erase_some_now(Job *job, size_t position, int64_t most_rows, int64_t *ret_rows)
{
    return now_statement(job, selector_number(&job->selector, position),
                         selector_delete_numbers(&job->selector, position),
                         selector_remaining_numbers(&job->selector, position), position, most_rows, ret_rows);
}

Err
pass_erase_now(Job *job, size_t position, int64_t *ret_rows)
{
    return pass_erase_some_now(job, position, INT64_MAX, ret_rows);
}

Err
pass_change_now(Job *job, size_t change, int64_t *ret_rows)
{
    return now_statement(job, selector_number_change(&job->selector, change),
                         selector_change_numbers(&job->selector, change), NULL, 0, INT64_MAX, ret_rows);
}

/* -- by ranges ----------------------------------------------------------------------------------------------------- */

static Err
send_upper(const Job *job, Db *db, Arena *arena, size_t position, const char *const *low)
{
    Selector selector = job->selector;
    size_t count;

    selector.arena = arena;
    selector_order(&selector, position, &count);
    const char **params = ARENA_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; low != NULL && i < count; i++)
        params[i] = low[i];
    params[low != NULL ? count : 0] = arena_printf(arena, "%" PRId64, job->pace.rows - 1);
    return db_send_kept(db, selector_upper(&selector, position, low != NULL), low != NULL ? count + 1 : 1, params);
}

static Err
receive_upper(Db *db, Arena *arena, const char *const **ret_high)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;

    TRY(db_receive(db, &row));
    *ret_high = NULL;
    if (db_rows(row) == 0)
        return OK;
    const char **high = ARENA_ARRAY(arena, const char *, db_columns(row));
    for (size_t i = 0; i < db_columns(row); i++)
        high[i] = arena_strdup(arena, db_text(row, 0, i));
    *ret_high = high;
    return OK;
}

Err
pass_upper(Job *job, Arena *arena, size_t position, const char *const *low, const char *const **ret_high)
{
    TRY(send_upper(job, job->session->db, arena, position, low));
    return receive_upper(job->session->db, arena, ret_high);
}

typedef struct Range
{
    Job *job;
    size_t position;
    Bounds bounds;
    int64_t wanted_rows;
    Arena *arenas[2]; /* the low bound lives one batch longer than it was made */
    size_t turn;
    int batches;
    bool alone;
    bool asked; /* the second connection is finding the next batch's upper key */
} Range;

/* A lock that it waits for may be held by one who waits for the first connection, which the server cannot see. */
static Err
open_ahead(Range *r)
{
    Job *job = r->job;
    const char *key[] = { job->disposal->subject_key };

    if (session_open_second(job->session) != OK) /* no connection is left for us */
    {
        err_clear();
        r->alone = true;
        return OK;
    }
    TRY(db_exec(job->session->second, "set lock_timeout = '2s'"));
    if (job->target->subject == NULL)
        return OK;
    return db_query(job->session->second, "select set_config('expunge.key', $1::text, false)", 1, key, NULL);
}

/* The next upper key is found while this batch is deleted: nobody has to wait for it under locks.  It is a place to cut,
 * no more; what lies below it is judged by the deletion. */
static Err
ask_ahead(Range *r)
{
    if (++r->batches < ALONE_BATCHES || r->bounds.high == NULL || r->alone)
        return OK;
    if (r->batches == ALONE_BATCHES)
        TRY(open_ahead(r));
    if (r->alone)
        return OK;
    r->asked = true;
    return send_upper(r->job, r->job->session->second, r->arenas[r->turn], r->position, r->bounds.high);
}

static Err
find_upper(Range *r)
{
    if (r->asked)
    {
        const Err e = receive_upper(r->job->session->second, r->arenas[r->turn], &r->bounds.high);
        r->asked = false;
        if (e != ERR_AGAIN)
            return e;
        err_clear();
        r->alone = true;
    }
    r->wanted_rows = r->job->pace.rows;
    return pass_upper(r->job, r->arenas[r->turn], r->position, r->bounds.low, &r->bounds.high);
}

static Err
range_delete(Range *r, int64_t *ret_rows)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    Db *db = r->job->session->db;
    Arena *arena = r->arenas[r->turn];
    const Bounds *bounds = &r->bounds;
    Selector selector = r->job->selector;
    size_t count, used = 0;

    selector.arena = arena;
    selector_order(&selector, r->position, &count);
    const char **params = ARENA_ARRAY(arena, const char *, 2 * count);
    for (size_t i = 0; bounds->low != NULL && i < count; i++)
        params[used++] = bounds->low[i];
    for (size_t i = 0; bounds->high != NULL && i < count; i++)
        params[used++] = bounds->high[i];
    TRY(db_query_kept(db, selector_delete_range(&selector, r->position, bounds), used, params, &done));
    *ret_rows = db_affected(done);
    if (bounds->high != NULL && *ret_rows >= r->wanted_rows)
        return OK;
    CLEANUP(db_result_freep) DbResult *left = NULL;
    TRY(db_query_row(db, selector_remaining_range(&selector, r->position, bounds), used, params, &left));
    return pass_refused(r->job, r->position, db_int64(left, 0, 0));
}

static Err
range_batch(Range *r, int64_t *ret_rows)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Job *job = r->job;
    size_t count;

    TRY(job_guard(job, GUARD_RANGE, "for share", &tx));
    TRY(find_upper(r));
    const int64_t wanted_next = job->pace.rows;
    TRY(ask_ahead(r));
    TRY(range_delete(r, ret_rows));
    r->wanted_rows = wanted_next;
    fault_point("range.deleted");
    selector_order(&job->selector, r->position, &count);
    TRY(disposals_advance(r->arenas[r->turn], job->session->db, job->disposal->id, job_number(job, r->position),
                          *ret_rows, r->bounds.high, count));
    TRY(job_commit(job, &tx));
    fault_point("range.committed");
    return OK;
}

static Err
all_batches(Range *r)
{
    do
    {
        const int64_t start = instant_monotonic();
        int64_t rows = 0;
        arena_reset(r->arenas[r->turn]);
        TRY(range_batch(r, &rows));
        job_count(r->job, table_at(r->job, r->position), "delete", rows, 0);
        r->bounds.low = r->bounds.high;
        r->turn = 1 - r->turn;
        TRY(job_rest(r->job, rows, instant_monotonic() - start));
    } while (r->bounds.high != NULL);
    return OK;
}

static Err
erase_range(Job *job, size_t position)
{
    CLEANUP(arena_freep) Arena *first = arena_new();
    CLEANUP(arena_freep) Arena *second = arena_new();
    Range range = { .job = job, .position = position, .arenas = { first, second } };
    DisposalTable *tables;
    size_t count, order_count;

    TRY(job_tables(job, job->arena, &tables, &count));
    const DisposalTable *table = &tables[position];
    selector_order(&job->selector, position, &order_count);
    if (table->position_count == order_count) /* otherwise it is of another index: from the start */
        range.bounds.low = table->position;
    const Err e = all_batches(&range);
    if (range.batches >=
        ALONE_BATCHES) /* it waits for locks as long as it takes, and nobody wants its answer any more */
    {
        db_close(job->session->second);
        job->session->second = NULL;
    }
    return e;
}

/* -- in one statement: rows without a key, and tables that refer to each other in a cycle ---------------------------- */

Err
pass_check_remaining(Job *job, size_t position)
{
    int64_t left;
    TRY(session_number(job->session, selector_remaining(&job->selector, position), &left));
    return pass_refused(job, position, left);
}

Err
pass_erase_whole_now(Job *job, size_t position, int64_t *ret_rows)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    TRY(db_query(job->session->db, selector_delete_whole(&job->selector, position), 0, NULL, &done));
    *ret_rows = db_affected(done);
    return pass_check_remaining(job, position);
}

/* The rows are locked, and those that tie the group to the subject still do: what hangs on them may go with them. */
static Err
lock_group(Job *job, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        TRY(db_query(job->session->db, selector_lock(&job->selector, i), 0, NULL, NULL));
    for (size_t i = first; job->target->subject != NULL && i < end; i++)
    {
        int64_t lost;
        TRY(session_number(job->session, selector_lost(&job->selector, i), &lost));
        if (lost > 0)
            return err_new(ERR_AGAIN, "%" PRId64 " row(s) of %s moved away while they were to be erased", lost,
                           table_at(job, i)->quoted);
    }
    return OK;
}

Err
pass_erase_group_now(Job *job, size_t first, size_t end, int64_t *ret_rows)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    TRY(lock_group(job, first, end));
    TRY(db_query_row(job->session->db, selector_delete_group(&job->selector, first, end), 0, NULL, &done));
    for (size_t i = first; i < end; i++)
    {
        ret_rows[i - first] = db_int64(done, 0, i - first);
        TRY(pass_check_remaining(job, i));
    }
    return OK;
}

/* Positions [first, end) in one guarded transaction. */
static Err
erase_at_once(Job *job, size_t first, size_t end)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const int64_t start = instant_monotonic();
    int64_t *rows = ARENA_ARRAY(scratch, int64_t, end - first);
    int64_t total = 0;

    TRY(job_guard(job, GUARD_BATCH, "for share", &tx));
    if (job->target->scope->tables[first].method == SCOPE_WHOLE)
        TRY(pass_erase_whole_now(job, first, rows));
    else
        TRY(pass_erase_group_now(job, first, end, rows));
    fault_point("whole.deleted");
    for (size_t i = first; i < end; i++)
        TRY(disposals_advance(scratch, job->session->db, job->disposal->id, job_number(job, i), rows[i - first], NULL,
                              0));
    TRY(job_commit(job, &tx));
    fault_point("whole.committed");
    for (size_t i = first; i < end; i++)
    {
        job_count(job, table_at(job, i), "delete", rows[i - first], 0);
        total += rows[i - first];
    }
    return job_rest(job, total, instant_monotonic() - start);
}

static Err
erase_group(Job *job, size_t first, size_t end)
{
    int64_t total = 0;
    for (size_t i = first; i < end; i++)
    {
        int64_t rows;
        TRY(job_count_rows(job, i, &rows));
        total += rows;
    }
    return total == 0 ? OK : erase_at_once(job, first, end);
}

/* The group of tables that begins at position. */
static Err
erase_step(Job *job, size_t position)
{
    const Scope *scope = job->target->scope;
    const ScopeMethod method = scope->tables[position].method;

    if (job->target->policy != NULL ? job->target->single : method == SCOPE_RANGE)
        return erase_range(job, position);
    int64_t rounds = 0;
    if (scope->tables[position].self_edges > 0) /* rows that only another row of the table ties to the subject */
        TRY(session_number(job->session, selector_rounds(&job->selector, position), &rounds));
    if (method == SCOPE_WHOLE || scope_is_cyclic(scope, position) || rounds > 0)
        return erase_group(job, position, scope_group_end(scope, position));
    return erase_numbers(job, position);
}

Err
pass_erase(Job *job, size_t position)
{
    const Err e = erase_step(job, position);
    if (e != OK)
        return err_note(e, "while erasing from %s", table_at(job, position)->quoted);
    return OK;
}
