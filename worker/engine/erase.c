/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/erase.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/approval.h"
#include "engine/archive.h"
#include "engine/capture.h"
#include "engine/clear.h"
#include "engine/coverage.h"
#include "engine/depot.h"
#include "engine/kept.h"
#include "engine/late.h"
#include "engine/move.h"
#include "engine/orphans.h"
#include "engine/pass.h"
#include "engine/refresh.h"
#include "engine/whole.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

#define ROUNDS 10

/* -- transitions --------------------------------------------------------------------------------------------------- */

static Err
transit(Job *job, State to, const char *event, JsonDoc *fields)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Transit step = { .from = job->disposal->state, .to = to };

    TRY(db_begin(job->session->db, "", &tx));
    TRY(disposals_transit(job->session->db, job->disposal->id, &step));
    if (to == STATE_ERASED)
        TRY(capture_begin(job));
    TRY(disposals_record(job->arena, job->session->db, job->disposal->id, event, fields));
    TRY(db_commit(&tx));
    fault_point("transit.committed");
    job->disposal->state = to;
    TRY(session_flush(job->session, job->disposal->id, false));
    fault_point("transit.flushed");
    return OK;
}

typedef struct Privileges
{
    const DbResult *rows; /* as privilege_tables says */
    size_t row;
    bool changes; /* what is needed beside reading */
    bool erases;
} Privileges;

static Err
judge_table(const GraphTable *table, const Privileges *p)
{
    const char *missing = !db_bool(p->rows, p->row, 1)                 ? "USAGE of its schema"
                          : !db_bool(p->rows, p->row, 2)               ? "SELECT"
                          : p->erases && !db_bool(p->rows, p->row, 5)  ? "DELETE"
                          : p->changes && !db_bool(p->rows, p->row, 4) ? "UPDATE"
                                                                       : NULL;
    if (missing != NULL)
        return err_new(ERR_PERMISSION, "the worker's role lacks %s on %s; \"expunge check\" prints what to grant",
                       missing, table->quoted);
    if (db_bool(p->rows, p->row, 6))
        return err_new(ERR_PERMISSION, "row security would hide rows of %s from the worker's role; it needs BYPASSRLS",
                       table->quoted);
    return OK;
}

Err
erase_judge_rights(Job *job)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const Scope *scope = job->target->scope;
    const size_t numbers = scope->table_count + scope->change_count, count = numbers + scope->orphan_count;
    const char **oids = ARENA_ARRAY(job->arena, const char *, count + 1);
    bool *changes = ARENA_ARRAY(job->arena, bool, scope->graph->table_count + 1);
    bool *goes = ARENA_ARRAY(job->arena, bool, scope->graph->table_count + 1);

    for (size_t i = numbers; i < count; i++)
    {
        oids[i] = arena_printf(job->arena, "%" PRId64, scope->graph->tables[scope->orphans[i - numbers].table].oid);
        goes[scope->orphans[i - numbers].table] = true;
    }
    for (size_t i = 0; i < numbers; i++)
    {
        const size_t change = i < scope->table_count ? GRAPH_NONE : i - scope->table_count;
        const size_t table = change == GRAPH_NONE ? scope->tables[i].table
                                                  : scope->graph->edges[scope->changes[change].edge].child;
        oids[i] = arena_printf(job->arena, "%" PRId64, scope->graph->tables[table].oid);
        changes[table] = changes[table] || i == 0 || (change != GRAPH_NONE && scope->changes[change].writes);
    }
    const char *params[] = { disposals_array(job->arena, oids, count) };
    TRY(db_query(job->session->db, SQL_privilege_tables, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(scope->graph, db_int64(rows, i, 0));
        const Privileges p = { .rows = rows,
                               .row = i,
                               .changes = at != GRAPH_NONE && changes[at],
                               .erases = at != GRAPH_NONE && (goes[at] || scope_position(scope, at) != GRAPH_NONE) };
        if (at != GRAPH_NONE)
            TRY(judge_table(&scope->graph->tables[at], &p));
    }
    return OK;
}

