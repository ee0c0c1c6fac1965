/* SPDX-License-Identifier: Apache-2.0 */
#include "model/scope.h"

#include "base/text.h"

#include <string.h>

bool
scope_type_is_plain(const char *base_type)
{
    static const char *const plain[] = {
        "smallint", "integer", "bigint", "uuid", "date", "timestamp with time zone", "timestamp without time zone"
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(base_type, plain[i]) == 0)
            return true;
    return false;
}

static bool
contains(const size_t *list, size_t count, size_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

/* The rest of an index behind its first skip columns, then what the key lacks: unique, or no order at all. */
static bool
order_behind(Arena *arena, const GraphTable *table, const size_t *bound, size_t bound_count, const size_t *rest,
             size_t rest_count, size_t **ret_order, size_t *ret_count)
{
    size_t *order = ARENA_ARRAY(arena, size_t, rest_count + table->key_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < rest_count; i++)
        order[count++] = rest[i];
    for (size_t i = 0; i < table->key_count; i++)
        if (!contains(order, count, table->key[i]) && !contains(bound, bound_count, table->key[i]))
            order[count++] = table->key[i];
    for (size_t i = 0; i < count; i++)
        if (!scope_type_is_plain(table->columns[order[i]].base_type))
            return false;
    *ret_order = order;
    *ret_count = count;
    return count > 0 && table->key_count > 0;
}

bool
scope_policy_order(Arena *arena, const GraphTable *table, size_t age_column, size_t **ret_order, size_t *ret_count,
                   bool *ret_indexed)
{
    *ret_indexed = age_column != GRAPH_NONE && graph_has_index(table, &age_column, 1);
    return order_behind(arena, table, NULL, 0, &age_column, *ret_indexed ? 1 : 0, ret_order, ret_count);
}

/* An index (edge columns …, more …) whose further columns are NOT NULL gives the order within the subject's rows. */
static bool
range_order(Arena *arena, const GraphTable *table, const GraphEdge *edge, size_t **ret_order, size_t *ret_count)
{
    for (size_t i = 0; i < table->index_count; i++)
    {
        const GraphIndex *index = &table->indexes[i];
        if (index->column_count <= edge->column_count)
            continue;
        bool fits = true;
        for (size_t c = 0; c < index->column_count && fits; c++)
            fits = c < edge->column_count ? contains(edge->child_columns, edge->column_count, index->columns[c])
                                          : table->columns[index->columns[c]].not_null;
        if (fits &&
            order_behind(arena, table, edge->child_columns, edge->column_count, index->columns + edge->column_count,
                         index->column_count - edge->column_count, ret_order, ret_count))
            return true;
    }
    return false;
}

size_t
scope_position(const Scope *scope, size_t table)
{
    for (size_t i = 0; i < scope->table_count; i++)
        if (scope->tables[i].table == table)
            return i;
    return GRAPH_NONE;
}

/* -- which tables -------------------------------------------------------------------------------------------------- */

static void
reach(const Graph *graph, size_t root, bool *inside)
{
    inside[root] = true;
    for (bool grown = true; grown;)
    {
        grown = false;
        for (size_t e = 0; e < graph->edge_count; e++)
        {
            const GraphEdge *edge = &graph->edges[e];
            if (edge->action == EDGE_DELETE && inside[edge->parent] && !inside[edge->child])
            {
                inside[edge->child] = true;
                grown = true;
            }
        }
    }
}

static bool
is_inner(const GraphEdge *edge, const bool *inside)
{
    return edge->action == EDGE_DELETE && inside[edge->parent] && inside[edge->child];
}

/* Everything that can be reached from start along the scope's edges, upwards or downwards. */
static void
mark_reachable(const Graph *graph, const bool *inside, size_t start, bool down, bool *marks)
{
    marks[start] = true;
    for (bool grown = true; grown;)
    {
        grown = false;
        for (size_t e = 0; e < graph->edge_count; e++)
        {
            const GraphEdge *edge = &graph->edges[e];
            const size_t from = down ? edge->parent : edge->child, to = down ? edge->child : edge->parent;
            if (is_inner(edge, inside) && marks[from] && !marks[to])
            {
                marks[to] = true;
                grown = true;
            }
        }
    }
}

static bool
is_ready(const Graph *graph, const bool *inside, const bool *placed, size_t table)
{
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        if (edge->child == table && edge->parent != table && is_inner(edge, inside) && !placed[edge->parent])
            return false;
    }
    return true;
}

