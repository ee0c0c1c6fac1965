/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/witness.h"

#include "base/text.h"
#include "sql.h"
#include "wrap/db.h"

#include <inttypes.h>

#define PATIENCE "set lock_timeout = '5s'; set statement_timeout = '10s'" /* nobody waits for a note */

static Err
note(Arena *arena, const DatabaseRule *database, const Sealed *sealed)
{
    CLEANUP(db_closep) Db *db = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, sealed->number),
                             arena_printf(arena, "%" PRId64, sealed->size), sealed->digest };

    TRY(db_open(database->conninfo, NULL, database->name, &db));
    TRY(db_exec(db, PATIENCE));
    return db_query(db, SQL_checkpoint_note, 3, params, NULL);
}

Err
witness_note(const Rules *rules, const Sealed *sealed)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *story = NULL;
    Err first = OK;

    for (size_t i = 0; i < rules->database_count; i++)
    {
        const Err e = note(arena, &rules->databases[i], sealed);
        if (e == OK || first != OK)
            continue;
        first = e;
        story = arena_strdup(arena, err_joined());
    }
    if (first == OK)
        return OK;
    return err_new(first, "a database could not note checkpoint %" PRId64 ": %s", sealed->number, story);
}
