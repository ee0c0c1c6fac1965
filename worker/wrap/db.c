/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/db_private.h"

#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ---- */

static const char *
first_filled(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Classes whose primary message is the server's own text about names and states, never a row's value. */
static bool
class_is_told(const char *sqlstate)
{
    static const char told[] = "08 0A 25 26 28 3D 3F 40 42 53 54 55 57 58 F0 XX";

    for (const char *class = told; *class != '\0'; class += class[2] == ' ' ? 3 : 2)
        if (strncmp(sqlstate, class, 2) == 0)
            return true;
    return false;
}

/* RAISE and its kin may give any SQLSTATE, and any names, to any text. */
static bool
is_raised(const PGresult *result)
{
    static const char *const raisers[] = { "pl_exec.c", "plperl.c", "pltcl.c", "plpy_elog.c", "plpy_plpymodule.c" };
    const char *file = PQresultErrorField(result, PG_DIAG_SOURCE_FILE);

    for (size_t i = 0; file != NULL && i < sizeof raisers / sizeof raisers[0]; i++)
        if (strcmp(file, raisers[i]) == 0)
            return true;
    return false;
}

/* A function's own dynamic statement may hold values. */
static bool
comes_from_function(const PGresult *result)
{
    return is_raised(result) || first_filled(PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY)) != NULL;
}

static const char *
general_word(const char *sqlstate, bool from_function)
{
    if (strncmp(sqlstate, "22", 2) == 0)
        return "data exception";
    if (strncmp(sqlstate, "23", 2) == 0)
        return "integrity constraint violation";
    return from_function || strncmp(sqlstate, "P0", 2) == 0 ? "raised by a trigger or function" : "error";
}

static Err
code_of(const char *sqlstate)
{
    if (strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0 || strcmp(sqlstate, "55P03") == 0)
        return ERR_AGAIN;
    if (strcmp(sqlstate, "42501") == 0 || strncmp(sqlstate, "28", 2) == 0)
        return ERR_PERMISSION;
    return ERR_DATABASE;
}

