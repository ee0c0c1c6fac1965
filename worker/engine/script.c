/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/script_private.h"

#include "base/text.h"
#include "engine/whole.h"

#include <inttypes.h>

#define ROUNDS_SPELLED 3

/* -- work tables --------------------------------------------------------------------------------------------------- */

static char *
all_work(Script *x, char *(*sql_at)(const Selector *, size_t))
{
    Text text = TEXT_INIT(x->job->arena);
    for (size_t i = 0; i < selector_work_count(&x->s); i++)
    {
        const char *sql = sql_at(&x->s, i);
        if (sql != NULL)
            text_addf(&text, "%s%s", text.length > 0 ? "\n" : "", sql);
    }
    return text_done(&text);
}

/* Shared rows are collected before the others go, and judged after them. */
static char *
empty_but_shared(Script *x)
{
    Text text = TEXT_INIT(x->job->arena);
    for (size_t i = 0; i < selector_work_count(&x->s) - x->scope->orphan_count; i++)
    {
        const char *sql = selector_empty_at(&x->s, i);
        if (sql != NULL)
            text_addf(&text, "%s%s", text.length > 0 ? "\n" : "", sql);
    }
    return text_done(&text);
}

/* The first disposal of a target makes its tables, the next ones find them made. */
static void
prepare(Script *x, bool made)
{
    if (made)
    {
        script_add(x, "prepare", NULL, "the work tables, empty again", empty_but_shared(x));
        return;
    }
    script_add(x, "prepare", NULL, "work tables for the keys of the rows that are found; nobody else sees them",
               all_work(x, selector_create_at));
    Outcome *o = x->job->outcome;
    o->statements[o->statement_count - 1].again = all_work(x, selector_empty_at);
}

static bool
is_collected(const Script *x, size_t position)
{
    return x->scope->tables[position].method == SCOPE_KEYS || position == 0;
}

static size_t
parent_of(const Script *x, size_t edge)
{
    return scope_position(x->scope, x->scope->graph->edges[edge].parent);
}

static const char *
by_edge(const Script *x, size_t edge)
{
    return arena_printf(x->job->arena, "by %s", x->scope->graph->edges[edge].name);
}

static void
fill_from_above(Script *x, size_t position, size_t first)
{
    const ScopeTable *entry = &x->scope->tables[position];
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const size_t parent = parent_of(x, entry->edges[e]);
        if (parent < first && (x->rows[parent] > 0 || !selector_needs_parent(&x->s, entry->edges[e])))
            script_send(x, "collect", script_table(x, position), by_edge(x, entry->edges[e]),
                        selector_fill_edge(&x->s, position, entry->edges[e]));
        else if (parent >= first && selector_remembers(&x->s, entry->edges[e]))
            script_send(x, "collect", script_table(x, position),
                        arena_printf(x->job->arena, "late ones, %s", by_edge(x, entry->edges[e])),
                        selector_fill_late(&x->s, position, entry->edges[e]));
    }
}

/* One round after the other; many of them are made from one text. */
static void
fill_round(Script *x, size_t position, size_t edge, int64_t round)
{
    Arena *arena = x->job->arena;
    const char *number = round > 0 ? arena_printf(arena, "%" PRId64, round) : "$1";
    const char *sql = script_fill_in(arena, selector_fill_round(&x->s, position, edge), &number, 1);
    const char *comment = arena_printf(arena, "round %" PRId64 " %s: rows whose parent came in the round before", round,
                                       by_edge(x, edge));
    script_send(x, "collect", script_table(x, position), comment, sql);
}

static void
fill_many_rounds(Script *x, size_t first, size_t end, int64_t rounds)
{
    Arena *arena = x->job->arena;
    Text text = TEXT_INIT(arena);
    for (size_t i = first; i < end; i++)
        for (size_t e = 0; e < x->scope->tables[i].edge_count; e++)
        {
            const size_t edge = x->scope->tables[i].edges[e];
            if (parent_of(x, edge) < first)
                continue;
            text_addf(&text, "%s\n  replace(%s, '$1::integer', r::text)", text.length > 0 ? "," : "select",
                      db_literal(arena, selector_fill_round(&x->s, i, edge)));
        }
    text_addf(&text, "\n  from generate_series(1, %" PRId64 ") r \\gexec", rounds);
    script_add(x, "collect", script_table(x, first),
               arena_printf(arena, "%" PRId64 " rounds: each finds the rows whose parent came in the round before",
                            rounds),
               text_done(&text));
}