static JsonDoc *
erased_fields(Job *job, Err *ret_error)
{
    JsonDoc *fields = session_fields(job->session, job->disposal);
    JsonDoc *list = jsondoc_array();
    DisposalTable *tables = NULL;
    size_t count = 0;

    *ret_error = disposals_tables(job->arena, job->session->db, job->disposal->id, &tables, &count);
    for (size_t i = 0; i < count; i++)
    {
        const int64_t rows = tables[i].rows_done > 0 ? tables[i].rows_done : tables[i].rows_archived;
        if (rows == 0)
            continue;
        JsonDoc *table = jsondoc_object();
        jsondoc_set_string(table, "table", arena_printf(job->arena, "%s.%s", tables[i].schema, tables[i].table));
        jsondoc_set_string(table, "action", tables[i].action);
        jsondoc_set_integer(table, "rows", rows);
        jsondoc_push(list, table);
    }
    jsondoc_set(fields, "tables", list);
    return fields;
}

/* The rows were moved into the snapshot, and since then somebody else has the key: what it reaches now is theirs.  Nothing
 * is erased any more. */
static Err
pass_over(Job *job)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Transit begin = { .from = job->disposal->state, .to = STATE_ERASING };
    const Transit end = { .from = STATE_ERASING, .to = STATE_ERASED };
    Db *db = job->session->db;
    Err e;

    TRY(job_guard_snapshot(job, &tx));
    TRY(disposals_transit(db, job->disposal->id, &begin));
    TRY(disposals_record(job->arena, db, job->disposal->id, "erasing", session_fields(job->session, job->disposal)));
    TRY(disposals_transit(db, job->disposal->id, &end));
    TRY(capture_begin(job));
    JsonDoc *fields = erased_fields(job, &e);
    jsondoc_set_bool(fields, "key_has_another_owner", true);
    TRY(disposals_record(job->arena, db, job->disposal->id, "erased", fields));
    TRY(e);
    fault_point("begin.passed_over");
    TRY(db_commit(&tx));
    job->disposal->state = STATE_ERASED;
    return session_flush(job->session, job->disposal->id, false);
}

/* In one transaction, under the root's lock; a plan that nobody approved is counted and not begun.  keys: of values for
 * processors, which are read here, before the first row goes. */
static Err
begin_in(Job *job, Plan *ret_plan, CapturedKeys *keys)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Transit step = { .from = job->disposal->state, .to = STATE_ERASING };
    const bool needs = approval_is_needed(job) && job->disposal->approved;

    TRY(job_guard(job, GUARD_DURABLE, "for update", &tx));
    if (job->target->subject != NULL)
    {
        TRY(job_fill_subject(job));
        TRY(job_refuse_foreign(job));
        if (needs)
            TRY(approval_judge(job, ret_plan));
        if (needs && !ret_plan->approved)
            return OK;
        TRY(orphans_note(job));
        TRY(capture_values(job, keys));
        TRY(whole_rehearse(job));
    }
    TRY(disposals_transit(job->session->db, job->disposal->id, &step));
    JsonDoc *fields = session_fields(job->session, job->disposal);
    if (needs)
        jsondoc_set_string(fields, "plan_digest", ret_plan->digest);
    TRY(disposals_record(job->arena, job->session->db, job->disposal->id, "erasing", fields));
    fault_point("begin.recorded");
    TRY(db_commit(&tx));
    fault_point("begin.committed");
    job->disposal->state = STATE_ERASING;
    return OK;
}

