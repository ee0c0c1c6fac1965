/* SPDX-License-Identifier: Apache-2.0 */
/* db.h -- PostgreSQL through libpq.  The only file that knows libpq.
 *
 * Values travel as text parameters ($n) only; names of user tables travel as Ident, which only db_ident() makes.
 * An error of the server becomes a story with the SQLSTATE and the names that the server gives (table, column,
 * constraint, schema).  The server's primary message is told only where it cannot hold a row's value: SQLSTATE classes
 * 08, 0A, 25, 26, 28, 3D, 3F, 40, 42, 53, 54, 55, 57, 58, F0, XX; for all others (22, 23, P0001 and what an
 * application's trigger may raise) only the SQLSTATE, a general word for it, and the names.  DETAIL, HINT and CONTEXT
 * are never told.  */
#ifndef EXPUNGE_DB_H
#define EXPUNGE_DB_H

#include "base/instant.h"
#include <stdbool.h>

typedef struct Db Db;
typedef struct DbResult DbResult;

typedef struct Ident
{
    const char *quoted; /* ready for a statement: "a""b" or "schema"."table" */
} Ident;

/* Connect.  user: NULL, or a role that replaces the one of conninfo.  application_name is "expunge NAME".
 * Every session is set to: client_encoding UTF8, DateStyle ISO, IntervalStyle postgres, TimeZone UTC,
 * extra_float_digits 3, bytea_output hex, standard_conforming_strings on, row_security off, lock_timeout 0,
 * statement_timeout 0, idle_in_transaction_session_timeout 0, client_connection_check_interval 1s (an error of this
 * one setting alone is ignored).  jit and parallel query are off: compiling takes longer than a batch, and a worker
 * beside other people's load takes one processor per connection.  search_path stays the database's own.
 * Fails with ERR_DATABASE (the message of libpq, with no password), ERR_PERMISSION (class 28). */
NODISCARD Err db_open(const char *conninfo, const char *user, const char *name, Db **ret_db);
void db_close(Db *db);
void db_closep(Db **db);

/* PQbackendPID, PQserverVersion (150000 for 15.0) */
int db_backend_pid(const Db *db);
int db_server_version(const Db *db);
/* SQLSTATE of the last failure on this connection, "" if none or if the connection broke without one */
const char *db_sqlstate(const Db *db);
/* What a function of schema expunge said: the last failure's message where its SQLSTATE is of class RX, otherwise "".
 * Told only where nothing but these functions was called: any trigger may raise the same. */
const char *db_own_message(const Db *db);
/* the connection is unusable (server stopped, cable cut) */
bool db_is_broken(const Db *db);

/* One or more statements without parameters or results. */
NODISCARD Err db_exec(Db *db, const char *sql);
/* One statement; params: count texts, NULL for SQL NULL (params may be NULL when count is 0).  The result is the
 * caller's.  ret_result may be NULL when no rows are wanted. */
NODISCARD Err db_query(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result);
/* The same, exactly one row expected: ERR_INTERNAL otherwise. */
NODISCARD Err db_query_row(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result);
/* Start a statement and return at once; db_receive() waits for its result. */
NODISCARD Err db_send(Db *db, const char *sql, size_t count, const char *const *params);
NODISCARD Err db_receive(Db *db, DbResult **ret_result);
/* The same three for a statement that runs again and again: the server parses it once per connection. */
NODISCARD Err db_query_kept(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result);
NODISCARD Err db_query_row_kept(Db *db, const char *sql, size_t count, const char *const *params,
                                DbResult **ret_result);
NODISCARD Err db_send_kept(Db *db, const char *sql, size_t count, const char *const *params);
/* db_receive() would not wait. */
bool db_is_ready(Db *db);
/* Ask the server to cancel what runs on this connection (PQcancel); no error is reported. */
void db_cancel(Db *db);
/* The connection's socket, for poll(): it is readable when the server says something unasked. */
int db_socket(const Db *db);
/* LISTEN to a channel of this name; then: whether a NOTIFY came since the last look, without blocking.  ERR_DATABASE when
 * the connection is gone. */
NODISCARD Err db_listen(Db *db, const char *channel);
NODISCARD Err db_notified(Db *db, bool *ret_notified);

size_t db_rows(const DbResult *result);
const char *db_text(const DbResult *result, size_t row, size_t column); /* NULL for SQL NULL */
/* integers and booleans as the server prints them; a NULL or anything else is 0 / false (asserted in debug) */
int64_t db_int64(const DbResult *result, size_t row, size_t column);
bool db_bool(const DbResult *result, size_t row, size_t column);
Instant db_instant(const DbResult *result, size_t row, size_t column); /* microseconds; NULL is INSTANT_NONE */
const char *db_copy_text(Arena *arena, const DbResult *result, size_t row, size_t column); /* NULL for NULL */
size_t db_columns(const DbResult *result);
const char *db_column_name(const DbResult *result, size_t column);
int64_t db_affected(const DbResult *result); /* rows that an INSERT, UPDATE, DELETE, COPY or SELECT touched */
void db_result_free(DbResult *result);
void db_result_freep(DbResult **result);

/* A transaction: begin with options such as "isolation level repeatable read read only" ("" for none), and after a
 * semicolon with first statements that have no result; db_tx_endp (CLEANUP) rolls back what was not committed, if the
 * connection still can. */
typedef struct DbTx
{
    Db *db;
} DbTx;
NODISCARD Err db_begin(Db *db, const char *options, DbTx *ret_tx);
/* The connection may break during COMMIT: then the outcome is unknown and ERR_DATABASE says so. */
NODISCARD Err db_commit(DbTx *tx);
/* Its two halves: the server syncs meanwhile.  Between them the transaction can be rolled back no more. */
NODISCARD Err db_commit_send(DbTx *tx);
NODISCARD Err db_commit_receive(DbTx *tx);
void db_rollback(DbTx *tx); /* nothing to do when already ended */
void db_tx_endp(DbTx *tx);

/* Run "COPY … TO STDOUT" and hand each row's bytes (with its newline) to sink; a failing sink ends the copy (the
 * statement is cancelled, the error returned).  ret_rows: the count in the command tag. */
typedef Err (*DbCopySink)(void *context, const char *row, size_t length);
NODISCARD Err db_copy_out(Db *db, const char *sql, DbCopySink sink, void *context, int64_t *ret_rows);

/* "COPY … FROM STDIN": begin, put pieces (any cut), end; a failed put or end leaves the transaction aborted. */
NODISCARD Err db_copy_in_begin(Db *db, const char *sql);
NODISCARD Err db_copy_in_put(Db *db, const char *bytes, size_t length);
NODISCARD Err db_copy_in_end(Db *db, int64_t *ret_rows);

/* Quote one name; quote schema and name together.  Pure. */
Ident db_ident(Arena *arena, const char *name);
Ident db_ident2(Arena *arena, const char *schema, const char *name);
/* A value as an SQL literal, always as 'text' or E'text': for statements that take no parameters (COPY) and for
 * plan --sql.  Pure. */
const char *db_literal(Arena *arena, const char *value);
/* Replace {0} … {9} in a template by pieces (Ident.quoted, or statement parts built from Idents).  A slot without a
 * piece is a programming mistake (assert). */
char *db_template(Arena *arena, const char *sql, const char *const *pieces, size_t count);

#endif
