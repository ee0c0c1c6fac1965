/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/seledge.h"

#include <string.h>

#define LIVE_HOPS 8
/* Looked up in one statement: where every table has several parents, their number grows with each hop. */
#define LIVE_TABLES 24

const GraphTable *
selparts_table(const Selector *s, size_t position)
{
    return &s->target->graph->tables[s->target->scope->tables[position].table];
}

const GraphEdge *
selparts_edge(const Selector *s, size_t edge)
{
    return &s->target->graph->edges[edge];
}

const GraphTable *
selparts_child(const Selector *s, size_t change)
{
    return &s->target->graph->tables[selparts_edge(s, s->target->scope->changes[change].edge)->child];
}

char *
selparts_work(const Selector *s, size_t position)
{
    return arena_printf(s->arena, "pg_temp.expunge_w%zu_%zu", s->target->number, position);
}

char *
selparts_change_work(const Selector *s, size_t change)
{
    return arena_printf(s->arena, "pg_temp.expunge_c%zu_%zu", s->target->number, change);
}

char *
selparts_numbers(const Selector *s)
{
    return arena_printf(s->arena, "pg_temp.expunge_o%zu", s->target->number);
}

char *
selparts_key(const Selector *s)
{
    const GraphTable *root = &s->target->graph->tables[s->target->root];
    return arena_printf(s->arena, "(select current_setting('expunge.key')::%s)", root->columns[s->target->key].type);
}

const char *
selparts_equals(const GraphColumn *column)
{
    return column->equals == NULL ? "=" : column->equals;
}

void
selparts_is_root(Text *text, const Selector *s, const char *alias)
{
    const GraphColumn *key = &s->target->graph->tables[s->target->root].columns[s->target->key];
    text_addf(text, "%s.%s %s %s", alias, key->quoted, selparts_equals(key), selparts_key(s));
}

void
selparts_work_keys(Text *text, const GraphTable *table, const char *alias)
{
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "%s%s.expunge_k%zu", i > 0 ? ", " : "", alias, i);
}

void
selparts_table_keys(Text *text, const GraphTable *table, const char *alias)
{
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "%s%s.%s", i > 0 ? ", " : "", alias, table->columns[table->key[i]].quoted);
}

void
selparts_join(Text *text, const GraphTable *table, const char *t, const char *w)
{
    for (size_t i = 0; i < table->key_count; i++)
    {
        const GraphColumn *column = &table->columns[table->key[i]];
        text_addf(text, "%s%s.%s %s %s.expunge_k%zu", i > 0 ? " and " : "", t, column->quoted, selparts_equals(column),
                  w, i);
    }
}

char *
selparts_work_column(const Selector *s, size_t position, size_t column)
{
    const GraphTable *table = selparts_table(s, position);
    const ScopeTable *entry = &s->target->scope->tables[position];
    for (size_t i = 0; i < table->key_count; i++)
        if (table->key[i] == column)
            return arena_printf(s->arena, "expunge_k%zu", i);
    for (size_t i = 0; i < entry->ref_count; i++)
        if (entry->refs[i] == column)
            return arena_printf(s->arena, "expunge_r%zu", i);
    return arena_strdup(s->arena, "expunge_unknown");
}

bool
selparts_refers_to_key(const Selector *s, const GraphEdge *edge)
{
    return s->target->subject != NULL && edge->parent == s->target->root && edge->parent_only == NULL &&
           edge->column_count == 1 && edge->parent_columns[0] == s->target->key;
}

/* Straight to the subject's key; not where a root drags other rows of its table along: then its work table tells. */
static bool
is_key_edge(const Selector *s, const GraphEdge *edge)
{
    return selparts_refers_to_key(s, edge) && s->target->scope->tables[0].edge_count == 0;
}

bool
selparts_by_parent(const Selector *s, size_t edge_index)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    return !is_key_edge(s, edge) && (!selparts_refers_to_key(s, edge) || edge->declared) &&
           !selparts_remembers(s, edge);
}