static void
fill_rounds(Script *x, size_t first, size_t end)
{
    int64_t rounds = 0;
    const char *tree = selector_fill_tree(&x->s, first);
    if (tree != NULL)
    {
        script_send(x, "collect", script_table(x, first), "what hangs below these rows in their own table", tree);
        return;
    }
    for (size_t i = first; i < end; i++)
        if (x->rounds[i] > rounds)
            rounds = x->rounds[i];
    rounds++; /* the last one finds nothing more */
    if (rounds > ROUNDS_SPELLED)
    {
        fill_many_rounds(x, first, end, rounds);
        return;
    }
    for (int64_t round = 1; round <= rounds; round++)
        for (size_t i = first; i < end; i++)
            for (size_t e = 0; e < x->scope->tables[i].edge_count; e++)
                if (parent_of(x, x->scope->tables[i].edges[e]) >= first)
                    fill_round(x, i, x->scope->tables[i].edges[e], round);
}

static bool
has_children(const Script *x, size_t position)
{
    for (size_t e = 0; e < x->scope->graph->edge_count; e++)
        if (x->scope->graph->edges[e].parent == x->scope->tables[position].table)
            return true;
    return false;
}

static void
fill_group(Script *x, size_t first, size_t end, bool locks)
{
    int64_t rows = 0;
    for (size_t i = first; i < end; i++)
    {
        fill_from_above(x, i, first);
        rows += x->rows[i];
    }
    if (rows == 0)
        return;
    if (end - first > 1 || x->scope->tables[first].self_edges > 0)
        fill_rounds(x, first, end);
    for (size_t i = first; i < end; i++)
    {
        if (x->rows[i] == 0)
            continue;
        if (locks && has_children(x, i))
            script_send(x, "lock", script_table(x, i), "no child can be added to these rows any more",
                        selector_lock(&x->s, i));
        script_send(x, "analyze", script_table(x, i),
                    arena_printf(x->job->arena, "%s collected", text_thousands(x->job->arena, x->rows[i])),
                    selector_analyze(&x->s, i));
    }
}

static void
fill_below(Script *x, bool locks)
{
    for (size_t first = 0, end; first < x->scope->table_count; first = end)
    {
        end = scope_group_end(x->scope, first);
        if (is_collected(x, first))
            fill_group(x, first, end, locks);
    }
    for (size_t i = 0; i < x->scope->change_count; i++)
        if (x->scope->changes[i].writes && (x->rows[parent_of(x, x->scope->changes[i].edge)] > 0 ||
                                            !selector_needs_parent(&x->s, x->scope->changes[i].edge)))
            script_send(x, "collect", script_child(x, i),
                        arena_printf(x->job->arena, "rows that stay and change, %s",
                                     by_edge(x, x->scope->changes[i].edge)),
                        selector_fill_change(&x->s, i));
}

static void
fill_subject(Script *x, bool locks)
{
    script_send(x, "collect", script_table(x, 0), "the root", selector_fill_subject_root(&x->s));
    fill_below(x, locks);
}

static void
refuse_foreign(Script *x)
{
    for (size_t i = 1; i < x->scope->table_count; i++)
        for (size_t e = 0; x->rows[i] > 0 && e < x->scope->tables[i].edge_count; e++)
        {
            const char *sql = selector_count_foreign(&x->s, i, x->scope->tables[i].edges[e]);
            if (sql != NULL)
                script_demand(x, "refuse", script_table(x, i),
                              arena_printf(x->job->arena, "select (%s) = 0 as fine", sql),
                              "rows would go that belong to somebody who stays");
        }
    for (size_t i = 0; i < x->scope->change_count; i++)
        if (x->changed[i] > 0)
            script_demand(x, "refuse", script_child(x, i),
                          arena_printf(x->job->arena, "select (%s) = 0 as fine", selector_count_impossible(&x->s, i)),
                          "rows would have to change in a way that the server does not take");
}

/* -- a subject ----------------------------------------------------------------------------------------------------- */

