/* SPDX-License-Identifier: Apache-2.0 */
/* selexport.c -- the part of selector.h that hands a subject's rows of one table to a person: rows that go with it, shared
 * rows that go, and rows that stay and concern it; each row once, from the live tables or from those in which a snapshot
 * stands. */
#include "engine/seledge.h"

#include <string.h>

/* The rows of alias "t" that one way to them finds. */
typedef struct Way
{
    const char *work; /* their keys; NULL: by a condition */
    size_t position;  /* without a work table: of the scope, or GRAPH_NONE */
    size_t edge;      /* ... reached by this edge */
} Way;

/* What the file holds: the columns of the snapshot's, or the table's own without those that the server generates. */
static size_t
list_columns(const Selector *s, const SelectorExport *e, const char *const **ret_names)
{
    const GraphTable *table = e->table;
    size_t count = 0;
    if (e->staged != NULL)
    {
        *ret_names = e->columns;
        return e->column_count;
    }
    const char **names = ARENA_ARRAY(s->arena, const char *, table->column_count + 1);
    for (size_t c = 0; c < table->column_count; c++)
        if (!table->columns[c].generated)
            names[count++] = table->columns[c].name;
    *ret_names = names;
    return count;
}

static const char *
quoted(const Selector *s, const char *name)
{
    return db_ident(s->arena, name).quoted;
}

/* A column of alias "t"; one that the table does not have any more is null. */
static char *
live_column(const Selector *s, const SelectorExport *e, const char *name)
{
    return arena_printf(s->arena, graph_column(e->table, name) == GRAPH_NONE ? "null%.0s" : "t.%s", quoted(s, name));
}

/* -- live rows ----------------------------------------------------------------------------------------------------- */

static void
add_member(Text *text, const Selector *s, const SelectorExport *e, const Way *way)
{
    if (way->work != NULL)
    {
        text_addf(text, "exists (select from %s y where ", way->work);
        selparts_join(text, e->table, "t", "y");
        text_add(text, ")");
    }
    else if (way->position != GRAPH_NONE)
        selparts_range_base(text, s, way->position);
    else
        selparts_reached(text, s, way->edge, "t");
}

static size_t
list_ways(const Selector *s, const SelectorExport *e, Way **ret_ways)
{
    const Scope *scope = s->target->scope;
    Way *ways = ARENA_ARRAY(s->arena, Way, scope->change_count + 3);
    size_t count = 0;

    if (!e->from_snapshot && e->position != GRAPH_NONE)
        ways[count++] = (Way){ .work = selparts_is_collected(s, e->position) ? selparts_work(s, e->position) : NULL,
                               .position = e->position };
    if (!e->from_snapshot && e->orphan != GRAPH_NONE)
        ways[count++] = (Way){ .work = selparts_orphan_work(s, e->orphan) };
    for (size_t c = 0; c < scope->change_count; c++)
        if (selparts_child(s, c) == e->table && !(e->from_snapshot && scope->changes[c].writes))
            ways[count++] = (Way){ .work = scope->changes[c].writes ? selparts_change_work(s, c) : NULL,
                                   .position = GRAPH_NONE,
                                   .edge = scope->changes[c].edge };
    *ret_ways = ways;
    return count;
}

/* -- values that the snapshot holds of rows that stayed ------------------------------------------------------------ */

static void
add_key_match(Text *text, const GraphTable *table, const char *a, const char *b)
{
    for (size_t k = 0; k < table->key_count; k++)
    {
        const char *name = table->columns[table->key[k]].quoted;
        text_addf(text, "%s%s.%s = %s.%s", k > 0 ? " and " : "", a, name, b, name);
    }
}

static bool
has_column(const ExportValues *values, const char *name)
{
    for (size_t c = 0; c < values->column_count; c++)
        if (strcmp(values->columns[c], name) == 0)
            return true;
    return false;
}

static bool
is_key(const GraphTable *table, const char *name)
{
    for (size_t k = 0; k < table->key_count; k++)
        if (strcmp(table->columns[table->key[k]].name, name) == 0)
            return true;
    return false;
}

static char *
value_column(const Selector *s, const SelectorExport *e, const char *name)
{
    Text text = TEXT_INIT(s->arena);
    const char *column = quoted(s, name);

    if (is_key(e->table, name))
        return arena_printf(s->arena, "x.%s", column);
    for (size_t v = 0; v < e->value_count; v++)
        if (has_column(&e->values[v], name))
            text_addf(&text, "when v%zu.expunge_is_there then v%zu.%s ", v, v, column);
    if (text.length == 0)
        return arena_printf(s->arena, "%s as %s", live_column(s, e, name), column);
    return arena_printf(s->arena, "case %selse %s end as %s", text_done(&text), live_column(s, e, name), column);
}

static void
add_not_in(Text *text, const GraphTable *table, const char *alias, const char *stage)
{
    text_addf(text, " and not exists (select from %s y where ", stage);
    add_key_match(text, table, alias, "y");
    text_add(text, ")");
}