static Err
begin(Job *job, Plan *ret_plan)
{
    CapturedKeys keys = { .count = 0 };

    TRY(coverage_judge(job->arena, job->session, job->target, job->outcome));
    TRY(erase_judge_rights(job));
    TRY(session_judge_schema(job->session));
    TRY(refresh_judge(job));
    if (job->target->subject != NULL)
        TRY(session_prepare_work(job->session, &job->selector));
    TRY(capture_reserve(job, &keys));
    Err e = begin_in(job, ret_plan, &keys);
    if (e == ERR_AGAIN && capture_wants_keys(&keys))
    {
        err_clear();
        TRY(capture_reserve(job, &keys));
        e = begin_in(job, ret_plan, &keys);
    }
    TRY(e);
    return job->disposal->state == STATE_ERASING ? session_flush(job->session, job->disposal->id, false) : OK;
}

Err
erase_begin(Job *job)
{
    Plan plan = { .digest = NULL };
    bool succeeded;

    TRY(job_is_succeeded(job, &succeeded));
    if (succeeded)
        return pass_over(job);
    TRY(begin(job, &plan));
    if (plan.digest == NULL || plan.approved)
        return OK;
    TRY(approval_publish(job, &plan));
    job->outcome->digest = plan.digest;
    return err_new(
        ERR_RAIL,
        "the plan has changed since it was approved, or another one was: its digest is now %s; look at it, and "
        "approve it anew",
        plan.digest);
}

/* -- counting ------------------------------------------------------------------------------------------------------ */

Err
erase_count_scope(Job *job, int64_t *ret_rows)
{
    TRY(job_fill_subject(job));
    return job_count_filled(job, ret_rows);
}

/* -- erasing a subject --------------------------------------------------------------------------------------------- */

static Err
pass_all(Job *job)
{
    const Scope *scope = job->target->scope;
    const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id) };

    TRY(db_query(job->session->db, SQL_table_rewind, 1, params, NULL));
    TRY(job_fill_subject(job));
    TRY(job_refuse_foreign(job));
    TRY(orphans_note(job));
    TRY(late_note(job));
    TRY(kept_record(job)); /* what hangs on the rows that go in batches: nothing tells of it when they are gone */
    for (size_t i = 0; i < scope->change_count; i++)
        if (scope->changes[i].writes)
            TRY(pass_change(job, i));
    const size_t root_end = scope_group_end(scope, 0); /* the root goes last, with what is one step with it */
    for (size_t i = scope->table_count; i-- > root_end;)
        if (scope->tables[i].group != scope->tables[i - 1].group)
            TRY(pass_erase(job, i));
    return OK;
}

static Err
count_group(Job *job, size_t end, int64_t *ret_rows)
{
    *ret_rows = 0;
    for (size_t i = 0; i < end; i++)
    {
        int64_t rows;
        TRY(job_count_rows(job, i, &rows));
        *ret_rows += rows;
    }
    return OK;
}

/* Lock the root, count the scope again; nothing left but the root, and what is one step with it: they go. */
static Err
erase_root(Job *job, bool *ret_done)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Scope *scope = job->target->scope;
    const size_t end = scope_group_end(scope, 0);
    const char *id[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id) };
    int64_t *done = ARENA_ARRAY(job->arena, int64_t, end);
    int64_t rows, last = 0;

    *ret_done = false;
    TRY(job_guard(job, GUARD_DURABLE, "for update", &tx));
    TRY(erase_count_scope(job, &rows));
    TRY(count_group(job, end, &last));
    fault_point("root.counted");
    TRY(session_judge_schema(job->session));
    if (rows > last)
        return OK; /* late writers: another round */
    TRY(orphans_note(job));
    TRY(late_note(job));
    TRY(kept_record(job));
    TRY(kept_tell(job));
    TRY(pass_erase_group_now(job, 0, end, done));
    if (job->root_absent && done[0] > 0)
        return job_root_is_back(job);
    fault_point("root.deleted");
    for (size_t i = 0; i < end; i++)
        TRY(disposals_advance(job->arena, job->session->db, job->disposal->id, job_number(job, i), done[i], NULL, 0));
    TRY(db_query(job->session->db, SQL_disposal_root_erased, 1, id, NULL));
    TRY(job_commit(job, &tx));
    fault_point("root.committed");
    job->disposal->root_erased = true;
    for (size_t i = 0; i < end; i++)
        job_count(job, &scope->graph->tables[scope->tables[i].table], "delete", done[i], 0);
    *ret_done = true;
    return OK;
}

