/* SPDX-License-Identifier: Apache-2.0 */
/* script_rows.c -- the part of script.h that erases, moves and changes rows: as pass.c, move.c and movefast.c send it. */
#include "engine/script_private.h"

#include "base/text.h"

#include <inttypes.h>

#define THE_REST "the rest: a run goes on in such batches, each from where the one before ended; here it is one"

/* -- transactions -------------------------------------------------------------------------------------------------- */

void
script_lock_root(Script *x, const char *root_lock)
{
    script_demand(
        x, "root", script_table(x, 0),
        arena_printf(x->job->arena,
                     "select coalesce(bool_and(%s), true) as fine from (%s) r (ended, incarnation, ended_at, region)",
                     job_is_by_request(x->job) ? "true" : "r.ended", selector_root_state(&x->s, root_lock)),
        "the root row does not say that it has ended");
}

void
script_guard(Script *x, const char *options, const char *root_lock)
{
    Arena *arena = x->job->arena;
    if (x->inside)
        return;
    script_add(x, "begin", NULL, "nobody can place a hold until this transaction ends",
               arena_printf(arena, "begin%s%s; lock table expunge.hold in share mode;",
                            options[0] == '\0' || options[0] == ';' ? "" : " ", options));
    if (x->job->target->subject == NULL)
        return;
    script_demand(x, "hold", NULL, arena_printf(arena, "select not exists (%s) as fine", selector_hold(&x->s)),
                  "a hold forbids it");
    script_lock_root(x, root_lock);
}

void
script_commit(Script *x)
{
    if (!x->inside)
        script_add(x, "commit", NULL, NULL, "commit;");
}

/* A subject's batches are transactions of their own, unless all of it goes in one. */
static bool
guards_batches(const Script *x)
{
    return x->job->target->subject != NULL && !x->departs;
}

static const char *
expected(const Script *x, int64_t rows)
{
    return arena_printf(x->job->arena, "%s row%s expected", text_thousands(x->job->arena, rows), rows == 1 ? "" : "s");
}

/* -- ranges of an order -------------------------------------------------------------------------------------------- */

