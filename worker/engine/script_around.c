/* SPDX-License-Identifier: Apache-2.0 */
/* script_around.c -- the part of script.h around the rows themselves: shared rows (orphans.c), keys that are written down
 * (kept.c, late.c), the rehearsal and the erasure in one transaction (whole.c), materialized views (refresh.c). */
#include "engine/script_private.h"

#include "base/text.h"
#include "engine/kept.h"
#include "engine/orphans.h"
#include "engine/refresh.h"
#include "engine/whole.h"

#include <inttypes.h>

/* -- keys that are written down ------------------------------------------------------------------------------------- */

/* A disposal that is not open yet has no number: a psql variable stands for it, and what needs one is left out without it. */
static bool
has_number(const Script *x)
{
    return x->job->disposal->id != 0;
}

Err
script_around_begin(Script *x)
{
    const char *number = has_number(x) ? arena_printf(x->job->arena, "%" PRId64, x->job->disposal->id)
                                       : ":expunge_disposal";
    x->number = number;
    if (x->job->target->subject != NULL)
        x->s.late = number;
    TRY(kept_notes(x->job, number, &x->notes));
    x->s.kept = has_number(x) ? x->notes : NULL;
    return OK;
}

/* into schema expunge */
static void
note(Script *x, const GraphTable *table, const char *comment, const char *sql)
{
    if (has_number(x))
        script_send(x, "note", table, comment, sql);
    else
        script_add(x, "note", table, comment, arena_printf(x->job->arena, "\\if :expunge_notes\n  %s;\n\\endif", sql));
}

void
script_late(Script *x)
{
    const Graph *graph = x->scope->graph;
    for (size_t e = 0; e < graph->edge_count; e++)
        if (selector_remembers(&x->s, e) && x->rows[scope_position(x->scope, graph->edges[e].parent)] > 0)
            note(x, &graph->tables[graph->edges[e].parent],
                 arena_printf(x->job->arena, "what rows that come late could refer to, by %s", graph->edges[e].name),
                 selector_note_late(&x->s, e));
}

bool
script_late_begin(Script *x)
{
    bool remembers = false;
    x->s.late = x->number;
    for (size_t e = 0; e < x->scope->graph->edge_count; e++)
        remembers = remembers || selector_remembers(&x->s, e);
    x->s.late = remembers ? x->number : NULL;
    return remembers;
}

void
script_kept(Script *x)
{
    Selector s = x->s;

    s.kept = x->notes;
    for (size_t i = 0; i < x->scope->change_count; i++)
    {
        const GraphEdge *edge = &x->scope->graph->edges[x->scope->changes[i].edge];
        if (edge->action == EDGE_KEEP && !graph_edge_is_cut(x->scope->graph, edge))
            note(x, script_child(x, i), "the keys of rows that stay for a window of their own", selector_keep(&s, i));
    }
}

/* -- shared rows ---------------------------------------------------------------------------------------------------- */

static const GraphTable *
shared_table(const Script *x, size_t orphan)
{
    return &x->scope->graph->tables[x->scope->orphans[orphan].table];
}

void
script_collect_shared(Script *x)
{
    for (size_t o = 0; o < x->scope->orphan_count; o++)
        for (size_t e = 0; e < x->scope->orphans[o].edge_count; e++)
            script_send(x, "collect", shared_table(x, o), "shared rows that these refer to, judged when these are gone",
                        selector_fill_orphans(&x->s, o, x->scope->orphans[o].edges[e]));
}

static void
spare(Script *x, size_t orphan, bool beyond_scope)
{
    const char **list;
    size_t count;

    orphans_spare(x->job, &x->s, orphan, beyond_scope, &list, &count);
    for (size_t i = 0; i < count; i++)
        script_send(x, "spare", shared_table(x, orphan), "those that somebody else refers to stay", list[i]);
}

void
script_copy_shared(Script *x)
{
    script_collect_shared(x);
    for (size_t o = 0; o < x->scope->orphan_count; o++)
    {
        spare(x, o, true);
        script_copy(x, shared_table(x, o), "shared rows that nobody else refers to", selector_copy_orphans(&x->s, o));
    }
}

