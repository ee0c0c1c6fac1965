/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_tables.c -- the part of inspect.h that looks at the tables of all scopes: what the role may do to them, what
 * might object to an erasure, and what makes one slow. */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "engine/indexes.h"
#include "engine/kept.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* What all targets together ask of a table. */
typedef struct Need
{
    bool select;
    bool update; /* a row lock asks for it as well, on one column */
    bool lock;
    bool erase;
    size_t *columns; /* that changes write */
    size_t column_count;
    size_t column_room;
} Need;

static bool
holds(const size_t *list, size_t count, size_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

static void
need_column(Arena *arena, Need *need, size_t column)
{
    if (column != GRAPH_NONE && !holds(need->columns, need->column_count, column))
        ARENA_PUSH(arena, need->columns, need->column_count, need->column_room, column);
}

static void
need_change(Arena *arena, const Graph *graph, const ScopeChange *change, Need *needs)
{
    const GraphEdge *edge = &graph->edges[change->edge];
    const GraphTable *child = &graph->tables[edge->child];
    Need *need = &needs[edge->child];

    need->select = true;
    need->update = need->update || change->writes;
    if (graph_sets_reference(edge->action))
        for (size_t c = 0; c < edge->set_count; c++)
            need_column(arena, need, edge->set_columns[c]);
    else if (change->writes)
        for (size_t i = 0; i < edge->rule->set_count; i++)
            need_column(arena, need, graph_column(child, edge->rule->sets[i].column));
}

static Need *
collect_needs(Arena *arena, const Session *session)
{
    Need *needs = ARENA_ARRAY(arena, Need, session->graph->table_count + 1);

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        const Scope *scope = target->scope;
        for (size_t t = 0; scope != NULL && t < scope->table_count; t++)
            needs[scope->tables[t].table].select = needs[scope->tables[t].table].erase = true;
        for (size_t c = 0; scope != NULL && c < scope->change_count; c++)
            need_change(arena, scope->graph, &scope->changes[c], needs);
        if (scope != NULL && !target->single)
            needs[target->root].lock = true;
    }
    return needs;
}

/* -- privileges ---------------------------------------------------------------------------------------------------- */

typedef struct Role
{
    const char *name;
    const char *grantee;  /* quoted: whom to grant what is missing */
    const char *database; /* quoted */
    bool superuser;
    bool member;
    bool makes_temporary;
    bool sees_replicas;
} Role;

static Err
read_role(Findings *findings, Session *session, Role *ret_role)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;

    TRY(db_query_row(session->db, SQL_privilege_role, 0, NULL, &row));
    *ret_role = (Role){ .name = arena_strdup(findings->arena, db_text(row, 0, 0)),
                        .superuser = db_bool(row, 0, 1),
                        .member = db_bool(row, 0, 2),
                        .makes_temporary = db_bool(row, 0, 3),
                        .sees_replicas = db_bool(row, 0, 4),
                        .database = arena_strdup(findings->arena, db_text(row, 0, 5)) };
    ret_role->grantee =
        db_ident(findings->arena, ret_role->member && !ret_role->superuser ? "expunge_worker" : ret_role->name).quoted;
    return OK;
}

static void
add_missing(Findings *findings, const Role *role, const char *where, const char *what, const char *remedy)
{
    inspect_add(findings, (Finding){ .severity = SEVERITY_ERROR,
                                     .code = ERR_PERMISSION,
                                     .where = where,
                                     .what = arena_printf(findings->arena, "role \"%s\" %s", role->name, what),
                                     .remedy = remedy });
}

static bool
was_told(const Findings *findings, const char *remedy)
{
    for (size_t i = 0; i < findings->count; i++)
        if (text_equal(findings->list[i].database, findings->database) && text_equal(findings->list[i].remedy, remedy))
            return true;
    return false;
}

static Err
judge_own_tables(Findings *findings, Session *session, const Role *role)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    Arena *arena = findings->arena;

    TRY(db_query(session->db, SQL_privilege_own, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const char *privilege = db_text(rows, i, 2);
        const bool lock = strchr(db_text(rows, i, 1), ',') != NULL;
        add_missing(findings, role, arena_printf(arena, "expunge.%s", db_text(rows, i, 0)),
                    arena_printf(arena, "lacks %s%s", privilege,
                                 lock ? ": it cannot lock the table against new holds" : ""),
                    arena_printf(arena, "GRANT %s ON TABLE expunge.%s TO %s;", privilege, db_text(rows, i, 0),
                                 role->grantee));
    }
    return OK;
}