/* The rows that were copied leave in the same transaction: one that somebody changed meanwhile is an error of it. */
static void
take_out_subject(Script *x)
{
    script_add(
        x, "hold", NULL,
        "nobody can place a hold until this transaction ends; a run judges those that are there by another connection",
        "lock table expunge.hold in share mode;");
    script_demand(x, "hold", NULL, arena_printf(x->job->arena, "select not exists (%s) as fine", selector_hold(&x->s)),
                  "a hold forbids it");
    for (size_t i = 0; i < x->scope->change_count; i++)
        script_change(x, i);
    for (size_t i = x->scope->table_count; i-- > 0;)
        if (i == 0 || x->scope->tables[i].group != x->scope->tables[i - 1].group)
            script_erase_step(x, i);
}

static void
copy_subject(Script *x)
{
    prepare(x, false);
    script_add(x, "begin", NULL, "one snapshot of the database for all tables",
               "begin isolation level repeatable read;");
    if (x->departs)
        script_lock_root(x, "for update");
    fill_subject(x, false);
    refuse_foreign(x);
    for (size_t i = 0; i < x->scope->table_count; i++)
        if (x->rows[i] > 0 || !is_collected(x, i))
            script_copy(x, script_table(x, i),
                        arena_printf(x->job->arena, "%s rows expected", text_thousands(x->job->arena, x->rows[i])),
                        selector_copy(&x->s, i));
    for (size_t i = 0; i < x->scope->change_count; i++)
        if (x->scope->changes[i].writes && x->changed[i] > 0)
            script_copy(x, script_child(x, i), "the values that an erasure will replace",
                        selector_copy_change(&x->s, i));
    script_copy_shared(x);
    if (x->departs)
        take_out_subject(x);
    script_commit(x);
}

/* Nothing is left but what is erased with the root. */
static void
demand_none(Script *x, size_t first, const char *otherwise)
{
    for (size_t i = first; i < x->scope->table_count; i++)
        if (x->rows[i] > 0)
            script_demand(x, "count", script_table(x, i),
                          arena_printf(x->job->arena, "select (%s) = 0 as fine", selector_count(&x->s, i)), otherwise);
    for (size_t i = 0; i < x->scope->change_count; i++)
        if (x->changed[i] > 0)
            script_demand(x, "count", script_child(x, i),
                          arena_printf(x->job->arena, "select (%s) = 0 as fine", selector_count_change(&x->s, i)),
                          otherwise);
}

static void
count_again(Script *x)
{
    prepare(x, true);
    script_add(x, "begin", NULL, "counted again, in a transaction of its own",
               "begin isolation level repeatable read read only;");
    fill_subject(x, false);
    demand_none(x, 0, "rows are left: a run would make another round");
    script_commit(x);
}

static void
erase_root(Script *x)
{
    prepare(x, true);
    script_guard(x, GUARD_DURABLE, "for update");
    fill_subject(x, false);
    demand_none(x, scope_group_end(x->scope, 0), "rows came in meanwhile: a run would make another round");
    script_collect_shared(x);
    script_late(x);
    script_kept(x);
    x->inside = true;
    script_erase_step(x, 0);
    x->inside = false;
    script_commit(x);
}

/* A trigger waits for COMMIT: between two batches it would object. */
static void
erase_at_once(Script *x)
{
    script_guard(x, GUARD_DURABLE, "for update");
    fill_subject(x, false);
    refuse_foreign(x);
    script_collect_shared(x);
    script_late(x);
    script_kept(x);
    script_erase_whole(x);
    script_commit(x);
}

static void
erase_in_batches(Script *x)
{
    const size_t root_end = scope_group_end(x->scope, 0);

    fill_subject(x, false);
    refuse_foreign(x);
    script_collect_shared(x);
    script_late(x);
    for (size_t i = 0; i < x->scope->change_count; i++)
        script_change(x, i);
    for (size_t i = x->scope->table_count; i-- > root_end;)
        if (x->scope->tables[i].group != x->scope->tables[i - 1].group)
            script_erase_step(x, i);
    erase_root(x);
}

static void
erase_subject(Script *x, Step step)
{
    prepare(x, false);
    if (step == STEP_BEGIN)
    {
        script_guard(x, GUARD_DURABLE, "for update");
        fill_subject(x, false);
        refuse_foreign(x);
        script_rehearse(x);
        script_commit(x);
        prepare(x, true);
    }
    if (whole_waits_for_commit(x->job))
        erase_at_once(x);
    else
        erase_in_batches(x);
    count_again(x);
    script_erase_shared(x);
}