bool
selparts_remembers(const Selector *s, const GraphEdge *edge)
{
    return s->late != NULL && !edge->declared && !selparts_refers_to_key(s, edge);
}

/* -- how an edge compares ------------------------------------------------------------------------------------------- */

/* An edge of the configuration compares as a foreign key between the two columns would: by the parent's collation. */
static GraphCompare
soft_compare(const Selector *s, const GraphColumn *parent, const GraphColumn *child)
{
    const bool same_type = strcmp(parent->base_type, child->base_type) == 0;
    const bool same_collation = text_equal(parent->collation, child->collation);
    if (same_collation && (parent->equals == NULL || !same_type))
        return (GraphCompare){ .operator= NULL };
    return (GraphCompare){ .operator= same_type ? selparts_equals(parent) : "=",
                           .parent_cast = "",
                           .child_cast = same_collation
                                             ? ""
                                             : arena_printf(s->arena, " collate %s",
                                                            parent->collation == NULL ? "pg_catalog.\"default\""
                                                                                      : parent->collation) };
}

static GraphCompare
compare_of(const Selector *s, const GraphEdge *edge, size_t c)
{
    if (edge->compares != NULL)
        return edge->compares[c];
    if (edge->declared)
        return (GraphCompare){ .operator= NULL };
    return soft_compare(s, &s->target->graph->tables[edge->parent].columns[edge->parent_columns[c]],
                        &s->target->graph->tables[edge->child].columns[edge->child_columns[c]]);
}

static bool
is_plain(const Selector *s, const GraphEdge *edge)
{
    for (size_t c = 0; c < edge->column_count; c++)
        if (compare_of(s, edge, c).operator!= NULL)
            return false;
    return true;
}

static void
add_compare(Text *text, const Selector *s, const GraphEdge *edge, size_t c, const char *child, const char *parent)
{
    const GraphCompare how = compare_of(s, edge, c);
    const GraphColumn *column = &s->target->graph->tables[edge->child].columns[edge->child_columns[c]];
    if (how.operator== NULL)
        text_addf(text, "%s.%s = %s", child, column->quoted, parent);
    else
        text_addf(text, "%s%s %s %s.%s%s", parent, how.parent_cast, how.operator, child, column->quoted,
                  how.child_cast);
}

void
selparts_refers(Text *text, const Selector *s, const GraphEdge *edge, const char *child, const char *parent)
{
    const GraphTable *table = &s->target->graph->tables[edge->parent];
    for (size_t c = 0; c < edge->column_count; c++)
    {
        text_add(text, c > 0 ? " and " : "");
        add_compare(text, s, edge, c, child,
                    arena_printf(s->arena, "%s.%s", parent, table->columns[edge->parent_columns[c]].quoted));
    }
}

void
selparts_refers_work(Text *text, const Selector *s, const GraphEdge *edge, const char *child, const char *work)
{
    const size_t position = scope_position(s->target->scope, edge->parent);
    for (size_t c = 0; c < edge->column_count; c++)
    {
        text_add(text, c > 0 ? " and " : "");
        add_compare(text, s, edge, c, child,
                    arena_printf(s->arena, "%s.%s", work, selparts_work_column(s, position, edge->parent_columns[c])));
    }
}

void
selparts_refers_values(Text *text, const Selector *s, const GraphEdge *edge, const char *child, const char *prefix)
{
    for (size_t c = 0; c < edge->column_count; c++)
    {
        text_add(text, c > 0 ? " and " : "");
        add_compare(text, s, edge, c, child, arena_printf(s->arena, "%s%zu", prefix, c));
    }
}

static void
add_partition(Text *text, const char *alias, const char *column, const char *partition)
{
    if (partition != NULL)
        text_addf(text, " and %s.%s = any (array(select x.relid from pg_partition_tree(%s::oid::regclass) x))", alias,
                  column, partition);
}

