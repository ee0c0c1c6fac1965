/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/indexes.h"

#include "base/text.h"
#include "wrap/db.h"

#include <string.h>

typedef struct Gathered
{
    Arena *arena;
    MissingIndex *list;
    size_t count;
    size_t room;
} Gathered;

static const char *
list_columns(Arena *arena, const GraphTable *table, const size_t *columns, size_t count, bool quoted)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%s%s", i > 0 ? ", " : "",
                  quoted ? table->columns[columns[i]].quoted : table->columns[columns[i]].name);
    return text_done(&text);
}

static const char *
doubled_percent(Arena *arena, const char *from)
{
    Text text = TEXT_INIT(arena);
    for (; *from != '\0'; from++)
        text_add_bytes(&text, *from == '%' ? "%%" : from, *from == '%' ? 2 : 1);
    return text_done(&text);
}

/* PostgreSQL makes no index of a partitioned table concurrently (CREATE INDEX, "Building Indexes Concurrently"); one on the
 * whole finds those of its partitions made, and only joins them. */
static const char *
create_index(Arena *arena, const GraphTable *table, const char *method, const char *columns)
{
    if (!table->partitioned)
        return arena_printf(arena, "CREATE INDEX CONCURRENTLY ON %s %s(%s);", table->quoted, method, columns);
    const char *one = arena_printf(arena, "CREATE INDEX CONCURRENTLY ON %%s %s(%s)", method,
                                   doubled_percent(arena, columns));
    return arena_printf(arena,
                        "SELECT format(%s, relid::regclass) FROM pg_partition_tree(%s) WHERE isleaf \\gexec\n"
                        "CREATE INDEX ON %s %s(%s);",
                        db_literal(arena, one), db_literal(arena, table->quoted), table->quoted, method, columns);
}

static const char *
size_of(Arena *arena, const GraphTable *table)
{
    if (table->row_estimate == 0 && table->byte_estimate == 0)
        return "it was never analysed: its size is not known";
    return arena_printf(arena, "%s, about %s rows", text_bytes(arena, table->byte_estimate),
                        text_thousands(arena, table->row_estimate));
}

static void
add_index(Gathered *g, const GraphTable *table, const char *columns, const char *create, const char *cost)
{
    const MissingIndex missing = { .table = table, .columns = columns, .cost = cost, .create = create };
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->list[i].create, missing.create) == 0)
            return;
    ARENA_PUSH(g->arena, g->list, g->count, g->room, missing);
}

static void
add_missing(Gathered *g, const GraphTable *table, const size_t *columns, size_t count, const char *cost)
{
    add_index(g, table, list_columns(g->arena, table, columns, count, false),
              create_index(g->arena, table, "", list_columns(g->arena, table, columns, count, true)), cost);
}

/* What an edge is searched by on the child's side: its columns, an expression, or the elements of an array. */
static void
add_missing_child(Gathered *g, const GraphTable *child, const GraphEdge *edge, const char *cost)
{
    if (edge->expression == NULL && !edge->element)
    {
        add_missing(g, child, edge->child_columns, edge->column_count, cost);
        return;
    }
    const char *value = edge->expression != NULL ? arena_printf(g->arena, "(%s)", edge->expression)
                                                 : child->columns[edge->child_columns[0]].quoted;
    add_index(g, child, list_columns(g->arena, child, edge->child_columns, edge->column_count, false),
              create_index(g->arena, child, edge->element ? "USING gin " : "", value), cost);
}

static void
judge_edge(Gathered *g, const Graph *graph, const GraphEdge *edge)
{
    const GraphTable *child = &graph->tables[edge->child];
    const GraphTable *parent = &graph->tables[edge->parent];
    const char *where = arena_printf(g->arena, "all of %s.%s (%s)", child->schema, child->name,
                                     size_of(g->arena, child));

    if (!graph_edge_has_index(graph, edge))
        add_missing_child(g, child, edge,
                          edge->declared
                              ? arena_printf(g->arena, "every batch reads %s once for each row of %s.%s that goes",
                                             where, parent->schema, parent->name)
                              : arena_printf(g->arena, "every search for what refers to %s.%s reads %s", parent->schema,
                                             parent->name, where));
    if (!edge->declared && !graph_has_index(parent, edge->parent_columns, edge->column_count))
        add_missing(g, parent, edge->parent_columns, edge->column_count,
                    arena_printf(g->arena, "every batch of rows of %s.%s reads all of %s.%s (%s)", child->schema,
                                 child->name, parent->schema, parent->name, size_of(g->arena, parent)));
}

static void
judge_age(Gathered *g, const Target *target)
{
    const GraphTable *table = &target->graph->tables[target->root];
    if (target->age == GRAPH_NONE || graph_has_index(table, &target->age, 1))
        return;
    size_t *columns = ARENA_ARRAY(g->arena, size_t, table->key_count + 1);
    size_t count = 0;
    columns[count++] = target->age;
    for (size_t k = 0; k < table->key_count; k++)
        if (table->key[k] != target->age)
            columns[count++] = table->key[k];
    add_missing(g, table, columns, count,
                arena_printf(g->arena,
                             "each look at what is due reads all of %s.%s (%s), and so do the batches of a "
                             "pass together",
                             table->schema, table->name, size_of(g->arena, table)));
}

void
indexes_missing(Arena *arena, const Target *target, MissingIndex **ret_list, size_t *ret_count)
{
    Gathered g = { .arena = arena };

    if (target->policy != NULL && target->graph != NULL)
        judge_age(&g, target);
    for (size_t e = 0; target->scope != NULL && e < target->graph->edge_count; e++)
        if (scope_position(target->scope, target->graph->edges[e].parent) != GRAPH_NONE)
            judge_edge(&g, target->graph, &target->graph->edges[e]);
    *ret_list = g.list;
    *ret_count = g.count;
}
