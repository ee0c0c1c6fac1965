/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settle.h"

#include "base/text.h"
#include "engine/lookalikes.h"

#include <string.h>

/* -- names --------------------------------------------------------------------------------------------------------- */

static bool
is_plain(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9')
        return false;
    for (const char *c = name; *c != '\0'; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_')
            return false;
    return name[0] != '\0';
}

/* As SQL reads a name, inside a string of libconfig. */
static void
add_name(Text *text, const char *name)
{
    if (is_plain(name))
    {
        text_add(text, name);
        return;
    }
    text_add(text, "\\\"");
    for (const char *c = name; *c != '\0'; c++)
        if (*c == '"')
            text_add(text, "\\\"\\\"");
        else if (*c == '\\')
            text_add(text, "\\\\");
        else
            text_add_bytes(text, c, 1);
    text_add(text, "\\\"");
}

static void
add_table(Text *text, const GraphTable *table)
{
    add_name(text, table->schema);
    text_add(text, ".");
    add_name(text, table->name);
}

char *
settle_name(Arena *arena, const char *name)
{
    Text text = TEXT_INIT(arena);
    add_name(&text, name);
    return text_done(&text);
}

char *
settle_table(Arena *arena, const GraphTable *table)
{
    Text text = TEXT_INIT(arena);
    add_table(&text, table);
    return text_done(&text);
}

static void
add_column(Text *text, const GraphTable *table, const char *column)
{
    add_table(text, table);
    text_add(text, "(");
    add_name(text, column);
    text_add(text, ")");
}

static void
add_columns(Text *text, const GraphTable *table, const size_t *columns, size_t count)
{
    add_table(text, table);
    for (size_t c = 0; c < count; c++)
    {
        text_add(text, c == 0 ? "(" : ", ");
        add_name(text, table->columns[columns[c]].name);
    }
    text_add(text, ")");
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

/* Where the line goes: a list of the target's own group. */
static void
add_place(Text *text, const Session *session, const Target *target, const char *list)
{
    if (target->owner != NULL) /* kept rows go by the edges of whoever left them behind */
        target = target->owner;
    const bool policy = target->policy != NULL;
    text_addf(text, "   # in %s of %s \"%s\" (%s:%d)", list, policy ? "policy" : "subject", target->name,
              session->rules->config_path, policy ? target->policy->line : target->subject->line);
}

/* An edge from one column to one column. */
static char *
column_edge(Arena *arena, const Session *session, const Target *target, const GraphTable *child, const char *column,
            const GraphTable *parent, const char *key, const char *tail)
{
    Text text = TEXT_INIT(arena);

    text_add(&text, "{ from = \"");
    add_column(&text, child, column);
    text_add(&text, "\"; to = \"");
    add_column(&text, parent, key);
    text_addf(&text, "\";%s }", tail == NULL ? "" : tail);
    add_place(&text, session, target, "edges");
    return text_done(&text);
}

char *
settle_column_edge(Arena *arena, const Session *session, const Target *target, const GraphTable *table,
                   const char *column, const char *tail)
{
    const GraphTable *root = &target->graph->tables[target->root];
    return column_edge(arena, session, target, table, column, root, root->columns[target->key].name, tail);
}

char *
settle_reference(Arena *arena, const Session *session, const Target *target, const UndeclaredReference *reference)
{
    const GraphTable *child = &session->graph->tables[reference->child];
    const GraphTable *parent = &session->graph->tables[reference->parent];
    return column_edge(arena, session, target, child, child->columns[reference->column].name, parent,
                       parent->columns[parent->key[0]].name, NULL);
}

/* SQL inside a string of libconfig. */
static void
add_condition(Text *text, const char *setting, const char *sql)
{
    if (sql == NULL)
        return;
    text_addf(text, " %s = \"", setting);
    for (const char *c = sql; *c != '\0'; c++)
    {
        if (*c == '"' || *c == '\\')
            text_add(text, "\\");
        text_add_bytes(text, c, 1);
    }
    text_add(text, "\";");
}

char *
settle_edge(Arena *arena, const Session *session, const Target *target, const GraphEdge *edge, const char *tail)
{
    Text text = TEXT_INIT(arena);

    text_add(&text, "{ from = \"");
    add_columns(&text, &target->graph->tables[edge->child], edge->child_columns, edge->column_count);
    text_add(&text, "\"; to = \"");
    add_columns(&text, &target->graph->tables[edge->parent], edge->parent_columns, edge->column_count);
    text_add(&text, "\";");
    add_condition(&text, "where", edge->where);
    add_condition(&text, "expression", edge->expression);
    text_addf(&text, "%s%s }", edge->element ? " match = \"element\";" : "", tail == NULL ? "" : tail);
    add_place(&text, session, target, "edges");
    return text_done(&text);
}

char *
settle_not_key(Arena *arena, const Session *session, const Target *target, const GraphTable *table, const char *column)
{
    Text text = TEXT_INIT(arena);

    text_add(&text, "{ columns = \"");
    add_column(&text, table, column);
    text_addf(&text, "\"; why = \"not the key of a %s\"; }", target->name);
    add_place(&text, session, target, "not_keys");
    return text_done(&text);
}

char *
settle_choice(Arena *arena, const Session *session, const Target *target, const GraphTable *table, const char *column,
              const char *edge)
{
    const char *no_key = settle_not_key(arena, session, target, table, column);

    if (!rules_global(session->rules, table->schema, table->name))
        return arena_printf(arena, "%s\n%s", edge, no_key);
    return arena_printf(arena, "%s\n%s   # and \"%s\" taken out of global_tables", no_key, edge,
                        settle_table(arena, table));
}

/* The column that says how old a row is: the first point in time, one that is set when the row is made if there is one. */
static const GraphColumn *
find_age(const GraphTable *table)
{
    const GraphColumn *found = NULL;
    for (size_t c = 0; c < table->column_count; c++)
    {
        const GraphColumn *column = &table->columns[c];
        const bool is_time = text_starts(column->base_type, "timestamp") || strcmp(column->base_type, "date") == 0;
        if (is_time && (found == NULL || (column->not_null && !found->not_null)))
            found = column;
    }
    return found;
}

/* Foreign keys that lead to a subject's rows and leave the table's own rows behind. */
static void
add_edges(Text *text, Arena *arena, const Session *session, size_t at)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        for (size_t c = 0; target->subject != NULL && target->scope != NULL && c < target->scope->change_count; c++)
        {
            const GraphEdge *edge = &target->graph->edges[target->scope->changes[c].edge];
            if (edge->child == at && edge->rule == NULL)
                text_addf(text, "%s\n", settle_edge(arena, session, target, edge, " action = \"delete\";"));
        }
    }
}

