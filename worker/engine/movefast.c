/* SPDX-License-Identifier: Apache-2.0 */
/* movefast.c -- move_single: two connections on one exported snapshot.  The first freezes the holds, takes its snapshot,
 * copies a bounded range; the second imports that snapshot and deletes the same range, so that it sees exactly the rows
 * that were copied: a row that somebody changed meanwhile raises 40001, and the batch is rolled back, its frames are cut
 * off, and it is tried again.
 *
 * While the first copies range k + 1, the writer's thread compresses, syncs and reads back range k, and only then the
 * second deletes it: between two rows of the copy it is looked whether the next step is due.  So the deletion, which is
 * what others feel, takes no longer than without an archive. */
#include "engine/move.h"

#include "engine/pass.h"

#include "base/fault.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define ATTEMPTS 20
#define ATTEMPTS_APART 3 /* then one batch after the other */
#define LOOK_EVERY_ROWS 64

typedef enum BatchStep
{
    BATCH_ARCHIVING, /* its frames are under way to the disk and back */
    BATCH_DELETING,
    BATCH_COMMITTING
} BatchStep;

typedef struct Batch
{
    DbTx tx; /* on the second connection; db is NULL: no batch is under way */
    BatchStep step;
    Bounds bounds; /* high NULL: the last batch, to the end */
    FrameMark mark;
    int64_t rows; /* copied */
    int64_t started_us;
} Batch;

typedef struct Move
{
    Job *job;
    FrameWriter *writer;
    Arena *arenas[3]; /* a batch's bounds live until the batch after the next */
    size_t turn;
    const char *const *committed; /* upper key of the last committed batch */
    const char *const *low;       /* where the next batch starts */
    FrameMark mark;               /* committed */
    size_t uncollected;           /* cuts that were not waited for */
    int attempts;                 /* that failed since a batch was committed */
    bool row_tells_order;
    int64_t wanted_rows; /* of this batch */
    int64_t rows_seen;
    const char *last; /* the last one wanted */
    int64_t cycle_us; /* when the last batch began */
    Batch batch;
} Move;

static const GraphTable *
table_of(const Move *m)
{
    return &m->job->target->graph->tables[m->job->target->root];
}

/* One batch ends before the next begins: where rows or holds change too fast, and where there is time to rest. */
static bool
is_apart(const Move *m)
{
    return m->attempts >= ATTEMPTS_APART || m->job->pace.duty < 1.0;
}

/* -- the second connection: delete --------------------------------------------------------------------------------- */

/* Its hold lock and its snapshot before the first connection ends its own. */
static Err
begin_delete(Move *m, const Bounds *bounds, const char *snapshot, int64_t rows)
{
    Arena *arena = m->arenas[m->turn];
    /* NOWAIT: a hold that waits for the first connection would be in front of us, and we in front of nobody: start over.
     * Where holds come too fast for that, the first one's lock lasts until this batch has ended. */
    const char *lock = m->attempts < ATTEMPTS_APART ? "; lock table expunge.hold in share mode nowait" : "";

    m->batch = (Batch){ .bounds = *bounds, .rows = rows };
    return db_begin(m->job->session->second,
                    arena_printf(arena, "isolation level repeatable read%s; set transaction snapshot %s", lock,
                                 db_literal(arena, snapshot)),
                    &m->batch.tx);
}

static Err
send_delete(Move *m)
{
    Selector selector = m->job->selector;
    Arena *arena = m->arenas[m->turn];
    const Bounds *bounds = &m->batch.bounds;
    size_t count, used = 0;

    m->batch.step = BATCH_DELETING;
    m->batch.started_us = instant_monotonic();
    selector.arena = arena;
    selector_order(&selector, 0, &count);
    const char **params = ARENA_ARRAY(arena, const char *, 2 * count);
    for (size_t i = 0; bounds->low != NULL && i < count; i++)
        params[used++] = bounds->low[i];
    for (size_t i = 0; bounds->high != NULL && i < count; i++)
        params[used++] = bounds->high[i];
    return db_send_kept(m->job->session->second, selector_delete_range(&selector, 0, bounds), used, params);
}

