/* SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

size_t
graph_table(const Graph *graph, const char *schema, const char *name)
{
    for (size_t i = 0; i < graph->table_count; i++)
        if (strcmp(graph->tables[i].name, name) == 0 && strcmp(graph->tables[i].schema, schema) == 0)
            return i;
    return GRAPH_NONE;
}

size_t
graph_table_oid(const Graph *graph, int64_t oid)
{
    for (size_t i = 0; i < graph->table_count; i++)
        if (graph->tables[i].oid == oid)
            return i;
    return GRAPH_NONE;
}

size_t
graph_column(const GraphTable *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    return GRAPH_NONE;
}

size_t
graph_column_attnum(const GraphTable *table, int attnum)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].attnum == attnum)
            return i;
    return GRAPH_NONE;
}

static bool
all_not_null(const GraphTable *table, const GraphIndex *index)
{
    for (size_t i = 0; i < index->column_count; i++)
        if (!table->columns[index->columns[i]].not_null)
            return false;
    return true;
}

void
graph_choose_keys(Graph *graph, Arena *arena)
{
    for (size_t t = 0; t < graph->table_count; t++)
    {
        GraphTable *table = &graph->tables[t];
        const GraphIndex *best = NULL;
        for (size_t i = 0; i < table->index_count; i++)
        {
            const GraphIndex *index = &table->indexes[i];
            if (!index->unique || !all_not_null(table, index))
                continue;
            if (best == NULL || (index->primary && !best->primary))
                best = index;
        }
        if (best == NULL)
            continue;
        table->key = ARENA_ARRAY(arena, size_t, best->column_count);
        memcpy(table->key, best->columns, best->column_count * sizeof *table->key);
        table->key_count = best->column_count;
    }
}

bool
graph_has_index(const GraphTable *table, const size_t *columns, size_t count)
{
    for (size_t i = 0; i < table->index_count; i++)
    {
        const GraphIndex *index = &table->indexes[i];
        size_t found = 0;
        for (size_t c = 0; c < count && index->column_count >= count; c++)
            for (size_t k = 0; k < count; k++)
                if (index->columns[k] == columns[c])
                {
                    found++;
                    break;
                }
        if (found == count)
            return true;
    }
    return false;
}

bool
graph_edge_is_plain(const GraphEdge *edge)
{
    return edge->where == NULL && edge->expression == NULL && !edge->element && edge->as_text == NULL;
}

bool
graph_sets_reference(EdgeAction action)
{
    return action == EDGE_SET_NULL || action == EDGE_SET_DEFAULT || action == EDGE_REMOVE_ELEMENT;
}

bool
graph_type_is_text(const char *base_type)
{
    return strcmp(base_type, "text") == 0 || strcmp(base_type, "character varying") == 0 ||
           strcmp(base_type, "character") == 0;
}

bool
graph_edge_has_index(const Graph *graph, const GraphEdge *edge)
{
    if (edge->expression == NULL && !edge->element &&
        graph_has_index(&graph->tables[edge->child], edge->child_columns, edge->column_count))
        return true;
    return edge->indexed;
}

/* -- the configuration's edges ------------------------------------------------------------------------------------ */

static Err
find_table(Arena *arena, const Graph *graph, const char *path, int line, const TableName *name, size_t *ret)
{
    *ret = graph_table(graph, name->schema, name->table);
    if (*ret != GRAPH_NONE)
        return OK;
    const char **known = ARENA_ARRAY(arena, const char *, graph->table_count + 1);
    for (size_t t = 0; t < graph->table_count; t++)
        known[t] = arena_printf(arena, "%s.%s", graph->tables[t].schema, graph->tables[t].name);
    const int near = text_nearest(arena_printf(arena, "%s.%s", name->schema, name->table), known, graph->table_count);
    return err_new(ERR_CONFIG,
                   "%s:%d: there is no table \"%s.%s\" in this database (views and partitions are no targets)%s%s%s",
                   path, line, name->schema, name->table, near < 0 ? "" : "; did you mean \"",
                   near < 0 ? "" : known[near], near < 0 ? "" : "\"?");
}

