/* SPDX-License-Identifier: Apache-2.0 */
/* db_private.h -- what the files of db share: libpq's handle, and what a result comes to.  For these files only. */
#ifndef EXPUNGE_DB_PRIVATE_H
#define EXPUNGE_DB_PRIVATE_H

#include "wrap/db.h"

#include <libpq-fe.h>

#define DB_KEPT_MAX 32

struct Db
{
    PGconn *conn;
    Arena *scratch; /* for messages: reset before each */
    char sqlstate[6];
    char own_message[256];
    Arena *kept_arena;
    const char *kept[DB_KEPT_MAX]; /* statements that the server has prepared as "kept_<index>" */
    size_t kept_count;
    bool has_room; /* libpq has a large buffer */
};

/* libpq's own words, when the server was not even asked. */
Err db_client_error(Db *db);
NODISCARD Err db_send_simple(Db *db, const char *sql);
/* The first error of all results, otherwise the last result.  A COPY that starts ends the collection. */
NODISCARD Err db_collect(Db *db, PGresult **ret_result);
/* Ends whatever is under way, as far as the connection still can; never an error. */
void db_drain(PGconn *conn);
void db_cancel_and_drain(Db *db);
/* db_collect() for statements that must not start a COPY. */
NODISCARD Err db_collect_plain(Db *db, PGresult **ret_result);
/* ERR_INTERNAL unless it has one row.  result is consumed. */
NODISCARD Err db_one_row(DbResult *result, DbResult **ret_result);

#endif