/* The deletion has an answer: write down where it and its frames stand. */
static Err
send_commit(Move *m)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    Job *job = m->job;
    Db *db = job->session->second;
    Batch *batch = &m->batch;
    MoveBatch record = {
        .number = 1, .rows = batch->rows, .position = batch->bounds.high, .before = m->mark, .mark = batch->mark
    };

    TRY(db_receive(db, &done));
    fault_point("move.deleted");
    if (db_affected(done) != batch->rows)
        return err_new(ERR_RAIL,
                       "%" PRId64 " row(s) of %s were copied, but %" PRId64
                       " were deleted: a trigger, a rule or row security "
                       "keeps them; the batch was rolled back",
                       batch->rows, table_of(m)->quoted, db_affected(done));
    selector_order(&job->selector, 0, &record.position_count);
    if (batch->rows > 0)
        TRY(disposals_batch_add(m->arenas[m->turn], db, job->disposal->id, &record));
    fault_point("move.marked");
    batch->step = BATCH_COMMITTING;
    return db_commit_send(&batch->tx);
}

static Err
end_batch(Move *m)
{
    Job *job = m->job;
    const Batch *batch = &m->batch;

    TRY(db_commit_receive(&m->batch.tx));
    fault_point("move.committed");
    job_adapt(job, batch->rows, instant_monotonic() - batch->started_us);
    job_count(job, table_of(m), "move", batch->rows, batch->mark.plain_bytes - m->mark.plain_bytes);
    m->mark = batch->mark;
    m->committed = batch->bounds.high;
    m->attempts = m->attempts < ATTEMPTS_APART ? 0 : m->attempts; /* once apart, apart to the end */
    return OK;
}

static Err
next_step(Move *m)
{
    switch (m->batch.step)
    {
    case BATCH_ARCHIVING:
        TRY(frames_wait(m->writer, &m->batch.mark));
        m->uncollected--;
        return send_delete(m);
    case BATCH_DELETING: return send_commit(m);
    case BATCH_COMMITTING: break;
    }
    return end_batch(m);
}

/* The batch under way: its next steps, as far as they need no waiting; or to its end. */
static Err
go_on(Move *m, bool to_the_end)
{
    while (m->batch.tx.db != NULL)
    {
        const bool is_ready = m->batch.step == BATCH_ARCHIVING ? frames_is_ready(m->writer)
                                                               : db_is_ready(m->batch.tx.db);
        if (!is_ready && !to_the_end)
            return OK;
        TRY(next_step(m));
    }
    return OK;
}

/* -- the first connection: copy ------------------------------------------------------------------------------------ */

static Err
sink(void *move, const char *row, size_t length)
{
    Move *m = move;
    if (++m->rows_seen % LOOK_EVERY_ROWS == 0)
        TRY(go_on(m, false));
    if (m->rows_seen == m->wanted_rows)
        m->last = arena_strndup(m->arenas[m->turn], row, length);
    return frames_add(m->writer, row, length);
}

/* The next rows in their order; where they end says the last one, or, when it does not hold all of its key, a query. */
static Err
copy_next(Move *m, Bounds *bounds, int64_t *ret_rows)
{
    Selector selector = m->job->selector;
    const char *sql;

    selector.arena = m->arenas[m->turn];
    m->rows_seen = 0;
    m->last = NULL;
    m->wanted_rows = m->job->pace.rows;
    if (m->row_tells_order)
        sql = selector_copy_next(&selector, 0, bounds->low, m->wanted_rows);
    else
    {
        TRY(pass_upper(m->job, m->arenas[m->turn], 0, bounds->low, &bounds->high));
        sql = selector_copy_range(&selector, 0, bounds);
    }
    TRY(db_copy_out(m->job->session->db, sql, sink, m, ret_rows));
    if (m->row_tells_order && m->last != NULL)
        bounds->high = selector_row_order(&selector, 0, m->last);
    fault_point("move.copied");
    TRY(frames_cut(m->writer, true));
    m->uncollected++;
    return OK;
}

/* A hold that waits for the batch under way would be in front of us, and we in front of that batch: each would wait
 * for the next one, and the server could not see it.  Then the batch ends first. */
static Err
guard_next(Move *m, DbTx *ret_tx)
{
    if (m->batch.tx.db != NULL)
    {
        const Err e = job_guard_at_once(m->job, GUARD_COPY_BESIDE, ret_tx);
        if (e != ERR_AGAIN || strcmp(db_sqlstate(m->job->session->db), "55P03") != 0)
            return e;
        err_clear();
        TRY(go_on(m, true));
    }
    return job_guard(m->job, GUARD_COPY, "", ret_tx);
}

