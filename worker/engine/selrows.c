/* SPDX-License-Identifier: Apache-2.0 */
/* selrows.c -- the part of selector.h that copies, erases and changes rows, and asks a subject's root. */
#include "engine/seledge.h"

#include <inttypes.h>
#include <string.h>

void
selparts_columns(Text *text, const GraphTable *table, const char *alias)
{
    bool any = false;
    for (size_t c = 0; c < table->column_count; c++)
        if (!table->columns[c].generated)
        {
            text_addf(text, "%s%s.%s", any ? ", " : "", alias, table->columns[c].quoted);
            any = true;
        }
}

/* " from …": the rows of the scope's table as t */
static void
add_scope_rows(Text *text, const Selector *s, size_t position)
{
    const GraphTable *table = selparts_table(s, position);

    text_addf(text, " from %s t", table->from);
    if (!selparts_is_collected(s, position))
    {
        text_add(text, " where ");
        selparts_range_base(text, s, position);
        return;
    }
    text_addf(text, " join %s w on ", selparts_work(s, position));
    selparts_join(text, table, "t", "w");
}

char *
selector_copy(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);

    text_add(&text, "copy (select ");
    selparts_columns(&text, selparts_table(s, position), "t");
    add_scope_rows(&text, s, position);
    text_add(&text, ") to stdout");
    return text_done(&text);
}

char *
selector_values(const Selector *s, size_t position, const size_t *columns, size_t count)
{
    Text text = TEXT_INIT(s->arena);

    text_add(&text, "select distinct ");
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%st.%s::text", i > 0 ? ", " : "", selparts_table(s, position)->columns[columns[i]].quoted);
    add_scope_rows(&text, s, position);
    text_add(&text, " order by 1 limit $1::bigint");
    return text_done(&text);
}

/* The key and the columns that will change, as they are before. */
char *
selector_copy_change(const Selector *s, size_t change)
{
    Text text = TEXT_INIT(s->arena);
    const GraphEdge *edge = selparts_edge(s, s->target->scope->changes[change].edge);
    const GraphTable *child = selparts_child(s, change);
    text_add(&text, "copy (select ");
    selparts_table_keys(&text, child, "t");
    if (graph_sets_reference(edge->action))
        for (size_t c = 0; c < edge->set_count; c++)
            text_addf(&text, ", t.%s", child->columns[edge->set_columns[c]].quoted);
    else
        for (size_t i = 0; i < edge->rule->set_count; i++)
            text_addf(&text, ", t.%s", child->columns[graph_column(child, edge->rule->sets[i].column)].quoted);
    text_addf(&text, " from %s t join %s w on ", child->from, selparts_change_work(s, change));
    selparts_join(&text, child, "t", "w");
    text_add(&text, ") to stdout");
    return text_done(&text);
}

static void
add_numbered(Text *text, const Selector *s, const GraphTable *table, const char *low, const char *high)
{
    text_addf(text, "w.expunge_n > %s and w.expunge_n <= %s and ", low, high);
    selparts_join(text, table, "t", "w");
    (void)s;
}

char *
selector_delete_numbers(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "delete from %s t using %s w where ", table->from, selparts_numbers(s));
    add_numbered(&text, s, table, "$1::bigint", "$2::bigint");
    text_add(&text, " and ");
    selparts_live(&text, s, position, "t");
    return text_done(&text);
}

char *
selector_move_numbers(const Selector *s, size_t position, int64_t low, int64_t high)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "copy (delete from %s t using %s w where ", table->from, selparts_numbers(s));
    add_numbered(&text, s, table, arena_printf(s->arena, "%" PRId64, low), arena_printf(s->arena, "%" PRId64, high));
    text_add(&text, " and ");
    selparts_live(&text, s, position, "t");
    text_add(&text, " returning ");
    selparts_columns(&text, table, "t");
    text_add(&text, ") to stdout");
    return text_done(&text);
}

