/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_cover.c -- the part of inspect.h that looks for what no disposal reaches: targets with a problem, tables without
 * a place in the configuration, columns that look like a subject's key, and what changed since the scope was accepted. */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "store/catalog.h"

#include <string.h>

#define CHANGES_SHOWN 10

/* -- targets ------------------------------------------------------------------------------------------------------- */

Err
inspect_targets(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        const bool policy = target->policy != NULL;
        if (target->problem != NULL)
            inspect_add(
                findings,
                (Finding){
                    .severity = SEVERITY_ERROR,
                    .code = ERR_RAIL,
                    .where = arena_printf(arena, "%s \"%s\" (%s:%d)", policy ? "policy" : "subject", target->name,
                                          session->rules->config_path,
                                          policy ? target->policy->line : target->subject->line),
                    .what = arena_strdup(arena, target->problem),
                    .remedy =
                        "change the schema, or say by an edge with an action what happens to these rows; until then "
                        "nothing of this kind is disposed of" });
    }
    for (size_t t = 0; t < session->graph->table_count; t++)
    {
        const GraphTable *table = &session->graph->tables[t];
        if (table->key_count == 0)
            inspect_add(
                findings,
                (Finding){
                    .severity = SEVERITY_WARNING,
                    .where = inspect_table_name(arena, table),
                    .what =
                        "it has no primary key and no unique index over NOT NULL columns: its rows cannot be told apart",
                    .remedy = arena_printf(arena, "ALTER TABLE %s ADD PRIMARY KEY (…);", table->quoted) });
    }
    return OK;
}

/* -- columns that look like a subject's key ------------------------------------------------------------------------ */

static bool
is_word(const char *name, const char *stem, size_t stem_length, const char *ending)
{
    return strncmp(name, stem, stem_length) == 0 && strcmp(name + stem_length, ending) == 0;
}

/* "workspace_id", "workspace_uuid" (where the key is "uuid"), "workspace", of the root's table (in the singular, too) or
 * the kind. */
static bool
is_called_after(const char *name, const char *stem, const char *key)
{
    const size_t length = strlen(stem);
    const size_t singular = length > 1 && stem[length - 1] == 's' ? length - 1 : length;
    const char *endings[] = { "", "_id", "_key" };

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (is_word(name, stem, length, endings[i]) || is_word(name, stem, singular, endings[i]))
            return true;
    return (strncmp(name, stem, length) == 0 && name[length] == '_' && strcmp(name + length + 1, key) == 0) ||
           (strncmp(name, stem, singular) == 0 && name[singular] == '_' && strcmp(name + singular + 1, key) == 0);
}

static bool
is_general(const char *key)
{
    static const char *const words[] = { "id", "uuid", "guid", "key", "code", "name", "number", "email" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(key, words[i]) == 0)
            return true;
    return false;
}

/* The name is one by which rows refer to this subject already. */
static bool
is_known_reference(const Target *target, const char *name)
{
    for (size_t e = 0; e < target->graph->edge_count; e++)
    {
        const GraphEdge *edge = &target->graph->edges[e];
        if (edge->parent == target->root && edge->column_count == 1 && edge->parent_columns[0] == target->key &&
            strcmp(target->graph->tables[edge->child].columns[edge->child_columns[0]].name, name) == 0)
            return true;
    }
    return false;
}

static bool
looks_like_key(const Target *target, const GraphColumn *column)
{
    const GraphTable *root = &target->graph->tables[target->root];
    const GraphColumn *key = &root->columns[target->key];

    if (strcmp(column->base_type, key->base_type) != 0)
        return false;
    return is_called_after(column->name, root->name, key->name) ||
           is_called_after(column->name, target->name, key->name) ||
           (!is_general(key->name) && strcmp(column->name, key->name) == 0) || is_known_reference(target, column->name);
}

static bool
has_edge(const Session *session, size_t table, size_t column)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Graph *graph = session->targets.list[i].graph;
        for (size_t e = 0; e < graph->edge_count; e++)
            for (size_t c = 0; graph->edges[e].child == table && c < graph->edges[e].column_count; c++)
                if (graph->edges[e].child_columns[c] == column)
                    return true;
    }
    return false;
}

/* The first subject whose key the column looks like; NULL: none. */
static const Target *
find_owner(const Session *session, size_t table, size_t column)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->subject != NULL && target->root != table &&
            looks_like_key(target, &session->graph->tables[table].columns[column]))
            return target;
    }
    return NULL;
}

/* An edge that is there already, and leaves the rows behind, wants an action. */
static const char *
edge_line(Arena *arena, const Session *session, const Target *target, size_t at, size_t column)
{
    const GraphTable *table = &session->graph->tables[at];
    const GraphTable *root = &target->graph->tables[target->root];
    return arena_printf(arena, "{ from = \"%s.%s(%s)\"; to = \"%s.%s(%s)\";%s }   # in edges of subject \"%s\"",
                        table->schema, table->name, table->columns[column].name, root->schema, root->name,
                        root->columns[target->key].name, has_edge(session, at, column) ? " action = \"set_null\";" : "",
                        target->name);
}

static bool
is_listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