/* All of it in one transaction: between two batches, triggers that wait for COMMIT would object. */
static Err
erase_whole(Job *job)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Scope *scope = job->target->scope;
    const size_t count = scope->table_count + scope->change_count;
    const char *id[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id) };
    int64_t *rows = ARENA_ARRAY(job->arena, int64_t, count);

    TRY(session_prepare_work(job->session, &job->selector));
    TRY(job_guard(job, GUARD_DURABLE, "for update", &tx));
    TRY(job_fill_subject(job));
    TRY(job_refuse_foreign(job));
    TRY(session_judge_schema(job->session));
    TRY(orphans_note(job));
    TRY(late_note(job));
    TRY(kept_record(job));
    TRY(kept_tell(job));
    TRY(whole_erase(job, false, rows));
    if (job->root_absent && rows[0] > 0)
        return job_root_is_back(job);
    fault_point("whole.deleted");
    for (size_t i = 0; i < count; i++)
        TRY(disposals_advance(job->arena, job->session->db, job->disposal->id, job_number(job, i), rows[i], NULL, 0));
    TRY(db_query(job->session->db, SQL_disposal_root_erased, 1, id, NULL));
    TRY(job_commit(job, &tx));
    fault_point("whole.committed");
    job->disposal->root_erased = true;
    for (size_t i = 0; i < count; i++)
    {
        const GraphEdge *edge = i < scope->table_count
                                    ? NULL
                                    : &scope->graph->edges[scope->changes[i - scope->table_count].edge];
        job_count(job, &scope->graph->tables[edge == NULL ? scope->tables[i].table : edge->child],
                  edge == NULL ? "delete" : edge_action_name(edge->action), rows[i], 0);
    }
    return OK;
}

static Err
count_absent(Job *job, int64_t *ret_rows)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    TRY(session_prepare_work(job->session, &job->selector));
    TRY(db_begin(job->session->db, "isolation level repeatable read read only", &tx));
    TRY(db_query(job->session->db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    TRY(job_fill_below(job));
    TRY(job_count_filled(job, ret_rows));
    return db_commit(&tx);
}

/* Somebody wrote below a row that was to go, took one away, or stood in our way: another round finds what is left. */
static bool
is_worth_a_round(const Job *job, Err e)
{
    return e == ERR_AGAIN || job_broke_reference(job, e);
}

static Err
erase_subject(Job *job)
{
    DisposalTable *tables;
    size_t count;
    int64_t rows = 1;

    TRY(coverage_judge(job->arena, job->session, job->target, job->outcome));
    TRY(job_tables(job, job->arena, &tables, &count));
    TRY(kept_begin(job));
    late_begin(job);
    for (int round = 0; round < ROUNDS && rows > 0; round++)
    {
        bool root_done = job->disposal->root_erased;
        const Err e = !root_done && whole_waits_for_commit(job) ? erase_whole(job) : pass_all(job);
        root_done = job->disposal->root_erased;
        if (is_worth_a_round(job, e) && round + 1 < ROUNDS)
        {
            err_clear();
            continue;
        }
        if (e != OK)
            return e;
        if (!root_done)
            TRY(erase_root(job, &root_done));
        if (root_done)
            TRY(count_absent(job, &rows)); /* soft edges once more: no lock kept their writers out */
    }
    if (rows > 0)
        return err_new(ERR_AGAIN, "rows of this %s keep coming while they are erased; the next run goes on",
                       job->target->name);
    return orphans_erase(job);
}

/* -- erasing a policy's rows --------------------------------------------------------------------------------------- */

static Err
erase_policy(Job *job)
{
    const bool moved = job->disposal->snapshot_name != NULL;

    for (int round = 0; round < ROUNDS && !moved; round++)
    {
        CLEANUP(db_result_freep) DbResult *left = NULL;
        DisposalTable *tables;
        size_t count;
        const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id) };
        TRY(job_tables(job, job->arena, &tables, &count));
        TRY(job->target->single ? pass_erase(job, 0) : move_by_roots(job, NULL));
        TRY(db_query_row(job->session->db, selector_any_due(&job->selector), 0, NULL, &left));
        if (!db_bool(left, 0, 0))
            return OK;
        TRY(db_query(job->session->db, SQL_table_rewind, 1, params, NULL));
    }
    return moved ? move_late(job)
                 : err_new(ERR_AGAIN, "rows of policy \"%s\" keep coming while they are erased; the next run goes on",
                           job->target->name);
}