char *
selector_change_numbers(const Selector *s, size_t change)
{
    Text text = TEXT_INIT(s->arena);
    const GraphEdge *edge = selparts_edge(s, s->target->scope->changes[change].edge);
    const GraphTable *child = selparts_child(s, change);
    text_addf(&text, "update %s t set ", child->from);
    if (edge->action == EDGE_REMOVE_ELEMENT)
    {
        text_addf(&text, "%s = ", child->columns[edge->child_columns[0]].quoted);
        seledge_without(&text, s, s->target->scope->changes[change].edge, "t");
    }
    else if (edge->action == EDGE_SET_NULL || edge->action == EDGE_SET_DEFAULT)
        for (size_t c = 0; c < edge->set_count; c++)
            text_addf(&text, "%s%s = %s", c > 0 ? ", " : "", child->columns[edge->set_columns[c]].quoted,
                      edge->action == EDGE_SET_NULL ? "null" : "default");
    else
        for (size_t i = 0; i < edge->rule->set_count; i++)
            text_addf(&text, "%s%s = (%s)", i > 0 ? ", " : "",
                      child->columns[graph_column(child, edge->rule->sets[i].column)].quoted,
                      edge->rule->sets[i].expression);
    text_addf(&text, " from %s w where ", selparts_numbers(s));
    add_numbered(&text, s, child, "$1::bigint", "$2::bigint");
    text_add(&text, " and ");
    selparts_reached(&text, s, s->target->scope->changes[change].edge, "t");
    text_add(&text, " and ");
    selparts_live_change(&text, s, s->target->scope->changes[change].edge, "t");
    return selparts_noted(s, change, text_done(&text));
}

char *
selector_remaining_numbers(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "select count(*) from %s t, %s w where ", table->from, selparts_numbers(s));
    add_numbered(&text, s, table, "$1::bigint", "$2::bigint");
    text_add(&text, " and ");
    selparts_live(&text, s, position, "t");
    return text_done(&text);
}

/* -- in one statement ---------------------------------------------------------------------------------------------- */

char *
selector_delete_whole(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "delete from %s t where ", selparts_table(s, position)->from);
    selparts_reached_any(&text, s, position, "t");
    text_add(&text, " and ");
    selparts_live(&text, s, position, "t");
    return text_done(&text);
}

char *
selector_move_whole(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "copy (%s returning ", selector_delete_whole(s, position));
    selparts_columns(&text, selparts_table(s, position), "t");
    text_add(&text, ") to stdout");
    return text_done(&text);
}

char *
selector_delete_group(const Selector *s, size_t first, size_t end)
{
    Text text = TEXT_INIT(s->arena);
    for (size_t i = first; i < end; i++)
    {
        const GraphTable *table = selparts_table(s, i);
        text_addf(&text, "%sexpunge_d%zu as (delete from %s t using %s w where ", i == first ? "with " : ", ", i,
                  table->from, selparts_work(s, i));
        selparts_join(&text, table, "t", "w");
        text_add(&text, " returning 1)");
    }
    for (size_t i = first; i < end; i++)
        text_addf(&text, "%s(select count(*) from expunge_d%zu)", i == first ? " select " : ", ", i);
    return text_done(&text);
}

char *
selector_lost(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "select count(*) from %s t join %s w on ", table->from, selparts_work(s, position));
    selparts_join(&text, table, "t", "w");
    text_add(&text, " where w.expunge_round = 0 and ");
    selparts_live_outside(&text, s, position, "t");
    text_add(&text, " is not true");
    return text_done(&text);
}

char *
selector_rounds(const Selector *s, size_t position)
{
    return arena_printf(s->arena, "select coalesce(max(w.expunge_round), 0)::bigint from %s w",
                        selparts_work(s, position));
}

char *
selector_remaining(const Selector *s, size_t position)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *table = selparts_table(s, position);
    text_addf(&text, "select count(*) from %s t", table->from);
    if (selparts_is_collected(s, position))
    {
        text_addf(&text, ", %s w where ", selparts_work(s, position));
        selparts_join(&text, table, "t", "w");
    }
    else
    {
        text_add(&text, " where ");
        selparts_reached_any(&text, s, position, "t");
    }
    text_add(&text, " and ");
    selparts_live(&text, s, position, "t");
    return text_done(&text);
}

/* -- ranges of an order -------------------------------------------------------------------------------------------- */

const size_t *
selector_order(const Selector *s, size_t position, size_t *ret_count)
{
    if (s->target->policy != NULL)
    {
        *ret_count = s->target->order_count;
        return s->target->order;
    }
    *ret_count = s->target->scope->tables[position].order_count;
    return s->target->scope->tables[position].order;
}

static void
add_order(Text *text, const Selector *s, size_t position)
{
    size_t count;
    const size_t *order = selector_order(s, position, &count);
    for (size_t i = 0; i < count; i++)
        text_addf(text, "%st.%s", i > 0 ? ", " : "", selparts_table(s, position)->columns[order[i]].quoted);
}

