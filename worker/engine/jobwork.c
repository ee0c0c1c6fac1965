/* SPDX-License-Identifier: Apache-2.0 */
/* jobwork.c -- the part of job.h that fills and counts work tables. */
#include "engine/job.h"

#include "base/text.h"
#include "engine/settle.h"
#include "engine/stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static Err
affected(Db *db, const char *sql, size_t count, const char *const *params, int64_t *ret_rows)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    TRY(db_query(db, sql, count, params, &done));
    *ret_rows = db_affected(done);
    return OK;
}

/* One statement that fills the work table of a place. */
static Err
fill(Job *job, size_t place, const char *sql, size_t count, const char *const *params, int64_t *ret_rows)
{
    int64_t rows;
    TRY(affected(job->session->db, sql, count, params, &rows));
    job->filled[place] += rows;
    if (ret_rows != NULL)
        *ret_rows += rows;
    return OK;
}

/* Round by round along the references within a group of tables, until a round adds nothing; a table that refers to itself
 * by one edge alone, in one statement however deep its trees are. */
static Err
fill_rounds(Job *job, const Selector *s, size_t first, size_t end)
{
    const Scope *scope = job->target->scope;
    const char *tree = selector_fill_tree(s, first);
    char round_text[16];
    const char *params[] = { round_text };
    int64_t added = 1;

    if (tree != NULL)
        return fill(job, first, tree, 0, NULL, NULL);
    for (int round = 1; added > 0; round++)
    {
        added = 0;
        snprintf(round_text, sizeof round_text, "%d", round);
        for (size_t i = first; i < end; i++)
            for (size_t e = 0; e < scope->tables[i].edge_count; e++)
            {
                const size_t parent = scope_position(scope, scope->graph->edges[scope->tables[i].edges[e]].parent);
                if (parent >= first && parent < end)
                    TRY(fill(job, i, selector_fill_round(s, i, scope->tables[i].edges[e]), 1, params, &added));
            }
        TRY(stop_judge());
    }
    return OK;
}

static bool
has_children(const Scope *scope, size_t table)
{
    for (size_t e = 0; e < scope->graph->edge_count; e++)
        if (scope->graph->edges[e].parent == table)
            return true;
    return false;
}

static bool
is_collected(const ScopeTable *table)
{
    return table->method == SCOPE_KEYS || table->method == SCOPE_ROOT;
}

/* Nothing was put into its work table; what is not collected is not known. */
static bool
is_empty(const Job *job, size_t position)
{
    return is_collected(&job->target->scope->tables[position]) && job->filled != NULL && job->filled[position] == 0;
}

/* Rows that are reached from tables in front of the group, and late ones within it.  Where the parent has none, none is looked for: a subject
 * with few rows among a thousand tables asks few of them. */
static Err
fill_from_above(Job *job, const Selector *s, size_t position, size_t first)
{
    const Scope *scope = job->target->scope;
    const ScopeTable *entry = &scope->tables[position];
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const size_t parent = scope_position(scope, scope->graph->edges[entry->edges[e]].parent);
        if (parent < first && !(is_empty(job, parent) && selector_needs_parent(s, entry->edges[e])))
            TRY(fill(job, position, selector_fill_edge(s, position, entry->edges[e]), 0, NULL, NULL));
        else if (parent >= first && selector_remembers(s, entry->edges[e]))
            TRY(fill(job, position, selector_fill_late(s, position, entry->edges[e]), 0, NULL, NULL));
    }
    return OK;
}

static Err
fill_group(Job *job, const Selector *s, size_t first, size_t end)
{
    int64_t rows = 0;
    const Scope *scope = job->target->scope;
    if (!is_collected(&scope->tables[first]))
        return OK;
    for (size_t i = first; i < end; i++)
    {
        TRY(fill_from_above(job, s, i, first));
        rows += job->filled[i];
    }
    if (rows == 0)
        return OK;
    if (end - first > 1 || scope->tables[first].self_edges > 0)
        TRY(fill_rounds(job, s, first, end));
    for (size_t i = first; i < end; i++)
    {
        if (job->filled[i] == 0)
            continue;
        if (job->locks_parents && has_children(scope, scope->tables[i].table))
            TRY(db_query(job->session->db, selector_lock(s, i), 0, NULL, NULL));
        TRY(db_exec(job->session->db, selector_analyze(s, i)));
    }
    return OK;
}

/* What filled work tables hold is known by what was put into them; the root's is filled by the caller. */
static Err
begin_fill(Job *job)
{
    const Scope *scope = job->target->scope;
    const size_t count = scope->table_count + scope->change_count;

    if (job->filled == NULL)
        job->filled = ARENA_ARRAY(job->arena, int64_t, count);
    memset(job->filled, 0, count * sizeof *job->filled);
    return session_number(job->session, selector_count(&job->selector, 0), &job->filled[0]);
}