Err
inspect_role(Findings *findings, Session *session)
{
    Arena *arena = findings->arena;
    Role role;

    TRY(read_role(findings, session, &role));
    if (role.superuser)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = "role",
                               .what = arena_printf(arena,
                                                    "\"%s\" is a superuser: it may do more than the worker needs",
                                                    role.name),
                               .remedy = "CREATE ROLE expunge LOGIN IN ROLE expunge_worker;  and connect as that" });
    else if (!role.member)
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_WARNING,
                        .where = "role",
                        .what = arena_printf(
                            arena,
                            "\"%s\" is not a member of expunge_worker, to which \"expunge init\" grants what is needed",
                            role.name),
                        .remedy = arena_printf(arena, "GRANT expunge_worker TO %s;", role.grantee) });
    if (!role.makes_temporary)
        add_missing(findings, &role, "work tables", "may not make temporary tables in this database",
                    arena_printf(arena, "GRANT TEMPORARY ON DATABASE %s TO %s;", role.database, role.grantee));
    if (!role.sees_replicas && session->rules->max_replica_lag != NULL)
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_WARNING,
                        .where = "worker.pace.max_replica_lag",
                        .what =
                            arena_printf(arena,
                                         "role \"%s\" does not see how far replicas are behind: nothing waits for them",
                                         role.name),
                        .remedy = arena_printf(arena, "GRANT pg_read_all_stats TO %s;", role.grantee) });
    return judge_own_tables(findings, session, &role);
}

static void
add_word(Text *text, const char *word)
{
    text_addf(text, "%s%s", text->length > 0 ? ", " : "", word);
}

/* Columns that must be updated and may not be, where the whole table may not. */
static Err
missing_columns(Findings *findings, Session *session, const GraphTable *table, const Need *need, Text *columns)
{
    for (size_t i = 0; i < need->column_count; i++)
    {
        CLEANUP(db_result_freep) DbResult *row = NULL;
        const GraphColumn *column = &table->columns[need->columns[i]];
        const char *params[] = { arena_printf(findings->arena, "%" PRId64, table->oid), column->name };
        TRY(db_query_row(session->db, SQL_privilege_column, 2, params, &row));
        if (!db_bool(row, 0, 0))
            add_word(columns, column->quoted);
    }
    return OK;
}

/* Columns of rows: as privilege_tables says. */
static Err
judge_privileges(Findings *findings, Session *session, const Role *role, const GraphTable *table, const Need *need,
                 const DbResult *rows, size_t row)
{
    Arena *arena = findings->arena;
    Text missing = TEXT_INIT(arena), columns = TEXT_INIT(arena);
    bool locks = false;

    const char *usage = arena_printf(arena, "GRANT USAGE ON SCHEMA %s TO %s;", db_ident(arena, table->schema).quoted,
                                     role->grantee);
    if (!db_bool(rows, row, 1) && !was_told(findings, usage))
        add_missing(findings, role, arena_printf(arena, "schema %s", table->schema), "lacks USAGE", usage);
    if (need->select && !db_bool(rows, row, 2))
        add_word(&missing, "SELECT");
    if (need->update && !db_bool(rows, row, 3))
        TRY(missing_columns(findings, session, table, need, &columns));
    if (columns.length > 0)
        add_word(&missing, arena_printf(arena, "UPDATE (%s)", text_done(&columns)));
    else if (need->lock && !db_bool(rows, row, 4))
    {
        add_word(&missing, "UPDATE");
        locks = true;
    }
    if (need->erase && !db_bool(rows, row, 5))
        add_word(&missing, "DELETE");
    if (missing.length > 0)
        add_missing(findings, role, inspect_table_name(arena, table),
                    arena_printf(arena, "lacks %s%s", text_done(&missing),
                                 locks ? " (without UPDATE it cannot lock its rows)" : ""),
                    arena_printf(arena, "GRANT %s ON TABLE %s TO %s;", text_done(&missing), table->quoted,
                                 role->grantee));
    return OK;
}

/* -- what may object ----------------------------------------------------------------------------------------------- */

