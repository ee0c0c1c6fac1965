/* SPDX-License-Identifier: Apache-2.0 */
/* session_work.c -- the part of session.h that makes and empties work tables. */
#include "engine/session.h"

#include "base/text.h"

#define WORK_AT_ONCE 32 /* work tables that are made or emptied in one transaction */

static Err
exec_work(Session *session, const char *sql)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    if (!session->look_only)
        return db_exec(session->db, sql);
    TRY(db_begin(session->db, "read write", &tx));
    TRY(db_exec(session->db, sql));
    return db_commit(&tx);
}

/* Some at a time: each new table is locked until its transaction ends, and the server's room for locks is not endless. */
static Err
make_work(Session *session, const Selector *s)
{
    const size_t count = selector_work_count(s);
    for (size_t i = 0; i < count;)
    {
        Text sql = TEXT_INIT(s->arena);
        for (size_t n = 0; n < WORK_AT_ONCE && i < count; n++, i++)
        {
            const char *one = selector_create_at(s, i);
            text_add(&sql, one == NULL ? "" : one);
        }
        if (sql.length > 0)
            TRY(exec_work(session, text_done(&sql)));
    }
    return OK;
}

/* Which of them hold rows: count are asked with one statement. */
static Err
empty_some(Session *session, const Selector *s, size_t first, size_t end)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Text ask = TEXT_INIT(s->arena), sql = TEXT_INIT(s->arena);

    for (size_t i = first; i < end; i++)
    {
        const char *any = selector_any_at(s, i);
        text_addf(&ask, "%s(%s)", i > first ? ", " : "select ", any == NULL ? "select false" : any);
    }
    TRY(db_query_row(session->db, text_done(&ask), 0, NULL, &row));
    for (size_t i = first; i < end; i++)
        if (db_bool(row, 0, i - first))
            text_add(&sql, selector_empty_at(s, i));
    return sql.length == 0 ? OK : exec_work(session, text_done(&sql));
}

Err
session_prepare_work(Session *session, const Selector *selector)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const size_t number = selector->target->number;
    const size_t count = selector_work_count(selector);
    Selector s = *selector;

    s.arena = scratch;
    if (!session->work_made[number])
    {
        TRY(make_work(session, &s));
        session->work_made[number] = true;
        return OK;
    }
    for (size_t i = 0; i < count; i += WORK_AT_ONCE)
        TRY(empty_some(session, &s, i, count - i > WORK_AT_ONCE ? i + WORK_AT_ONCE : count));
    return OK;
}

static size_t
count_targets(const Targets *targets, size_t table)
{
    size_t count = 0;
    for (size_t i = 0; i < targets->count; i++)
    {
        const Scope *scope = targets->list[i].scope;
        bool reached = scope != NULL && scope_position(scope, table) != GRAPH_NONE;
        for (size_t c = 0; scope != NULL && c < scope->change_count; c++)
            reached = reached || scope->graph->edges[scope->changes[c].edge].child == table;
        count += reached ? 1 : 0;
    }
    return count;
}

/* Its rows refer to shared ones: who goes first leaves them to the last. */
static bool
shares_rows(const Targets *targets, size_t table)
{
    for (size_t i = 0; i < targets->count; i++)
    {
        const Graph *graph = targets->list[i].graph;
        const Scope *scope = targets->list[i].scope;
        if (scope == NULL || scope->orphan_count == 0)
            continue;
        for (size_t e = 0; e < graph->edge_count; e++)
            for (size_t o = 0; graph->edges[e].child == table && o < scope->orphan_count; o++)
                if (scope->orphans[o].table == graph->edges[e].parent)
                    return true;
    }
    return false;
}

Err
session_prepare_taken(Session *session)
{
    session->taken = ARENA_ARRAY(session->arena, bool, session->graph->table_count + 1);
    for (size_t t = 0; t < session->graph->table_count; t++)
    {
        if (session->graph->tables[t].key_count == 0 ||
            (count_targets(&session->targets, t) < 2 && !shares_rows(&session->targets, t)))
            continue;
        TRY(exec_work(session, selector_taken_create(session->arena, &session->graph->tables[t], t)));
        session->taken[t] = true;
    }
    return OK;
}

Err
session_forget_taken(Session *session)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const bool *taken = session->taken;

    session->taken = NULL;
    for (size_t t = 0; t < session->graph->table_count; t++)
        if (taken[t])
            TRY(exec_work(session, selector_taken_drop(scratch, t)));
    return OK;
}
