/* SPDX-License-Identifier: Apache-2.0 */
/* verify_drill.c -- the part of verify.h that restores: whether rows could be put back is known before somebody asks. */
#include "engine/verify_private.h"

#include "engine/restore.h"
#include "sql.h"

#include <inttypes.h>

static void
drill_one(Verify *v, Session *session, int64_t id)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Restoration r = { .arena = arena };

    v->drill.checked++;
    const Err e = restore_drill(session, id, &r);
    for (size_t i = 0; i < r.table_count; i++)
        v->drill_rows += r.tables[i].rows;
    if (e == OK)
        return;
    v->drill.failed++;
    verify_story(v, session,
                 err_note(e, "the snapshot of disposal %s-%" PRId64 " could not be restored", session->database->name,
                          id));
}

void
verify_drill(Verify *v)
{
    for (size_t i = 0; i < v->session_count; i++)
    {
        CLEANUP(db_result_freep) DbResult *ids = NULL;
        Session *session = v->sessions[i];
        const Err e = db_query(session->db, SQL_restore_newest, 0, NULL, &ids);
        if (e != OK)
        {
            verify_failure(v, session, e);
            continue;
        }
        for (size_t n = 0; n < db_rows(ids) && !db_is_broken(session->db); n++)
            drill_one(v, session, db_int64(ids, n, 0));
    }
}
