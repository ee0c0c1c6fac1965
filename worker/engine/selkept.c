/* SPDX-License-Identifier: Apache-2.0 */
/* selkept.c -- the part of selector.h that writes down the keys of rows that stay behind, and finds them again when their
 * window is over. */
#include "engine/seledge.h"

static void
add_key_texts(Text *text, const GraphTable *table, const char *alias)
{
    text_add(text, "array[");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "%s%s.%s::text", i > 0 ? ", " : "", alias, table->columns[table->key[i]].quoted);
    text_add(text, "]");
}

/* insert into expunge.kept (…) select …: the caller adds the key and what it comes from */
static void
begin_note(Text *text, const Selector *s, size_t change)
{
    const KeptNote *note = &s->kept[change];
    const GraphTable *child = selparts_child(s, change);
    text_addf(text,
              "insert into expunge.kept (disposal, number, owner, edge, schema_name, table_name, since, until, key) "
              "select %s::bigint, %d, %s, %s, %s, %s, %s::timestamptz, %s::timestamptz, ",
              note->disposal, note->number, db_literal(s->arena, target_owner_of(s->arena, s->target)),
              db_literal(s->arena, selparts_edge(s, s->target->scope->changes[change].edge)->name),
              db_literal(s->arena, child->schema), db_literal(s->arena, child->name), db_literal(s->arena, note->since),
              db_literal(s->arena, note->until));
}

char *
selector_keep(const Selector *s, size_t change)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *child = selparts_child(s, change);
    begin_note(&text, s, change);
    add_key_texts(&text, child, "t");
    text_addf(&text, " from %s t where ", child->from);
    selparts_reached(&text, s, s->target->scope->changes[change].edge, "t");
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}

char *
selparts_noted(const Selector *s, size_t change, const char *update)
{
    Text text = TEXT_INIT(s->arena);
    const size_t edge = s->target->scope->changes[change].edge;
    if (s->kept == NULL || selparts_edge(s, edge)->action != EDGE_KEEP ||
        !graph_edge_is_cut(s->target->graph, selparts_edge(s, edge)))
        return arena_strdup(s->arena, update);
    text_addf(&text, "with changed as (%s returning ", update);
    add_key_texts(&text, selparts_child(s, change), "t");
    text_add(&text, " as key), noted as (");
    begin_note(&text, s, change);
    text_add(&text, "c.key from changed c on conflict do nothing) select from changed");
    return text_done(&text);
}

/* -- their window is over --------------------------------------------------------------------------------------------- */

static void
add_table(Text *text, const Selector *s, const char *alias)
{
    const GraphTable *table = selparts_table(s, 0);
    text_addf(text, "%s.schema_name = %s and %s.table_name = %s", alias, db_literal(s->arena, table->schema), alias,
              db_literal(s->arena, table->name));
}

static void
add_window(Text *text, const Selector *s)
{
    add_table(text, s, "k");
    text_addf(text, " and k.owner = %s and k.edge = %s and k.since < ",
              db_literal(s->arena, target_owner(s->arena, s->target)),
              db_literal(s->arena, selparts_edge(s, s->target->kept_edge)->name));
    selparts_cutoff(text, s, s->cutoffs.main);
}

/* A row that refers to somebody who is there belongs to them by now: it stays, whatever was said of it. */
static void
add_unowned(Text *text, const Selector *s)
{
    const Graph *graph = s->target->graph;
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        if (edge->child != s->target->root || scope_position(s->target->owner->scope, edge->parent) == GRAPH_NONE)
            continue;
        text_add(text, " and (");
        seledge_exists(text, s, edge, "t");
        text_add(text, ") is not true");
    }
}

void
selparts_kept_due(Text *text, const Selector *s)
{
    const GraphTable *table = selparts_table(s, 0);
    text_add(text, "(");
    selparts_table_keys(text, table, "t");
    text_add(text, ") in (select ");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(text, "%sk.key[%zu]::%s", i > 0 ? ", " : "", i + 1, table->columns[table->key[i]].type);
    text_add(text, " from expunge.kept k where ");
    add_window(text, s);
    text_add(text, " and not exists (select from expunge.kept o where ");
    add_table(text, s, "o");
    text_add(text, " and o.key = k.key and (o.disposal, o.number) <> (k.disposal, k.number) and o.until > "
                   "clock_timestamp()))");
    add_unowned(text, s);
}

char *
selector_forget_kept(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, 0);
    text_addf(&text, "delete from expunge.kept k using %s w where ", selparts_work(s, 0));
    add_table(&text, s, "k");
    text_add(&text, " and k.key = array[");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%sw.expunge_k%zu::text", i > 0 ? ", " : "", i);
    text_add(&text, "]");
    return text_done(&text);
}

char *
selector_purge_kept(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, 0);
    text_add(&text, "delete from expunge.kept k where ");
    add_window(&text, s);
    text_addf(&text, " and not exists (select from %s t where ", table->from);
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%st.%s = k.key[%zu]::%s", i > 0 ? " and " : "", table->columns[table->key[i]].quoted, i + 1,
                  table->columns[table->key[i]].type);
    text_add(&text, ")");
    return text_done(&text);
}

char *
selector_oldest_kept(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    text_add(&text, "select min(k.since)::text from expunge.kept k where ");
    add_table(&text, s, "k");
    text_addf(&text, " and k.owner = %s and k.edge = %s", db_literal(s->arena, target_owner(s->arena, s->target)),
              db_literal(s->arena, selparts_edge(s, s->target->kept_edge)->name));
    return text_done(&text);
}