/* one side of a range: (o1, o2) > (v1, v2) and o1 >= v1: the second part lets partitions be pruned */
static void
add_side(Text *text, const Selector *s, size_t position, const char *const *values, size_t first, bool low)
{
    size_t count;
    const size_t *order = selector_order(s, position, &count);
    const GraphTable *table = selparts_table(s, position);
    const char **shown = ARENA_ARRAY(s->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        shown[i] = arena_printf(s->arena, "%s::%s",
                                values == NULL ? arena_printf(s->arena, "$%zu", first + i)
                                               : db_literal(s->arena, values[i]),
                                table->columns[order[i]].type);
    text_add(text, " and (");
    add_order(text, s, position);
    text_add(text, low ? ") > (" : ") <= (");
    for (size_t i = 0; i < count; i++)
        text_addf(text, "%s%s", i > 0 ? ", " : "", shown[i]);
    text_add(text, ")");
    if (count > 1)
        text_addf(text, " and t.%s %s %s", table->columns[order[0]].quoted, low ? ">=" : "<=", shown[0]);
}

static void
add_range(Text *text, const Selector *s, size_t position, const Bounds *bounds, bool literal)
{
    size_t count;
    selector_order(s, position, &count);
    selparts_range_base(text, s, position);
    if (bounds->low != NULL)
        add_side(text, s, position, literal ? bounds->low : NULL, 1, true);
    if (bounds->high != NULL)
        add_side(text, s, position, literal ? bounds->high : NULL, bounds->low != NULL ? count + 1 : 1, false);
}

/* The texts are made of the one row outside: inside they would be made of each row that is skipped. */
char *
selector_upper(const Selector *s, size_t position, bool bounded)
{
    Text text = TEXT_INIT(s->arena);
    size_t count;
    const size_t *order = selector_order(s, position, &count);
    const GraphTable *table = selparts_table(s, position);
    text_add(&text, "select ");
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%sk.%s::text as high%zu", i > 0 ? ", " : "", table->columns[order[i]].quoted, i);
    text_add(&text, " from (select ");
    add_order(&text, s, position);
    text_addf(&text, " from %s t where ", table->from);
    selparts_range_base(&text, s, position);
    if (bounded)
        add_side(&text, s, position, NULL, 1, true);
    text_add(&text, " order by ");
    add_order(&text, s, position);
    text_addf(&text, " offset $%zu::bigint limit 1) k", bounded ? count + 1 : (size_t)1);
    return text_done(&text);
}

char *
selector_delete_range(const Selector *s, size_t position, const Bounds *bounds)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "delete from %s t where ", selparts_table(s, position)->from);
    add_range(&text, s, position, bounds, false);
    return text_done(&text);
}

char *
selector_copy_range(const Selector *s, size_t position, const Bounds *bounds)
{
    Text text = TEXT_INIT(s->arena);
    text_add(&text, "copy (select ");
    selparts_columns(&text, selparts_table(s, position), "t");
    text_addf(&text, " from %s t where ", selparts_table(s, position)->from);
    add_range(&text, s, position, bounds, true);
    text_add(&text, ") to stdout");
    return text_done(&text);
}

char *
selector_copy_next(const Selector *s, size_t position, const char *const *low, int64_t limit_rows)
{
    Text text = TEXT_INIT(s->arena);
    const Bounds bounds = { .low = low };
    text_add(&text, "copy (select ");
    selparts_columns(&text, selparts_table(s, position), "t");
    text_addf(&text, " from %s t where ", selparts_table(s, position)->from);
    add_range(&text, s, position, &bounds, true);
    text_add(&text, " order by ");
    add_order(&text, s, position);
    text_addf(&text, " limit %" PRId64 ") to stdout", limit_rows);
    return text_done(&text);
}

/* Where a column stands in a row of COPY text; GRAPH_NONE: it is generated, and not in it. */
static size_t
field_of(const GraphTable *table, size_t column)
{
    size_t field = 0;
    for (size_t c = 0; c < column; c++)
        field += table->columns[c].generated ? 0 : 1;
    return table->columns[column].generated ? GRAPH_NONE : field;
}

bool
selector_row_tells_order(const Selector *s, size_t position)
{
    size_t count;
    const size_t *order = selector_order(s, position, &count);
    for (size_t i = 0; i < count; i++)
        if (field_of(selparts_table(s, position), order[i]) == GRAPH_NONE)
            return false;
    return true;
}

