/* SPDX-License-Identifier: Apache-2.0 */
/* The part of db.h for statements that run again and again, and for not waiting. */
#include "wrap/db_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static Err
forget_kept(Db *db)
{
    TRY(db_exec(db, "deallocate all"));
    db->kept_count = 0;
    arena_reset(db->kept_arena);
    return OK;
}

/* A prepared statement outlives the transaction that prepared it, rolled back or not. */
static Err
keep(Db *db, const char *sql, size_t count, size_t *ret_index)
{
    char name[32];
    PGresult *result = NULL;

    for (*ret_index = 0; *ret_index < db->kept_count; ++*ret_index)
        if (strcmp(db->kept[*ret_index], sql) == 0)
            return OK;
    if (db->kept_count == DB_KEPT_MAX)
        TRY(forget_kept(db));
    *ret_index = db->kept_count;
    (void)snprintf(name, sizeof name, "kept_%zu", *ret_index);
    if (PQsendPrepare(db->conn, name, sql, (int)count, NULL) != 1)
        return db_client_error(db);
    TRY(db_collect_plain(db, &result));
    PQclear(result);
    db->kept[db->kept_count++] = arena_strdup(db->kept_arena, sql);
    return OK;
}

Err
db_send_kept(Db *db, const char *sql, size_t count, const char *const *params)
{
    char name[32];
    size_t index;

    assert(count <= UINT16_MAX);
    TRY(keep(db, sql, count, &index));
    (void)snprintf(name, sizeof name, "kept_%zu", index);
    if (PQsendQueryPrepared(db->conn, name, (int)count, params, NULL, NULL, 0) != 1)
        return db_client_error(db);
    return OK;
}

Err
db_query_kept(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result)
{
    TRY(db_send_kept(db, sql, count, params));
    return db_receive(db, ret_result);
}

Err
db_query_row_kept(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result)
{
    DbResult *result = NULL;

    TRY(db_query_kept(db, sql, count, params, &result));
    return db_one_row(result, ret_result);
}

bool
db_is_ready(Db *db)
{
    return PQconsumeInput(db->conn) != 1 || PQisBusy(db->conn) == 0;
}
