/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/undeclared.h"

#include "engine/lookalikes.h"
#include "model/lookalike.h"

#include <string.h>

typedef struct Search
{
    Arena *arena;
    const Session *session;
    const Graph *graph;
    const char **stems; /* per table: what a column's name may begin with; NULL: no key that a column could hold */
    Undeclared *found;
} Search;

/* -- where rows belong ----------------------------------------------------------------------------------------------- */

static bool
is_in_scope(const Target *target, size_t table)
{
    return target->subject != NULL && target->scope != NULL && scope_position(target->scope, table) != GRAPH_NONE;
}

static const Target *
subject_of(const Session *session, size_t table)
{
    for (size_t i = 0; i < session->targets.count; i++)
        if (is_in_scope(&session->targets.list[i], table))
            return &session->targets.list[i];
    return NULL;
}

static bool
is_root(const Session *session, size_t table)
{
    for (size_t i = 0; i < session->targets.count; i++)
        if (session->targets.list[i].subject != NULL && session->targets.list[i].root == table)
            return true;
    return false;
}

static Search
search_begin(Arena *arena, const Session *session, Undeclared *found)
{
    const Graph *graph = session->graph;
    Search search = { .arena = arena, .session = session, .graph = graph, .found = found };

    search.stems = ARENA_ARRAY(arena, const char *, graph->table_count + 1);
    *found = (Undeclared){
        .uncovered = targets_uncovered(arena, session->rules, graph, &session->targets, NULL),
        .homes = ARENA_ARRAY(arena, const Target *, graph->table_count + 1),
    };
    for (size_t t = 0; t < graph->table_count; t++)
    {
        const GraphTable *table = &graph->tables[t];
        found->homes[t] = subject_of(session, t);
        if ((found->homes[t] != NULL || found->uncovered[t]) && !is_root(session, t) && !table->foreign &&
            table->key_count == 1)
            search.stems[t] = lookalike_stem(arena, table->name);
    }
    return search;
}

/* -- columns --------------------------------------------------------------------------------------------------------- */

static const GraphEdge *
find_edge(const Graph *graph, size_t table, size_t column, bool declared)
{
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        for (size_t c = 0; edge->child == table && (edge->declared || !declared) && c < edge->column_count; c++)
            if (edge->child_columns[c] == column)
                return edge;
    }
    return NULL;
}

static bool
has_key_type(const GraphColumn *column, const GraphTable *parent)
{
    const LookalikeForm form = lookalike_form(column->base_type, parent->columns[parent->key[0]].base_type);
    return form == LOOKALIKE_PLAIN || form == LOOKALIKE_SPELT;
}

/* The longer the name, the surer; then the same schema. */
static bool
is_better(const Search *search, size_t child, size_t other, size_t best)
{
    const GraphTable *tables = search->graph->tables;

    if (best == GRAPH_NONE || strlen(search->stems[other]) != strlen(search->stems[best]))
        return best == GRAPH_NONE || strlen(search->stems[other]) > strlen(search->stems[best]);
    return strcmp(tables[other].schema, tables[child].schema) == 0 &&
           strcmp(tables[best].schema, tables[child].schema) != 0;
}

static size_t
named_parent(const Search *search, size_t child, size_t column)
{
    const GraphColumn *entry = &search->graph->tables[child].columns[column];
    const char *flat = lookalike_flat(search->arena, entry->name);
    size_t best = GRAPH_NONE;

    for (size_t t = 0; t < search->graph->table_count; t++)
    {
        const GraphTable *parent = &search->graph->tables[t];
        if (t == child || search->stems[t] == NULL || strstr(flat, search->stems[t]) == NULL ||
            !has_key_type(entry, parent) || !is_better(search, child, t, best))
            continue;
        if (lookalike_name(entry->name, parent->name, parent->columns[parent->key[0]].name) == LOOKALIKE_KEYED)
            best = t;
    }
    return best;
}

static void
add(Search *search, UndeclaredReference reference)
{
    ARENA_PUSH(search->arena, search->found->list, search->found->count, search->found->room, reference);
}

/* -- uncovered tables ------------------------------------------------------------------------------------------------ */

static void
search_table(Search *search, size_t table)
{
    const GraphTable *entry = &search->graph->tables[table];

    for (size_t c = 0; c < entry->column_count; c++)
    {
        const GraphEdge *edge = find_edge(search->graph, table, c, true);
        if (edge == NULL && lookalikes_owner(search->session, table, c) == NULL)
        {
            const size_t parent = named_parent(search, table, c);
            if (parent != GRAPH_NONE)
                add(search, (UndeclaredReference){ .child = table, .column = c, .parent = parent });
        }
        else if (edge != NULL && edge->action == EDGE_DELETE && edge->parent != table &&
                 search->found->uncovered[edge->parent])
            add(search, (UndeclaredReference){ .child = table, .column = c, .parent = edge->parent, .declared = true });
    }
}

static const Target *
owner_by_name(const Session *session, size_t table)
{
    const Target *owner = NULL;
    for (size_t c = 0; owner == NULL && c < session->graph->tables[table].column_count; c++)
        owner = lookalikes_owner(session, table, c);
    return owner;
}

/* An uncovered table is at home where what it refers to is. */
static void
find_homes(Search *search)
{
    Undeclared *found = search->found;

    for (size_t t = 0; t < search->graph->table_count; t++)
        if (found->uncovered[t])
            found->homes[t] = owner_by_name(search->session, t);
    for (bool grown = true; grown;)
    {
        grown = false;
        for (size_t i = 0; i < found->count; i++)
        {
            const UndeclaredReference *reference = &found->list[i];
            if (found->homes[reference->child] != NULL || found->homes[reference->parent] == NULL)
                continue;
            found->homes[reference->child] = found->homes[reference->parent];
            grown = true;
        }
    }
}

Undeclared
undeclared_find(Arena *arena, const Session *session)
{
    Undeclared found;
    Search search = search_begin(arena, session, &found);

    for (size_t t = 0; t < search.graph->table_count; t++)
        if (found.uncovered[t] && !search.graph->tables[t].foreign)
            search_table(&search, t);
    find_homes(&search);
    return found;
}

/* -- covered tables -------------------------------------------------------------------------------------------------- */

/* An edge of any target, or a line of the configuration, says what the column is. */
static bool
is_explained(const Search *search, const Target *target, size_t table, size_t column)
{
    for (size_t i = 0; i < search->session->targets.count; i++)
        if (find_edge(search->session->targets.list[i].graph, table, column, false) != NULL)
            return true;
    return lookalikes_settled(target, table, column) || lookalikes_owner(search->session, table, column) != NULL;
}

Undeclared
undeclared_left(Arena *arena, const Session *session)
{
    Undeclared found;
    Search search = search_begin(arena, session, &found);

    for (size_t t = 0; t < search.graph->table_count; t++)
    {
        const GraphTable *table = &search.graph->tables[t];
        for (size_t c = 0; !found.uncovered[t] && !table->foreign && c < table->column_count; c++)
        {
            const size_t parent = named_parent(&search, t, c);
            const Target *target = parent == GRAPH_NONE ? NULL : found.homes[parent];
            if (target != NULL && !is_in_scope(target, t) && !is_explained(&search, target, t, c))
                add(&search, (UndeclaredReference){ .child = t, .column = c, .parent = parent });
        }
    }
    return found;
}
