/* SPDX-License-Identifier: Apache-2.0 */
/* selorphan.c -- the part of selector.h for shared rows: those that rows of the scope refer to, and that go when nobody
 * else does.  Work tables expunge_s<T>_<O> hold the keys of those that are looked at. */
#include "engine/seledge.h"

static const GraphTable *
shared_table(const Selector *s, size_t orphan)
{
    return &s->target->graph->tables[s->target->scope->orphans[orphan].table];
}

char *
selparts_orphan_work(const Selector *s, size_t orphan)
{
    return arena_printf(s->arena, "pg_temp.expunge_s%zu_%zu", s->target->number, orphan);
}

char *
selparts_create_orphan(const Selector *s, size_t orphan)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = shared_table(s, orphan);
    text_addf(&text, "create temporary table if not exists %s (", selparts_orphan_work(s, orphan));
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "expunge_k%zu %s not null, ", i, table->columns[table->key[i]].type);
    text_add(&text, "primary key (");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%sexpunge_k%zu", i > 0 ? ", " : "", i);
    text_add(&text, "));");
    return text_done(&text);
}

/* from … where …: rows p of the shared table that rows t of the scope refer to by one edge */
static void
add_referred(Text *text, const Selector *s, size_t orphan, size_t edge_index)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const GraphTable *child = &s->target->graph->tables[edge->child];
    const size_t position = scope_position(s->target->scope, edge->child);

    text_addf(text, " from %s t", child->from);
    if (selparts_is_collected(s, position))
    {
        text_addf(text, " join %s w on ", selparts_work(s, position));
        selparts_join(text, child, "t", "w");
    }
    text_addf(text, " join %s p on ", shared_table(s, orphan)->from);
    seledge_refers(text, s, edge, "t", "p");
    if (!selparts_is_collected(s, position))
    {
        text_add(text, " where ");
        selparts_reached_any(text, s, position, "t");
    }
}

char *
selector_fill_orphans(const Selector *s, size_t orphan, size_t edge)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "insert into %s select distinct ", selparts_orphan_work(s, orphan));
    selparts_table_keys(&text, shared_table(s, orphan), "p");
    add_referred(&text, s, orphan, edge);
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}

char *
selector_note_orphans(const Selector *s, size_t orphan, size_t edge)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = shared_table(s, orphan);
    text_add(&text,
             "insert into expunge.orphan (disposal, number, key) select distinct $1::bigint, $2::integer, array[");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%sp.%s::text", i > 0 ? ", " : "", table->columns[table->key[i]].quoted);
    text_add(&text, "]");
    add_referred(&text, s, orphan, edge);
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}

char *
selector_take_orphans(const Selector *s, size_t orphan)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = shared_table(s, orphan);
    text_add(&text, "with noted as (delete from expunge.orphan o using (select n.key from expunge.orphan n where "
                    "n.disposal = $1::bigint and n.number = $2::integer order by n.key limit $3::bigint) x where "
                    "o.disposal = $1::bigint and o.number = $2::integer and o.key = x.key returning o.key) ");
    text_addf(&text, "insert into %s select ", selparts_orphan_work(s, orphan));
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%sn.key[%zu]::%s", i > 0 ? ", " : "", i + 1, table->columns[table->key[i]].type);
    text_add(&text, " from noted n");
    return text_done(&text);
}

char *
selector_empty_orphans(const Selector *s, size_t orphan)
{
    return arena_printf(s->arena, "delete from %s", selparts_orphan_work(s, orphan));
}

char *
selector_lock_orphans(const Selector *s, size_t orphan)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "select count(*) from (select from %s p join %s w on ", shared_table(s, orphan)->from,
              selparts_orphan_work(s, orphan));
    selparts_join(&text, shared_table(s, orphan), "p", "w");
    text_add(&text, " for update of p) locked");
    return text_done(&text);
}

/* Rows of the child that are on their way out do not count: those of this scope, and those that earlier disposals of
 * the plan take. */