/* -- a policy ------------------------------------------------------------------------------------------------------ */

/* All roots have gone: the work table of the root stays empty. */
static void
policy_late(Script *x)
{
    if (!script_late_begin(x))
        return;
    prepare(x, true);
    script_guard(x, x->moves ? GUARD_DURABLE : GUARD_BATCH, "");
    fill_below(x, true);
    demand_none(x, 0, "rows came late that refer to what has gone: a run would take them, too");
    script_commit(x);
    x->s.late = NULL;
}

/* A run takes some roots with all that hangs on them, again and again. */
static void
policy_by_roots(Script *x)
{
    Arena *arena = x->job->arena;
    const Bounds open = { .low = NULL };
    const char *limit[] = { arena_printf(arena, "%" PRId64, x->rows[0]) };

    prepare(x, false);
    script_guard(x, x->moves ? GUARD_DURABLE : GUARD_BATCH, "");
    script_send(x, "collect", script_table(x, 0),
                arena_printf(arena, "%s due; a run takes them in batches, each with all that hangs on its rows",
                             text_thousands(arena, x->rows[0])),
                script_fill_in(arena, selector_fill_policy_root(&x->s, &open, true), limit, 1));
    fill_below(x, true);
    refuse_foreign(x);
    if (script_late_begin(x))
        script_late(x);
    x->s.late = NULL;
    for (size_t i = 0; i < x->scope->change_count; i++)
        script_change(x, i);
    script_kept(x);
    script_collect_shared(x);
    for (size_t i = x->scope->table_count; i-- > 0;)
        if (i == 0 || x->scope->tables[i].group != x->scope->tables[i - 1].group)
            script_erase_step(x, i);
    x->inside = true;
    script_erase_shared(x);
    x->inside = false;
    script_commit(x);
}

static void
write_policy(Script *x)
{
    if (!x->job->target->single)
    {
        policy_by_roots(x);
        policy_late(x);
    }
    else if (x->moves)
        script_move_range(x);
    else
        script_erase_range(x, 0);
    script_demand(x, "count", script_table(x, 0),
                  arena_printf(x->job->arena, "select not (%s) as fine", selector_any_due(&x->s)),
                  "rows have come in that are due, too: a run would go on with them");
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

/* What the survey found; a policy's own rows as it counted them. */
static Err
count_expected(Script *x)
{
    Job *job = x->job;
    const Outcome *o = job->outcome;
    const bool single = job->target->single;

    for (size_t i = 0; i < x->scope->table_count; i++)
    {
        if (single)
            x->rows[i] = o->table_count > 0 ? o->tables[0].rows : 0;
        else
            TRY(job_count_rows(job, i, &x->rows[i]));
        if (!single && is_collected(x, i))
            TRY(session_number(job->session, selector_rounds(&x->s, i), &x->rounds[i]));
    }
    for (size_t i = 0; i < x->scope->change_count; i++)
        TRY(job_count_change(job, i, &x->changed[i]));
    return OK;
}

Err
script_write(Job *job, Step step, bool departs)
{
    const Scope *scope = job->target->scope;
    const bool subject = job->target->subject != NULL;
    Script x = { .job = job,
                 .s = { .arena = job->arena, .target = job->target, .cutoffs = job->selector.cutoffs },
                 .scope = scope,
                 .rows = ARENA_ARRAY(job->arena, int64_t, scope->table_count + 1),
                 .changed = ARENA_ARRAY(job->arena, int64_t, scope->change_count + 1),
                 .rounds = ARENA_ARRAY(job->arena, int64_t, scope->table_count + 1),
                 .moves = !subject && step == STEP_ARCHIVE,
                 .departs = departs };

    if (!subject && job->disposal->snapshot_name != NULL && step != STEP_ARCHIVE)
        return OK; /* moved already: only the snapshot is left */
    TRY(count_expected(&x));
    if (step != STEP_ARCHIVE || !subject)
        TRY(script_around_begin(&x));
    if (subject)
        script_add(&x, "key", NULL, "the subject's key is not printed: it is the psql variable key",
                   "set expunge.key = :'key';");
    if (!subject)
        write_policy(&x);
    else if (step == STEP_ARCHIVE)
        copy_subject(&x);
    else
        erase_subject(&x, step);
    return subject && step == STEP_ARCHIVE ? OK : script_refresh(&x);
}