/* Rows that came by a soft edge after the root had gone stay as well: no lock kept their writers out. */
static Err
tell_late_kept(Job *job)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    TRY(db_begin(job->session->db, "", &tx));
    TRY(kept_record(job));
    TRY(kept_tell(job));
    TRY(kept_tell_snapshots(job));
    TRY(late_forget(job));
    return db_commit(&tx);
}

Err
erase_rows(Job *job)
{
    Err e = job->target->subject != NULL ? erase_subject(job) : erase_policy(job);
    if (e == OK && (job->target->subject != NULL || job->disposal->snapshot_name == NULL)) /* a move did it then */
        e = refresh_views(job);
    if (e != OK)
        return e;
    fault_point("erase.absent");
    TRY(job->target->subject != NULL ? tell_late_kept(job) : late_forget(job));
    JsonDoc *fields = erased_fields(job, &e);
    if (e != OK)
    {
        jsondoc_freep(&fields);
        return e;
    }
    return transit(job, STATE_ERASED, "erased", fields);
}

/* -- the snapshot's end -------------------------------------------------------------------------------------------- */

static Err
destroy_snapshot(Job *job)
{
    Snapshot snapshot;
    bool found;
    const char *id[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id) };

    TRY(archive_find(job->session, job->arena, job->disposal, &snapshot, &found));
    if (!found)
        return OK;
    if (job->disposal->key_destroyed_at == INSTANT_NONE)
    {
        JsonDoc *intent = session_fields(job->session, job->disposal);
        jsondoc_set_string(intent, "key", job->disposal->key_id);
        TRY(session_record(job->session, job->disposal, "destroying_key", intent));
        fault_point("clear.intended");
        CLEANUP(db_tx_endp) DbTx tx = { 0 };
        TRY(job_guard_snapshot(job, &tx));
        TRY(session_key_destroy(job->session->house, job->disposal->key_id));
        fault_point("clear.key_destroyed");
        TRY(db_query(job->session->db, SQL_disposal_key_destroyed, 1, id, NULL));
        TRY(db_commit(&tx));
    }
    TRY(depot_remove(job->session, job->disposal->store, snapshot.name));
    fault_point("clear.removed");
    return OK;
}

Err
erase_clear(Job *job)
{
    const bool had_key = job->disposal->snapshot_name != NULL && job->disposal->key_destroyed_at == INSTANT_NONE;
    bool cleared;

    TRY(destroy_snapshot(job));
    TRY(capture_end_keys(job));
    TRY(clear_note(job->session, job->arena, job->disposal));
    TRY(clear_finish(job->session, job->arena, job->disposal, &cleared));
    job->outcome->progressed = job->outcome->progressed || had_key || cleared;
    return OK;
}

Err
erase_withdraw(Job *job)
{
    TRY(destroy_snapshot(job));
    TRY(late_forget(job));
    if (job->target->subject != NULL)
        TRY(capture_forget(job));
    return transit(job, STATE_WITHDRAWN, "withdrawn", session_fields(job->session, job->disposal));
}