static void
add_staying(Text *text, const Selector *s, size_t child)
{
    const size_t position = scope_position(s->target->scope, child);
    if (position != GRAPH_NONE && selparts_is_collected(s, position))
    {
        text_addf(text, " and not exists (select from %s y where ", selparts_work(s, position));
        selparts_join(text, &s->target->graph->tables[child], "t", "y");
        text_add(text, ")");
    }
    else if (position != GRAPH_NONE)
    {
        text_add(text, " and (");
        selparts_reached_any(text, s, position, "t");
        text_add(text, ") is not true");
    }
    if (selparts_is_taken(s, child))
    {
        text_add(text, " and ");
        selparts_not_taken(text, s, child);
    }
}

char *
selector_spare_orphans(const Selector *s, size_t orphan, const Graph *graph, size_t edge_index, bool beyond_scope)
{
    Text text = TEXT_INIT(s->arena);
    const GraphEdge *edge = &graph->edges[edge_index];
    const GraphTable *table = shared_table(s, orphan), *child = &graph->tables[edge->child];

    text_addf(&text, "delete from %s w using %s p where ", selparts_orphan_work(s, orphan), table->from);
    selparts_join(&text, table, "p", "w");
    text_addf(&text, " and exists (select from %s t where ", child->from);
    seledge_refers(&text, s, edge, "t", "p");
    if (edge->child == edge->parent)
    {
        text_add(&text, " and (");
        selparts_table_keys(&text, table, "t");
        text_add(&text, ") <> (");
        selparts_table_keys(&text, table, "p");
        text_add(&text, ")");
    }
    if (beyond_scope)
        add_staying(&text, s, edge->child);
    text_add(&text, ")");
    return text_done(&text);
}

char *
selector_count_orphans(const Selector *s, size_t orphan)
{
    return arena_printf(s->arena, "select count(*) from %s w", selparts_orphan_work(s, orphan));
}

char *
selector_copy_orphans(const Selector *s, size_t orphan)
{
    Text text = TEXT_INIT(s->arena);
    text_add(&text, "copy (select ");
    selparts_columns(&text, shared_table(s, orphan), "t");
    text_addf(&text, " from %s t join %s w on ", shared_table(s, orphan)->from, selparts_orphan_work(s, orphan));
    selparts_join(&text, shared_table(s, orphan), "t", "w");
    text_add(&text, ") to stdout");
    return text_done(&text);
}

char *
selector_delete_orphans(const Selector *s, size_t orphan)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "delete from %s t using %s w where ", shared_table(s, orphan)->from,
              selparts_orphan_work(s, orphan));
    selparts_join(&text, shared_table(s, orphan), "t", "w");
    return text_done(&text);
}

char *
selector_remaining_orphans(const Selector *s, size_t orphan)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "select count(*) from %s t join %s w on ", shared_table(s, orphan)->from,
              selparts_orphan_work(s, orphan));
    selparts_join(&text, shared_table(s, orphan), "t", "w");
    return text_done(&text);
}

/* -- late rows ----------------------------------------------------------------------------------------------------- */

bool
selector_remembers(const Selector *s, size_t edge)
{
    return scope_position(s->target->scope, selparts_edge(s, edge)->parent) != GRAPH_NONE &&
           selparts_remembers(s, selparts_edge(s, edge));
}

/* Number -1 of the disposal: the edge's name, then the values that its children hold. */
char *
selector_note_late(const Selector *s, size_t edge_index)
{
    Text text = TEXT_INIT(s->arena), nulls = TEXT_INIT(s->arena);
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const GraphTable *parent = &s->target->graph->tables[edge->parent];

    text_addf(&text, "insert into expunge.orphan (disposal, number, key) select distinct %s::bigint, -1, array[%s",
              s->late, db_literal(s->arena, edge->name));
    for (size_t c = 0; c < edge->column_count; c++)
    {
        const char *column = parent->columns[edge->parent_columns[c]].quoted;
        text_addf(&text, ", t.%s::text", column);
        text_addf(&nulls, "%st.%s is not null", c > 0 ? " and " : "", column);
    }
    text_addf(&text, "] from %s t join %s w on ", parent->from,
              selparts_work(s, scope_position(s->target->scope, edge->parent)));
    selparts_join(&text, parent, "t", "w");
    text_addf(&text, " where %s on conflict do nothing", text_done(&nulls));
    return text_done(&text);
}

char *
selector_forget_late(const Selector *s)
{
    return arena_printf(s->arena, "delete from expunge.orphan where disposal = %s and number = -1", s->late);
}