static void
place(Scope *scope, bool *placed, size_t table, size_t group)
{
    placed[table] = true;
    scope->tables[scope->table_count++] = (ScopeTable){ .table = table, .group = group };
}

/* Nothing is ready, so what is left stands in cycles or behind them: a component whose parents are all placed. */
static void
place_component(Arena *arena, const Graph *graph, const bool *inside, bool *placed, Scope *scope, size_t start,
                size_t group)
{
    bool *above = ARENA_ARRAY(arena, bool, graph->table_count);
    bool *below = ARENA_ARRAY(arena, bool, graph->table_count);
    mark_reachable(graph, inside, start, false, above);
    mark_reachable(graph, inside, start, true, below);
    for (size_t t = 0; t < graph->table_count; t++)
        if (inside[t] && !placed[t] && above[t] && !below[t])
        {
            place_component(arena, graph, inside, placed, scope, t,
                            group); /* something above it that is no part of it */
            return;
        }
    place(scope, placed, start, group);
    for (size_t t = 0; t < graph->table_count; t++)
        if (inside[t] && !placed[t] && above[t] && below[t])
            place(scope, placed, t, group);
}

/* Parents before children, strongly connected tables side by side, the root in front. */
static void
sort_tables(Arena *arena, const Graph *graph, size_t root, const bool *inside, Scope *scope)
{
    bool *placed = ARENA_ARRAY(arena, bool, graph->table_count);
    size_t total = 0, group = 0;
    for (size_t t = 0; t < graph->table_count; t++)
        total += inside[t] ? 1 : 0;
    scope->tables = ARENA_ARRAY(arena, ScopeTable, total);
    place_component(arena, graph, inside, placed, scope, root,
                    group++); /* all is below the root: nothing stands above it */
    while (scope->table_count < total)
    {
        bool moved = false;
        size_t waiting = GRAPH_NONE;
        for (size_t t = 0; t < graph->table_count; t++)
        {
            if (!inside[t] || placed[t])
                continue;
            if (is_ready(graph, inside, placed, t))
            {
                place(scope, placed, t, group++);
                moved = true;
            }
            else if (waiting == GRAPH_NONE)
                waiting = t;
        }
        if (!moved)
            place_component(arena, graph, inside, placed, scope, waiting, group++);
    }
}

size_t
scope_group_end(const Scope *scope, size_t first)
{
    size_t end = first + 1;
    while (end < scope->table_count && scope->tables[end].group == scope->tables[first].group)
        end++;
    return end;
}

bool
scope_is_cyclic(const Scope *scope, size_t position)
{
    const size_t group = scope->tables[position].group;
    return scope->tables[position].self_edges > 1 || (position > 0 && scope->tables[position - 1].group == group) ||
           (position + 1 < scope->table_count && scope->tables[position + 1].group == group);
}

/* -- how each table's rows are found ------------------------------------------------------------------------------- */

static void
note_refs(Arena *arena, const Graph *graph, const Scope *scope, ScopeTable *table)
{
    size_t room = 0;
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        if (edge->parent != table->table)
            continue;
        if (edge->action == EDGE_DELETE && scope_position(scope, edge->child) == GRAPH_NONE)
            continue;
        table->keeps_partition = table->keeps_partition || edge->parent_only != NULL;
        for (size_t c = 0; c < edge->column_count; c++)
        {
            const size_t column = edge->parent_columns[c];
            const GraphTable *graph_entry = &graph->tables[table->table];
            if (!contains(table->refs, table->ref_count, column) &&
                !contains(graph_entry->key, graph_entry->key_count, column))
                ARENA_PUSH(arena, table->refs, table->ref_count, room, column);
        }
    }
}

