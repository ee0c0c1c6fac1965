/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_locks.c -- the part of inspect.h that asks whether the server has room for the locks of a large scope. */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>

#define LOCKS_OF_WORK 4 /* a work table, its key, and, where that is a text, a place for long values with an index */

static size_t
count_work(const Scope *scope)
{
    size_t count = scope->change_count;
    for (size_t i = 0; i < scope->table_count; i++)
        count += scope->tables[i].method == SCOPE_KEYS || i == 0 ? 1 : 0;
    return count;
}

/* One transaction finds all rows of a subject: it may lock every table and index of the scope, and all work tables. */
static Err
judge_target(Findings *findings, Session *session, const Target *target)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Arena *arena = findings->arena;
    const Scope *scope = target->scope;
    const char **oids = ARENA_ARRAY(arena, const char *, scope->table_count + scope->change_count + 1);
    size_t count = 0;

    for (size_t i = 0; i < scope->table_count; i++)
        oids[count++] = arena_printf(arena, "%" PRId64, scope->graph->tables[scope->tables[i].table].oid);
    for (size_t i = 0; i < scope->change_count; i++)
        oids[count++] = arena_printf(arena, "%" PRId64,
                                     scope->graph->tables[scope->graph->edges[scope->changes[i].edge].child].oid);
    const char *params[] = { disposals_array(arena, oids, count) };
    TRY(db_query_row(session->db, SQL_lock_room, 1, params, &row));
    const int64_t room = db_int64(row, 0, 0);
    const int64_t needed = db_int64(row, 0, 2) + LOCKS_OF_WORK * (int64_t)count_work(scope);
    if (needed <= room / 2)
        return OK;
    inspect_add(findings,
                (Finding){ .severity = SEVERITY_WARNING,
                           .where = arena_printf(arena, "%s \"%s\"", target->policy != NULL ? "policy" : "subject",
                                                 target->name),
                           .what = arena_printf(arena,
                                                "a transaction of its disposals may need %s locks, and the server has "
                                                "room for %s, which all its sessions share",
                                                text_thousands(arena, needed), text_thousands(arena, room)),
                           .remedy = arena_printf(arena,
                                                  "ALTER SYSTEM SET max_locks_per_transaction = %" PRId64
                                                  ";  and restart the server",
                                                  2 * needed / db_int64(row, 0, 1) + 1) });
    return OK;
}

Err
inspect_locks(Findings *findings, Session *session)
{
    for (size_t i = 0; i < session->targets.count; i++)
        if (session->targets.list[i].scope != NULL)
            TRY(judge_target(findings, session, &session->targets.list[i]));
    return OK;
}