static Err
find_columns(Arena *arena, const GraphTable *table, const char *path, int line, const char **names, size_t count,
             size_t **ret)
{
    size_t *columns = ARENA_ARRAY(arena, size_t, count);
    for (size_t i = 0; i < count; i++)
    {
        columns[i] = graph_column(table, names[i]);
        if (columns[i] == GRAPH_NONE)
        {
            const char **known = ARENA_ARRAY(arena, const char *, table->column_count);
            for (size_t c = 0; c < table->column_count; c++)
                known[c] = table->columns[c].name;
            const int near = text_nearest(names[i], known, table->column_count);
            return err_new(ERR_CONFIG, "%s:%d: table \"%s.%s\" has no column \"%s\"%s%s%s", path, line, table->schema,
                           table->name, names[i], near < 0 ? "" : "; did you mean \"", near < 0 ? "" : known[near],
                           near < 0 ? "" : "\"?");
        }
    }
    *ret = columns;
    return OK;
}

static bool
same_columns(const size_t *a, const size_t *b, size_t count)
{
    return memcmp(a, b, count * sizeof *a) == 0;
}

bool
graph_edge_is_cut(const Graph *graph, const GraphEdge *edge)
{
    const GraphTable *child = &graph->tables[edge->child];
    for (size_t c = 0; edge->rule != NULL && c < edge->column_count && edge->expression == NULL && !edge->element; c++)
        for (size_t s = 0; s < edge->rule->set_count; s++)
            if (strcmp(edge->rule->sets[s].column, child->columns[edge->child_columns[c]].name) == 0)
                return true; /* one part of the key changed is enough: a partly NULL key refers to nothing */
    return false;
}

static Err
check_edge(Arena *arena, const Graph *graph, const char *path, const GraphEdge *edge)
{
    const EdgeRule *rule = edge->rule;
    const GraphTable *child = &graph->tables[edge->child];
    const bool changes = edge->action == EDGE_ANONYMISE || edge->action == EDGE_KEEP;

    for (size_t s = 0; s < rule->set_count; s++)
    {
        size_t *column;
        TRY(find_columns(arena, child, path, rule->line, &rule->sets[s].column, 1, &column));
    }
    for (size_t s = 0; s < rule->set_count; s++)
        if (strcasecmp(rule->sets[s].expression, "null") == 0 &&
            child->columns[graph_column(child, rule->sets[s].column)].not_null)
            return err_new(ERR_CONFIG, "%s:%d: set: column \"%s\" of \"%s.%s\" is NOT NULL; must be another value",
                           path, rule->line, rule->sets[s].column, child->schema, child->name);
    if (edge->declared && changes && !graph_edge_is_cut(graph, edge))
        return err_new(
            ERR_CONFIG,
            "%s:%d: \"%s\" refers to \"%s.%s\" by the foreign key \"%s\": the rows that stay would refer to a "
            "row that goes; add the referencing column to \"set\", for example set = { %s = \"NULL\"; }",
            path, rule->line, child->name, graph->tables[edge->parent].schema, graph->tables[edge->parent].name,
            edge->name, child->columns[edge->child_columns[0]].name);
    if (edge->action == EDGE_SET_NULL && child->columns[edge->child_columns[0]].not_null && edge->column_count == 1)
        return err_new(ERR_CONFIG,
                       "%s:%d: column \"%s\" of \"%s.%s\" is NOT NULL: action \"set_null\" cannot work there", path,
                       rule->line, child->columns[edge->child_columns[0]].name, child->schema, child->name);
    return OK;
}

/* What a rule says of a foreign key that is there already. */
static Err
apply_to_key(Arena *arena, Graph *graph, const char *path, const EdgeRule *rule, GraphEdge *old)
{
    if (rule->where != NULL || rule->expression != NULL || rule->element)
        return err_new(
            ERR_CONFIG,
            "%s:%d: the foreign key \"%s\" says so for every row of \"%s.%s\": \"where\", \"expression\" and "
            "\"match\" are for references that no foreign key declares",
            path, rule->line, old->name, rule->child.schema, rule->child.table);
    if (rule->orphans)
        old->orphans = rule;
    if (rule->orphans && !rule->action_given) /* what is said of orphans alone leaves the key's own action */
        return OK;
    old->action = rule->action;
    old->rule = rule;
    return check_edge(arena, graph, path, old);
}

/* Rules of one subject or policy that say the same of the same rows. */
static bool
same_rows(const EdgeRule *a, const EdgeRule *b)
{
    return text_equal(a->where, b->where) && text_equal(a->expression, b->expression) && a->element == b->element;
}

