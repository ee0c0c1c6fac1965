/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/refresh.h"

#include "base/fault.h"
#include "base/text.h"
#include "sql.h"
#include "wrap/jsondoc.h"

#include <stdlib.h>
#include <string.h>

static Err
read_tables(Arena *arena, const char *json, RefreshView *view)
{
    CLEANUP(jsondoc_freep) JsonDoc *list = NULL;
    size_t room = 0;
    if (json == NULL)
        return OK;
    TRY(jsondoc_parse(json, strlen(json), &list));
    for (size_t i = 0; i < jsondoc_count(list); i++)
        ARENA_PUSH(arena, view->tables, view->table_count, room, strtoll(jsondoc_text(jsondoc_at(list, i)), NULL, 10));
    return OK;
}

Err
refresh_list(Session *session, Arena *arena, RefreshView **ret_views, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    RefreshView *views = NULL;
    size_t count = 0, room = 0;

    TRY(db_query(session->db, SQL_copies_within, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        if (strcmp(db_text(rows, i, 0), "view") != 0)
            continue;
        RefreshView view = { .schema = arena_strdup(arena, db_text(rows, i, 1)),
                             .name = arena_strdup(arena, db_text(rows, i, 2)),
                             .permitted = db_bool(rows, i, 5),
                             .concurrently = db_bool(rows, i, 6) && db_bool(rows, i, 7) };
        TRY(read_tables(arena, db_text(rows, i, 4), &view));
        ARENA_PUSH(arena, views, count, room, view);
    }
    *ret_views = views;
    *ret_count = count;
    return OK;
}

static bool
is_named(const TableName *name, const RefreshView *view)
{
    return strcmp(name->schema, view->schema) == 0 && strcmp(name->table, view->name) == 0;
}

bool
refresh_is_asked_for(const Session *session, const RefreshView *view)
{
    for (size_t i = 0; i < session->database->refresh_count; i++)
        if (is_named(&session->database->refresh[i], view))
            return true;
    return false;
}

static const RefreshView *
find_view(const RefreshView *views, size_t count, const TableName *name)
{
    for (size_t i = 0; i < count; i++)
        if (is_named(name, &views[i]))
            return &views[i];
    return NULL;
}

Err
refresh_judge(Job *job)
{
    const DatabaseRule *database = job->session->database;
    RefreshView *views;
    size_t count;

    if (database->refresh_count == 0)
        return OK;
    TRY(refresh_list(job->session, job->arena, &views, &count));
    for (size_t i = 0; i < database->refresh_count; i++)
    {
        const TableName *name = &database->refresh[i];
        const RefreshView *view = find_view(views, count, name);
        if (view == NULL)
            return err_new(ERR_CONFIG, "%s:%d: refresh: there is no materialized view \"%s.%s\" in this database",
                           job->session->rules->config_path, database->line, name->schema, name->table);
        if (!view->permitted)
            return err_new(ERR_PERMISSION,
                           "materialized view \"%s.%s\" can be refreshed by its owner alone: grant the owner's role to "
                           "the worker's",
                           name->schema, name->table);
    }
    return OK;
}

static bool
holds_copies(const Job *job, const RefreshView *view)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < view->table_count; i++)
    {
        const size_t table = graph_table_oid(scope->graph, view->tables[i]);
        if (table != GRAPH_NONE && scope_position(scope, table) != GRAPH_NONE)
            return true;
        for (size_t c = 0; table != GRAPH_NONE && c < scope->change_count; c++)
            if (scope->changes[c].writes && scope->graph->edges[scope->changes[c].edge].child == table)
                return true;
    }
    return false;
}

Err
refresh_sql(Job *job, const char ***ret_list, size_t *ret_count)
{
    const DatabaseRule *database = job->session->database;
    RefreshView *views;
    size_t count;

    *ret_list = ARENA_ARRAY(job->arena, const char *, database->refresh_count + 1);
    *ret_count = 0;
    if (database->refresh_count == 0)
        return OK;
    TRY(refresh_list(job->session, job->arena, &views, &count));
    for (size_t i = 0; i < database->refresh_count; i++)
    {
        const RefreshView *view = find_view(views, count, &database->refresh[i]);
        if (view != NULL && holds_copies(job, view))
            (*ret_list)[(*ret_count)++] = arena_printf(job->arena, "refresh materialized view %s%s",
                                                       view->concurrently ? "concurrently " : "",
                                                       db_ident2(job->arena, view->schema, view->name).quoted);
    }
    return OK;
}

Err
refresh_views(Job *job)
{
    const char **list;
    size_t count;

    TRY(refresh_sql(job, &list, &count));
    for (size_t i = 0; i < count; i++)
    {
        const Err e = db_exec(job->session->db, list[i]);
        if (e != OK)
            return err_note(e, "while refreshing a materialized view, which still has copies of rows that went: %s",
                            list[i]);
        fault_point("refresh.done");
    }
    return OK;
}

/* -- for the plan ---------------------------------------------------------------------------------------------------- */

/* A table of the view's whose rows the outcome takes away or changes. */
static const char *
copied_table(const Job *job, const RefreshView *view)
{
    const Graph *graph = job->session->graph;
    for (size_t i = 0; i < view->table_count; i++)
    {
        const size_t at = graph_table_oid(graph, view->tables[i]);
        const char *name = at == GRAPH_NONE
                               ? NULL
                               : arena_printf(job->arena, "%s.%s", graph->tables[at].schema, graph->tables[at].name);
        for (size_t t = 0; name != NULL && t < job->outcome->table_count; t++)
            if (strcmp(job->outcome->tables[t].table, name) == 0)
                return name;
    }
    return NULL;
}

Err
refresh_foretell(Job *job)
{
    Outcome *o = job->outcome;
    Session *session = job->session;

    if (!session->views_read)
        TRY(refresh_list(session, session->arena, &session->views, &session->view_count));
    session->views_read = true;
    for (size_t i = 0; i < session->view_count; i++)
    {
        const RefreshView *view = &session->views[i];
        const char *table = copied_table(job, view);
        const OutcomeView entry = { .view = arena_printf(job->arena, "%s.%s", view->schema, view->name),
                                    .table = table,
                                    .refreshed = refresh_is_asked_for(session, view) };
        if (table != NULL)
            ARENA_PUSH(job->arena, o->views, o->view_count, o->view_room, entry);
    }
    return OK;
}