/* SQLSTATE 23503, table "x"."y", column "c", constraint "z" */
static const char *
names_of(Arena *scratch, const PGresult *result, const char *sqlstate)
{
    const char *schema = first_filled(PQresultErrorField(result, PG_DIAG_SCHEMA_NAME));
    const char *table = first_filled(PQresultErrorField(result, PG_DIAG_TABLE_NAME));
    const char *column = first_filled(PQresultErrorField(result, PG_DIAG_COLUMN_NAME));
    const char *constraint = first_filled(PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    Text names = TEXT_INIT(scratch);

    text_addf(&names, "SQLSTATE %s", sqlstate);
    if (is_raised(result))
        return text_done(&names);
    if (table != NULL && schema != NULL)
        text_addf(&names, ", table \"%s\".\"%s\"", schema, table);
    else if (table != NULL)
        text_addf(&names, ", table \"%s\"", table);
    else if (schema != NULL)
        text_addf(&names, ", schema \"%s\"", schema);
    if (column != NULL)
        text_addf(&names, ", column \"%s\"", column);
    if (constraint != NULL)
        text_addf(&names, ", constraint \"%s\"", constraint);
    return text_done(&names);
}

static Err
connection_lost(Db *db)
{
    db->sqlstate[0] = db->own_message[0] = '\0';
    return err_new(ERR_DATABASE, "the connection to the server was lost");
}

Err
db_client_error(Db *db)
{
    if (db_is_broken(db))
        return connection_lost(db);
    db->sqlstate[0] = db->own_message[0] = '\0';
    return err_new(ERR_DATABASE, "the client library says: %s", PQerrorMessage(db->conn));
}

static Err
server_error(Db *db, const PGresult *result)
{
    const char *sqlstate = first_filled(PQresultErrorField(result, PG_DIAG_SQLSTATE));
    const char *message = first_filled(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    Err e;

    if (sqlstate == NULL)
        return db_client_error(db);
    arena_reset(db->scratch);
    (void)snprintf(db->sqlstate, sizeof db->sqlstate, "%s", sqlstate);
    (void)snprintf(db->own_message, sizeof db->own_message, "%s",
                   strncmp(sqlstate, "RX", 2) == 0 && message != NULL ? message : "");
    const char *names = names_of(db->scratch, result, sqlstate);
    const bool from_function = comes_from_function(result);
    if (message != NULL && class_is_told(sqlstate) && !from_function)
        e = err_new(code_of(sqlstate), "the server says: %s (%s)", message, names);
    else
        e = err_new(code_of(sqlstate), "the server refused%s: %s (%s)", sqlstate[0] == '2' ? " a row" : "",
                    general_word(sqlstate, from_function), names);
    return db_is_broken(db) ? err_note(e, "the connection to the server was lost") : e;
}

/* ---- results ---- */

void
db_drain(PGconn *conn)
{
    PGresult *result;

    while ((result = PQgetResult(conn)) != NULL)
    {
        const ExecStatusType status = PQresultStatus(result);
        char *row = NULL;

        PQclear(result);
        if (status == PGRES_COPY_OUT)
            while (PQgetCopyData(conn, &row, 0) > 0)
                PQfreemem(row);
        else if (status == PGRES_COPY_IN && PQputCopyEnd(conn, "given up") != 1)
            return;
        else if (status == PGRES_COPY_BOTH || PQstatus(conn) == CONNECTION_BAD)
            return;
    }
}

void
db_cancel_and_drain(Db *db)
{
    db_cancel(db);
    db_drain(db->conn);
}

Err
db_collect(Db *db, PGresult **ret_result)
{
    PGresult *kept = NULL, *next;
    bool failed = false;

    while ((next = PQgetResult(db->conn)) != NULL)
    {
        const ExecStatusType status = PQresultStatus(next);

        if (failed)
        {
            PQclear(next);
            continue;
        }
        PQclear(kept);
        kept = next;
        failed = status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
            break;
    }
    if (kept != NULL && !failed)
    {
        *ret_result = kept;
        return OK;
    }
    const Err e = kept != NULL ? server_error(db, kept) : db_client_error(db);
    PQclear(kept);
    return e;
}

Err
db_collect_plain(Db *db, PGresult **ret_result)
{
    PGresult *result = NULL;

    TRY(db_collect(db, &result));
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
    {
        PQclear(result);
        db_cancel_and_drain(db);
        return err_new(ERR_INTERNAL, "a statement started a COPY where none may be");
    }
    *ret_result = result;
    return OK;
}

Err
db_send_simple(Db *db, const char *sql)
{
    return PQsendQuery(db->conn, sql) == 1 ? OK : db_client_error(db);
}

Err
db_exec(Db *db, const char *sql)
{
    PGresult *result = NULL;

    TRY(db_send_simple(db, sql));
    TRY(db_collect_plain(db, &result));
    PQclear(result);
    return OK;
}

Err
db_send(Db *db, const char *sql, size_t count, const char *const *params)
{
    assert(count <= UINT16_MAX);
    if (PQsendQueryParams(db->conn, sql, (int)count, NULL, params, NULL, NULL, 0) != 1)
        return db_client_error(db);
    return OK;
}

Err
db_receive(Db *db, DbResult **ret_result)
{
    PGresult *result = NULL;

    TRY(db_collect_plain(db, &result));
    if (ret_result != NULL)
        *ret_result = (DbResult *)result;
    else
        PQclear(result);
    return OK;
}

Err
db_query(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result)
{
    TRY(db_send(db, sql, count, params));
    return db_receive(db, ret_result);
}

Err
db_one_row(DbResult *result, DbResult **ret_result)
{
    CLEANUP(db_result_freep) DbResult *owned = result;

    if (db_rows(owned) != 1)
        return err_new(ERR_INTERNAL, "a statement that must give one row gave %zu", db_rows(owned));
    if (ret_result != NULL)
    {
        *ret_result = owned;
        owned = NULL;
    }
    return OK;
}

Err
db_query_row(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result)
{
    DbResult *result = NULL;

    TRY(db_query(db, sql, count, params, &result));
    return db_one_row(result, ret_result);
}

static const PGresult *
pg(const DbResult *result)
{
    return (const PGresult *)result;
}

size_t
db_rows(const DbResult *result)
{
    return (size_t)PQntuples(pg(result));
}

const char *
db_text(const DbResult *result, size_t row, size_t column)
{
    assert(row < db_rows(result) && column < db_columns(result));
    if (PQgetisnull(pg(result), (int)row, (int)column))
        return NULL;
    return PQgetvalue(pg(result), (int)row, (int)column);
}

int64_t
db_int64(const DbResult *result, size_t row, size_t column)
{
    const char *text = db_text(result, row, column);
    int64_t number = 0;
    const bool good = text != NULL && text_int64(text, INT64_MIN, INT64_MAX, &number);

    assert(good);
    return good ? number : 0;
}

Instant
db_instant(const DbResult *result, size_t row, size_t column)
{
    return db_text(result, row, column) == NULL ? INSTANT_NONE : db_int64(result, row, column);
}

const char *
db_copy_text(Arena *arena, const DbResult *result, size_t row, size_t column)
{
    const char *text = db_text(result, row, column);
    return text == NULL ? NULL : arena_strdup(arena, text);
}

bool
db_bool(const DbResult *result, size_t row, size_t column)
{
    const char *text = db_text(result, row, column);

    assert(text_equal(text, "t") || text_equal(text, "f"));
    return text_equal(text, "t");
}

size_t
db_columns(const DbResult *result)
{
    return (size_t)PQnfields(pg(result));
}

const char *
db_column_name(const DbResult *result, size_t column)
{
    assert(column < db_columns(result));
    return PQfname(pg(result), (int)column);
}

static int64_t
affected(PGresult *result)
{
    int64_t rows = 0;

    (void)text_int64(PQcmdTuples(result), 0, INT64_MAX, &rows); /* "" for statements that count nothing */
    return rows;
}

int64_t
db_affected(const DbResult *result)
{
    return affected((PGresult *)(uintptr_t)result); /* libpq forgot a const */
}

void
db_result_free(DbResult *result)
{
    PQclear((PGresult *)result);
}

void
db_result_freep(DbResult **result)
{
    db_result_free(*result);
    *result = NULL;
}

/* ---- the connection itself ---- */

int
db_backend_pid(const Db *db)
{
    return PQbackendPID(db->conn);
}

int
db_server_version(const Db *db)
{
    return PQserverVersion(db->conn);
}

const char *
db_sqlstate(const Db *db)
{
    return db->sqlstate;
}

bool
db_is_broken(const Db *db)
{
    return PQstatus(db->conn) == CONNECTION_BAD;
}

int
db_socket(const Db *db)
{
    return PQsocket(db->conn);
}

void
db_cancel(Db *db)
{
    char reason[256];
    PGcancel *cancel = PQgetCancel(db->conn);

    if (cancel == NULL)
        return;
    (void)PQcancel(cancel, reason, sizeof reason);
    PQfreeCancel(cancel);
}

/* ---- transactions ---- */

Err
db_begin(Db *db, const char *options, DbTx *ret_tx)
{
    CLEANUP(db_tx_endp) DbTx tx = { .db = db }; /* it may have begun when one of its first statements fails */
    char sql[512];
    const int length = snprintf(sql, sizeof sql, "begin %s", options);

    assert(length > 0 && (size_t)length < sizeof sql);
    (void)length;
    TRY(db_exec(db, sql));
    *ret_tx = tx;
    tx.db = NULL;
    return OK;
}

static Err
tell_commit(Db *db, Err e)
{
    return err_note(e, db_is_broken(db) ? "whether the transaction was committed is unknown" : "could not commit");
}

Err
db_commit_send(DbTx *tx)
{
    Db *db = tx->db;

    assert(db != NULL);
    const Err e = db_send_simple(db, "commit");
    if (e == OK)
        return OK;
    tx->db = NULL; /* ended, one way or the other */
    return tell_commit(db, e);
}

Err
db_commit_receive(DbTx *tx)
{
    Db *db = tx->db;
    PGresult *result = NULL;

    assert(db != NULL);
    tx->db = NULL;
    const Err e = db_collect_plain(db, &result);
    if (e != OK)
        return tell_commit(db, e);
    const bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (!committed) /* the server answers ROLLBACK, without an error, after a failed statement */
        return err_new(ERR_DATABASE, "could not commit: a statement of the transaction had failed");
    return OK;
}

Err
db_commit(DbTx *tx)
{
    TRY(db_commit_send(tx));
    return db_commit_receive(tx);
}

void
db_rollback(DbTx *tx)
{
    Db *db = tx->db;

    if (db == NULL)
        return;
    tx->db = NULL;
    if (PQtransactionStatus(db->conn) == PQTRANS_ACTIVE)
        db_cancel_and_drain(db);
    const PGTransactionStatusType status = PQtransactionStatus(db->conn);
    if ((status == PQTRANS_INTRANS || status == PQTRANS_INERROR) && PQsendQuery(db->conn, "rollback") == 1)
        db_drain(db->conn);
}

void
db_tx_endp(DbTx *tx)
{
    db_rollback(tx);
}
