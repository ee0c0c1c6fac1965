/* SPDX-License-Identifier: Apache-2.0 */
/* selwork.c -- the part of selector.h that makes, fills, numbers and counts work tables. */
#include "engine/seledge.h"

#include <inttypes.h>

/* With its collation: values that the table holds apart, or finds equal, are so in the work table too. */
static const char *
type_of(const Selector *s, const GraphColumn *column)
{
    return column->collation == NULL ? column->type
                                     : arena_printf(s->arena, "%s collate %s", column->type, column->collation);
}

static void
add_key_columns(Text *text, const Selector *s, const GraphTable *table)
{
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "expunge_k%zu %s not null, ", i, type_of(s, &table->columns[table->key[i]]));
}

static void
add_key_constraint(Text *text, const GraphTable *table)
{
    text_add(text, "primary key (");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "%sexpunge_k%zu", i > 0 ? ", " : "", i);
    text_add(text, ")");
}

static char *
create_work(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    const ScopeTable *entry = &s->target->scope->tables[position];
    if (!selparts_is_collected(s, position))
        return NULL;
    text_addf(&text, "create temporary table if not exists %s (", selparts_work(s, position));
    add_key_columns(&text, s, table);
    for (size_t i = 0; i < entry->ref_count; i++)
        text_addf(&text, "expunge_r%zu %s, ", i, type_of(s, &table->columns[entry->refs[i]]));
    text_add(&text, entry->keeps_partition ? "expunge_partition oid not null, " : "");
    text_add(&text, "expunge_round integer not null, ");
    add_key_constraint(&text, table);
    text_add(&text, ");");
    if (entry->self_edges > 0 || scope_is_cyclic(s->target->scope, position))
        text_addf(&text, "\ncreate index on %s (expunge_round);", selparts_work(s, position));
    return text_done(&text);
}

size_t
selector_work_count(const Selector *s)
{
    const Scope *scope = s->target->scope;
    return scope->table_count + scope->change_count + scope->orphan_count;
}

char *
selector_create_at(const Selector *s, size_t number)
{
    const size_t tables = s->target->scope->table_count, changes = s->target->scope->change_count;
    if (number < tables)
        return create_work(s, number);
    if (number >= tables + changes)
        return selparts_create_orphan(s, number - tables - changes);
    Text text = TEXT_INIT(s->arena);
    const GraphTable *child = selparts_child(s, number - tables);
    text_addf(&text, "create temporary table if not exists %s (", selparts_change_work(s, number - tables));
    add_key_columns(&text, s, child);
    add_key_constraint(&text, child);
    text_add(&text, ");");
    return text_done(&text);
}

static char *
work_at(const Selector *s, size_t number)
{
    const size_t tables = s->target->scope->table_count, changes = s->target->scope->change_count;
    if (number >= tables + changes)
        return selparts_orphan_work(s, number - tables - changes);
    if (number >= tables)
        return selparts_change_work(s, number - tables);
    return selparts_is_collected(s, number) ? selparts_work(s, number) : NULL;
}

char *
selector_empty_at(const Selector *s, size_t number)
{
    const char *work = work_at(s, number);
    return work == NULL ? NULL : arena_printf(s->arena, "truncate %s;", work);
}

char *
selector_any_at(const Selector *s, size_t number)
{
    const char *work = work_at(s, number);
    return work == NULL ? NULL : arena_printf(s->arena, "select exists (select from %s w)", work);
}

/* insert into work (keys, refs, round) select … from the table t where: the caller adds the condition */
static void
begin_fill(Text *text, const Selector *s, size_t position, const char *round)
{
    const GraphTable *table = selparts_table(s, position);
    const ScopeTable *entry = &s->target->scope->tables[position];
    text_addf(text, "insert into %s select ", selparts_work(s, position));
    selparts_table_keys(text, table, "t");
    for (size_t i = 0; i < entry->ref_count; i++)
        text_addf(text, ", t.%s", table->columns[entry->refs[i]].quoted);
    text_addf(text, "%s, %s from %s t where ", entry->keeps_partition ? ", t.tableoid" : "", round, table->from);
}

char *
selector_fill_subject_root(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    begin_fill(&text, s, 0, "0");
    selparts_is_root(&text, s, "t");
    return text_done(&text);
}