/* Each row once: its key, from whichever file; its values from the files, all else from where it still stands. */
static void
add_values(Text *text, const Selector *s, const SelectorExport *e)
{
    const char *const *names;
    const size_t count = list_columns(s, e, &names);
    Text key = TEXT_INIT(s->arena);

    for (size_t k = 0; k < e->table->key_count; k++)
        text_addf(&key, "%s%s", k > 0 ? ", " : "", e->table->columns[e->table->key[k]].quoted);
    text_add(text, "select ");
    for (size_t i = 0; i < count; i++)
        text_addf(text, "%s%s", i > 0 ? ", " : "", value_column(s, e, names[i]));
    text_add(text, " from (");
    for (size_t v = 0; v < e->value_count; v++)
        text_addf(text, "%sselect %s from %s", v > 0 ? " union " : "", text_done(&key), e->values[v].stage);
    text_addf(text, ") x left join %s t on ", e->table->from);
    add_key_match(text, e->table, "t", "x");
    for (size_t v = 0; v < e->value_count; v++)
    {
        const char *alias = arena_printf(s->arena, "v%zu", v);
        text_addf(text, " left join (select *, true as expunge_is_there from %s) %s on ", e->values[v].stage, alias);
        add_key_match(text, e->table, alias, "x");
    }
    text_add(text, " where true");
    if (e->staged != NULL)
        add_not_in(text, e->table, "x", e->staged);
}

/* -- the statement ------------------------------------------------------------------------------------------------- */

static void
add_staged(Text *text, const Selector *s, const SelectorExport *e)
{
    text_add(text, "select ");
    for (size_t i = 0; i < e->column_count; i++)
        text_addf(text, "%st.%s", i > 0 ? ", " : "", quoted(s, e->columns[i]));
    text_addf(text, " from %s t", e->staged);
}

static void
add_way(Text *text, const Selector *s, const SelectorExport *e, const Way *ways, size_t at)
{
    const char *const *names;
    const size_t count = list_columns(s, e, &names);

    text_add(text, "select ");
    for (size_t i = 0; i < count; i++)
        text_addf(text, "%s%s as %s", i > 0 ? ", " : "", live_column(s, e, names[i]), quoted(s, names[i]));
    text_addf(text, " from %s t", e->table->from);
    if (ways[at].work != NULL)
    {
        text_addf(text, " join %s w on ", ways[at].work);
        selparts_join(text, e->table, "t", "w");
    }
    text_add(text, " where (");
    if (ways[at].work == NULL)
        add_member(text, s, e, &ways[at]);
    else
        text_add(text, "true");
    text_add(text, ")");
    for (size_t i = 0; i < at; i++)
    {
        text_add(text, " and (");
        add_member(text, s, e, &ways[i]);
        text_add(text, ") is not true");
    }
    if (e->staged != NULL && e->table->key_count > 0)
        add_not_in(text, e->table, "t", e->staged);
    for (size_t v = 0; v < e->value_count; v++)
        add_not_in(text, e->table, "t", e->values[v].stage);
}

static void
add_rows(Text *text, const Selector *s, const SelectorExport *e)
{
    Way *ways;
    const size_t count = list_ways(s, e, &ways);
    size_t parts = 0;

    if (e->staged != NULL)
    {
        add_staged(text, s, e);
        parts++;
    }
    if (e->value_count > 0)
    {
        text_add(text, parts++ > 0 ? " union all " : "");
        add_values(text, s, e);
    }
    for (size_t i = 0; i < count; i++)
    {
        text_add(text, parts++ > 0 ? " union all " : "");
        add_way(text, s, e, ways, i);
    }
}

bool
selector_exports(const Selector *s, const SelectorExport *e)
{
    Way *ways;
    return e->staged != NULL || e->value_count > 0 || list_ways(s, e, &ways) > 0;
}

/* JSON holds no control characters but where a value of type json was written on several lines: white space. */
char *
selector_export(const Selector *s, const SelectorExport *e, bool csv)
{
    Text text = TEXT_INIT(s->arena);

    text_add(&text,
             csv ? "copy (" : "copy (select replace(replace(row_to_json(r.*)::text, E'\\n', ' '), E'\\r', ' ') from (");
    add_rows(&text, s, e);
    text_add(&text,
             csv ? ") to stdout (format csv, header true, encoding 'UTF8')"
                 : ") r) to stdout (format csv, quote E'\\x01', escape E'\\x01', delimiter E'\\x02', encoding 'UTF8')");
    return text_done(&text);
}

char *
selector_fill_staged(const Selector *s, size_t position, const char *stage)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    const ScopeTable *entry = &s->target->scope->tables[position];

    text_addf(&text, "insert into %s select ", selparts_work(s, position));
    selparts_table_keys(&text, table, "t");
    for (size_t i = 0; i < entry->ref_count; i++)
        text_addf(&text, ", t.%s", table->columns[entry->refs[i]].quoted);
    text_addf(&text, "%s, 0 from %s t", entry->keeps_partition ? ", 0::oid" : "", stage);
    return text_done(&text);
}
