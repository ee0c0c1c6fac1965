/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/selparts.h"

#include <string.h>

#define LIVE_HOPS 8

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
        text_addf(text, "%s%s.%s = %s.expunge_k%zu", i > 0 ? " and " : "", t, table->columns[table->key[i]].quoted, w,
                  i);
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

static bool
refers_to_key(const Selector *s, const GraphEdge *edge)
{
    return s->target->subject != NULL && edge->parent == s->target->root && edge->column_count == 1 &&
           edge->parent_columns[0] == s->target->key;
}

/* Straight to the subject's key; not where a root drags other rows of its table along: then its work table tells. */
static bool
is_key_edge(const Selector *s, const GraphEdge *edge)
{
    return refers_to_key(s, edge) && s->target->scope->tables[0].edge_count == 0;
}

static void
add_only(Text *text, const GraphEdge *edge, const char *alias)
{
    if (edge->only != NULL)
        text_addf(text, " and %s.tableoid = any (array(select x.relid from pg_partition_tree(%s::oid::regclass) x))",
                  alias, edge->only);
}

void
selparts_reached(Text *text, const Selector *s, size_t edge_index, const char *alias)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const GraphTable *child = &s->target->graph->tables[edge->child];

    if (is_key_edge(s, edge))
    {
        text_addf(text, "%s.%s = %s", alias, child->columns[edge->child_columns[0]].quoted, selparts_key(s));
        add_only(text, edge, alias);
        return;
    }
    const size_t parent = scope_position(s->target->scope, edge->parent);
    const bool key_too = refers_to_key(s, edge) && !edge->declared; /* a soft edge outlives its root */
    if (key_too)
        text_addf(text, "(%s.%s = %s or ", alias, child->columns[edge->child_columns[0]].quoted, selparts_key(s));
    text_add(text, "(");
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(text, "%s%s.%s", c > 0 ? ", " : "", alias, child->columns[edge->child_columns[c]].quoted);
    text_add(text, ") in (select ");
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(text, "%sp.%s", c > 0 ? ", " : "", selparts_work_column(s, parent, edge->parent_columns[c]));
    text_addf(text, " from %s p)%s", selparts_work(s, parent), key_too ? ")" : "");
    add_only(text, edge, alias);
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
        text_addf(text, "%s.%s = %s", alias, selparts_table(s, 0)->columns[s->target->key].quoted, selparts_key(s));
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        if (e > 0 || position == 0)
            text_add(text, " or ");
        live_edge(text, s, entry->edges[e], alias, hops);
    }
    text_add(text, ")");
}

static void
live_edge(Text *text, const Selector *s, size_t edge_index, const char *alias, size_t hops)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const ScopeTable *tables = s->target->scope->tables;
    const size_t position = scope_position(s->target->scope, edge->child);
    const size_t above = scope_position(s->target->scope, edge->parent);
    if (edge->action == EDGE_DELETE && position != GRAPH_NONE && tables[position].group == tables[above].group)
    {
        /* within a group: only for rows that nothing outside it ties to the subject; the others must still be tied */
        text_addf(text, "exists (select from %s x where ", selparts_work(s, position));
        selparts_join(text, selparts_table(s, position), alias, "x");
        text_add(text, " and x.expunge_round > 0)");
        return;
    }
    if (is_key_edge(s, edge) || hops == 0)
    {
        selparts_reached(text, s, edge_index, alias);
        return;
    }
    const GraphTable *child = &s->target->graph->tables[edge->child];
    const GraphTable *parent = &s->target->graph->tables[edge->parent];
    const char *inner = arena_printf(s->arena, "p%zu", hops);
    text_addf(text, "exists (select from %s %s where ", parent->quoted, inner);
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(text, "%s%s.%s = %s.%s", c > 0 ? " and " : "", inner, parent->columns[edge->parent_columns[c]].quoted,
                  alias, child->columns[edge->child_columns[c]].quoted);
    text_add(text, " and ");
    live_row(text, s, scope_position(s->target->scope, edge->parent), inner, hops - 1);
    text_add(text, ")");
    add_only(text, edge, alias);
}

void
selparts_live(Text *text, const Selector *s, size_t position, const char *alias)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    if (s->target->policy == NULL)
    {
        live_row(text, s, position, alias, LIVE_HOPS);
        return;
    }
    if (entry->edge_count == 0) /* a policy's own rows are locked by the batch that collected them */
    {
        text_add(text, "true");
        return;
    }
    selparts_reached_any(text, s, position, alias);
}

void
selparts_live_change(Text *text, const Selector *s, size_t edge, const char *alias)
{
    if (s->target->policy != NULL)
        text_add(text, "true");
    else
        live_edge(text, s, edge, alias, LIVE_HOPS);
}

void
selparts_live_outside(Text *text, const Selector *s, size_t position, const char *alias)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    text_add(text, "(false");
    if (position == 0)
        text_addf(text, " or %s.%s = %s", alias, selparts_table(s, 0)->columns[s->target->key].quoted, selparts_key(s));
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const size_t parent = scope_position(s->target->scope, selparts_edge(s, entry->edges[e])->parent);
        if (s->target->scope->tables[parent].group == entry->group)
            continue;
        text_add(text, " or ");
        live_edge(text, s, entry->edges[e], alias, LIVE_HOPS);
    }
    text_add(text, ")");
}

/* -- policies ------------------------------------------------------------------------------------------------------ */

static const char *
age_of(const Selector *s)
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
selparts_not_held(Text *text, const Selector *s)
{
    const Target *target = s->target;
    if (target->holder == GRAPH_NONE)
    {
        text_add(text, "true");
        return;
    }
    const GraphTable *root = &target->graph->tables[target->root];
    text_addf(
        text,
        "(t.%s = any ((select coalesce(array_agg(h.subject_key::%s), '{}') from expunge.hold h where h.kind = %s and "
        "h.released_at is null and (h.expires_at is null or h.expires_at > clock_timestamp()))::%s[])) is not true",
        root->columns[target->holder].quoted, target->holder_type, db_literal(s->arena, target->policy->subject_kind),
        target->holder_type);
}

void
selparts_due(Text *text, const Selector *s)
{
    const PolicyRule *policy = s->target->policy;
    text_addf(text, "%s < ", age_of(s));
    selparts_cutoff(text, s, s->cutoffs.main);
    for (size_t i = 0; i < policy->exempt_count; i++)
    {
        text_addf(text, " and (((%s) is not true) or %s < ", policy->exempts[i].where, age_of(s));
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
