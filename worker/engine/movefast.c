/* SPDX-License-Identifier: Apache-2.0 */
/* movefast.c -- move_single: two connections on one exported snapshot.  The first freezes the holds, takes its snapshot,
 * copies a bounded range; the second imports that snapshot and deletes the same range, so that it sees exactly the rows
 * that were copied: a row that somebody changed meanwhile raises 40001, and the batch is rolled back, its frames are cut
 * off, and it is tried again.  While the second deletes range k, the first copies range k + 1. */
#include "engine/move.h"

#include "engine/pass.h"

#include "base/fault.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define ATTEMPTS 20
#define ATTEMPTS_APART 3 /* then one batch after the other */

typedef struct Batch
{
    bool active;             /* the deletion is under way on the second connection */
    DbTx tx;                 /* on the second connection */
    const char *const *high; /* NULL: the last batch, to the end */
    int64_t rows;            /* copied */
    int64_t started_us;
} Batch;

typedef struct Move
{
    Job *job;
    const Archive *archive;
    FrameWriter *writer;
    Arena *arenas[3]; /* a batch's bounds live until the batch after the next */
    size_t turn;
    const char *const *committed; /* upper key of the last committed batch */
    const char *const *low;       /* where the next batch starts */
    FrameMark mark;               /* committed */
    size_t uncollected;           /* cuts that were not waited for */
    int attempts;                 /* that failed since a batch was committed */
    Batch batch;
} Move;

static const GraphTable *
table_of(const Move *m)
{
    return &m->job->target->graph->tables[m->job->target->root];
}

/* -- the first connection: copy ------------------------------------------------------------------------------------ */

static Err
copy_range(Move *m, const Bounds *bounds, int64_t *ret_rows)
{
    Selector selector = m->job->selector;
    selector.arena = m->arenas[m->turn];
    TRY(db_copy_out(m->job->session->db, selector_copy_range(&selector, 0, bounds), archive_sink, m->writer, ret_rows));
    fault_point("move.copied");
    TRY(frames_cut(m->writer, true));
    m->uncollected++;
    return OK;
}

/* -- the second connection: delete --------------------------------------------------------------------------------- */

static Err
send_delete(Move *m, const Bounds *bounds)
{
    Selector selector = m->job->selector;
    Arena *arena = m->arenas[m->turn];
    size_t count, used = 0;

    selector.arena = arena;
    selector_order(&selector, 0, &count);
    const char **params = ARENA_ARRAY(arena, const char *, 2 * count);
    for (size_t i = 0; bounds->low != NULL && i < count; i++)
        params[used++] = bounds->low[i];
    for (size_t i = 0; bounds->high != NULL && i < count; i++)
        params[used++] = bounds->high[i];
    return db_send(m->job->session->second, selector_delete_range(&selector, 0, bounds), used, params);
}

static Err
begin_delete(Move *m, const Bounds *bounds, const char *snapshot, int64_t rows)
{
    Db *db = m->job->session->second;

    m->batch = (Batch){ .high = bounds->high, .rows = rows, .started_us = instant_monotonic() };
    TRY(db_begin(db, "isolation level repeatable read", &m->batch.tx));
    /* NOWAIT: a hold that waits for the first connection would be in front of us, and we in front of nobody: start over.
     * Where holds come too fast for that, the first one's lock lasts until this batch has ended. */
    if (m->attempts < ATTEMPTS_APART)
        TRY(db_exec(db, "lock table expunge.hold in share mode nowait"));
    TRY(db_exec(db, arena_printf(m->arenas[m->turn], "set transaction snapshot %s",
                                 db_literal(m->arenas[m->turn], snapshot))));
    TRY(send_delete(m, bounds));
    m->batch.active = true;
    return OK;
}

/* Wait for the deletion and for its frames, write down where both stand, commit. */
static Err
finish_delete(Move *m)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    Job *job = m->job;
    Db *db = job->session->second;
    FrameMark mark;
    size_t count;

    if (!m->batch.active)
        return OK;
    m->batch.active = false;
    TRY(db_receive(db, &done));
    fault_point("move.deleted");
    TRY(frames_wait(m->writer, &mark));
    m->uncollected--;
    if (db_affected(done) != m->batch.rows)
        return err_new(ERR_RAIL,
                       "%" PRId64 " row(s) of %s were copied, but %" PRId64
                       " were deleted: a trigger, a rule or row security "
                       "keeps them; the batch was rolled back",
                       m->batch.rows, table_of(m)->quoted, db_affected(done));
    selector_order(&job->selector, 0, &count);
    TRY(disposals_mark(m->arenas[m->turn], db, job->disposal->id, 1, m->mark.bytes, &mark));
    TRY(disposals_advance(m->arenas[m->turn], db, job->disposal->id, 1, m->batch.rows, m->batch.high, count));
    fault_point("move.marked");
    TRY(db_commit(&m->batch.tx));
    fault_point("move.committed");
    job_count(job, table_of(m), "move", m->batch.rows, mark.plain_bytes - m->mark.plain_bytes);
    m->mark = mark;
    m->committed = m->batch.high;
    return job_rest(job, m->batch.rows, instant_monotonic() - m->batch.started_us);
}

