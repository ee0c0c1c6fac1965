/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_restore.c -- the part of inspect.h that asks whether the worker's role could bring rows back.  It need not: whoever
 * grants that lets the worker write. */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>

static bool
makes_snapshots(const Target *target)
{
    return target->scope != NULL && (target->subject != NULL || target->policy->grace != NULL);
}

/* Oids of the tables whose rows a snapshot may hold. */
static const char *
archived_tables(Arena *arena, const Session *session)
{
    const char **oids = NULL;
    size_t count = 0, room = 0;

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Scope *scope = session->targets.list[i].scope;
        for (size_t t = 0; makes_snapshots(&session->targets.list[i]) && t < scope->table_count; t++)
            ARENA_PUSH(arena, oids, count, room,
                       arena_printf(arena, "%" PRId64, scope->graph->tables[scope->tables[t].table].oid));
    }
    return disposals_array(arena, oids, count);
}

Err
inspect_restore(Findings *findings, Session *session)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Arena *arena = findings->arena;
    Text remedy = TEXT_INIT(arena);
    const char *params[] = { archived_tables(arena, session) };

    TRY(db_query_row(session->db, SQL_restore_grants, 1, params, &row));
    const int64_t closed = db_int64(row, 0, 4);
    if (db_bool(row, 0, 2) && closed == 0)
        return OK;
    if (!db_bool(row, 0, 2))
        text_addf(&remedy, "GRANT SET ON PARAMETER session_replication_role TO %s; ", db_text(row, 0, 1));
    if (closed > 0)
        text_addf(&remedy, "GRANT INSERT ON TABLE %s TO %s; ", db_text(row, 0, 3), db_text(row, 0, 1));
    text_add(&remedy, "as long as it is to restore");
    inspect_add(findings,
                (Finding){
                    .severity = SEVERITY_NOTE,
                    .where = "restore",
                    .what = arena_printf(arena, "role \"%s\" erases, and cannot bring rows back: %s%s%s",
                                         db_text(row, 0, 0), db_bool(row, 0, 2) ? "" : "it may not keep triggers off",
                                         !db_bool(row, 0, 2) && closed > 0 ? ", and " : "",
                                         closed == 0 ? ""
                                                     : arena_printf(arena, "it may not insert into %" PRId64 " tables",
                                                                    closed)),
                    .remedy = text_done(&remedy) });
    return OK;
}
