/* SPDX-License-Identifier: Apache-2.0 */
/* The part of db.h for COPY. */
#include "wrap/db_private.h"

#include <poll.h>
#include <time.h>

#define GATHER_NS 500000
#define GATHER_FROM_BYTES (64 << 10)
#define PIECE_BYTES (1 << 20) /* of COPY FROM STDIN: libpq counts in int */

static Err
begin_copy(Db *db, const char *sql, ExecStatusType wanted)
{
    PGresult *result = NULL;

    TRY(db_send_simple(db, sql));
    TRY(db_collect(db, &result));
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == wanted)
        return OK;
    db_cancel_and_drain(db);
    return err_new(ERR_INTERNAL, "a statement that must be a COPY %s is none",
                   wanted == PGRES_COPY_OUT ? "TO STDOUT" : "FROM STDIN");
}

static Err
end_copy(Db *db, int64_t *ret_rows)
{
    PGresult *result = NULL;

    TRY(db_collect_plain(db, &result));
    if (ret_rows != NULL)
        *ret_rows = db_affected((DbResult *)result);
    PQclear(result);
    return OK;
}

/* The server sends 8 KiB at a time.  Woken for each, the receiver costs both sides more than the rows do: once many came,
 * it lets some gather (a tenth of all processor time of a copy was saved).  A few milliseconds fill the socket. */
static void
await_rows(Db *db, int64_t received_bytes)
{
    struct pollfd readable = { .fd = PQsocket(db->conn), .events = POLLIN };
    const struct timespec nap = { .tv_nsec = GATHER_NS };

    (void)poll(&readable, 1, -1);
    if (received_bytes >= GATHER_FROM_BYTES)
        (void)nanosleep(&nap, NULL);
    (void)PQconsumeInput(db->conn); /* what came before a failure is still to be read */
}

/* libpq reads as much at once as its buffer has room for, and the buffer grows with the longest message.  Only who copies
 * pays for it: it costs more than all else at the start of a connection. */
static Err
make_room(Db *db)
{
    if (db->has_room)
        return OK;
    TRY(db_query(db, "select repeat(' ', 500000)", 0, NULL, NULL));
    db->has_room = true;
    return OK;
}

Err
db_copy_out(Db *db, const char *sql, DbCopySink sink, void *context, int64_t *ret_rows)
{
    int64_t received_bytes = 0;
    char *row = NULL;
    int length;

    TRY(make_room(db));
    TRY(begin_copy(db, sql, PGRES_COPY_OUT));
    while ((length = PQgetCopyData(db->conn, &row, 1)) >= 0)
    {
        if (length == 0)
        {
            if (db_is_broken(db))
                return db_client_error(db);
            await_rows(db, received_bytes);
            continue;
        }
        const Err e = sink(context, row, (size_t)length);

        received_bytes += length;
        PQfreemem(row);
        if (e != OK)
        {
            db_cancel_and_drain(db); /* touches no story: the sink's stays whole */
            return e;
        }
    }
    return end_copy(db, ret_rows);
}

Err
db_copy_in_begin(Db *db, const char *sql)
{
    return begin_copy(db, sql, PGRES_COPY_IN);
}

Err
db_copy_in_put(Db *db, const char *bytes, size_t length)
{
    for (size_t done = 0; done < length;)
    {
        const size_t piece = length - done < PIECE_BYTES ? length - done : PIECE_BYTES;

        if (PQputCopyData(db->conn, bytes + done, (int)piece) != 1)
        {
            const Err e = db_client_error(db);

            db_drain(db->conn);
            return e;
        }
        done += piece;
    }
    return OK;
}

Err
db_copy_in_end(Db *db, int64_t *ret_rows)
{
    if (PQputCopyEnd(db->conn, NULL) != 1)
        return db_client_error(db);
    return end_copy(db, ret_rows);
}
