/* SPDX-License-Identifier: Apache-2.0 */
/* selchange.c -- the part of selector.h that asks, before a row is changed, whether the server would take it. */
#include "engine/seledge.h"

#include <string.h>

/* What an edge that does not delete writes into a column; NULL: the column stays as it is. */
static const char *
new_value(const Selector *s, const GraphEdge *edge, size_t column)
{
    const GraphTable *child = &s->target->graph->tables[edge->child];
    if (edge->action == EDGE_REMOVE_ELEMENT)
    {
        Text text = TEXT_INIT(s->arena);
        if (edge->child_columns[0] != column)
            return NULL;
        seledge_without(&text, s, (size_t)(edge - s->target->graph->edges), "t");
        return text_done(&text);
    }
    if (edge->action == EDGE_SET_NULL || edge->action == EDGE_SET_DEFAULT)
    {
        for (size_t c = 0; c < edge->set_count; c++)
            if (edge->set_columns[c] == column)
                return edge->action == EDGE_SET_NULL || child->columns[column].standard == NULL
                           ? "null"
                           : child->columns[column].standard;
        return NULL;
    }
    for (size_t i = 0; edge->rule != NULL && i < edge->rule->set_count; i++)
        if (strcmp(edge->rule->sets[i].column, child->columns[column].name) == 0)
            return edge->rule->sets[i].expression;
    return NULL;
}

/* The changed rows as they would be, as "x": with tableoid, all columns under their own names, and the key as it is now. */
static void
add_new_rows(Text *text, const Selector *s, size_t change, const GraphEdge *edge)
{
    const GraphTable *child = selparts_child(s, change);
    text_add(text, "(select t.tableoid as tableoid, ");
    selparts_work_keys(text, child, "w");
    for (size_t c = 0; c < child->column_count; c++)
    {
        const char *value = new_value(s, edge, c);
        if (value == NULL)
            text_addf(text, ", t.%s", child->columns[c].quoted);
        else
            text_addf(text, ", (%s)::%s as %s", value, child->columns[c].type, child->columns[c].quoted);
    }
    text_addf(text, " from %s t join %s w on ", child->from, selparts_change_work(s, change));
    selparts_join(text, child, "t", "w");
    text_add(text, ") x");
}

static bool
touches(const Selector *s, const GraphEdge *edge, const GraphEdge *key)
{
    for (size_t c = 0; c < key->column_count; c++)
        if (new_value(s, edge, key->child_columns[c]) != NULL)
            return true;
    return false;
}

/* A foreign key of the changed row: its new value must be there, and not go. */
static void
add_broken_key(Text *text, const Selector *s, const GraphEdge *key)
{
    const Graph *graph = s->target->graph;
    const GraphTable *child = &graph->tables[key->child];
    const size_t parent = scope_position(s->target->scope, key->parent);
    Text columns = TEXT_INIT(s->arena);
    for (size_t c = 0; c < key->column_count; c++)
        text_addf(&columns, "%sx.%s", c > 0 ? ", " : "", child->columns[key->child_columns[c]].quoted);
    if (key->match_full)
        text_addf(text, " or num_nulls(%s) not in (0, %zu)", text_done(&columns), key->column_count);
    text_addf(text, " or (num_nulls(%s) = 0", text_done(&columns));
    selparts_only_child(text, key, "x");
    text_addf(text, " and (not exists (select from %s p where ", graph->tables[key->parent].from);
    selparts_refers(text, s, key, "x", "p");
    selparts_only_parent(text, key, "p");
    text_add(text, ")");
    if (parent != GRAPH_NONE && selparts_is_collected(s, parent))
    {
        text_add(text, " or ");
        selparts_begin_in_work(text, s, key, "x");
        text_add(text, ")");
    }
    text_add(text, "))");
}

