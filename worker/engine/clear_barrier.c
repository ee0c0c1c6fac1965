/* SPDX-License-Identifier: Apache-2.0 */
/* clear_barrier.c -- the point in the WAL behind which a cluster's files hold nothing of what was erased.
 *
 * DELETE leaves the rows in the pages, and VACUUM leaves their bytes in the free space of the pages: both go into a backup.
 * A table that is written anew (VACUUM FULL) holds neither, nor do its indexes.  Then the WAL goes on in a new segment, and
 * a checkpoint begins there: a backup that starts from its redo point, or later, copies the new files alone. */
#include "engine/clear_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/stop.h"
#include "sql.h"

#include <inttypes.h>

#define PAUSE_SQL "select pg_sleep(0.1)"
#define PAUSES 100 /* 10 s: for short transactions, which come and go */

typedef struct Barrier
{
    Arena *arena;
    Session *session;
    int64_t limit_bytes;
    const char *disposals; /* array */
    Text left_out;         /* oids */
    const char *story;     /* the first table that was left out, and why */
} Barrier;

static Err
wait_for_readers(const Barrier *b)
{
    CLEANUP(db_result_freep) DbResult *horizon = NULL;

    TRY(db_query_row(b->session->db, SQL_barrier_horizon, 0, NULL, &horizon));
    const char *params[] = { db_text(horizon, 0, 0) };
    if (!db_bool(horizon, 0, 1))
        return err_new(ERR_PERMISSION,
                       "nobody can say who still sees the erased rows; grant pg_read_all_stats to the worker's role");
    for (int i = 0; i < PAUSES; i++)
    {
        CLEANUP(db_result_freep) DbResult *blocker = NULL;
        TRY(stop_judge());
        TRY(db_query(b->session->db, SQL_barrier_blocker, 1, params, &blocker));
        if (db_rows(blocker) == 0)
            return OK;
        if (i + 1 == PAUSES)
            return err_new(ERR_AGAIN, "%s still sees the erased rows: they cannot be taken out of the pages",
                           db_text(blocker, 0, 0));
        CLEANUP(db_result_freep) DbResult *pause = NULL;
        TRY(db_query(b->session->db, PAUSE_SQL, 0, NULL, &pause));
    }
    return OK;
}

static void
leave_out(Barrier *b, const DbResult *tables, size_t row, const char *why)
{
    text_addf(&b->left_out, "%s%s", b->left_out.length > 0 ? "," : "", db_text(tables, row, 0));
    if (b->story == NULL)
        b->story = arena_printf(b->arena, "table \"%s.%s\" %s: its pages may hold the rows still",
                                db_text(tables, row, 1), db_text(tables, row, 2), why);
}

static Err
rewrite(Barrier *b, const DbResult *tables, size_t row)
{
    const char *pieces[] = { db_ident2(b->arena, db_text(tables, row, 1), db_text(tables, row, 2)).quoted };
    const bool catalog = text_equal(db_text(tables, row, 1), "pg_catalog");

    const char *why = !db_bool(tables, row, 4) ? "cannot be rewritten by the worker's role, which does not own it"
                      : db_int64(tables, row, 3) > b->limit_bytes ? "is larger than rewrite_up_to"
                                                                  : NULL;

    TRY(stop_judge());
    if (why != NULL)
    {
        leave_out(b, tables, row, why);
        return catalog ? err_new(ERR_CONFIG, "%s", b->story) : OK;
    }
    const char *sql = catalog ? "vacuum (full) {0}" : "vacuum (full, analyze) {0}";
    return db_exec(b->session->db, db_template(b->arena, sql, pieces, 1));
}

static Err
make(Barrier *b, int64_t *ret_lsn)
{
    CLEANUP(db_result_freep) DbResult *tables = NULL;
    CLEANUP(db_result_freep) DbResult *switched = NULL;
    CLEANUP(db_result_freep) DbResult *redo = NULL;
    const char *params[] = { b->disposals };

    TRY(wait_for_readers(b));
    TRY(db_query(b->session->db, SQL_barrier_tables, 1, params, &tables));
    for (size_t i = 0; i < db_rows(tables); i++)
        TRY(rewrite(b, tables, i));
    fault_point("barrier.rewritten");
    TRY(db_query(b->session->db, "select pg_switch_wal()", 0, NULL, &switched));
    TRY(db_exec(b->session->db, "checkpoint"));
    TRY(db_query_row(b->session->db, SQL_barrier_redo, 0, NULL, &redo));
    *ret_lsn = db_int64(redo, 0, 0);
    return OK;
}

static Err
set(Barrier *b, Judgement *j, int64_t lsn)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { b->disposals, arena_printf(b->arena, "%" PRId64, lsn),
                             arena_printf(b->arena, "{%s}", text_done(&b->left_out)) };

    TRY(db_query(b->session->db, SQL_barrier_set, 3, params, &rows));
    for (size_t i = 0, r = 0; i < j->count && r < db_rows(rows); i++) /* both in the order of disposals */
        if (j->items[i]->session == b->session && j->cases[i]->disposal == db_int64(rows, r, 0))
        {
            j->cases[i]->barrier_lsn = lsn;
            r++;
        }
    return OK;
}

static bool
wants_barrier(const Judgement *j, size_t i, const Session *session)
{
    return j->items[i]->session == session && j->cases[i]->barrier_lsn == 0;
}

static Err
give(Judgement *j, Session *session)
{
    Barrier b = {
        .arena = j->arena, .session = session, .limit_bytes = j->rule->rewrite_up_to, .left_out = TEXT_INIT(j->arena)
    };
    Text disposals = TEXT_INIT(j->arena);
    int64_t lsn;

    for (size_t i = 0; i < j->count; i++)
        if (wants_barrier(j, i, session))
            text_addf(&disposals, "%s%" PRId64, disposals.length > 0 ? "," : "", j->cases[i]->disposal);
    if (disposals.length == 0)
        return OK;
    b.disposals = arena_printf(j->arena, "{%s}", text_done(&disposals));
    Err e = make(&b, &lsn);
    if (e == OK)
        e = set(&b, j, lsn);
    if (e == ERR_PARTLY || (e != OK && session_is_broken(session)))
        return e;
    if (e != OK)
        b.story = arena_strdup(j->arena, err_joined());
    err_clear();
    for (size_t i = 0; i < j->count; i++)
        if (wants_barrier(j, i, session))
            j->cases[i]->unclean = b.story == NULL ? "its pages could not be cleaned" : b.story;
    return OK;
}

Err
clear_barrier(Judgement *j)
{
    for (size_t s = 0; s < j->session_count; s++)
        TRY(give(j, j->sessions[s]));
    return OK;
}
