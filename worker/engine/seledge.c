/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/seledge.h"

#include <string.h>

static const GraphTable *
child_of(const Selector *s, const GraphEdge *edge)
{
    return &s->target->graph->tables[edge->child];
}

static const GraphTable *
parent_of(const Selector *s, const GraphEdge *edge)
{
    return &s->target->graph->tables[edge->parent];
}

static bool
is_text(const GraphEdge *edge, size_t column)
{
    return edge->as_text != NULL && edge->as_text[column];
}

/* What refers: the column, or the expression that stands for it; an array in the type that the keys have. */
static const char *
value(const Selector *s, const GraphEdge *edge, size_t column, const char *alias)
{
    const char *plain = edge->expression != NULL
                            ? arena_printf(s->arena, "(%s)", edge->expression)
                            : arena_printf(s->arena, "%s.%s", alias,
                                           child_of(s, edge)->columns[edge->child_columns[column]].quoted);
    return edge->value_cast == NULL ? plain : arena_printf(s->arena, "(%s)::%s", plain, edge->value_cast);
}

static void
add_where(Text *text, const GraphEdge *edge)
{
    if (edge->where != NULL)
        text_addf(text, " and (%s)", edge->where);
}

void
seledge_key(Text *text, const Selector *s, const GraphEdge *edge, const char *alias)
{
    const GraphTable *root = &s->target->graph->tables[s->target->root];
    const char *type = root->columns[s->target->key].type;
    const char *as_text = is_text(edge, 0) ? "::text" : "";

    if (edge->where != NULL)
        text_add(text, "(");
    if (edge->element)
        text_addf(text, "%s && (select array[current_setting('expunge.key')::%s%s]::%s)", value(s, edge, 0, alias),
                  type, as_text, edge->value_type);
    else
        text_addf(text, "%s = (select current_setting('expunge.key')::%s%s)", value(s, edge, 0, alias), type, as_text);
    if (edge->where != NULL)
    {
        add_where(text, edge);
        text_add(text, ")");
    }
}

void
seledge_in(Text *text, const Selector *s, const GraphEdge *edge, const char *alias, const char *const *names,
           const char *from)
{
    if (edge->where != NULL)
        text_add(text, "(");
    if (edge->element)
        text_addf(text, "%s && (array(select ", value(s, edge, 0, alias));
    else
    {
        text_add(text, "(");
        for (size_t c = 0; c < edge->column_count; c++)
            text_addf(text, "%s%s", c > 0 ? ", " : "", value(s, edge, c, alias));
        text_add(text, ") in (select ");
    }
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(text, "%s%s%s", c > 0 ? ", " : "", names[c], is_text(edge, c) ? "::text" : "");
    text_addf(text, " %s)", from);
    if (edge->element)
        text_addf(text, ")::%s", edge->value_type);
    if (edge->where != NULL)
    {
        add_where(text, edge);
        text_add(text, ")");
    }
}

const char *const *
seledge_work_names(const Selector *s, const GraphEdge *edge, const char *alias)
{
    const size_t parent = scope_position(s->target->scope, edge->parent);
    const char **names = ARENA_ARRAY(s->arena, const char *, edge->column_count);
    for (size_t c = 0; c < edge->column_count; c++)
        names[c] = arena_printf(s->arena, "%s.%s", alias, selparts_work_column(s, parent, edge->parent_columns[c]));
    return names;
}

const char *const *
seledge_parent_names(const Selector *s, const GraphEdge *edge, const char *alias)
{
    const char **names = ARENA_ARRAY(s->arena, const char *, edge->column_count);
    for (size_t c = 0; c < edge->column_count; c++)
        names[c] = arena_printf(s->arena, "%s.%s", alias, parent_of(s, edge)->columns[edge->parent_columns[c]].quoted);
    return names;
}

/* -- late rows ----------------------------------------------------------------------------------------------------- */

