/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_effects.c -- the part of inspect.h that looks for what an erasure sets off or leaves behind in the database
 * itself: triggers and what their functions do, materialized views, large objects, foreign tables. */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "engine/refresh.h"
#include "sql.h"

#include <string.h>

/* Whose rows some target erases, and whose it changes. */
static void
mark_tables(const Session *session, bool *erased, bool *changed)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Scope *scope = session->targets.list[i].scope;
        for (size_t t = 0; scope != NULL && t < scope->table_count; t++)
            erased[scope->tables[t].table] = true;
        for (size_t c = 0; scope != NULL && c < scope->change_count; c++)
            if (scope->changes[c].writes)
                changed[scope->graph->edges[scope->changes[c].edge].child] = true;
    }
}

/* -- triggers -------------------------------------------------------------------------------------------------------- */

static void
judge_trigger(Findings *findings, const GraphTable *table, const DbResult *rows, size_t row)
{
    Text habits = TEXT_INIT(findings->arena);
    if (db_bool(rows, row, 5))
        text_add(&habits, "; it waits for COMMIT, so that a subject's rows go in one transaction");
    if (!db_bool(rows, row, 6))
        text_add(&habits, "; what it does cannot be read");
    if (db_bool(rows, row, 7))
        text_add(&habits, "; it may refuse");
    if (db_bool(rows, row, 8))
        text_add(&habits, "; it may keep the row (it returns NULL)");
    if (db_bool(rows, row, 9))
        text_add(&habits, "; it tells a direct DELETE from a cascade");
    if (db_text(rows, row, 10) != NULL)
        text_addf(&habits, "; it writes to %s, where copies may stay", db_text(rows, row, 10));
    if (habits.length == 0)
        return;
    inspect_add(findings,
                (Finding){ .severity = SEVERITY_NOTE,
                           .where = inspect_table_name(findings->arena, table),
                           .what = arena_printf(findings->arena,
                                                "trigger \"%s\" runs %s%s; a subject's erasure is tried out first",
                                                db_text(rows, row, 1), db_text(rows, row, 2), text_done(&habits)) });
}

static Err
inspect_triggers(Findings *findings, Session *session, const bool *erased, const bool *changed)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(session->db, SQL_trigger_habits, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(session->graph, db_int64(rows, i, 0));
        if (at != GRAPH_NONE && ((erased[at] && db_bool(rows, i, 3)) || (changed[at] && db_bool(rows, i, 4))))
            judge_trigger(findings, &session->graph->tables[at], rows, i);
    }
    return OK;
}

/* -- copies ---------------------------------------------------------------------------------------------------------- */

static void
judge_view(Findings *findings, const Session *session, const RefreshView *view, const bool *erased, const bool *changed)
{
    Arena *arena = findings->arena;
    const char *where = arena_printf(arena, "%s.%s", view->schema, view->name);
    const GraphTable *source = NULL;

    for (size_t i = 0; i < view->table_count && source == NULL; i++)
    {
        const size_t at = graph_table_oid(session->graph, view->tables[i]);
        source = at != GRAPH_NONE && (erased[at] || changed[at]) ? &session->graph->tables[at] : NULL;
    }
    if (source == NULL)
        return;
    if (!refresh_is_asked_for(session, view))
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = where,
                               .what = arena_printf(arena,
                                                    "a materialized view keeps copies of rows of %s that have gone",
                                                    inspect_table_name(arena, source)),
                               .remedy = arena_printf(arena, "refresh = [ …, \"%s\" ];   # in databases, \"%s\"", where,
                                                      session->database->name) });
    else if (!view->permitted)
        inspect_add(findings, (Finding){ .severity = SEVERITY_ERROR,
                                         .code = ERR_PERMISSION,
                                         .where = where,
                                         .what = "a materialized view is refreshed by its owner alone",
                                         .remedy = "GRANT its owner's role TO the worker's" });
}

static Err
inspect_views(Findings *findings, Session *session, const bool *erased, const bool *changed)
{
    RefreshView *views;
    size_t count;
    const DatabaseRule *database = session->database;

    TRY(refresh_list(session, findings->arena, &views, &count));
    for (size_t i = 0; i < count; i++)
        judge_view(findings, session, &views[i], erased, changed);
    for (size_t i = 0; i < database->refresh_count; i++)
    {
        bool found = false;
        for (size_t v = 0; v < count && !found; v++)
            found = strcmp(views[v].name, database->refresh[i].table) == 0 &&
                    strcmp(views[v].schema, database->refresh[i].schema) == 0;
        if (!found)
            inspect_add(findings,
                        (Finding){ .severity = SEVERITY_ERROR,
                                   .code = ERR_CONFIG,
                                   .where = arena_printf(findings->arena, "%s:%d: refresh", session->rules->config_path,
                                                         database->line),
                                   .what = arena_printf(findings->arena, "there is no materialized view \"%s.%s\"",
                                                        database->refresh[i].schema, database->refresh[i].table),
                                   .remedy = "correct the name, or take it out" });
    }
    return OK;
}

static Err
inspect_elsewhere(Findings *findings, Session *session, const bool *erased)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    Arena *arena = findings->arena;

    TRY(db_query(session->db, SQL_copies_within, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const char *schema = db_text(rows, i, 1), *name = db_text(rows, i, 2), *column = db_text(rows, i, 3);
        const size_t at = graph_table(session->graph, schema, name);
        if (strcmp(db_text(rows, i, 0), "foreign") == 0)
            inspect_add(findings,
                        (Finding){ .severity = SEVERITY_NOTE,
                                   .where = arena_printf(arena, "%s.%s", schema, name),
                                   .what = "it is a foreign table: its rows lie elsewhere, and are never a target" });
        else if (strcmp(db_text(rows, i, 0), "large") == 0 && at != GRAPH_NONE && erased[at])
            inspect_add(findings,
                        (Finding){
                            .severity = SEVERITY_WARNING,
                            .where = arena_printf(arena, "%s.%s.%s", schema, name, column),
                            .what = "it may name large objects, which stay when the row goes",
                            .remedy = arena_printf(arena,
                                                   "CREATE EXTENSION lo; CREATE TRIGGER expunge_lo BEFORE UPDATE OR "
                                                   "DELETE ON %s FOR EACH ROW EXECUTE FUNCTION lo_manage(%s);",
                                                   session->graph->tables[at].quoted,
                                                   db_ident(arena, column).quoted) });
    }
    return OK;
}

Err
inspect_effects(Findings *findings, Session *session)
{
    bool *erased = ARENA_ARRAY(findings->arena, bool, session->graph->table_count + 1);
    bool *changed = ARENA_ARRAY(findings->arena, bool, session->graph->table_count + 1);

    mark_tables(session, erased, changed);
    TRY(inspect_triggers(findings, session, erased, changed));
    TRY(inspect_views(findings, session, erased, changed));
    return inspect_elsewhere(findings, session, erased);
}