/* -- both ---------------------------------------------------------------------------------------------------------- */

/* Nothing is locked while we rest. */
static Err
rest(Move *m)
{
    const int64_t elapsed_us = m->cycle_us == 0 ? 0 : instant_monotonic() - m->cycle_us;
    if (job_judges_soon(m->job))
        TRY(go_on(m, true));
    TRY(job_pause(m->job, elapsed_us));
    m->cycle_us = instant_monotonic();
    return OK;
}

static Err
next_batch(Move *m, bool *ret_last)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *snapshot = NULL;
    Db *db = m->job->session->db;
    Bounds bounds = { .low = m->low };
    int64_t rows;

    TRY(rest(m));
    m->turn = (m->turn + 1) % 3;
    arena_reset(m->arenas[m->turn]);
    TRY(guard_next(m, &tx));
    TRY(db_query_row_kept(db, "select pg_export_snapshot()", 0, NULL, &snapshot));
    TRY(copy_next(m, &bounds, &rows));
    TRY(go_on(m, true));
    TRY(begin_delete(m, &bounds, db_text(snapshot, 0, 0), rows));
    m->low = bounds.high;
    *ret_last = bounds.high == NULL;
    if (m->attempts >= ATTEMPTS_APART)
        TRY(go_on(m, true));
    TRY(db_commit(&tx));
    return is_apart(m) ? go_on(m, true) : OK;
}

/* A row changed between copy and deletion: back to what is committed. */
static Err
start_over(Move *m)
{
    size_t count;
    if (m->batch.tx.db != NULL && m->batch.step == BATCH_COMMITTING) /* it is too late for that one */
        TRY(end_batch(m));
    db_rollback(&m->batch.tx);
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

/* Being told to stop takes nothing back that is nearly done. */
static Err
give_up(Move *m, Err why)
{
    if (why == ERR_PARTLY || (m->batch.tx.db != NULL && m->batch.step == BATCH_COMMITTING))
        TRY(go_on(m, true));
    else if (m->batch.tx.db != NULL && m->batch.step == BATCH_DELETING)
        db_cancel(m->job->session->second);
    return why;
}

static Err
move_all(Move *m)
{
    bool last = false;

    for (;;)
    {
        const Err e = last ? go_on(m, true) : next_batch(m, &last);
        if (e == OK && last && m->batch.tx.db == NULL)
            return OK;
        if (e == OK)
            continue;
        if (e != ERR_AGAIN || ++m->attempts > ATTEMPTS)
            return give_up(m, e);
        err_clear();
        last = false;
        TRY(start_over(m));
    }
}

static Err
fold(Job *job)
{
    return disposals_batch_fold(job->arena, job->session->db, job->disposal->id);
}

Err
move_single(Job *job, Archive *archive)
{
    CLEANUP(frames_writer_closep) FrameWriter *writer = NULL;
    CLEANUP(arena_freep) Arena *one = arena_new();
    CLEANUP(arena_freep) Arena *two = arena_new();
    CLEANUP(arena_freep) Arena *three = arena_new();
    DisposalTable *tables;
    size_t count;

    TRY(session_open_second(job->session));
    TRY(disposals_claim_second(job->session->second, job->disposal->id));
    TRY(fold(job)); /* only now: nobody else can move the marks any more */
    TRY(job_tables(job, job->arena, &tables, &count));
    TRY(archive_writer(job, archive, 1, &tables[0].mark, &writer));
    size_t order_count;
    selector_order(&job->selector, 0, &order_count);
    if (tables[0].position_count != order_count)
        tables[0].position = NULL; /* it was of another index: from the start */
    Move move = { .job = job,
                  .writer = writer,
                  .row_tells_order = selector_row_tells_order(&job->selector, 0),
                  .arenas = { one, two, three },
                  .committed = tables[0].position,
                  .low = tables[0].position,
                  .mark = tables[0].mark };
    Err e = move_all(&move);
    db_rollback(&move.batch.tx);
    if (e == OK)
        e = fold(job);
    if (e == OK)
        archive_note(archive, 1, writer, &move.mark);
    if (e != OK)
    {
        db_close(job->session->second); /* and with it its part of the claim; the next one opens a fresh connection */
        job->session->second = NULL;
        return err_note(e, "while moving rows of %s into the snapshot", table_of(&move)->quoted);
    }
    return disposals_unclaim_second(job->session->second, job->disposal->id);
}
