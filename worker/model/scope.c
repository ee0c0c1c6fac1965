/* SPDX-License-Identifier: Apache-2.0 */
#include "model/scope.h"

#include "base/text.h"

#include <string.h>

bool
scope_type_is_plain(const char *base_type)
{
    static const char *const plain[] = { "smallint", "integer", "bigint", "uuid", "date", "timestamp with time zone",
                                         "timestamp without time zone" };
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
        if (fits && order_behind(arena, table, edge->child_columns, edge->column_count,
                                 index->columns + edge->column_count, index->column_count - edge->column_count,
                                 ret_order, ret_count))
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

/* Parents before children; self edges do not count.  What is left over stands in a cycle. */
static Err
sort_tables(Arena *arena, const Graph *graph, size_t root, const bool *inside, Scope *scope)
{
    bool *placed = ARENA_ARRAY(arena, bool, graph->table_count);
    size_t total = 0;
    for (size_t t = 0; t < graph->table_count; t++)
        total += inside[t] ? 1 : 0;
    scope->tables = ARENA_ARRAY(arena, ScopeTable, total);
    for (bool moved = true; moved && scope->table_count < total;)
    {
        moved = false;
        for (size_t t = 0; t < graph->table_count; t++)
        {
            if (!inside[t] || placed[t] || (scope->table_count == 0 && t != root))
                continue;
            bool ready = true;
            for (size_t e = 0; e < graph->edge_count && ready; e++)
            {
                const GraphEdge *edge = &graph->edges[e];
                ready = edge->child != t || edge->parent == t || edge->action != EDGE_DELETE ||
                        !inside[edge->parent] || placed[edge->parent];
            }
            if (!ready)
                continue;
            placed[t] = true;
            scope->tables[scope->table_count++] = (ScopeTable){ .table = t };
            moved = true;
        }
    }
    if (scope->table_count == total)
        return OK;
    Text names = TEXT_INIT(arena);
    for (size_t t = 0; t < graph->table_count; t++)
        if (inside[t] && !placed[t])
            text_addf(&names, "%s\"%s.%s\"", names.length > 0 ? ", " : "", graph->tables[t].schema, graph->tables[t].name);
    return err_new(ERR_RAIL, "these tables refer to each other in a cycle, which this version does not erase: %s",
                   text_done(&names));
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
        table->self = table->self || edge->parent == edge->child;
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
choose_method(Arena *arena, const Graph *graph, size_t root, size_t root_key, ScopeTable *table)
{
    const GraphTable *entry = &graph->tables[table->table];
    table->method = SCOPE_KEYS;
    if (root_key == GRAPH_NONE || table->edge_count != 1 || !is_leaf(graph, table->table))
        return;
    const GraphEdge *edge = &graph->edges[table->edges[0]];
    if (edge->parent == root && edge->column_count == 1 && edge->parent_columns[0] == root_key && edge->only == NULL &&
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
        const ScopeChange change = { .edge = e,
                                     .writes = edge->action != EDGE_KEEP || edge->rule->set_count > 0 };
        ARENA_PUSH(arena, scope->changes, scope->change_count, room, change);
    }
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

Err
scope_build(Arena *arena, const Graph *graph, size_t root, size_t root_key, Scope **ret_scope)
{
    Scope *scope = ARENA_NEW(arena, Scope);
    bool *inside = ARENA_ARRAY(arena, bool, graph->table_count);

    scope->graph = graph;
    reach(graph, root, inside);
    TRY(sort_tables(arena, graph, root, inside, scope));
    for (size_t i = 0; i < scope->table_count; i++)
    {
        ScopeTable *table = &scope->tables[i];
        TRY(need_key(graph, table->table, "its rows cannot be told apart"));
        note_edges(arena, graph, scope, table);
        note_refs(arena, graph, scope, table);
        choose_method(arena, graph, root, root_key, table);
    }
    if (scope->tables[0].self)
        return err_new(ERR_RAIL,
                       "\"%s.%s\" refers to itself, so that a root would drag other roots along; say what happens to them by an "
                       "edge with an action (set_null, keep) in the configuration",
                       graph->tables[root].schema, graph->tables[root].name);
    scope->tables[0].method = SCOPE_ROOT;
    note_changes(arena, graph, inside, scope);
    for (size_t i = 0; i < scope->change_count; i++)
        TRY(need_key(graph, graph->edges[scope->changes[i].edge].child, "its rows cannot be changed one by one"));
    *ret_scope = scope;
    return OK;
}