void
selparts_only_child(Text *text, const GraphEdge *edge, const char *child)
{
    add_partition(text, child, "tableoid", edge->only);
}

void
selparts_only_parent(Text *text, const GraphEdge *edge, const char *parent)
{
    add_partition(text, parent, "tableoid", edge->parent_only);
}

void
selparts_begin_in_work(Text *text, const Selector *s, const GraphEdge *edge, const char *child)
{
    const size_t parent = scope_position(s->target->scope, edge->parent);
    const GraphTable *table = &s->target->graph->tables[edge->child];
    if (!is_plain(s, edge))
    {
        text_addf(text, "exists (select from %s p where ", selparts_work(s, parent));
        selparts_refers_work(text, s, edge, child, "p");
        add_partition(text, "p", "expunge_partition", edge->parent_only);
        return;
    }
    text_add(text, "(");
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(text, "%s%s.%s", c > 0 ? ", " : "", child, table->columns[edge->child_columns[c]].quoted);
    text_add(text, ") in (select ");
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(text, "%sp.%s", c > 0 ? ", " : "", selparts_work_column(s, parent, edge->parent_columns[c]));
    text_addf(text, " from %s p where true", selparts_work(s, parent));
    add_partition(text, "p", "expunge_partition", edge->parent_only);
}

static void
add_in_work(Text *text, const Selector *s, const GraphEdge *edge, const char *alias)
{
    const bool late = selparts_remembers(s, edge);
    text_add(text, late ? "(" : "");
    selparts_begin_in_work(text, s, edge, alias);
    text_add(text, ")");
    if (!late)
        return;
    text_add(text, " or ");
    seledge_late(text, s, edge, alias);
    text_add(text, ")");
}

void
selparts_reached(Text *text, const Selector *s, size_t edge_index, const char *alias)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);

    if (is_key_edge(s, edge))
    {
        if (graph_edge_is_plain(edge))
            add_compare(text, s, edge, 0, alias, selparts_key(s));
        else
            seledge_key(text, s, edge, alias);
        selparts_only_child(text, edge, alias);
        return;
    }
    const bool key_too = selparts_refers_to_key(s, edge) && !edge->declared; /* a soft edge outlives its root */
    text_add(text, key_too ? "(" : "");
    if (key_too && graph_edge_is_plain(edge))
        add_compare(text, s, edge, 0, alias, selparts_key(s));
    else if (key_too)
        seledge_key(text, s, edge, alias);
    text_add(text, key_too ? " or " : "");
    if (graph_edge_is_plain(edge) && !(selparts_remembers(s, edge) && is_plain(s, edge)))
        add_in_work(text, s, edge, alias);
    else
        seledge_in(text, s, edge, alias, seledge_work_names(s, edge, "p"), seledge_from_work(s, edge));
    text_add(text, key_too ? ")" : "");
    selparts_only_child(text, edge, alias);
}

void
selparts_reached_any(Text *text, const Selector *s, size_t position, const char *alias)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    text_add(text, "(");
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        text_add(text, e > 0 ? " or " : "");
        selparts_reached(text, s, entry->edges[e], alias);
    }
    text_add(text, ")");
}

bool
selparts_is_collected(const Selector *s, size_t position)
{
    const ScopeMethod method = s->target->scope->tables[position].method;
    return method == SCOPE_ROOT || method == SCOPE_KEYS;
}

/* -- the live chain ------------------------------------------------------------------------------------------------ */

static void live_edge(Text *text, const Selector *s, size_t edge_index, const char *alias, size_t hops);

static void
live_row(Text *text, const Selector *s, size_t position, const char *alias, size_t hops)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    text_add(text, "(");
    if (position == 0)
        selparts_is_root(text, s, alias);
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        if (e > 0 || position == 0)
            text_add(text, " or ");
        live_edge(text, s, entry->edges[e], alias, hops);
    }
    text_add(text, ")");
}