/* What the table hangs on, where that is no root: a FOREIGN KEY takes its rows along as soon as the other table is
 * covered, a column that is named so wants an edge. */
static void
add_references(Text *text, Arena *arena, const Session *session, const Undeclared *undeclared, size_t at)
{
    size_t told = GRAPH_NONE;

    for (size_t i = 0; i < undeclared->count; i++)
    {
        const UndeclaredReference *reference = &undeclared->list[i];
        if (reference->child != at || (reference->declared && reference->parent == told))
            continue;
        if (reference->declared)
            text_addf(text,
                      "# nothing, if its rows go with those of %s: a foreign key sees to that once that is covered\n",
                      settle_table(arena, &session->graph->tables[told = reference->parent]));
        else if (undeclared->homes[reference->parent] != NULL)
            text_addf(text, "%s\n", settle_reference(arena, session, undeclared->homes[reference->parent], reference));
    }
}

/* owner_type beside owner_id: which table a row belongs to depends on the row. */
static void
add_polymorphic(Text *text, Arena *arena, const Session *session, size_t at)
{
    const GraphTable *table = &session->graph->tables[at];

    for (size_t c = 0; c < table->column_count; c++)
    {
        const char *name = table->columns[c].name;
        const char *beside = text_ends(name, "_id") ? arena_printf(arena, "%.*s_type", (int)strlen(name) - 3, name)
                                                    : NULL;
        for (size_t i = 0; beside != NULL && graph_column(table, beside) != GRAPH_NONE && i < session->targets.count;
             i++)
            if (lookalikes_holds_key(&session->targets.list[i], at, c))
                text_addf(text, "%s: one for each kind of row\n",
                          settle_column_edge(arena, session, &session->targets.list[i], table, name,
                                             arena_printf(arena, " where = \"%s = '…'\";",
                                                          settle_name(arena, beside))));
    }
}

