/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_cover.c -- the part of inspect.h that looks for what no disposal reaches: targets with a problem, tables without
 * a place in the configuration, columns that look like a subject's key, and what changed since the scope was accepted. */
#include "engine/inspect_private.h"

#include "engine/lookalikes.h"
#include "engine/settle.h"
#include "store/catalog.h"

#include <string.h>

/* -- targets ------------------------------------------------------------------------------------------------------- */

Err
inspect_targets(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        const bool policy = target->policy != NULL;
        const char *lines = target->problem == NULL ? NULL : settle_conflicts(arena, session, target);
        if (target->problem != NULL)
            inspect_add(findings,
                        (Finding){
                            .severity = SEVERITY_ERROR,
                            .code = ERR_RAIL,
                            .where = arena_printf(arena, "%s \"%s\" (%s:%d)", policy ? "policy" : "subject",
                                                  target->name, session->rules->config_path,
                                                  policy ? target->policy->line : target->subject->line),
                            .what = arena_strdup(arena, target->problem),
                            .remedy = lines != NULL
                                          ? lines
                                          : "change the schema, or say by an edge with an action what happens to "
                                            "these rows; until then nothing of this kind is disposed of" });
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

/* Not the key of a subject, but of a table whose rows go with one. */
static void
tell_left_behind(Findings *findings, const Session *session)
{
    Arena *arena = findings->arena;
    const Undeclared left = undeclared_left(arena, session);

    for (size_t i = 0; i < left.count; i++)
    {
        const UndeclaredReference *reference = &left.list[i];
        const Target *target = left.homes[reference->parent];
        const GraphTable *child = &session->graph->tables[reference->child];
        const char *column = child->columns[reference->column].name;
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_WARNING,
                        .where = arena_printf(arena, "%s.%s", inspect_table_name(arena, child), column),
                        .what = arena_printf(arena,
                                             "looks like a key of %s by its name and type, whose rows go with a "
                                             "%s, and no edge says so: its rows would stay",
                                             inspect_table_name(arena, &session->graph->tables[reference->parent]),
                                             target->name),
                        .remedy = settle_choice(arena, session, target, child, column,
                                                settle_reference(arena, session, target, reference)) });
    }
}

Err
inspect_lookalikes(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;
    Lookalikes looks;

    TRY(lookalikes_find(arena, session, &looks));
    for (size_t i = 0; i < looks.count; i++)
        inspect_add(findings, (Finding){ .severity = SEVERITY_ERROR,
                                         .code = ERR_RAIL,
                                         .where = lookalikes_where(arena, session, &looks.list[i]),
                                         .what = arena_printf(arena, "%s: the erasure of any %s is stopped",
                                                              lookalikes_story(arena, session, &looks.list[i]),
                                                              looks.list[i].owner->name),
                                         .remedy = lookalikes_lines(arena, session, &looks.list[i]) });
    tell_left_behind(findings, session);
    for (size_t i = 0; i < looks.unsampled_count; i++)
        if (i == 0 || strcmp(looks.unsampled[i], looks.unsampled[i - 1]) != 0)
            inspect_add(findings, (Finding){ .severity = SEVERITY_NOTE,
                                             .where = looks.unsampled[i],
                                             .what = "no sample of its rows could be read (no privilege, a lock, or it "
                                                     "took too long): whether its values are a subject's keys is not "
                                                     "known, names and types alone were looked at",
                                             .remedy = "GRANT SELECT on it to the worker's role" });
    return OK;
}

/* -- coverage ------------------------------------------------------------------------------------------------------ */

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
    const Undeclared undeclared = undeclared_find(arena, session);
    const bool *waiting = reached_by_problems(arena, session);

    for (size_t t = 0; t < session->graph->table_count; t++)
        if (undeclared.uncovered[t] && !waiting[t])
            inspect_add(findings,
                        (Finding){
                            .severity = SEVERITY_ERROR,
                            .code = ERR_RAIL,
                            .where = inspect_table_name(arena, &session->graph->tables[t]),
                            .what = "no subject reaches it, no policy names it, and global_tables does not list it: "
                                    "the erasure of subjects is stopped",
                            .remedy = settle_uncovered(arena, session, &undeclared, t) });
    return OK;
}

/* -- drift --------------------------------------------------------------------------------------------------------- */

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
    for (size_t i = 0; i < count; i++)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_ERROR,
                               .code = ERR_RAIL,
                               .where = "schema",
                               .what = arena_printf(arena,
                                                    "it has changed since the scope was accepted, which stops "
                                                    "the erasure of subjects: %s",
                                                    changes[i]),
                               .remedy = i + 1 < count ? NULL
                                                       : "see that the configuration says what happens to these rows, "
                                                         "then: expunge check --accept" });
    return OK;
}