void
script_erase_shared(Script *x)
{
    for (size_t o = 0; o < x->scope->orphan_count; o++)
    {
        script_guard(x, GUARD_DURABLE, "for share");
        script_send(x, "lock", shared_table(x, o), "nobody can begin to refer to them",
                    selector_lock_orphans(&x->s, o));
        spare(x, o, false);
        if (x->moves)
            script_copy(x, shared_table(x, o), "shared rows that nobody refers to", selector_copy_orphans(&x->s, o));
        script_send(x, "delete", shared_table(x, o), "shared rows that nobody refers to",
                    selector_delete_orphans(&x->s, o));
        script_demand(x, "count", shared_table(x, o),
                      arena_printf(x->job->arena, "select (%s) = 0 as fine", selector_remaining_orphans(&x->s, o)),
                      "rows that were selected are still there: a trigger, a rule or row security keeps them");
        script_commit(x);
    }
}

/* -- in one transaction --------------------------------------------------------------------------------------------- */

static void
erase_all(Script *x, bool each_settles)
{
    const bool inside = x->inside;

    x->inside = true;
    for (size_t i = 0; i < x->scope->change_count; i++)
        script_change(x, i);
    for (size_t i = x->scope->table_count; i-- > 0;)
    {
        if (i > 0 && x->scope->tables[i].group == x->scope->tables[i - 1].group)
            continue;
        script_erase_step(x, i);
        if (each_settles && x->rows[i] > 0)
            script_add(x, "settle", script_table(x, i), "what is deferred is judged as the end of a batch would",
                       WHOLE_SETTLE ";");
    }
    x->inside = inside;
}

void
script_erase_whole(Script *x)
{
    erase_all(x, false);
}

static int64_t
count_rows(const Script *x)
{
    int64_t rows = 0;
    for (size_t i = 0; i < x->scope->table_count; i++)
        rows += x->rows[i];
    for (size_t i = 0; i < x->scope->change_count; i++)
        rows += x->changed[i];
    return rows;
}

/* Too many for one transaction: some of each table that has triggers. */
static void
rehearse_some(Script *x)
{
    const char *const some[] = { "0", arena_printf(x->job->arena, "least(:expunge_last, %d)", WHOLE_SAMPLE_ROWS) };
    for (size_t i = x->scope->table_count; i-- > 0;)
    {
        const ScopeMethod method = x->scope->tables[i].method;
        const GraphTable *table = script_table(x, i);
        if (table->triggers == NULL || x->rows[i] == 0 || method == SCOPE_WHOLE || method == SCOPE_RANGE)
            continue;
        script_add(x, "rehearse", table, NULL, "savepoint expunge_sample;");
        script_send(x, "number", table, NULL, selector_forget_numbers(&x->s));
        script_send(x, "number", table, NULL, selector_number(&x->s, i));
        script_ask(x, "number", table, NULL, selector_numbered(&x->s));
        script_send(x, "delete", table, "some of them; a foreign key that objects is no matter here",
                    script_fill_in(x->job->arena, selector_delete_numbers(&x->s, i), some, 2));
        script_add(x, "rehearse", table, NULL, "rollback to savepoint expunge_sample;");
    }
}

void
script_rehearse(Script *x)
{
    const bool at_once = whole_waits_for_commit(x->job), inside = x->inside;

    if (!whole_has_triggers(x->job))
        return;
    script_add(x, "rehearse", NULL, "triggers fire on it: the erasure is tried out, and rolled back",
               "savepoint expunge_rehearsal;");
    if (count_rows(x) > WHOLE_ROWS)
        rehearse_some(x);
    else
    {
        script_collect_shared(x);
        erase_all(x, !at_once);
        x->inside = true;
        script_erase_shared(x);
        x->inside = inside;
        script_add(x, "settle", NULL, NULL, "set constraints all immediate;");
    }
    script_add(x, "rehearse", NULL, "as if nothing had been",
               "rollback to savepoint expunge_rehearsal; release savepoint expunge_rehearsal;");
}

/* -- materialized views --------------------------------------------------------------------------------------------- */

Err
script_refresh(Script *x)
{
    const char **list;
    size_t count;

    TRY(refresh_sql(x->job, &list, &count));
    for (size_t i = 0; i < count; i++)
        script_send(x, "refresh", NULL, "a materialized view that keeps copies of rows that went", list[i]);
    return OK;
}
