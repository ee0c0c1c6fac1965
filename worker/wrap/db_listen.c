/* SPDX-License-Identifier: Apache-2.0 */
/* The part of db.h that listens. */
#include "wrap/db_private.h"

const char *
db_own_message(const Db *db)
{
    return db->own_message;
}

Err
db_listen(Db *db, const char *channel)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    return db_exec(db, arena_printf(scratch, "listen %s", db_ident(scratch, channel).quoted));
}

Err
db_notified(Db *db, bool *ret_notified)
{
    bool notified = false;

    if (PQconsumeInput(db->conn) != 1)
        return db_client_error(db);
    for (PGnotify *notify = PQnotifies(db->conn); notify != NULL; notify = PQnotifies(db->conn))
    {
        notified = true; /* whose it was and what it says does not matter */
        PQfreemem(notify);
    }
    *ret_notified = notified;
    return OK;
}