/* Names of the psql variables that hold a batch's upper key, as values of a bound. */
static const char **
high_names(Script *x, size_t count)
{
    const char **names = ARENA_ARRAY(x->job->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = arena_printf(x->job->arena, "expunge_high%zu", i);
    return names;
}

static char *
delete_range(Script *x, size_t position, const Bounds *bounds, size_t count)
{
    Arena *arena = x->job->arena;
    const char **names = high_names(x, count), **texts = ARENA_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        texts[i] = arena_printf(arena, ":'%s'", names[i]);
    return script_fill_in(arena, selector_delete_range(&x->s, position, bounds), texts, count);
}

static char *
upper(Script *x, size_t position)
{
    const char *offset = arena_printf(x->job->arena, "%" PRId64, x->job->pace.rows - 1);
    return script_fill_in(x->job->arena, selector_upper(&x->s, position, false), &offset, 1);
}

void
script_erase_range(Script *x, size_t position)
{
    const GraphTable *table = script_table(x, position);
    size_t count;
    selector_order(&x->s, position, &count);
    const char *const *high = high_names(x, count);
    const Bounds all = { .low = NULL }, first = { .high = high }, rest = { .low = high };
    const bool several = x->rows[position] > x->job->pace.rows;

    if (x->inside)
    {
        script_send(x, "delete", table, expected(x, x->rows[position]), selector_delete_whole(&x->s, position));
        return;
    }
    script_guard(x, GUARD_RANGE, "for share");
    if (!several)
    {
        script_send(x, "find", table, "where the batch ends: no row says that it is the last one", upper(x, position));
        script_send(x, "delete", table, expected(x, x->rows[position]), delete_range(x, position, &all, count));
        script_commit(x);
        return;
    }
    script_ask(x, "find", table, "where the first batch ends", upper(x, position));
    script_send(x, "delete", table, expected(x, x->job->pace.rows), delete_range(x, position, &first, count));
    script_commit(x);
    script_guard(x, GUARD_RANGE, "for share");
    script_send(x, "delete", table,
                arena_printf(x->job->arena, "%s; " THE_REST, expected(x, x->rows[position] - x->job->pace.rows)),
                delete_range(x, position, &rest, count));
    script_commit(x);
}

static void
move_batch(Script *x, const Bounds *bounds, size_t count, const char *comment)
{
    const GraphTable *table = script_table(x, 0);
    script_copy(x, table, comment,
                script_unquote(x->job->arena, selector_copy_range(&x->s, 0, bounds), high_names(x, count), count));
    script_send(x, "delete", table, "exactly the rows that were copied: both see the same snapshot",
                delete_range(x, 0, bounds, count));
    script_commit(x);
}

/* A run copies and deletes on two connections with one exported snapshot; one connection sees the same. */
void
script_move_range(Script *x)
{
    const GraphTable *table = script_table(x, 0);
    size_t count;
    selector_order(&x->s, 0, &count);
    const char *const *high = high_names(x, count);
    const Bounds all = { .low = NULL }, first = { .high = high }, rest = { .low = high };

    script_guard(x, GUARD_COPY, "");
    if (x->rows[0] > x->job->pace.rows)
    {
        script_ask(x, "find", table, "where the first batch ends", upper(x, 0));
        move_batch(x, &first, count, expected(x, x->job->pace.rows));
        script_guard(x, GUARD_COPY, "");
        move_batch(x, &rest, count,
                   arena_printf(x->job->arena, "%s; " THE_REST, expected(x, x->rows[0] - x->job->pace.rows)));
    }
    else
        move_batch(x, &all, count, expected(x, x->rows[0]));
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

static void
demand_gone(Script *x, const GraphTable *table, const char *count_sql)
{
    script_demand(x, "count", table, arena_printf(x->job->arena, "select (%s) = 0 as fine", count_sql),
                  "rows that were selected are still there: a trigger, a rule or row security keeps them");
}

static const char *const all_numbers[] = { "0", ":expunge_last" };

static void
number(Script *x, const GraphTable *table, const char *sql)
{
    script_send(x, "number", table, NULL, selector_forget_numbers(&x->s));
    script_send(x, "number", table, "the collected rows in the order in which they go, leaves of a tree first", sql);
    script_ask(x, "number", table, NULL, selector_numbered(&x->s));
}

static const char *
in_batches(Script *x, int64_t rows)
{
    if (rows <= x->job->pace.rows)
        return expected(x, rows);
    return arena_printf(x->job->arena,
                        "%s; a run takes the numbers in batches: from 0 to %" PRId64 ", from there on, and so forth",
                        expected(x, rows), x->job->pace.rows);
}

void
script_erase_numbers(Script *x, size_t position)
{
    const GraphTable *table = script_table(x, position);
    Arena *arena = x->job->arena;

    if (guards_batches(x))
    {
        number(x, table, selector_number(&x->s, position));
        script_guard(x, GUARD_BATCH, "for share");
    }
    else
        number(x, table, selector_number(&x->s, position));
    script_send(x, "delete", table, in_batches(x, x->rows[position]),
                script_fill_in(arena, selector_delete_numbers(&x->s, position), all_numbers, 2));
    demand_gone(x, table, script_fill_in(arena, selector_remaining_numbers(&x->s, position), all_numbers, 2));
    if (guards_batches(x))
        script_commit(x);
}

/* A policy's batch moves: number, then copy what a deletion returns. */
static void
move_numbers(Script *x, size_t position)
{
    const GraphTable *table = script_table(x, position);
    number(x, table, selector_number(&x->s, position));
    script_copy(x, table, expected(x, x->rows[position]), selector_move_numbers(&x->s, position, 0, x->rows[position]));
    demand_gone(x, table, selector_remaining(&x->s, position));
}

void
script_change(Script *x, size_t change)
{
    const GraphTable *table = script_child(x, change);
    const bool subject = guards_batches(x);

    if (!x->scope->changes[change].writes || x->changed[change] == 0)
        return;
    if (x->moves)
        script_copy(x, table, "the values that will be replaced", selector_copy_change(&x->s, change));
    number(x, table, selector_number_change(&x->s, change));
    if (subject)
        script_guard(x, GUARD_BATCH, "for share");
    script_send(x, "change", table, in_batches(x, x->changed[change]),
                script_fill_in(x->job->arena, selector_change_numbers(&x->s, change), all_numbers, 2));
    if (subject)
        script_commit(x);
}

/* -- in one statement ---------------------------------------------------------------------------------------------- */

static void
erase_whole(Script *x, size_t position)
{
    const GraphTable *table = script_table(x, position);
    if (x->moves)
        script_copy(x, table, expected(x, x->rows[position]), selector_move_whole(&x->s, position));
    else
        script_send(x, "delete", table, expected(x, x->rows[position]), selector_delete_whole(&x->s, position));
    demand_gone(x, table, selector_remaining(&x->s, position));
}

static void
erase_group(Script *x, size_t first, size_t end)
{
    Arena *arena = x->job->arena;
    for (size_t i = first; x->moves && i < end; i++)
        script_copy(x, script_table(x, i), expected(x, x->rows[i]), selector_copy(&x->s, i));
    for (size_t i = first; i < end; i++)
        script_send(x, "lock", script_table(x, i), NULL, selector_lock(&x->s, i));
    for (size_t i = first; x->job->target->subject != NULL && i < end; i++)
        script_demand(x, "lock", script_table(x, i),
                      arena_printf(arena, "select (%s) = 0 as fine", selector_lost(&x->s, i)),
                      "rows moved away while they were to be erased");
    script_send(x, "delete", script_table(x, first),
                end - first > 1 ? "tables that refer to each other: one statement" : expected(x, x->rows[first]),
                selector_delete_group(&x->s, first, end));
    for (size_t i = first; i < end; i++)
        demand_gone(x, script_table(x, i), selector_remaining(&x->s, i));
}

static bool
is_erased_at_once(const Script *x, size_t first)
{
    if (first == 0 && x->job->target->subject != NULL)
        return true;
    return scope_is_cyclic(x->scope, first) || (x->job->target->subject != NULL && x->rounds[first] > 0);
}

/* The tables that are one step with first; the root of a subject is erased in its caller's transaction. */
void
script_erase_step(Script *x, size_t first)
{
    const size_t end = scope_group_end(x->scope, first);
    const bool whole = x->scope->tables[first].method == SCOPE_WHOLE ||
                       (x->departs && x->scope->tables[first].method == SCOPE_RANGE);
    const bool guards = guards_batches(x) && first > 0;
    int64_t rows = 0;

    for (size_t i = first; i < end; i++)
        rows += x->rows[i];
    if (x->scope->tables[first].method == SCOPE_RANGE && !whole)
    {
        script_erase_range(x, first);
        return;
    }
    if (rows == 0)
        return;
    if (!whole && !is_erased_at_once(x, first))
    {
        if (x->moves)
            move_numbers(x, first);
        else
            script_erase_numbers(x, first);
        return;
    }
    if (guards)
        script_guard(x, GUARD_BATCH, "for share");
    if (whole)
        erase_whole(x, first);
    else
        erase_group(x, first, end);
    if (guards)
        script_commit(x);
}