/* No index of the parent's serves: its collected rows are asked instead, as they are now. */
static void
live_parents(Text *text, const Selector *s, const GraphEdge *edge, const char *alias, size_t hops)
{
    const size_t parent = scope_position(s->target->scope, edge->parent);
    const char *inner = arena_printf(s->arena, "p%zu", hops);
    const char *work = arena_printf(s->arena, "x%zu", hops);
    Text from = TEXT_INIT(s->arena);

    text_addf(&from, "from %s %s join %s %s on ", selparts_work(s, parent), work,
              s->target->graph->tables[edge->parent].from, inner);
    selparts_join(&from, &s->target->graph->tables[edge->parent], inner, work);
    text_add(&from, " where ");
    live_row(&from, s, parent, inner, hops - 1);
    seledge_in(text, s, edge, alias, seledge_parent_names(s, edge, inner), text_done(&from));
}

/* within a group: only for rows that nothing outside it ties to the subject; the others must still be tied */
static void
live_in_group(Text *text, const Selector *s, size_t position, const char *alias)
{
    text_addf(text, "exists (select from %s x where ", selparts_work(s, position));
    selparts_join(text, selparts_table(s, position), alias, "x");
    text_add(text, " and x.expunge_round > 0)");
}

static void
live_parent(Text *text, const Selector *s, size_t edge_index, const char *alias, size_t hops)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const ScopeTable *tables = s->target->scope->tables;
    const size_t position = scope_position(s->target->scope, edge->child);
    const size_t above = scope_position(s->target->scope, edge->parent);
    if (edge->action == EDGE_DELETE && position != GRAPH_NONE && tables[position].group == tables[above].group)
    {
        live_in_group(text, s, position, alias);
        return;
    }
    if (is_key_edge(s, edge) || hops == 0)
    {
        selparts_reached(text, s, edge_index, alias);
        return;
    }
    if (!graph_edge_is_plain(edge))
    {
        live_parents(text, s, edge, alias, hops);
        return;
    }
    const GraphTable *parent = &s->target->graph->tables[edge->parent];
    const char *inner = arena_printf(s->arena, "p%zu", hops);
    text_addf(text, "exists (select from %s %s where ", parent->from, inner);
    selparts_refers(text, s, edge, alias, inner);
    selparts_only_parent(text, edge, inner);
    text_add(text, " and ");
    live_row(text, s, above, inner, hops - 1);
    text_add(text, ")");
    selparts_only_child(text, edge, alias);
}

static void
live_edge(Text *text, const Selector *s, size_t edge_index, const char *alias, size_t hops)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const bool late = selparts_remembers(s, edge);
    if (edge->element && edge->action == EDGE_DELETE) /* somebody may have added another key meanwhile */
    {
        text_add(text, "not ");
        seledge_shared(text, s, edge, alias);
        text_add(text, " and ");
    }
    text_add(text, late ? "(" : "");
    live_parent(text, s, edge_index, alias, hops);
    if (!late)
        return;
    text_add(text, " or ");
    seledge_late(text, s, edge, alias);
    text_add(text, ")");
}

static bool
spends(const Selector *s, size_t position, size_t hops, size_t *left)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const GraphEdge *edge = selparts_edge(s, entry->edges[e]);
        const size_t parent = scope_position(s->target->scope, edge->parent);
        if (s->target->scope->tables[parent].group == entry->group || is_key_edge(s, edge) || hops == 0)
            continue;
        if (*left == 0)
            return false;
        (*left)--;
        if (!spends(s, parent, hops - 1, left))
            return false;
    }
    return true;
}

/* How far up the live rows are followed from this table: as far as one statement can bear. */
static size_t
hops_from(const Selector *s, size_t position)
{
    size_t hops = LIVE_HOPS;
    for (; hops > 1; hops--)
    {
        size_t left = LIVE_TABLES;
        if (spends(s, position, hops, &left))
            break;
    }
    return hops;
}

