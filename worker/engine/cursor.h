/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h -- rows of a query, some at a time, in a transaction of their own: what they tell is of one moment, and memory
 * does not grow with them. */
#ifndef EXPUNGE_CURSOR_H
#define EXPUNGE_CURSOR_H

#include "engine/session.h"

typedef struct Cursor
{
    Session *session;
    DbTx tx;
    DbResult *rows;
    size_t at;
    bool ended;
} Cursor;

NODISCARD Err cursor_open(Session *session, Arena *arena, const char *sql, Cursor *ret_rows);
/* Moves to the next row; *ret_row is its place in rows->rows, valid until the next call.  false: that was all. */
NODISCARD Err cursor_next(Cursor *rows, bool *ret_there, size_t *ret_row);
void cursor_closep(Cursor *rows);

#endif