/* -- both ---------------------------------------------------------------------------------------------------------- */

/* A hold that waits for the batch under way would be in front of us, and we in front of that batch: each would wait
 * for the next one, and the server could not see it.  Then the batch ends first. */
static Err
guard_next(Move *m, DbTx *ret_tx)
{
    static const char level[] = "isolation level repeatable read";

    if (m->batch.active)
    {
        const Err e = job_guard_at_once(m->job, level, ret_tx);
        if (e != ERR_AGAIN || strcmp(db_sqlstate(m->job->session->db), "55P03") != 0)
            return e;
        err_clear();
        TRY(finish_delete(m));
    }
    return job_guard(m->job, level, "", ret_tx);
}

static Err
next_batch(Move *m, bool *ret_last)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *snapshot = NULL;
    Job *job = m->job;
    Bounds bounds = { .low = m->low };
    int64_t rows;

    m->turn = (m->turn + 1) % 3;
    arena_reset(m->arenas[m->turn]);
    TRY(guard_next(m, &tx));
    TRY(pass_upper(job, m->arenas[m->turn], 0, bounds.low, &bounds.high));
    TRY(db_query_row(job->session->db, "select pg_export_snapshot()", 0, NULL, &snapshot));
    TRY(copy_range(m, &bounds, &rows));
    TRY(finish_delete(m));
    TRY(begin_delete(m, &bounds, db_text(snapshot, 0, 0), rows));
    m->low = bounds.high;
    *ret_last = bounds.high == NULL;
    if (m->attempts >= ATTEMPTS_APART)
        TRY(finish_delete(m));
    return db_commit(&tx);
}

/* A row changed between copy and deletion: back to what is committed. */
static Err
start_over(Move *m)
{
    size_t count;
    db_rollback(&m->batch.tx);
    m->batch = (Batch){ 0 };
    for (; m->uncollected > 0; m->uncollected--)
    {
        FrameMark ignored;
        TRY(frames_wait(m->writer, &ignored));
    }
    TRY(frames_rewind(m->writer, &m->mark));
    selector_order(&m->job->selector, 0, &count);
    const char **low = m->committed == NULL ? NULL : ARENA_ARRAY(m->job->arena, const char *, count);
    for (size_t i = 0; low != NULL && i < count; i++)
        low[i] = arena_strdup(m->job->arena, m->committed[i]);
    m->committed = m->low = low;
    return OK;
}

static Err
move_all(Move *m)
{
    bool last = false;

    for (;;)
    {
        Err e = last ? finish_delete(m) : next_batch(m, &last);
        if (e == OK && last && !m->batch.active)
            return OK;
        if (e == OK)
        {
            if (!last) /* once apart, apart to the end */
                m->attempts = m->attempts < ATTEMPTS_APART ? 0 : ATTEMPTS_APART;
            continue;
        }
        if (e != ERR_AGAIN || ++m->attempts > ATTEMPTS)
        {
            if (m->batch.active)
                db_cancel(m->job->session->second);
            return e;
        }
        err_clear();
        last = false;
        TRY(start_over(m));
    }
}

Err
move_single(Job *job, const Archive *archive)
{
    CLEANUP(frames_writer_closep) FrameWriter *writer = NULL;
    CLEANUP(arena_freep) Arena *one = arena_new();
    CLEANUP(arena_freep) Arena *two = arena_new();
    CLEANUP(arena_freep) Arena *three = arena_new();
    DisposalTable *tables;
    size_t count;

    TRY(session_open_second(job->session));
    TRY(disposals_claim_second(job->session->second, job->disposal->id));
    TRY(job_tables(job, job->arena, &tables, &count)); /* only now: nobody else can move the marks any more */
    TRY(archive_writer(job, archive, 1, &tables[0].mark, &writer));
    Move move = { .job = job,
                  .archive = archive,
                  .writer = writer,
                  .arenas = { one, two, three },
                  .committed = tables[0].position,
                  .low = tables[0].position,
                  .mark = tables[0].mark };
    const Err e = move_all(&move);
    db_rollback(&move.batch.tx);
    if (e != OK)
    {
        db_close(job->session->second); /* and with it its part of the claim; the next one opens a fresh connection */
        job->session->second = NULL;
        return err_note(e, "while moving rows of %s into the snapshot", table_of(&move)->quoted);
    }
    return disposals_unclaim_second(job->session->second, job->disposal->id);
}