void
selparts_live(Text *text, const Selector *s, size_t position, const char *alias)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    if (s->target->policy == NULL)
    {
        live_row(text, s, position, alias, hops_from(s, position));
        return;
    }
    if (entry->edge_count == 0) /* a policy's own rows are locked by the batch that collected them */
    {
        text_add(text, "true");
        return;
    }
    if (position == 0) /* its own rows are due; others of its table hang on them */
    {
        text_addf(text, "(exists (select from %s x where ", selparts_work(s, 0));
        selparts_join(text, selparts_table(s, 0), alias, "x");
        text_add(text, " and x.expunge_round = 0) or ");
    }
    selparts_reached_any(text, s, position, alias);
    text_add(text, position == 0 ? ")" : "");
    for (size_t e = 0; e < entry->edge_count; e++)
        if (selparts_edge(s, entry->edges[e])->element)
        {
            text_add(text, " and not ");
            seledge_shared(text, s, selparts_edge(s, entry->edges[e]), alias);
        }
}

void
selparts_live_change(Text *text, const Selector *s, size_t edge, const char *alias)
{
    if (s->target->policy != NULL)
        text_add(text, "true");
    else
        live_edge(text, s, edge, alias,
                  1 + hops_from(s, scope_position(s->target->scope, selparts_edge(s, edge)->parent)));
}

void
selparts_live_outside(Text *text, const Selector *s, size_t position, const char *alias)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    text_add(text, "(false");
    if (position == 0)
    {
        text_add(text, " or ");
        selparts_is_root(text, s, alias);
    }
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const GraphEdge *edge = selparts_edge(s, entry->edges[e]);
        const bool inside = s->target->scope->tables[scope_position(s->target->scope, edge->parent)].group ==
                            entry->group;
        if (inside && !selparts_remembers(s, edge))
            continue;
        text_add(text, " or ");
        if (inside)
            seledge_late(text, s, edge, alias);
        else
            live_edge(text, s, entry->edges[e], alias, hops_from(s, position));
    }
    text_add(text, ")");
}

/* -- policies ------------------------------------------------------------------------------------------------------ */

const char *
selparts_age(const Selector *s)
{
    const Target *target = s->target;
    if (target->age == GRAPH_NONE)
        return arena_printf(s->arena, "(%s)", target->policy->age);
    return arena_printf(s->arena, "t.%s", target->graph->tables[target->root].columns[target->age].quoted);
}

/* A cutoff in the age's own type, so that an index serves; a date is older only when its whole day is. */
void
selparts_cutoff(Text *text, const Selector *s, const char *cutoff)
{
    const Target *target = s->target;
    const char *type = target->age_type;
    const char *literal = db_literal(s->arena, cutoff);
    if (strcmp(type, "date") == 0 || strcmp(type, "timestamp without time zone") == 0)
        text_addf(text, "(select (%s::timestamptz at time zone 'UTC')::%s)", literal, type);
    else
        text_addf(text, "%s::timestamptz", literal);
}

void
selparts_due(Text *text, const Selector *s)
{
    const PolicyRule *policy = s->target->policy;
    if (s->target->owner != NULL)
        selparts_kept_due(text, s);
    else
    {
        text_addf(text, "%s < ", selparts_age(s));
        selparts_cutoff(text, s, s->cutoffs.main);
    }
    for (size_t i = 0; i < policy->exempt_count; i++)
    {
        text_addf(text, " and (((%s) is not true) or %s < ", policy->exempts[i].where, selparts_age(s));
        selparts_cutoff(text, s, s->cutoffs.exempts[i]);
        text_add(text, ")");
    }
    if (s->target->holder != GRAPH_NONE)
    {
        text_add(text, " and ");
        selparts_not_held(text, s);
    }
}

void
selparts_range_base(Text *text, const Selector *s, size_t position)
{
    if (s->target->policy != NULL && position == 0)
        selparts_due(text, s);
    else
        selparts_reached_any(text, s, position, "t");
}