Err
job_fill_below(Job *job)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const Scope *scope = job->target->scope;
    Selector selector = job->selector;

    selector.arena = scratch;
    TRY(begin_fill(job));
    for (size_t first = 0, end; first < scope->table_count; first = end)
    {
        end = scope_group_end(scope, first);
        const Err e = fill_group(job, &selector, first, end);
        if (e != OK)
            return err_note(e, "while finding the rows of %s", scope->graph->tables[scope->tables[first].table].quoted);
    }
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const size_t parent = scope_position(scope, scope->graph->edges[scope->changes[i].edge].parent);
        if (scope->changes[i].writes &&
            !(is_empty(job, parent) && selector_needs_parent(&selector, scope->changes[i].edge)))
            TRY(fill(job, scope->table_count + i, selector_fill_change(&selector, i), 0, NULL, NULL));
    }
    return OK;
}

Err
job_fill_subject(Job *job)
{
    TRY(session_prepare_work(job->session, &job->selector));
    TRY(db_query(job->session->db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    return job_fill_below(job);
}

/* Rows of the root's own table beside the root: other subjects, unless the configuration names the edge and its action. */
static Err
refuse_other_roots(Job *job)
{
    const Scope *scope = job->target->scope;
    int64_t roots;
    bool meant = true;

    if (job->target->subject == NULL || scope->tables[0].edge_count == 0)
        return OK;
    for (size_t e = 0; e < scope->tables[0].edge_count; e++)
    {
        const EdgeRule *rule = scope->graph->edges[scope->tables[0].edges[e]].rule;
        meant = meant && rule != NULL && rule->action_given;
    }
    TRY(job_count_rows(job, 0, &roots));
    if (roots <= 1 || meant)
        return OK;
    return err_new(ERR_RAIL,
                   "%" PRId64
                   " other row(s) of %s would go with this one: each is a subject of its own; if they may go or stay, "
                   "say so by an edge with an action in the configuration",
                   roots - 1, scope->graph->tables[scope->tables[0].table].quoted);
}

static Err
told_impossible(const Job *job, size_t change, const char *rows)
{
    const Graph *graph = job->target->scope->graph;
    const GraphEdge *edge = &graph->edges[job->target->scope->changes[change].edge];
    job->outcome->settle = arena_printf(job->arena, "%s: they go",
                                        settle_edge(job->arena, job->session, job->target, edge,
                                                    " action = \"delete\";"));
    return err_new(
        ERR_RAIL,
        "%s row(s) of %s cannot stay as \"%s\" asks for (%s): NOT NULL, a CHECK, a unique or a foreign key there does "
        "not allow the new value, or it refers to a row that goes%s; say by an edge with another action in the "
        "configuration what happens to them",
        rows, graph->tables[edge->child].quoted, edge->name, edge_action_name(edge->action),
        edge->action == EDGE_REMOVE_ELEMENT ? ", or the array has several dimensions or does not begin at 1" : "");
}

/* What the server would not take is known before the first row is changed. */
static Err
refuse_impossible(Job *job, const Selector *s)
{
    for (size_t i = 0; i < job->target->scope->change_count; i++)
    {
        CLEANUP(db_result_freep) DbResult *row = NULL;
        int64_t rows;
        TRY(job_count_change(job, i, &rows));
        if (rows == 0)
            continue;
        const Err e = db_query_row(job->session->db, selector_count_impossible(s, i), 0, NULL, &row);
        if (e != OK && strncmp(db_sqlstate(job->session->db), "23", 2) == 0)
        {
            err_clear();
            return told_impossible(job, i, "some");
        }
        if (e != OK)
            return err_note(e, "while judging what changes in %s",
                            job->target->graph
                                ->tables[job->target->graph->edges[job->target->scope->changes[i].edge].child]
                                .quoted);
        if (db_int64(row, 0, 0) > 0)
            return told_impossible(job, i, arena_strdup(s->arena, db_text(row, 0, 0)));
    }
    return OK;
}

static bool
may_be_null(const Graph *graph, const GraphEdge *edge)
{
    for (size_t c = 0; c < edge->column_count; c++)
        if (graph->tables[edge->child].columns[edge->child_columns[c]].not_null)
            return false;
    return true;
}

/* They go: the other edge says that it is meant.  They stay: an edge by which this subject reaches them lets go of them. */
static void
settle_foreign(Job *job, size_t position, size_t other)
{
    const Scope *scope = job->target->scope;
    Text text = TEXT_INIT(job->arena);

    text_addf(&text, "%s: they go",
              settle_edge(job->arena, job->session, job->target, &scope->graph->edges[other], " action = \"delete\";"));
    for (size_t e = 0; e < scope->tables[position].edge_count; e++)
    {
        const GraphEdge *edge = &scope->graph->edges[scope->tables[position].edges[e]];
        if (scope->tables[position].edges[e] == other)
            continue;
        if (may_be_null(scope->graph, edge))
            text_addf(&text, "\n%s: they stay, without this one",
                      settle_edge(job->arena, job->session, job->target, edge, " action = \"set_null\";"));
        else if (!edge->declared)
            text_addf(&text, "\n%s: they stay as they are",
                      settle_edge(job->arena, job->session, job->target, edge,
                                  " action = \"keep\"; keep_for = \"1 year\"; purpose = \"…\"; basis = \"…\";"));
    }
    job->outcome->settle = text_done(&text);
}

static Err
told_foreign(Job *job, size_t position, size_t edge_index, int64_t rows)
{
    const Graph *graph = job->target->scope->graph;
    const GraphEdge *edge = &graph->edges[edge_index];

    if (edge->element)
        return err_new(ERR_RAIL,
                       "%" PRId64
                       " row(s) of %s would go, but the array of \"%s\" names another row of %s as well, which "
                       "stays; action \"remove_element\" takes the key out and leaves the row",
                       rows, graph->tables[edge->child].quoted, edge->name, graph->tables[edge->parent].quoted);
    settle_foreign(job, position, edge_index);
    return err_new(ERR_RAIL,
                   "%" PRId64 " row(s) of %s would go, but by \"%s\" they belong to a row of %s that stays; "
                   "if they may go or stay, say so by an edge with an action in the configuration",
                   rows, graph->tables[edge->child].quoted, edge->name, graph->tables[edge->parent].quoted);
}

/* All edges of a table with one statement. */
static Err
refuse_foreign_rows(Job *job, const Selector *s, size_t position)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const ScopeTable *entry = &job->target->scope->tables[position];
    size_t *asked = ARENA_ARRAY(s->arena, size_t, entry->edge_count + 1);
    size_t count = 0;
    Text sql = TEXT_INIT(s->arena);

    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const char *one = selector_count_foreign(s, position, entry->edges[e]);
        if (one == NULL)
            continue;
        text_addf(&sql, "%s(%s)", count == 0 ? "select " : ", ", one);
        asked[count++] = entry->edges[e];
    }
    if (count == 0)
        return OK;
    TRY(db_query_row(job->session->db, text_done(&sql), 0, NULL, &row));
    for (size_t i = 0; i < count; i++)
        if (db_int64(row, 0, i) > 0)
            return told_foreign(job, position, asked[i], db_int64(row, 0, i));
    return OK;
}