char *
selector_fill_policy_root(const Selector *s, const Bounds *bounds, bool limited)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, 0);
    begin_fill(&text, s, 0, "0");
    selparts_due(&text, s);
    if (!limited)
        return text_done(&text);
    if (bounds->low != NULL)
    {
        text_add(&text, " and (");
        selparts_table_keys(&text, table, "t");
        text_add(&text, ") > (");
        for (size_t i = 0; i < table->key_count; i++)
            text_addf(&text, "%s$%zu::%s", i > 0 ? ", " : "", i + 2, table->columns[table->key[i]].type);
        text_add(&text, ")");
    }
    text_add(&text, " order by ");
    selparts_table_keys(&text, table, "t");
    text_add(&text, " limit $1::bigint for update of t");
    return text_done(&text);
}

char *
selector_fill_edge(const Selector *s, size_t position, size_t edge)
{
    Text text = TEXT_INIT(s->arena);
    begin_fill(&text, s, position, "0");
    selparts_reached(&text, s, edge, "t");
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}

bool
selector_needs_parent(const Selector *s, size_t edge)
{
    return selparts_by_parent(s, edge);
}

char *
selector_fill_round(const Selector *s, size_t position, size_t edge_index)
{
    Text text = TEXT_INIT(s->arena);
    const GraphEdge *edge = selparts_edge(s, edge_index);
    begin_fill(&text, s, position, "$1::integer");
    if (graph_edge_is_plain(edge))
    {
        selparts_begin_in_work(&text, s, edge, "t");
        text_add(&text, " and p.expunge_round = $1::integer - 1)");
    }
    else
        seledge_in(&text, s, edge, "t", seledge_work_names(s, edge, "p"),
                   arena_printf(s->arena, "from %s p where p.expunge_round = $1::integer - 1",
                                selparts_work(s, scope_position(s->target->scope, edge->parent))));
    selparts_only_child(&text, edge, "t");
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}

char *
selector_fill_late(const Selector *s, size_t position, size_t edge)
{
    Text text = TEXT_INIT(s->arena);
    begin_fill(&text, s, position, "0");
    seledge_late(&text, s, selparts_edge(s, edge), "t");
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}

static void
add_tree_columns(Text *text, const Selector *s, size_t position)
{
    const GraphTable *table = selparts_table(s, position);
    const ScopeTable *entry = &s->target->scope->tables[position];
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "%st.%s as expunge_k%zu", i > 0 ? ", " : "", table->columns[table->key[i]].quoted, i);
    for (size_t i = 0; i < entry->ref_count; i++)
        text_addf(text, ", t.%s as expunge_r%zu", table->columns[entry->refs[i]].quoted, i);
}

static bool
tree_is_hashable(const GraphTable *table, const ScopeTable *entry)
{
    for (size_t i = 0; i < table->key_count; i++)
        if (!table->columns[table->key[i]].hashable)
            return false;
    for (size_t i = 0; i < entry->ref_count; i++)
        if (!table->columns[entry->refs[i]].hashable)
            return false;
    return true;
}

/* UNION ends where rows refer to each other in a ring; the server compares them by hash. */
char *
selector_fill_tree(const Selector *s, size_t position)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    const GraphTable *table = selparts_table(s, position);
    const GraphEdge *edge = NULL;
    if (entry->self_edges != 1 || scope_is_cyclic(s->target->scope, position))
        return NULL;
    for (size_t e = 0; e < entry->edge_count; e++)
        if (selparts_edge(s, entry->edges[e])->parent == entry->table)
            edge = selparts_edge(s, entry->edges[e]);
    if (edge == NULL || edge->only != NULL || edge->parent_only != NULL || entry->keeps_partition ||
        !tree_is_hashable(table, entry))
        return NULL;
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "insert into %s with recursive tree as (select ", selparts_work(s, position));
    add_tree_columns(&text, s, position);
    text_addf(&text, " from %s w join %s t on ", selparts_work(s, position), table->from);
    selparts_join(&text, table, "t", "w");
    text_add(&text, " union select ");
    add_tree_columns(&text, s, position);
    text_addf(&text, " from tree p join %s t on ", table->from);
    selparts_refers_work(&text, s, edge, "t", "p");
    text_add(&text, ") select tree.*, 1 from tree on conflict do nothing");
    return text_done(&text);
}

char *
selector_lock(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "select count(*) from (select from %s t join %s w on ", table->from, selparts_work(s, position));
    selparts_join(&text, table, "t", "w");
    text_add(&text, " for update of t) locked");
    return text_done(&text);
}

char *
selector_analyze(const Selector *s, size_t position)
{
    return arena_printf(s->arena, "analyze %s", selparts_work(s, position));
}