static bool
touches_index(const Selector *s, const GraphEdge *edge, const GraphIndex *index)
{
    bool touched = false;
    for (size_t c = 0; c < index->column_count; c++)
    {
        const char *value = new_value(s, edge, index->columns[c]);
        if (value != NULL && strcmp(value, "null") == 0)
            return false; /* NULL is no duplicate */
        touched = touched || value != NULL;
    }
    return touched;
}

/* The same values in a unique index, in two of the new rows or in one that is there. */
static void
add_duplicate(Text *text, const Selector *s, const GraphTable *child, const GraphIndex *index)
{
    Text columns = TEXT_INIT(s->arena);
    for (size_t c = 0; c < index->column_count; c++)
        text_addf(&columns, "%sx.%s", c > 0 ? ", " : "", child->columns[index->columns[c]].quoted);
    const char *list = text_done(&columns);
    text_addf(text, " or (num_nulls(%s) = 0 and ((%s) in (select %s from x group by %s having count(*) > 1)", list,
              list, list, list);
    text_addf(text, " or exists (select from %s t where ", child->from);
    for (size_t c = 0; c < index->column_count; c++)
    {
        const GraphColumn *column = &child->columns[index->columns[c]];
        text_addf(text, "t.%s %s x.%s and ", column->quoted, selparts_equals(column), column->quoted);
    }
    text_add(text, "not (");
    selparts_join(text, child, "t", "x");
    text_add(text, "))))");
}

/* -- unique over expressions, in part, at COMMIT; exclusion --------------------------------------------------------- */

static bool
touches_unique(const Selector *s, const GraphEdge *edge, const GraphUnique *unique)
{
    for (size_t c = 0; c < unique->column_count; c++)
        if (new_value(s, edge, unique->columns[c]) != NULL)
            return true;
    return false;
}

/* (select KEYS, EXPRESSIONS as expunge_v0, … from FROM t where …): nothing but the table's columns has names there.
 * fresh: the new rows, "x". */
static void
add_unique_rows(Text *text, const GraphTable *child, const GraphUnique *unique, bool fresh)
{
    text_add(text, "(select ");
    for (size_t i = 0; i < child->key_count; i++)
        text_addf(text, "%s%s as expunge_k%zu", i > 0 ? ", " : "",
                  fresh ? arena_printf(text->arena, "t.expunge_k%zu", i) : child->columns[child->key[i]].quoted, i);
    for (size_t i = 0; i < unique->count; i++)
        text_addf(text, ", %s as expunge_v%zu", unique->expressions[i], i);
    text_addf(text, " from %s t where true", fresh ? "x" : unique->from);
    if (unique->predicate != NULL)
        text_addf(text, " and (%s)", unique->predicate);
    if (fresh && unique->only != NULL)
        text_addf(text, " and t.tableoid = any (array(select y.relid from pg_partition_tree(%s::oid::regclass) y))",
                  unique->only);
    text_add(text, ")");
}

/* + (select count(*) …): new rows that have it in common with another one, a new one or (old) one that is there */
static void
add_common(Text *text, const GraphTable *child, const GraphUnique *unique, bool old)
{
    text_add(text, " + (select count(*) from ");
    add_unique_rows(text, child, unique, true);
    text_add(text, " n join ");
    add_unique_rows(text, child, unique, !old);
    text_add(text, " o on ");
    for (size_t i = 0; i < unique->count; i++)
    {
        const char *operator= unique->operators[i];
        text_addf(text,
                  unique->nulls_equal ? "(o.expunge_v%zu %s n.expunge_v%zu or "
                                      : "o.expunge_v%zu %s n.expunge_v%zu and ",
                  i, operator, i);
        if (unique->nulls_equal)
            text_addf(text, "(o.expunge_v%zu is null and n.expunge_v%zu is null)) and ", i, i);
    }
    text_add(text, "not (");
    for (size_t i = 0; i < child->key_count; i++)
        text_addf(text, "%so.expunge_k%zu %s n.expunge_k%zu", i > 0 ? " and " : "", i,
                  selparts_equals(&child->columns[child->key[i]]), i);
    text_add(text, "))");
}