Err
inspect_lookalikes(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;
    const char **uncovered;
    size_t count;

    targets_uncovered(arena, session->rules, session->graph, &session->targets, &uncovered, &count);
    for (size_t t = 0; t < session->graph->table_count; t++)
    {
        const GraphTable *table = &session->graph->tables[t];
        if (is_listed(uncovered, count, table->quoted))
            continue; /* told with the table */
        for (size_t c = 0; c < table->column_count; c++)
        {
            const Target *owner = has_edge(session, t, c) ? NULL : find_owner(session, t, c);
            if (owner != NULL)
                inspect_add(findings,
                            (Finding){
                                .severity = SEVERITY_WARNING,
                                .where = arena_printf(arena, "%s.%s.%s", table->schema, table->name,
                                                      table->columns[c].name),
                                .what = arena_printf(
                                    arena,
                                    "looks like the key of a %s, and no edge covers it: its rows stay when the %s goes",
                                    owner->name, owner->name),
                                .remedy = edge_line(arena, session, owner, t, c) });
        }
    }
    return OK;
}

/* -- coverage ------------------------------------------------------------------------------------------------------ */

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

/* What would settle a table: an edge where a column looks like a subject's key, a policy where there is an age, or the
 * list of tables that hold nobody's data. */
static const char *
coverage_remedy(Arena *arena, const Session *session, size_t at)
{
    const GraphTable *table = &session->graph->tables[at];
    const GraphColumn *age = find_age(table);
    Text text = TEXT_INIT(arena);

    for (size_t c = 0; c < table->column_count; c++)
    {
        const Target *owner = find_owner(session, at, c);
        if (owner != NULL)
            text_addf(&text, "%s\n", edge_line(arena, session, owner, at, c));
    }
    if (age != NULL)
        text_addf(
            &text,
            "{ name = \"%s\"; class = \"…\"; table = \"%s.%s\"; age = \"%s\"; keep_for = \"1 year\"; purpose = \"…\"; basis = \"…\"; }   "
            "# in policies\n",
            table->name, table->schema, table->name, age->name);
    text_addf(&text, "global_tables = [ …, \"%s.%s\" ];   # if it holds nobody's data", table->schema, table->name);
    return text_done(&text);
}

/* Tables that a target with a problem would reach: they wait for its solution, and need none of their own. */
static bool *
reached_by_problems(Arena *arena, const Session *session)
{
    bool *reached = ARENA_ARRAY(arena, bool, session->graph->table_count + 1);

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->scope != NULL)
            continue;
        reached[target->root] = true;
        for (bool grown = true; grown;)
        {
            grown = false;
            for (size_t e = 0; e < target->graph->edge_count; e++)
            {
                const GraphEdge *edge = &target->graph->edges[e];
                if (!reached[edge->parent] || reached[edge->child] ||
                    (edge->action != EDGE_DELETE && edge->rule == NULL))
                    continue;
                reached[edge->child] = grown = true;
            }
        }
    }
    return reached;
}

Err
inspect_coverage(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;
    const char **uncovered;
    size_t count;

    targets_uncovered(arena, session->rules, session->graph, &session->targets, &uncovered, &count);
    const bool *waiting = reached_by_problems(arena, session);
    for (size_t t = 0; t < session->graph->table_count; t++)
        if (is_listed(uncovered, count, session->graph->tables[t].quoted) && !waiting[t])
            inspect_add(findings,
                        (Finding){
                            .severity = SEVERITY_ERROR,
                            .code = ERR_RAIL,
                            .where = inspect_table_name(arena, &session->graph->tables[t]),
                            .what = "no subject reaches it, no policy names it, and global_tables does not list it: "
                                    "the erasure of subjects is stopped",
                            .remedy = coverage_remedy(arena, session, t) });
    return OK;
}

/* -- drift --------------------------------------------------------------------------------------------------------- */

/* Whether one of the changes says the same of the whole table: its columns need not be told one by one. */
static bool
is_told_by_table(const char *const *changes, size_t count, const char *change)
{
    const char *column = strstr(change, ": column ");
    if (column == NULL)
        return false;
    const size_t verb = (size_t)(column - change);
    const char *name = column + strlen(": column ");
    for (size_t i = 0; i < count; i++)
        if (strncmp(changes[i], change, verb) == 0 && text_starts(changes[i] + verb, ": table "))
        {
            const char *table = changes[i] + verb + strlen(": table ");
            const size_t length = strlen(table);
            if (strncmp(name, table, length) == 0 && name[length] == '.')
                return true;
        }
    return false;
}

static const char *
list_changes(Arena *arena, const char *const *changes, size_t count)
{
    Text text = TEXT_INIT(arena);
    size_t told = 0;

    for (size_t i = 0; i < count; i++)
        if (!is_told_by_table(changes, count, changes[i]) && told++ < CHANGES_SHOWN)
            text_addf(&text, "%s%s", told > 1 ? "; " : "", changes[i]);
    if (told > CHANGES_SHOWN)
        text_addf(&text, "; and %zu more", told - CHANGES_SHOWN);
    return text_done(&text);
}

Err
inspect_drift(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;
    const char **changes;
    size_t count;
    bool accepted;

    TRY(catalog_drift(arena, session->db, session->graph, &accepted, &changes, &count));
    if (!accepted)
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_WARNING,
                        .where = "schema",
                        .what = "the scope was never accepted: a column or an edge that appears later is not noticed",
                        .remedy = "read the findings, then: expunge check --accept" });
    if (count > 0)
        inspect_add(
            findings,
            (Finding){
                .severity = SEVERITY_ERROR,
                .code = ERR_RAIL,
                .where = "schema",
                .what =
                    arena_printf(arena,
                                 "it has changed since the scope was accepted, which stops the erasure of subjects: %s",
                                 list_changes(arena, changes, count)),
                .remedy = "see that the configuration says what happens to these rows, then: expunge check --accept" });
    return OK;
}