/* What still has to change: the new values would differ. */
static void
add_difference(Text *text, const Selector *s, const GraphEdge *edge, const GraphTable *child)
{
    if (edge->action == EDGE_SET_NULL || edge->action == EDGE_SET_DEFAULT || edge->action == EDGE_REMOVE_ELEMENT ||
        edge->rule == NULL)
        return; /* reached means: not changed yet */
    if (edge->rule->set_count == 0)
        return;
    text_add(text, " and (");
    for (size_t i = 0; i < edge->rule->set_count; i++)
    {
        const size_t column = graph_column(child, edge->rule->sets[i].column);
        text_addf(text, "%st.%s is distinct from (%s)::%s", i > 0 ? " or " : "", child->columns[column].quoted,
                  edge->rule->sets[i].expression, child->columns[column].type);
    }
    text_add(text, ")");
    (void)s;
}

/* Rows of the scope go before what they refer to, or with it: nothing has to be changed in them. */
static void
add_stays(Text *text, const Selector *s, const GraphEdge *edge)
{
    const Scope *scope = s->target->scope;
    const size_t child = scope_position(scope, edge->child), parent = scope_position(scope, edge->parent);
    if (child == GRAPH_NONE || child == parent || edge->action == EDGE_KEEP ||
        (child < parent && scope->tables[child].group != scope->tables[parent].group))
        return;
    if (!selparts_is_collected(s, child))
    {
        text_add(text, " and ");
        selparts_reached_any(text, s, child, "t");
        text_add(text, " is not true");
        return;
    }
    text_addf(text, " and not exists (select from %s x where ", selparts_work(s, child));
    selparts_join(text, selparts_table(s, child), "t", "x");
    text_add(text, ")");
}

char *
selector_fill_change(const Selector *s, size_t change)
{
    Text text = TEXT_INIT(s->arena);
    const size_t edge = s->target->scope->changes[change].edge;
    const GraphTable *child = selparts_child(s, change);
    text_addf(&text, "insert into %s select ", selparts_change_work(s, change));
    selparts_table_keys(&text, child, "t");
    text_addf(&text, " from %s t where ", child->from);
    selparts_reached(&text, s, edge, "t");
    add_difference(&text, s, selparts_edge(s, edge), child);
    add_stays(&text, s, selparts_edge(s, edge));
    return text_done(&text);
}

/* -- numbering ----------------------------------------------------------------------------------------------------- */

static char *
number_plain(const Selector *s, const char *work, const GraphTable *table)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "create temporary table %s as select row_number() over (order by ", selparts_numbers(s));
    selparts_work_keys(&text, table, "w");
    text_add(&text, ") as expunge_n, false as expunge_together, ");
    selparts_work_keys(&text, table, "w");
    text_addf(&text, " from %s w;\ncreate unique index on %s (expunge_n);\nanalyze %s", work, selparts_numbers(s),
              selparts_numbers(s));
    return text_done(&text);
}

/* Depth from the top of each tree, found downwards along the index of the referencing column; deepest first. */
static char *
number_tree(const Selector *s, size_t position, const GraphEdge *edge)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    const char *work = selparts_work(s, position);

    text_addf(&text, "create temporary table %s as with recursive tree as (select ", selparts_numbers(s));
    selparts_work_keys(&text, table, "w");
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(&text, ", w.%s as expunge_p%zu", selparts_work_column(s, position, edge->parent_columns[c]), c);
    text_addf(&text, ", 0 as expunge_depth from %s w join %s t on ", work, table->from);
    selparts_join(&text, table, "t", "w");
    text_addf(&text, " where not exists (select from %s p where ", work);
    selparts_refers_work(&text, s, edge, "t", "p");
    text_add(&text, ") union all select ");
    selparts_work_keys(&text, table, "w");
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(&text, ", w.%s", selparts_work_column(s, position, edge->parent_columns[c]));
    text_addf(&text, ", r.expunge_depth + 1 from tree r join %s t on ", table->from);
    selparts_refers_values(&text, s, edge, "t", "r.expunge_p");
    text_addf(&text, " join %s w on ", work);
    selparts_join(&text, table, "t", "w");
    text_add(&text, ") select row_number() over (order by r.expunge_depth desc nulls first, ");
    selparts_work_keys(&text, table, "w");
    text_add(&text, ") as expunge_n, r.expunge_depth is null as expunge_together, ");
    selparts_work_keys(&text, table, "w");
    text_addf(&text, " from %s w left join tree r on ", work);
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%sr.expunge_k%zu %s w.expunge_k%zu", i > 0 ? " and " : "", i,
                  selparts_equals(&table->columns[table->key[i]]), i);
    text_addf(&text, ";\ncreate unique index on %s (expunge_n);\nanalyze %s", selparts_numbers(s), selparts_numbers(s));
    return text_done(&text);
}