/* What is left of an array of several dimensions, or of one that does not begin at 1, would be another shape. */
static void
add_shaped(Text *text, const Selector *s, size_t change, const GraphEdge *edge)
{
    const GraphTable *child = selparts_child(s, change);
    text_addf(text, " + (select count(*) from %s t join %s w on ", child->from, selparts_change_work(s, change));
    selparts_join(text, child, "t", "w");
    const char *array = child->columns[edge->child_columns[0]].quoted;
    text_addf(text, " where array_ndims(t.%s) > 1 or array_lower(t.%s, 1) <> 1)", array, array);
}

static bool
changes_parent(const Selector *s, const GraphEdge *edge, const GraphEdge *below)
{
    for (size_t c = 0; c < below->column_count; c++)
        if (new_value(s, edge, below->parent_columns[c]) != NULL)
            return true;
    return false;
}

/* Other rows refer to what would change. */
static void
add_referred(Text *text, const Selector *s, const GraphTable *child, const GraphEdge *below)
{
    text_addf(text, " or exists (select from %s t, %s g where ", child->from,
              s->target->graph->tables[below->child].from);
    selparts_join(text, child, "t", "x");
    text_add(text, " and ");
    selparts_refers(text, s, below, "g", "t");
    selparts_only_child(text, below, "g");
    selparts_only_parent(text, below, "t");
    text_add(text, ")");
}

static void
add_broken_check(Text *text, const GraphCheck *check)
{
    text_add(text, " or (");
    if (check->only != NULL)
        text_addf(text, "x.tableoid = any (array(select y.relid from pg_partition_tree(%s::oid::regclass) y)) and ",
                  check->only);
    text_addf(text, "(%s) is false)", check->expression);
}

char *
selector_count_impossible(const Selector *s, size_t change)
{
    Text text = TEXT_INIT(s->arena);
    const Graph *graph = s->target->graph;
    const GraphEdge *edge = selparts_edge(s, s->target->scope->changes[change].edge);
    const GraphTable *child = selparts_child(s, change);

    text_add(&text, "with x as (select * from ");
    add_new_rows(&text, s, change, edge);
    text_add(&text, ") select (select count(*) from x where false");
    for (size_t c = 0; c < child->column_count; c++)
        if (child->columns[c].not_null && new_value(s, edge, c) != NULL)
            text_addf(&text, " or x.%s is null", child->columns[c].quoted);
    for (size_t i = 0; i < child->check_count; i++)
        add_broken_check(&text, &child->checks[i]);
    for (size_t i = 0; i < child->index_count; i++)
        if (child->indexes[i].unique && touches_index(s, edge, &child->indexes[i]))
            add_duplicate(&text, s, child, &child->indexes[i]);
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *other = &graph->edges[e];
        if (other->declared && other->child == edge->child && touches(s, edge, other))
            add_broken_key(&text, s, other);
        if (!other->declared && other->child == edge->child && edge->action != EDGE_REMOVE_ELEMENT &&
            scope_position(s->target->scope, other->parent) != GRAPH_NONE && touches(s, edge, other))
        { /* no server sees to it */
            text_add(&text, " or (");
            selparts_reached(&text, s, e, "x");
            text_add(&text, ")");
        }
        if (other->declared && other->parent == edge->child && changes_parent(s, edge, other))
            add_referred(&text, s, child, other);
    }
    text_add(&text, ")");
    if (edge->action == EDGE_REMOVE_ELEMENT)
        add_shaped(&text, s, change, edge);
    for (size_t i = 0; i < child->unique_count; i++)
        if (touches_unique(s, edge, &child->uniques[i]))
        {
            add_common(&text, child, &child->uniques[i], true);
            add_common(&text, child, &child->uniques[i], false);
        }
    return text_done(&text);
}
