/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/orphans.h"

#include "base/fault.h"
#include "engine/stop.h"

#include <inttypes.h>

#define BATCH_ROWS 1000

static const GraphTable *
table_at(const Job *job, size_t orphan)
{
    return &job->target->graph->tables[job->target->scope->orphans[orphan].table];
}

Err
orphans_collect(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t o = 0; o < scope->orphan_count; o++)
    {
        TRY(db_query(job->session->db, selector_empty_orphans(&job->selector, o), 0, NULL, NULL));
        for (size_t e = 0; e < scope->orphans[o].edge_count; e++)
            TRY(db_query(job->session->db, selector_fill_orphans(&job->selector, o, scope->orphans[o].edges[e]), 0,
                         NULL, NULL));
    }
    return OK;
}

/* By the edges of this target, and by the soft edges of the others. */
void
orphans_spare(const Job *job, const Selector *s, size_t orphan, bool beyond_scope, const char ***ret_list,
              size_t *ret_count)
{
    const Targets *targets = &job->session->targets;
    const size_t table = job->target->scope->orphans[orphan].table;
    size_t room = 0;

    *ret_list = NULL;
    *ret_count = 0;
    for (size_t t = 0; t <= targets->count; t++)
    {
        const Graph *graph = t == targets->count ? job->target->graph : targets->list[t].graph;
        if (t < targets->count && graph == job->target->graph)
            continue;
        for (size_t e = 0; e < graph->edge_count; e++)
            if (graph->edges[e].parent == table && (graph == job->target->graph || !graph->edges[e].declared))
                ARENA_PUSH(s->arena, *ret_list, *ret_count, room,
                           selector_spare_orphans(s, orphan, graph, e, beyond_scope));
    }
}

static Err
spare(Job *job, size_t orphan, bool beyond_scope)
{
    const char **list;
    size_t count;

    orphans_spare(job, &job->selector, orphan, beyond_scope, &list, &count);
    for (size_t i = 0; i < count; i++)
        TRY(db_query(job->session->db, list[i], 0, NULL, NULL));
    return OK;
}

Err
orphans_foretell(Job *job)
{
    TRY(orphans_collect(job));
    for (size_t o = 0; o < job->target->scope->orphan_count; o++)
        TRY(spare(job, o, true));
    return OK;
}

Err
orphans_count(Job *job, size_t orphan, int64_t *ret_rows)
{
    return session_number(job->session, selector_count_orphans(&job->selector, orphan), ret_rows);
}

/* Locked first: a new reference waits, or is seen by the statements that come. */
Err
orphans_judge(Job *job, size_t orphan)
{
    TRY(db_query(job->session->db, selector_lock_orphans(&job->selector, orphan), 0, NULL, NULL));
    fault_point("orphans.locked");
    return spare(job, orphan, false);
}

Err
orphans_delete(Job *job, size_t orphan, int64_t *ret_rows)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    int64_t left;

    TRY(db_query(job->session->db, selector_delete_orphans(&job->selector, orphan), 0, NULL, &done));
    *ret_rows = db_affected(done);
    TRY(session_number(job->session, selector_remaining_orphans(&job->selector, orphan), &left));
    if (left > 0)
        return err_new(ERR_RAIL,
                       "%" PRId64 " row(s) of %s were selected and are still there: a trigger, a rule or row security "
                       "keeps them; the batch was rolled back",
                       left, table_at(job, orphan)->quoted);
    return OK;
}

Err
orphans_note(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t o = 0; o < scope->orphan_count; o++)
    {
        const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id),
                                 arena_printf(job->arena, "%d", job_orphan_number(job, o)) };
        for (size_t e = 0; e < scope->orphans[o].edge_count; e++)
            TRY(db_query(job->session->db, selector_note_orphans(&job->selector, o, scope->orphans[o].edges[e]), 2,
                         params, NULL));
    }
    return OK;
}

static Err
erase_batch(Job *job, size_t orphan, int64_t *ret_taken, int64_t *ret_rows)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *taken = NULL;
    const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id),
                             arena_printf(job->arena, "%d", job_orphan_number(job, orphan)),
                             arena_printf(job->arena, "%d", BATCH_ROWS) };

    TRY(job_guard(job, GUARD_DURABLE, "for share", &tx));
    TRY(db_query(job->session->db, selector_empty_orphans(&job->selector, orphan), 0, NULL, NULL));
    TRY(db_query(job->session->db, selector_take_orphans(&job->selector, orphan), 3, params, &taken));
    *ret_taken = db_affected(taken);
    if (*ret_taken == 0)
        return OK;
    TRY(orphans_judge(job, orphan));
    TRY(orphans_delete(job, orphan, ret_rows));
    fault_point("orphans.deleted");
    TRY(disposals_advance(job->arena, job->session->db, job->disposal->id, job_orphan_number(job, orphan), *ret_rows,
                          NULL, 0));
    return db_commit(&tx);
}

Err
orphans_erase(Job *job)
{
    for (size_t o = 0; o < job->target->scope->orphan_count; o++)
        for (int64_t taken = 1, rows = 0; taken > 0; rows = 0)
        {
            const int64_t start = instant_monotonic();
            const Err e = erase_batch(job, o, &taken, &rows);
            if (e != OK)
                return err_note(e, "while judging whether rows of %s are still referred to", table_at(job, o)->quoted);
            job_count(job, table_at(job, o), "delete", rows, 0);
            if (taken > 0)
                TRY(job_rest(job, taken, instant_monotonic() - start));
        }
    return OK;
}