static void
note_edges(Arena *arena, const Graph *graph, const Scope *scope, ScopeTable *table)
{
    size_t room = 0;
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        if (edge->child != table->table || edge->action != EDGE_DELETE ||
            scope_position(scope, edge->parent) == GRAPH_NONE)
            continue;
        ARENA_PUSH(arena, table->edges, table->edge_count, room, e);
        if (edge->parent == edge->child) /* of some partitions alone: no tree whose leaves could go first */
            table->self_edges += edge->only != NULL || edge->parent_only != NULL ? 2 : 1;
    }
}

static bool
is_leaf(const Graph *graph, size_t table)
{
    for (size_t e = 0; e < graph->edge_count; e++)
        if (graph->edges[e].parent == table)
            return false;
    return true;
}

static void
choose_method(Arena *arena, const Scope *scope, size_t root, size_t root_key, ScopeTable *table)
{
    const Graph *graph = scope->graph;
    const GraphTable *entry = &graph->tables[table->table];
    table->method = entry->key_count > 0 ? SCOPE_KEYS : SCOPE_WHOLE;
    if (entry->key_count == 0 || root_key == GRAPH_NONE || table->edge_count != 1 || !is_leaf(graph, table->table))
        return;
    const GraphEdge *edge = &graph->edges[table->edges[0]];
    if (scope->tables[0].edge_count == 0 && edge->parent == root && edge->column_count == 1 &&
        edge->parent_columns[0] == root_key && edge->only == NULL && edge->parent_only == NULL && edge->where == NULL &&
        edge->expression == NULL && !edge->element &&
        range_order(arena, entry, edge, &table->order, &table->order_count))
        table->method = SCOPE_RANGE;
}

static void
note_changes(Arena *arena, const Graph *graph, const bool *inside, Scope *scope)
{
    size_t room = 0;
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        if (edge->action == EDGE_DELETE || !inside[edge->parent])
            continue;
        const ScopeChange change = { .edge = e, .writes = edge->action != EDGE_KEEP || edge->rule->set_count > 0 };
        ARENA_PUSH(arena, scope->changes, scope->change_count, room, change);
    }
}

static void
note_orphan(Arena *arena, Scope *scope, size_t *room, size_t edge)
{
    const size_t table = scope->graph->edges[edge].parent;
    size_t at = 0;
    while (at < scope->orphan_count && scope->orphans[at].table != table)
        at++;
    if (at == scope->orphan_count)
    {
        const ScopeOrphan orphan = { .table = table };
        ARENA_PUSH(arena, scope->orphans, scope->orphan_count, *room, orphan);
    }
    ScopeOrphan *entry = &scope->orphans[at];
    ARENA_PUSH(arena, entry->edges, entry->edge_count, entry->edge_room, edge);
}

static void
note_orphans(Arena *arena, const Graph *graph, const bool *inside, Scope *scope)
{
    size_t room = 0;
    for (size_t e = 0; e < graph->edge_count; e++)
        if (graph->edges[e].orphans != NULL && inside[graph->edges[e].child])
            note_orphan(arena, scope, &room, e);
}

static Err
need_key(const Graph *graph, size_t table, const char *why)
{
    const GraphTable *entry = &graph->tables[table];
    if (entry->key_count > 0)
        return OK;
    return err_new(ERR_RAIL, "table \"%s.%s\" has no primary key and no unique index over NOT NULL columns: %s",
                   entry->schema, entry->name, why);
}