/* Types of an order are plain: numbers, times, uuids.  COPY escapes nothing in them. */
const char *const *
selector_row_order(const Selector *s, size_t position, const char *row)
{
    size_t count;
    const size_t *order = selector_order(s, position, &count);
    const char **values = ARENA_ARRAY(s->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
    {
        const char *at = row;
        for (size_t field = field_of(selparts_table(s, position), order[i]); field > 0; field--)
            at += strcspn(at, "\t") + 1;
        values[i] = arena_strndup(s->arena, at, strcspn(at, "\t\n"));
    }
    return values;
}

char *
selector_remaining_range(const Selector *s, size_t position, const Bounds *bounds)
{
    Text text = TEXT_INIT(s->arena);
    text_addf(&text, "select count(*) from %s t where ", selparts_table(s, position)->from);
    add_range(&text, s, position, bounds, false);
    return text_done(&text);
}

/* -- the root of a subject ----------------------------------------------------------------------------------------- */

static const char *
root_column(const Selector *s, const char *name)
{
    const GraphTable *root = selparts_table(s, 0);
    return arena_printf(s->arena, "t.%s", root->columns[graph_column(root, name)].quoted);
}

static void
add_ended(Text *text, const Selector *s, const char *until)
{
    const SubjectRule *rule = s->target->subject;
    text_addf(text, "(%s <= %s)", root_column(s, rule->ended_at), until);
    if (rule->confirm != NULL)
        text_addf(text, " and (%s)", rule->confirm);
}

static const char *
optional_text(const Selector *s, const char *name)
{
    return name == NULL ? "null::text" : arena_printf(s->arena, "%s::text", root_column(s, name));
}

char *
selector_root_state(const Selector *s, const char *lock)
{
    Text text = TEXT_INIT(s->arena);
    const SubjectRule *rule = s->target->subject;
    text_add(&text, "select (");
    if (rule->ended_at == NULL)
        text_add(&text, "true");
    else
        add_ended(&text, s, "clock_timestamp()");
    text_addf(&text, ") is true, %s, %s, %s from %s t where ", optional_text(s, rule->incarnation),
              rule->ended_at == NULL ? "null::text"
                                     : arena_printf(s->arena, "%s::timestamptz::text", root_column(s, rule->ended_at)),
              optional_text(s, rule->region), selparts_table(s, 0)->from);
    selparts_is_root(&text, s, "t");
    text_addf(&text, " %s", lock);
    return text_done(&text);
}

char *
selector_look(const Selector *s)
{
    const GraphTable *root = &s->target->graph->tables[s->target->root];
    const GraphColumn *key = &root->columns[s->target->key];
    const SubjectRule *rule = s->target->subject;
    const char *texts[] = { rule->incarnation, rule->label };
    Text text = TEXT_INIT(s->arena);

    text_addf(&text, "select t.%s::pg_catalog.text", key->quoted);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] == NULL)
            text_add(&text, ", null::pg_catalog.text");
        else
            text_addf(&text, ", t.%s::pg_catalog.text", root->columns[graph_column(root, texts[i])].quoted);
    text_addf(&text, " from %s t where t.%s %s $1::", root->from, key->quoted, selparts_equals(key));
    return text_done(&text);
}

char *
selector_ended_roots(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    const SubjectRule *rule = s->target->subject;
    const char *key = root_column(s, rule->key);
    text_addf(&text, "select %s::text, %s, %s::timestamptz::text, %s from %s t where ", key,
              optional_text(s, rule->incarnation), root_column(s, rule->ended_at), optional_text(s, rule->region),
              selparts_table(s, 0)->from);
    add_ended(&text, s, "$1::timestamptz");
    text_addf(
        &text,
        " and not exists (select from expunge.disposal d where d.kind = %s and d.subject_key = %s::text and d.state "
        "not in ('cleared', 'withdrawn')) order by %s, %s limit $2::bigint",
        db_literal(s->arena, rule->kind), key, root_column(s, rule->ended_at), key);
    return text_done(&text);
}

char *
selector_misplaced_roots(const Selector *s)
{
    Text text = TEXT_INIT(s->arena);
    const SubjectRule *rule = s->target->subject;
    text_addf(&text, "select count(*) from %s t where %s::text is distinct from $1::text and ",
              selparts_table(s, 0)->from, root_column(s, rule->region));
    add_ended(&text, s, "clock_timestamp()");
    return text_done(&text);
}

char *
selector_all_roots(const Selector *s)
{
    const SubjectRule *rule = s->target->subject;
    return arena_printf(s->arena, "select %s::text, %s from %s t", root_column(s, rule->key),
                        optional_text(s, rule->incarnation), selparts_table(s, 0)->from);
}

char *
selector_roots_of_keys(const Selector *s)
{
    const char *key = root_column(s, s->target->subject->key);
    return arena_printf(s->arena, "select distinct lower(%s::text) from %s t where lower(%s::text) = any($1::text[])",
                        key, s->target->graph->tables[s->target->root].from, key);
}

char *
selector_oldest(const Selector *s)
{
    const Target *target = s->target;
    const GraphTable *root = selparts_table(s, 0);
    if (target->owner != NULL)
        return selector_oldest_kept(s);
    if (target->age == GRAPH_NONE)
        return arena_printf(s->arena, "select min(%s)::timestamptz::text from %s t", target->policy->age, root->from);
    return arena_printf(s->arena, "select min(t.%s)::timestamptz::text from %s t", root->columns[target->age].quoted,
                        root->from);
}
