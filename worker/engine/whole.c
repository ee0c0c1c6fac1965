/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/whole.h"

#include "base/text.h"
#include "engine/orphans.h"
#include "engine/pass.h"

#include <inttypes.h>
#include <string.h>

/* -- one transaction ------------------------------------------------------------------------------------------------ */

static Err
erase_step(Job *job, size_t first, size_t end, int64_t *ret_rows)
{
    const ScopeTable *entry = &job->target->scope->tables[first];
    int64_t rows, rounds = 0;

    TRY(job_count_rows(job, first, &rows));
    ret_rows[0] = 0;
    if (rows == 0 && end - first == 1)
        return OK;
    if (entry->method == SCOPE_WHOLE || entry->method == SCOPE_RANGE)
        return pass_erase_whole_now(job, first, ret_rows);
    if (entry->self_edges > 0)
        TRY(session_number(job->session, selector_rounds(&job->selector, first), &rounds));
    if (first == 0 || rounds > 0 || scope_is_cyclic(job->target->scope, first))
        return pass_erase_group_now(job, first, end, ret_rows);
    return pass_erase_now(job, first, ret_rows);
}

Err
whole_erase(Job *job, bool each_settles, int64_t *ret_rows)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < scope->change_count; i++)
    {
        int64_t rows;
        TRY(job_count_change(job, i, &rows));
        ret_rows[scope->table_count + i] = 0;
        if (rows > 0)
            TRY(pass_change_now(job, i, &ret_rows[scope->table_count + i]));
    }
    for (size_t end = scope->table_count, first; end > 0; end = first)
    {
        first = end - 1;
        while (first > 0 && scope->tables[first - 1].group == scope->tables[first].group)
            first--;
        Err e = erase_step(job, first, end, &ret_rows[first]);
        if (e == OK && each_settles)
            e = db_exec(job->session->db, WHOLE_SETTLE);
        if (e != OK)
            return err_note(e, "while erasing from %s", scope->graph->tables[scope->tables[first].table].quoted);
    }
    return OK;
}

/* -- what objects ---------------------------------------------------------------------------------------------------- */

bool
whole_has_triggers(const Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < scope->table_count; i++)
        if (scope->graph->tables[scope->tables[i].table].triggers != NULL)
            return true;
    for (size_t i = 0; i < scope->change_count; i++)
        if (scope->changes[i].writes &&
            scope->graph->tables[scope->graph->edges[scope->changes[i].edge].child].triggers_update)
            return true;
    for (size_t i = 0; i < scope->orphan_count; i++)
        if (scope->graph->tables[scope->orphans[i].table].triggers != NULL)
            return true;
    return false;
}

bool
whole_waits_for_commit(const Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < scope->table_count; i++)
        if (scope->graph->tables[scope->tables[i].table].triggers_deferred)
            return true;
    return false;
}

/* Shared rows that nobody refers to, now that the others are gone; they were collected before. */
static Err
erase_shared(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t o = 0; o < scope->orphan_count; o++)
    {
        int64_t rows;
        Err e = orphans_judge(job, o);
        if (e == OK)
            e = orphans_delete(job, o, &rows);
        if (e != OK)
            return err_note(e, "while erasing from %s", scope->graph->tables[scope->orphans[o].table].quoted);
    }
    return OK;
}

static Err
sample(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t i = scope->table_count; i-- > 0;)
    {
        const GraphTable *table = &scope->graph->tables[scope->tables[i].table];
        int64_t rows;
        if (table->triggers == NULL || scope->tables[i].method == SCOPE_WHOLE || scope->tables[i].method == SCOPE_RANGE)
            continue;
        TRY(db_exec(job->session->db, "savepoint expunge_sample"));
        const Err e = pass_erase_some_now(job, i, WHOLE_SAMPLE_ROWS, &rows);
        if (e != OK && !job_broke_reference(job, e))
            return err_note(e, "while erasing from %s", table->quoted);
        err_clear();
        TRY(db_exec(job->session->db, "rollback to savepoint expunge_sample"));
    }
    return OK;
}

static Err
try_out(Job *job, int64_t rows)
{
    const Scope *scope = job->target->scope;
    const bool at_once = whole_waits_for_commit(job);
    int64_t *ignored = ARENA_ARRAY(job->arena, int64_t, scope->table_count + scope->change_count);

    if (at_once && rows > WHOLE_ROWS)
        return err_new(ERR_RAIL,
                       "a trigger of its tables waits for COMMIT, so that all must go in one transaction, and %" PRId64
                       " rows are too many for one",
                       rows);
    if (rows > WHOLE_ROWS)
        return sample(job);
    TRY(orphans_collect(job));
    TRY(whole_erase(job, !at_once, ignored));
    TRY(erase_shared(job));
    return db_exec(job->session->db, "set constraints all immediate");
}

/* A foreign key that objects is nothing that a trigger did: rows were written meanwhile, or a sample left children out. */
Err
whole_rehearse(Job *job)
{
    int64_t rows;

    if (!whole_has_triggers(job))
        return OK;
    TRY(job_count_filled(job, &rows));
    TRY(db_exec(job->session->db, "savepoint expunge_rehearsal"));
    const Err e = try_out(job, rows);
    if (e != OK && !job_broke_reference(job, e))
    {
        const char *why = arena_strdup(job->arena, err_joined());
        return err_new(
            e == ERR_DATABASE ? ERR_RAIL : e,
            "tried out and rolled back, because triggers fire on it: %s; change or disable the trigger, or let "
            "it know the worker's role",
            why);
    }
    err_clear();
    return db_exec(job->session->db, "rollback to savepoint expunge_rehearsal; release savepoint expunge_rehearsal");
}