/* A root that refers to itself drags other roots along: only where the configuration says that it does. */
static Err
judge_root(const Graph *graph, const Scope *scope)
{
    for (size_t e = 0; e < scope->tables[0].edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[scope->tables[0].edges[e]];
        const GraphTable *root = &graph->tables[edge->child];
        if (edge->parent == edge->child && (edge->rule == NULL || !edge->rule->action_given))
            return err_new(
                ERR_RAIL,
                "\"%s.%s\" refers to itself, so that a root would drag other roots along; say what happens to them by "
                "an edge in the configuration: { from = \"%s.%s(%s)\"; to = \"%s.%s(%s)\"; action = \"delete\"; } or "
                "\"set_null\"",
                root->schema, root->name, root->schema, root->name, root->columns[edge->child_columns[0]].name,
                root->schema, root->name, root->columns[edge->parent_columns[0]].name);
    }
    return OK;
}

static Err
judge_keys(const Graph *graph, const Scope *scope)
{
    TRY(need_key(graph, scope->tables[0].table, "its rows cannot be told apart"));
    for (size_t i = 1; i < scope->table_count; i++)
        if (!is_leaf(graph, scope->tables[i].table))
            TRY(need_key(graph, scope->tables[i].table, "other tables refer to it, and its rows cannot be collected"));
    for (size_t i = 0; i < scope->change_count; i++)
        TRY(need_key(graph, graph->edges[scope->changes[i].edge].child, "its rows cannot be changed one by one"));
    for (size_t i = 0; i < scope->orphan_count; i++)
        TRY(need_key(graph, scope->orphans[i].table, "its rows cannot be judged one by one"));
    return OK;
}

/* A shared row is beside the scope: where it goes in any case, nobody asks who else refers to it. */
static Err
judge_orphans(const Graph *graph, const Scope *scope)
{
    for (size_t i = 0; i < scope->orphan_count; i++)
        if (scope_position(scope, scope->orphans[i].table) != GRAPH_NONE)
            return err_new(
                ERR_RAIL,
                "rows of %s go by another edge, whoever refers to them: orphans = \"delete\" cannot be said of "
                "it as well; one of the two edges must go",
                graph->tables[scope->orphans[i].table].quoted);
    return OK;
}

static Err
judge_table(const GraphTable *table, bool rewritten)
{
    if (table->foreign)
        return err_new(ERR_RAIL,
                       "%s is a foreign table: its rows are on another server, out of reach of a transaction here",
                       table->quoted);
    if (rewritten)
        return err_new(ERR_RAIL, "%s has a rule: what a statement on it does cannot be foretold", table->quoted);
    return OK;
}

/* What real schemas hold and this version cannot do exactly: refused, never met half-way. */
static Err
judge_shapes(const Graph *graph, const Scope *scope)
{
    for (size_t i = 0; i < scope->table_count; i++)
    {
        const GraphTable *table = &graph->tables[scope->tables[i].table];
        TRY(judge_table(table, table->rules_delete));
    }
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const GraphTable *table = &graph->tables[graph->edges[scope->changes[i].edge].child];
        TRY(judge_table(table, scope->changes[i].writes && table->rules_update));
    }
    for (size_t i = 0; i < scope->orphan_count; i++)
        TRY(judge_table(&graph->tables[scope->orphans[i].table], graph->tables[scope->orphans[i].table].rules_delete));
    return OK;
}

Err
scope_build(Arena *arena, const Graph *graph, size_t root, size_t root_key, Scope **ret_scope)
{
    Scope *scope = ARENA_NEW(arena, Scope);
    bool *inside = ARENA_ARRAY(arena, bool, graph->table_count);

    scope->graph = graph;
    reach(graph, root, inside);
    sort_tables(arena, graph, root, inside, scope);
    for (size_t i = 0; i < scope->table_count; i++)
    {
        ScopeTable *table = &scope->tables[i];
        note_edges(arena, graph, scope, table);
        note_refs(arena, graph, scope, table);
        choose_method(arena, scope, root, root_key, table);
    }
    scope->tables[0].method = SCOPE_ROOT;
    note_changes(arena, graph, inside, scope);
    note_orphans(arena, graph, inside, scope);
    TRY(judge_orphans(graph, scope));
    TRY(judge_root(graph, scope));
    TRY(judge_keys(graph, scope));
    TRY(judge_shapes(graph, scope));
    *ret_scope = scope;
    return OK;
}
