/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_holds.c -- the part of inspect.h that looks for holds whose key can be nobody's: they hold nobody. */
#include "engine/inspect_private.h"

#include "sql.h"

#include <inttypes.h>

static Err
inspect_kind(Findings *findings, Session *session, const Target *target)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const GraphColumn *key = &target->graph->tables[target->root].columns[target->key];
    const char *params[] = { target->subject->kind, key->type };

    TRY(db_query(session->db, SQL_hold_misfits, 2, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = arena_printf(findings->arena, "hold %" PRId64, db_int64(rows, i, 0)),
                               .what = arena_printf(findings->arena,
                                                    "its key can be that of no %s, as keys are now: it holds nobody",
                                                    target->subject->kind),
                               .remedy = arena_printf(findings->arena,
                                                      "expunge release %s-%" PRId64
                                                      " --reason TEXT, and place it with the right key",
                                                      session->database->name, db_int64(rows, i, 0)) });
    return OK;
}

Err
inspect_holds(Findings *findings, Session *session)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->subject != NULL && target->key != GRAPH_NONE)
            TRY(inspect_kind(findings, session, target));
    }
    return OK;
}