const char *const *
seledge_late_names(const Selector *s, const GraphEdge *edge)
{
    const char **names = ARENA_ARRAY(s->arena, const char *, edge->column_count);
    for (size_t c = 0; c < edge->column_count; c++)
        names[c] = arena_printf(s->arena, "l.key[%zu]::%s", c + 2,
                                parent_of(s, edge)->columns[edge->parent_columns[c]].type);
    return names;
}

/* One that is there is asked by itself: it may be somebody else's by now. */
char *
seledge_late_from(const Selector *s, const GraphEdge *edge)
{
    Text text = TEXT_INIT(s->arena);
    const char *const *names = seledge_late_names(s, edge);
    text_addf(
        &text,
        "from expunge.orphan l where l.disposal = %s and l.number = -1 and l.key[1] = %s and not exists (select from %s expunge_z where ",
        s->late, db_literal(s->arena, edge->name), parent_of(s, edge)->from);
    for (size_t c = 0; c < edge->column_count; c++)
    {
        const GraphColumn *column = &parent_of(s, edge)->columns[edge->parent_columns[c]];
        text_addf(&text, "%sexpunge_z.%s %s %s", c > 0 ? " and " : "", column->quoted, selparts_equals(column),
                  names[c]);
    }
    text_add(&text, ")");
    return text_done(&text);
}

void
seledge_late(Text *text, const Selector *s, const GraphEdge *edge, const char *alias)
{
    seledge_in(text, s, edge, alias, seledge_late_names(s, edge), seledge_late_from(s, edge));
}

char *
seledge_from_work(const Selector *s, const GraphEdge *edge)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "from %s p", selparts_work(s, scope_position(s->target->scope, edge->parent)));
    if (!selparts_remembers(s, edge))
        return text_done(&text);
    const char *const *names = seledge_late_names(s, edge);
    for (size_t c = 0; c < edge->column_count; c++)
        text_addf(&text, "%s%s%s", c == 0 ? " union all select " : ", ", names[c], is_text(edge, c) ? "::text" : "");
    text_addf(&text, " %s", seledge_late_from(s, edge));
    return text_done(&text);
}

/* -- towards the parent's own index -------------------------------------------------------------------------------- */

/* A parent's column against a text that may spell it: exactly as the server prints it, by the column's own index where
 * the type has one spelling only, and no error whatever the text is. */
static void
add_spelled(Text *text, const char *column, const char *base_type, const char *spelled)
{
    static const struct
    {
        const char *type, *least, *most;
    } numbers[] = { { "smallint", "-32768", "32767" },
                    { "integer", "-2147483648", "2147483647" },
                    { "bigint", "-9223372036854775808", "9223372036854775807" } };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(base_type, numbers[i].type) == 0)
        {
            text_addf(
                text,
                "%s = case when %s ~ '^(0|-?[1-9][0-9]{0,18})$' then case when %s::numeric between %s and %s then "
                "%s::numeric::%s end end",
                column, spelled, spelled, numbers[i].least, numbers[i].most, spelled, base_type);
            return;
        }
    if (strcmp(base_type, "uuid") == 0)
        text_addf(text, "%s = case when %s ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then %s::uuid end", column,
                  spelled, spelled);
    else
        text_addf(text, "%s::text = %s", column, spelled);
}

static void
add_equal(Text *text, const Selector *s, const GraphEdge *edge, size_t c, const char *parent, const char *spelled)
{
    const GraphColumn *column = &parent_of(s, edge)->columns[edge->parent_columns[c]];
    const char *name = arena_printf(s->arena, "%s.%s", parent, column->quoted);
    if (is_text(edge, c))
        add_spelled(text, name, column->base_type, spelled);
    else
        text_addf(text, "%s = %s", name, spelled);
}

