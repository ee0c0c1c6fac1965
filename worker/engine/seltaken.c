/* SPDX-License-Identifier: Apache-2.0 */
/* seltaken.c -- the part of selector.h that lets a plan count as a run works: what an earlier disposal takes is not there
 * any more for the next one.  A table that several targets reach has a temporary table of the keys that were taken. */
#include "engine/selparts.h"

static char *
taken_name(const Selector *s, size_t table)
{
    return arena_printf(s->arena, "pg_temp.expunge_t%zu", table);
}

char *
selector_taken_create(Arena *arena, const GraphTable *table, size_t number)
{
    Text text = TEXT_INIT(arena);
    text_addf(&text, "create temporary table expunge_t%zu (", number);
    for (size_t i = 0; i < table->key_count; i++)
    {
        const GraphColumn *column = &table->columns[table->key[i]];
        text_addf(&text, "expunge_k%zu %s%s%s not null, ", i, column->type,
                  column->collation == NULL ? "" : " collate ", column->collation == NULL ? "" : column->collation);
    }
    text_add(&text, "primary key (");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&text, "%sexpunge_k%zu", i > 0 ? ", " : "", i);
    text_add(&text, "))");
    return text_done(&text);
}

char *
selector_taken_drop(Arena *arena, size_t number)
{
    return arena_printf(arena, "drop table if exists pg_temp.expunge_t%zu", number);
}

bool
selparts_is_taken(const Selector *s, size_t table)
{
    return s->taken != NULL && s->taken[table];
}

void
selparts_not_taken(Text *text, const Selector *s, size_t table)
{
    text_addf(text, "not exists (select from %s x where ", taken_name(s, table));
    selparts_join(text, &s->target->graph->tables[table], "t", "x");
    text_add(text, ")");
}

static char *
subtract(const Selector *s, const char *work, size_t table)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *entry = &s->target->graph->tables[table];
    text_addf(&text, "delete from %s w using %s x where ", work, taken_name(s, table));
    for (size_t i = 0; i < entry->key_count; i++)
        text_addf(&text, "%sx.expunge_k%zu %s w.expunge_k%zu", i > 0 ? " and " : "", i,
                  selparts_equals(&entry->columns[entry->key[i]]), i);
    return text_done(&text);
}

char *
selector_taken_subtract(const Selector *s, size_t position)
{
    const ScopeTable *entry = &s->target->scope->tables[position];
    if (!selparts_is_taken(s, entry->table) || !selparts_is_collected(s, position))
        return NULL;
    return subtract(s, selparts_work(s, position), entry->table);
}

char *
selector_taken_subtract_change(const Selector *s, size_t change)
{
    const size_t table = selparts_edge(s, s->target->scope->changes[change].edge)->child;
    return selparts_is_taken(s, table) ? subtract(s, selparts_change_work(s, change), table) : NULL;
}

char *
selector_take(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const ScopeTable *entry = &s->target->scope->tables[position];
    const GraphTable *table = selparts_table(s, position);
    if (!selparts_is_taken(s, entry->table))
        return NULL;
    text_addf(&text, "insert into %s select ", taken_name(s, entry->table));
    if (!selparts_is_collected(s, position) || s->target->single)
    {
        selparts_table_keys(&text, table, "t");
        text_addf(&text, " from %s t where ", table->from);
        selparts_range_base(&text, s, position);
    }
    else
    {
        selparts_work_keys(&text, table, "w");
        text_addf(&text, " from %s w", selparts_work(s, position));
    }
    text_add(&text, " on conflict do nothing");
    return text_done(&text);
}