Err
job_refuse_others(Job *job)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Selector selector = job->selector;

    selector.arena = scratch;
    TRY(refuse_other_roots(job));
    for (size_t i = 1; i < job->target->scope->table_count; i++)
        if (!is_empty(job, i))
            TRY(refuse_foreign_rows(job, &selector, i));
    return OK;
}

Err
job_refuse_foreign(Job *job)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Selector selector = job->selector;

    selector.arena = scratch;
    TRY(job_refuse_others(job));
    return refuse_impossible(job, &selector);
}

Err
job_count_rows(Job *job, size_t position, int64_t *ret_rows)
{
    /* a work table into which nothing was put is empty: of a thousand, most are not asked */
    *ret_rows = 0;
    if (position > 0 && is_empty(job, position))
        return OK;
    return session_number(job->session, selector_count(&job->selector, position), ret_rows);
}

Err
job_count_change(Job *job, size_t change, int64_t *ret_rows)
{
    *ret_rows = 0;
    if (!job->target->scope->changes[change].writes ||
        (job->filled != NULL && job->filled[job->target->scope->table_count + change] == 0))
        return OK;
    return session_number(job->session, selector_count_change(&job->selector, change), ret_rows);
}

Err
job_count_filled(Job *job, int64_t *ret_rows)
{
    const Scope *scope = job->target->scope;
    int64_t total = 0;
    for (size_t i = 0; i < scope->table_count; i++)
    {
        int64_t rows;
        TRY(job_count_rows(job, i, &rows));
        total += rows;
    }
    for (size_t i = 0; i < scope->change_count; i++)
    {
        int64_t rows;
        TRY(job_count_change(job, i, &rows));
        total += rows;
    }
    *ret_rows = total;
    return OK;
}