void
seledge_exists(Text *text, const Selector *s, const GraphEdge *edge, const char *alias)
{
    const bool made = edge->expression != NULL || edge->element;
    if (graph_edge_is_plain(edge))
    {
        text_addf(text, "exists (select from %s expunge_q where ", parent_of(s, edge)->from);
        selparts_refers(text, s, edge, alias, "expunge_q");
        selparts_only_parent(text, edge, "expunge_q");
        selparts_only_child(text, edge, alias);
        text_add(text, ")");
        return;
    }
    if (edge->where != NULL)
        text_addf(text, "(%s) and ", edge->where);
    text_add(text, "exists (select from ");
    if (made) /* by itself, where nothing but the child has columns */
        text_addf(text, "(select %s as expunge_v0) expunge_v cross join ", value(s, edge, 0, alias));
    if (edge->element)
        text_add(text, "unnest(expunge_v.expunge_v0) expunge_e(v) cross join ");
    text_addf(text, "%s expunge_q where ", parent_of(s, edge)->from);
    for (size_t c = 0; c < edge->column_count; c++)
    {
        text_add(text, c > 0 ? " and " : "");
        add_equal(text, s, edge, c, "expunge_q",
                  edge->element ? "expunge_e.v"
                  : made        ? "expunge_v.expunge_v0"
                                : value(s, edge, c, alias));
    }
    text_add(text, ")");
}

void
seledge_refers(Text *text, const Selector *s, const GraphEdge *edge, const char *alias, const char *parent)
{
    if (graph_edge_is_plain(edge))
    {
        selparts_refers(text, s, edge, alias, parent);
        selparts_only_parent(text, edge, parent);
        selparts_only_child(text, edge, alias);
        return;
    }
    for (size_t c = 0; c < edge->column_count; c++)
    {
        const char *key = arena_printf(s->arena, "%s.%s%s", parent,
                                       parent_of(s, edge)->columns[edge->parent_columns[c]].quoted,
                                       is_text(edge, c) ? "::text" : "");
        text_add(text, c > 0 ? " and " : "");
        if (edge->element)
            text_addf(text, "%s && array[%s]::%s", value(s, edge, c, alias), key, edge->value_type);
        else
            text_addf(text, "%s = %s", value(s, edge, c, alias), key);
    }
    add_where(text, edge);
}

/* -- arrays -------------------------------------------------------------------------------------------------------- */

static void
add_outside(Text *text, const Selector *s, const GraphEdge *edge)
{
    const size_t parent = scope_position(s->target->scope, edge->parent);
    const GraphTable *table = parent_of(s, edge);
    text_addf(text, "not exists (select from %s expunge_y where ", selparts_work(s, parent));
    selparts_join(text, table, "expunge_q", "expunge_y");
    text_add(text, ")");
    if (s->target->subject != NULL && edge->parent == s->target->root)
    {
        text_add(text, " and not (");
        selparts_is_root(text, s, "expunge_q");
        text_add(text, ")");
    }
}

void
seledge_shared(Text *text, const Selector *s, const GraphEdge *edge, const char *alias)
{
    text_addf(text, "exists (select from unnest(%s) expunge_e(v) join %s expunge_q on ", value(s, edge, 0, alias),
              parent_of(s, edge)->from);
    add_equal(text, s, edge, 0, "expunge_q", "expunge_e.v");
    text_add(text, " where ");
    add_outside(text, s, edge);
    text_add(text, ")");
}

void
seledge_without(Text *text, const Selector *s, size_t edge_index, const char *alias)
{
    const GraphEdge *edge = selparts_edge(s, edge_index);
    const size_t parent = scope_position(s->target->scope, edge->parent);
    const char *as_text = is_text(edge, 0) ? "::text" : "";
    const GraphTable *root = &s->target->graph->tables[s->target->root];

    text_addf(text,
              "array(select e.v from unnest(%s.%s) with ordinality e(v, n) where (e.v in (select p.%s%s from %s p)",
              alias, child_of(s, edge)->columns[edge->child_columns[0]].quoted,
              selparts_work_column(s, parent, edge->parent_columns[0]), as_text, selparts_work(s, parent));
    if (selparts_refers_to_key(s, edge))
        text_addf(text, " or e.v = (select current_setting('expunge.key')::%s%s)", root->columns[s->target->key].type,
                  as_text);
    if (selparts_remembers(s, edge))
        text_addf(text, " or e.v in (select %s%s %s)", seledge_late_names(s, edge)[0], as_text,
                  seledge_late_from(s, edge));
    text_add(text, ") is not true order by e.n)");
}
