/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cursor.h"

static Err
fetch(Cursor *rows)
{
    db_result_freep(&rows->rows);
    rows->at = 0;
    TRY(db_query(rows->session->db, "fetch 2000 from expunge_rows", 0, NULL, &rows->rows));
    rows->ended = db_rows(rows->rows) == 0;
    return OK;
}

Err
cursor_open(Session *session, Arena *arena, const char *sql, Cursor *ret_rows)
{
    CLEANUP(cursor_closep) Cursor rows = { .session = session };

    TRY(db_begin(session->db, "isolation level repeatable read read only", &rows.tx));
    TRY(db_exec(session->db, arena_printf(arena, "declare expunge_rows no scroll cursor for %s", sql)));
    TRY(fetch(&rows));
    *ret_rows = rows;
    rows = (Cursor){ .session = session };
    return OK;
}

Err
cursor_next(Cursor *rows, bool *ret_there, size_t *ret_row)
{
    if (!rows->ended && rows->at == db_rows(rows->rows))
        TRY(fetch(rows));
    *ret_there = !rows->ended;
    if (*ret_there)
        *ret_row = rows->at++;
    return OK;
}

void
cursor_closep(Cursor *rows)
{
    db_result_freep(&rows->rows);
    if (rows->tx.db != NULL)
        db_rollback(&rows->tx);
}