static void
judge_row_security(Findings *findings, const Role *role, const GraphTable *table, bool active)
{
    if (active)
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_ERROR,
                        .code = ERR_PERMISSION,
                        .where = inspect_table_name(findings->arena, table),
                        .what =
                            arena_printf(findings->arena,
                                         "row security would hide rows from role \"%s\": its statements are refused",
                                         role->name),
                        .remedy = arena_printf(findings->arena, "ALTER ROLE %s BYPASSRLS;",
                                               db_ident(findings->arena, role->name).quoted) });
    else if (table->row_security)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_NOTE,
                               .where = inspect_table_name(findings->arena, table),
                               .what = arena_printf(findings->arena, "it has row security, which role \"%s\" bypasses",
                                                    role->name) });
}

static void
judge_habits(Findings *findings, const GraphTable *table, const Need *need)
{
    Arena *arena = findings->arena;
    const char *where = inspect_table_name(arena, table);

    if (need->erase && table->triggers != NULL)
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_NOTE,
                        .where = where,
                        .what = arena_printf(arena,
                                             "triggers fire when its rows go: %s; one that refuses stops the disposal",
                                             table->triggers) });
    if ((need->erase && table->rules_delete) || (need->update && table->rules_update))
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = where,
                               .what = "it has rules that rewrite DELETE or UPDATE: its disposals are refused",
                               .remedy = "make them triggers" });
    if (table->unlogged)
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_NOTE,
                        .where = where,
                        .what = "it is unlogged: a crash of the server empties it, and no standby has its rows" });
}

static Err
judge_tables(Findings *findings, Session *session, const Role *role, const Need *needs)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const Graph *graph = session->graph;
    const char **oids = NULL;
    size_t count = 0, room = 0;

    for (size_t t = 0; t < graph->table_count; t++)
        if (needs[t].select)
            ARENA_PUSH(findings->arena, oids, count, room,
                       arena_printf(findings->arena, "%" PRId64, graph->tables[t].oid));
    const char *params[] = { disposals_array(findings->arena, oids, count) };
    TRY(db_query(session->db, SQL_privilege_tables, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(graph, db_int64(rows, i, 0));
        if (at == GRAPH_NONE)
            continue;
        TRY(judge_privileges(findings, session, role, &graph->tables[at], &needs[at], rows, i));
        judge_row_security(findings, role, &graph->tables[at], db_bool(rows, i, 6));
        judge_habits(findings, &graph->tables[at], &needs[at]);
    }
    return OK;
}

Err
inspect_tables(Findings *findings, Session *session)
{
    Role role;

    TRY(read_role(findings, session, &role));
    return judge_tables(findings, session, &role, collect_needs(findings->arena, session));
}

/* -- indexes ------------------------------------------------------------------------------------------------------- */

static void
note_expression(Findings *findings, const Rules *rules, const Target *target)
{
    const GraphTable *table = &target->graph->tables[target->root];
    inspect_add(findings,
                (Finding){
                    .severity = SEVERITY_NOTE,
                    .where = arena_printf(findings->arena, "policy \"%s\" (%s:%d)", target->name, rules->config_path,
                                          target->policy->line),
                    .what = arena_printf(findings->arena,
                                         "its age is an expression: each look at what is due reads %s.%s as a whole",
                                         table->schema, table->name),
                    .remedy = "a stored generated column with an index would be found at once" });
}

/* Every reference to a table whose rows go: those of the scope, those that change, and those that the server checks. */
Err
inspect_indexes(Findings *findings, Session *session)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        MissingIndex *missing;
        size_t count;
        if (target->policy != NULL && target->owner == NULL && target->age == GRAPH_NONE)
            note_expression(findings, session->rules, target);
        indexes_missing(findings->arena, target, &missing, &count);
        for (size_t m = 0; m < count; m++)
            if (!was_told(findings, missing[m].create))
                inspect_add(findings,
                            (Finding){
                                .severity = SEVERITY_WARNING,
                                .where = arena_printf(findings->arena, "%s.%s(%s)", missing[m].table->schema,
                                                      missing[m].table->name, missing[m].columns),
                                .what = arena_printf(findings->arena, "no index begins with this: %s", missing[m].cost),
                                .remedy = missing[m].create });
    }
    return OK;
}

/* Rows that were kept and that no edge takes when their window is over. */
Err
inspect_kept(Findings *findings, Session *session)
{
    const char **stories;
    size_t count;

    TRY(kept_unclaimed(session, findings->arena, false, &stories, &count));
    for (size_t i = 0; i < count; i++)
        inspect_add(findings, (Finding){ .severity = SEVERITY_WARNING,
                                         .where = "kept rows",
                                         .what = stories[i],
                                         .remedy = "put the edge back, with the window that was promised" });
    return OK;
}