/* Which columns hold a text where the parent has a number, a uuid or another type. */
static void
note_texts(Arena *arena, const Graph *graph, GraphEdge *edge)
{
    if (edge->expression != NULL || edge->element) /* the server knows their types: engine/softedge */
        return;
    for (size_t c = 0; c < edge->column_count; c++)
    {
        const GraphColumn *child = &graph->tables[edge->child].columns[edge->child_columns[c]];
        const GraphColumn *parent = &graph->tables[edge->parent].columns[edge->parent_columns[c]];
        if (!graph_type_is_text(child->base_type) || graph_type_is_text(parent->base_type) ||
            strcmp(parent->base_type, "citext") == 0 || strcmp(parent->base_type, "name") == 0)
            continue;
        if (edge->as_text == NULL)
            edge->as_text = ARENA_ARRAY(arena, bool, edge->column_count);
        edge->as_text[c] = true;
    }
}

static bool
same_ends(const GraphEdge *a, const GraphEdge *b)
{
    return a->child == b->child && a->parent == b->parent && a->column_count == b->column_count &&
           same_columns(a->child_columns, b->child_columns, b->column_count) &&
           same_columns(a->parent_columns, b->parent_columns, b->column_count);
}

/* A rule speaks of the whole table.  Where foreign keys sit on some of its partitions alone, rows of the others refer as
 * well: the first of the keys stands for all of them. */
static void
widen(Graph *graph, const GraphEdge *edge)
{
    size_t first = GRAPH_NONE, count = 0;

    for (size_t i = 0; i < graph->edge_count; i++)
        if (graph->edges[i].declared && same_ends(&graph->edges[i], edge))
        {
            if (graph->edges[i].only == NULL || graph->edges[i].parent_only != NULL)
                return;
            first = first == GRAPH_NONE ? i : first;
        }
    for (size_t i = 0; first != GRAPH_NONE && i < graph->edge_count; i++)
        if (i <= first || !graph->edges[i].declared || !same_ends(&graph->edges[i], edge))
            graph->edges[count++] = graph->edges[i];
    if (first == GRAPH_NONE)
        return;
    graph->edges[first].only = NULL;
    graph->edge_count = count;
}

static Err
apply_rule(Arena *arena, Graph *graph, const char *path, const EdgeRule *rule)
{
    GraphEdge edge = { .action = rule->action, .rule = rule, .column_count = rule->column_count };
    TRY(find_table(arena, graph, path, rule->line, &rule->child, &edge.child));
    TRY(find_table(arena, graph, path, rule->line, &rule->parent, &edge.parent));
    TRY(find_columns(arena, &graph->tables[edge.child], path, rule->line, rule->child_columns, rule->column_count,
                     &edge.child_columns));
    TRY(find_columns(arena, &graph->tables[edge.parent], path, rule->line, rule->parent_columns, rule->column_count,
                     &edge.parent_columns));
    bool known = false;
    if (rule->action_given || !rule->orphans)
        widen(graph, &edge);
    for (size_t i = 0; i < graph->edge_count; i++)
    {
        GraphEdge *old = &graph->edges[i];
        if (!same_ends(old, &edge))
            continue;
        if (!old->declared && !same_rows(old->rule, rule))
            continue;
        if (old->rule != NULL && same_rows(old->rule, rule))
            return err_new(ERR_CONFIG, "%s:%d: this edge stands in line %d already; one of the two must go", path,
                           rule->line, old->rule->line);
        TRY(apply_to_key(arena, graph, path, rule, old));
        known = true;
    }
    if (known)
        return OK;
    edge.where = rule->where;
    edge.expression = rule->expression;
    edge.element = rule->element;
    edge.orphans = rule->orphans ? rule : NULL;
    edge.set_columns = edge.child_columns;
    edge.set_count = edge.column_count;
    note_texts(arena, graph, &edge);
    TRY(check_edge(arena, graph, path, &edge));
    edge.name = arena_printf(arena, "%s.%s(%s)%s%s", rule->child.schema, rule->child.table, rule->child_columns[0],
                             rule->where == NULL ? "" : " where ", rule->where == NULL ? "" : rule->where);
    ARENA_PUSH(arena, graph->edges, graph->edge_count, graph->edge_room, edge);
    return OK;
}

Err
graph_apply(Arena *arena, const Graph *base, const char *config_path, const EdgeRule *rules, size_t count,
            Graph **ret_graph)
{
    Graph *graph = ARENA_NEW(arena, Graph);
    *graph = *base; /* the tables are shared, the edges are copied */
    graph->edge_room = base->edge_count + count + 1;
    graph->edges = ARENA_ARRAY(arena, GraphEdge, graph->edge_room);
    if (base->edge_count > 0)
        memcpy(graph->edges, base->edges, base->edge_count * sizeof *base->edges);
    for (size_t i = 0; i < count; i++)
        TRY(apply_rule(arena, graph, config_path, &rules[i]));
    *ret_graph = graph;
    return OK;
}
