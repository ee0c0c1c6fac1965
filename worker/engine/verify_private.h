/* SPDX-License-Identifier: Apache-2.0 */
/* verify_private.h -- what the files of verify share. */
#ifndef EXPUNGE_VERIFY_PRIVATE_H
#define EXPUNGE_VERIFY_PRIVATE_H

#include "engine/verify.h"

/* session NULL: no database in particular; code OK: a warning. */
void verify_fault(Verify *verify, const Session *session, Err code, const char *format, ...) PRINTF_LIKE(4, 5);
/* The story of a failed call becomes a fault, and is forgotten. */
void verify_story(Verify *verify, const Session *session, Err code);
/* The same, where the story does not say which database. */
void verify_failure(Verify *verify, const Session *session, Err code);

/* Rows of a query, some at a time, in a transaction of their own: what they tell is of one moment, and memory does not grow
 * with them. */
typedef struct VerifyRows
{
    Session *session;
    DbTx tx;
    DbResult *rows;
    size_t at;
    bool ended;
} VerifyRows;

NODISCARD Err verify_rows_begin(Session *session, Arena *arena, const char *sql, VerifyRows *ret_rows);
/* Moves to the next row; *ret_row is its place in rows->rows, valid until the next call.  false: that was all. */
NODISCARD Err verify_rows_next(VerifyRows *rows, bool *ret_there, size_t *ret_row);
void verify_rows_endp(VerifyRows *rows);

#endif