char *
selector_number(const Selector *s, size_t position)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    for (size_t e = 0; e < entry->edge_count; e++)
    {
        const GraphEdge *edge = selparts_edge(s, entry->edges[e]);
        if (edge->parent == edge->child && graph_edge_is_plain(edge))
            return number_tree(s, position, edge);
    }
    return number_plain(s, selparts_work(s, position), selparts_table(s, position));
}

char *
selector_number_change(const Selector *s, size_t change)
{
    return number_plain(s, selparts_change_work(s, change), selparts_child(s, change));
}

char *
selector_numbered(const Selector *s)
{
    return arena_printf(s->arena,
                        "select coalesce(max(o.expunge_n), 0)::bigint as last, "
                        "count(*) filter (where o.expunge_together) as together from %s o",
                        selparts_numbers(s));
}

char *
selector_forget_numbers(const Selector *s)
{
    return arena_printf(s->arena, "drop table if exists %s", selparts_numbers(s));
}

/* -- counting ------------------------------------------------------------------------------------------------------ */

char *
selector_count(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    if (selparts_is_collected(s, position))
        return arena_printf(s->arena, "select count(*) from %s w", selparts_work(s, position));
    text_addf(&text, "select count(*) from %s t where ", selparts_table(s, position)->from);
    selparts_range_base(&text, s, position);
    if (selparts_is_taken(s, s->target->scope->tables[position].table))
    {
        text_add(&text, " and ");
        selparts_not_taken(&text, s, s->target->scope->tables[position].table);
    }
    return text_done(&text);
}

char *
selector_count_change(const Selector *s, size_t change)
{
    return arena_printf(s->arena, "select count(*) from %s w", selparts_change_work(s, change));
}

char *
selector_count_kept(const Selector *s, size_t change, size_t age)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *child = selparts_child(s, change);
    if (age == GRAPH_NONE)
        text_add(&text, "select count(*), null::text");
    else
        text_addf(&text, "select count(*), max(t.%s)::timestamptz::text", child->columns[age].quoted);
    text_addf(&text, " from %s t where ", child->from);
    selparts_reached(&text, s, s->target->scope->changes[change].edge, "t");
    return text_done(&text);
}

char *
selector_count_foreign(const Selector *s, size_t position, size_t edge_index)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const bool meant = edge->rule != NULL && edge->rule->action_given; /* the configuration says so */
    if (!edge->element && (entry->edge_count < 2 || meant))
        return NULL;
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "select count(*) from %s t", table->from);
    if (selparts_is_collected(s, position))
    {
        text_addf(&text, " join %s w on ", selparts_work(s, position));
        selparts_join(&text, table, "t", "w");
        text_add(&text, " where ");
    }
    else
    {
        text_add(&text, " where ");
        selparts_reached_any(&text, s, position, "t");
        text_add(&text, " and ");
    }
    if (edge->element) /* other keys in the array are somebody else's, whatever the configuration says */
    {
        if (edge->where != NULL)
            text_addf(&text, "(%s) and ", edge->where);
        seledge_shared(&text, s, edge, "t");
        return text_done(&text);
    }
    seledge_exists(&text, s, edge, "t");
    text_add(&text, " and (");
    selparts_reached(&text, s, edge_index, "t");
    text_add(&text, ") is not true"); /* a NULL among the parent's values makes "in" unknown */
    return text_done(&text);
}

char *
selector_survey_policy(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    const PolicyRule *policy = s->target->policy;
    text_add(&text, "select count(*) filter (where ");
    selparts_due(&text, s);
    if (selparts_is_taken(s, s->target->root))
    {
        text_add(&text, " and ");
        selparts_not_taken(&text, s, s->target->root);
    }
    text_add(&text, "), count(*) filter (where not (");
    selparts_not_held(&text, s);
    text_add(&text, "))");
    for (size_t i = 0; i < policy->exempt_count; i++)
        text_addf(&text, ", count(*) filter (where (%s) is true)", policy->exempts[i].where);
    for (size_t i = 0; i < policy->exempt_count; i++)
        text_addf(&text, ", (max(%s) filter (where (%s) is true))::timestamptz::text", selparts_age(s),
                  policy->exempts[i].where);
    text_addf(&text, " from %s t where ", selparts_table(s, 0)->from);
    const Selector bare = *s;
    PolicyRule plain = *policy;
    Target target = *s->target;
    plain.exempt_count = 0;
    target.policy = &plain;
    target.holder = GRAPH_NONE;
    Selector only_age = bare;
    only_age.target = &target;
    selparts_due(&text, &only_age);
    return text_done(&text);
}

char *
selector_any_due(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "select exists (select from %s t where ", selparts_table(s, 0)->from);
    selparts_due(&text, s);
    text_add(&text, ")");
    return text_done(&text);
}
