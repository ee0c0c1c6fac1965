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
refresh_views(Job *job)
{
    const DatabaseRule *database = job->session->database;
    RefreshView *views;
    size_t count;

    if (database->refresh_count == 0)
        return OK;
    TRY(refresh_list(job->session, job->arena, &views, &count));
    for (size_t i = 0; i < database->refresh_count; i++)
    {
        const RefreshView *view = find_view(views, count, &database->refresh[i]);
        if (view == NULL || !holds_copies(job, view))
            continue;
        const char *quoted = db_ident2(job->arena, view->schema, view->name).quoted;
        const Err e = db_exec(job->session->db, arena_printf(job->arena, "refresh materialized view %s%s",
                                                             view->concurrently ? "concurrently " : "", quoted));
        if (e != OK)
            return err_note(e, "while refreshing %s, which still has copies of rows that went", quoted);
        fault_point("refresh.done");
    }
    return OK;
}