char *
settle_uncovered(Arena *arena, const Session *session, const Undeclared *undeclared, size_t at)
{
    Text text = TEXT_INIT(arena);
    const GraphTable *table = &session->graph->tables[at];
    const GraphColumn *age = table->key_count == 0
                                 ? NULL
                                 : find_age(table); /* rows that cannot be told apart have no policy */

    for (size_t c = 0; c < table->column_count && !table->foreign; c++)
    {
        const Target *owner = lookalikes_owner(session, at, c);
        if (owner != NULL)
            text_addf(&text, "%s\n",
                      settle_column_edge(arena, session, owner, table, table->columns[c].name,
                                         lookalikes_edge_tail(arena, owner, &table->columns[c], NULL)));
    }
    add_edges(&text, arena, session, at);
    add_references(&text, arena, session, undeclared, at);
    add_polymorphic(&text, arena, session, at);
    if (age != NULL)
    {
        text_addf(&text, "{ name = \"%s\"; class = \"…\"; table = \"",
                  is_plain(table->name) ? table->name : arena_printf(arena, "table-%zu", (size_t)table->oid));
        add_table(&text, table);
        text_add(&text, "\"; age = \"");
        add_name(&text, age->name);
        text_add(&text, "\"; keep_for = \"1 year\"; purpose = \"…\"; basis = \"…\"; }   # in policies\n");
    }
    text_add(&text, session->rules->global_count == 0 ? "global_tables = [ \"" : "\"");
    add_table(&text, table);
    text_add(&text, session->rules->global_count == 0 ? "\" ];   # if it holds nobody's data"
                                                      : "\"   # in global_tables, if it holds nobody's data");
    return text_done(&text);
}

/* -- edges that conflict ------------------------------------------------------------------------------------------- */

static bool
conflicts(const Target *target, const GraphEdge *edge)
{
    const GraphTable *child = &target->graph->tables[edge->child];

    if (edge->child == target->root && edge->parent == target->root && edge->action == EDGE_DELETE)
        return edge->rule == NULL && target->subject != NULL;
    for (size_t c = 0; edge->action == EDGE_SET_NULL && c < edge->set_count; c++)
        if (child->columns[edge->set_columns[c]].not_null)
            return true;
    return false;
}

char *
settle_conflicts(Arena *arena, const Session *session, const Target *target)
{
    const Graph *graph = target->graph;
    bool *inside = ARENA_ARRAY(arena, bool, graph->table_count + 1);
    Text text = TEXT_INIT(arena);

    inside[target->root] = true;
    for (bool grown = true; grown;)
    {
        grown = false;
        for (size_t e = 0; e < graph->edge_count; e++)
            if (graph->edges[e].action == EDGE_DELETE && inside[graph->edges[e].parent] &&
                !inside[graph->edges[e].child])
                inside[graph->edges[e].child] = grown = true;
    }
    for (size_t e = 0; e < graph->edge_count; e++)
        if (inside[graph->edges[e].parent] && conflicts(target, &graph->edges[e]))
            text_addf(&text, "%s%s: they go", text.length > 0 ? "\n" : "",
                      settle_edge(arena, session, target, &graph->edges[e], " action = \"delete\";"));
    return text.length == 0 ? NULL : text_done(&text);
}
