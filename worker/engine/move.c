/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/move.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/kept.h"
#include "engine/late.h"
#include "engine/orphans.h"
#include "engine/pass.h"
#include "engine/refresh.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_ROOTS 100
#define MOST_ROOTS 10000 /* where rows belong to several of them */
#define PASSES 5

/* -- by roots: a batch is some root rows with all that hangs on them, one transaction ------------------------------- */

typedef struct Roots
{
    Job *job;
    Archive *archive;
    FrameWriter **writers; /* per place of the scope; NULL without archive */
    DisposalTable *tables;
    size_t file_count;
    const char *const *low;
    Arena *arenas[2];
    size_t turn;
    bool too_narrow; /* a row belongs to a root of another batch, perhaps: more roots at once would tell */
    bool remembers;  /* rows may come late (late.h) */
} Roots;

static Err
fill_roots(Roots *r, int64_t *ret_rows)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    Job *job = r->job;
    const GraphTable *table = &job->target->graph->tables[job->target->root];
    Arena *arena = r->arenas[r->turn];
    const Bounds bounds = { .low = r->low };
    Selector selector = job->selector;

    selector.arena = arena;
    const char **params = ARENA_ARRAY(arena, const char *, table->key_count + 1);
    params[0] = arena_printf(arena, "%" PRId64, job->pace.rows);
    for (size_t i = 0; r->low != NULL && i < table->key_count; i++)
        params[i + 1] = r->low[i];
    TRY(db_query(job->session->db, selector_fill_policy_root(&selector, &bounds, true),
                 r->low == NULL ? 1 : table->key_count + 1, params, &done));
    *ret_rows = db_affected(done);
    return *ret_rows == 0 ? OK : job_fill_below(job);
}

static Err
highest_root(Roots *r, const char *const **ret_high)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Job *job = r->job;
    const GraphTable *table = &job->target->graph->tables[job->target->root];
    Arena *arena = r->arenas[r->turn];
    Text sql = TEXT_INIT(arena);

    text_add(&sql, "select ");
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&sql, "%sw.expunge_k%zu::text", i > 0 ? ", " : "", i);
    text_addf(&sql, " from pg_temp.expunge_w%zu_0 w order by ", job->target->number);
    for (size_t i = 0; i < table->key_count; i++)
        text_addf(&sql, "%sw.expunge_k%zu desc", i > 0 ? ", " : "", i);
    text_add(&sql, " limit 1");
    TRY(db_query_row(job->session->db, text_done(&sql), 0, NULL, &row));
    const char **high = ARENA_ARRAY(arena, const char *, table->key_count);
    for (size_t i = 0; i < table->key_count; i++)
        high[i] = arena_strdup(arena, db_text(row, 0, i));
    *ret_high = high;
    return OK;
}

static Err
change_batch(Roots *r, size_t change, int64_t *ret_rows)
{
    Job *job = r->job;
    int64_t rows, copied;

    TRY(job_count_change(job, change, &rows));
    *ret_rows = 0;
    if (rows == 0)
        return OK;
    if (r->writers != NULL)
        TRY(db_copy_out(job->session->db, selector_copy_change(&job->selector, change), archive_sink,
                        r->writers[job->target->scope->table_count + change], &copied));
    return pass_change_now(job, change, ret_rows);
}

static FrameWriter *
writer_of(const Roots *r, size_t position)
{
    return r->writers[position];
}

/* Fewer rows were moved than were there: kept by something, or gone without a copy.  Where triggers fire, it may have been
 * one of them; otherwise somebody else took what is his. */
static Err
refuse_vanished(Job *job, size_t position)
{
    const Scope *scope = job->target->scope;
    TRY(pass_check_remaining(job, position));
    for (size_t i = 0; i < scope->table_count; i++)
        if (scope->graph->tables[scope->tables[i].table].triggers != NULL)
            return err_new(ERR_AGAIN,
                           "rows of %s went before they were moved: a trigger took them (which no disposal with a "
                           "snapshot allows), or somebody else did; the batch was rolled back",
                           scope->graph->tables[scope->tables[position].table].quoted);
    return OK;
}

static Err
table_batch(Roots *r, size_t position, int64_t *ret_rows)
{
    Job *job = r->job;
    int64_t rows;

    TRY(job_count_rows(job, position, &rows));
    *ret_rows = 0;
    if (rows == 0)
        return OK;
    if (r->writers == NULL)
        return pass_erase_now(job, position, ret_rows);
    TRY(db_exec(job->session->db, selector_forget_numbers(&job->selector)));
    TRY(db_exec(job->session->db, selector_number(&job->selector, position)));
    TRY(db_copy_out(job->session->db, selector_move_numbers(&job->selector, position, 0, rows), archive_sink,
                    writer_of(r, position), ret_rows));
    return *ret_rows == rows ? OK : refuse_vanished(job, position);
}

static Err
whole_batch(Roots *r, size_t position, int64_t *ret_rows)
{
    Job *job = r->job;
    int64_t rows;
    if (r->writers == NULL)
        return pass_erase_whole_now(job, position, ret_rows);
    TRY(job_count_rows(job, position, &rows));
    TRY(db_copy_out(job->session->db, selector_move_whole(&job->selector, position), archive_sink,
                    writer_of(r, position), ret_rows));
    return *ret_rows == rows ? OK : refuse_vanished(job, position);
}

/* Tables in a cycle: their rows are locked already (locks_parents), so what is copied is what goes. */
static Err
group_batch(Roots *r, size_t first, size_t end, int64_t *ret_rows)
{
    Job *job = r->job;
    for (size_t i = first; r->writers != NULL && i < end; i++)
    {
        int64_t copied, rows;
        TRY(job_count_rows(job, i, &rows));
        TRY(db_copy_out(job->session->db, selector_copy(&job->selector, i), archive_sink, writer_of(r, i), &copied));
        if (copied != rows)
            return err_new(ERR_AGAIN, "rows of %s changed while they were moved",
                           job->target->graph->tables[job->target->scope->tables[i].table].quoted);
    }
    TRY(pass_erase_group_now(job, first, end, ret_rows));
    for (size_t i = first; r->writers != NULL && i < end; i++)
    {
        int64_t rows;
        TRY(job_count_rows(job, i, &rows));
        if (ret_rows[i - first] != rows)
            return err_new(ERR_AGAIN, "rows of %s changed while they were moved",
                           job->target->graph->tables[job->target->scope->tables[i].table].quoted);
    }
    return OK;
}

static Err
step_batch(Roots *r, size_t first, int64_t *rows)
{
    const Scope *scope = r->job->target->scope;
    if (scope->tables[first].method == SCOPE_WHOLE)
        return whole_batch(r, first, rows);
    if (scope_is_cyclic(scope, first))
        return group_batch(r, first, scope_group_end(scope, first), rows);
    return table_batch(r, first, rows);
}

/* Frames of all files on the disk and read back; their marks in this transaction. */
static Err
settle_files(Roots *r)
{
    for (size_t i = 0; r->writers != NULL && i < r->file_count; i++)
        TRY(frames_cut(r->writers[i], true));
    for (size_t i = 0; r->writers != NULL && i < r->file_count; i++)
    {
        FrameMark mark;
        TRY(frames_wait(r->writers[i], &mark));
        TRY(disposals_mark(r->arenas[r->turn], r->job->session->db, r->job->disposal->id, r->tables[i].number,
                           r->tables[i].mark.bytes, &mark));
        r->tables[i].mark = mark;
    }
    return OK;
}

/* Where shared rows stand among the places of the scope. */
static size_t
orphan_place(const Roots *r, size_t orphan)
{
    return r->job->target->scope->table_count + r->job->target->scope->change_count + orphan;
}

/* Shared rows that nobody refers to, now that the batch's rows are gone. */
static Err
orphan_batch(Roots *r, size_t orphan, int64_t *ret_rows)
{
    Job *job = r->job;
    int64_t copied = 0;

    TRY(orphans_judge(job, orphan));
    if (r->writers != NULL)
        TRY(db_copy_out(job->session->db, selector_copy_orphans(&job->selector, orphan), archive_sink,
                        r->writers[orphan_place(r, orphan)], &copied));
    TRY(orphans_delete(job, orphan, ret_rows));
    if (r->writers != NULL && copied != *ret_rows)
        return err_new(ERR_AGAIN, "shared rows changed while they were moved");
    return OK;
}

/* Children first; changes before that. */
static Err
empty_batch(Roots *r, int64_t *rows)
{
    const Scope *scope = r->job->target->scope;
    for (size_t i = 0; i < scope->change_count; i++)
        TRY(change_batch(r, i, &rows[scope->table_count + i]));
    TRY(kept_record(r->job));
    TRY(orphans_collect(r->job));
    for (size_t i = scope->table_count; i-- > 0;)
        if (i == 0 || scope->tables[i].group != scope->tables[i - 1].group)
        {
            TRY(step_batch(r, i, &rows[i]));
            fault_point("roots.table");
        }
    for (size_t i = 0; i < scope->orphan_count; i++)
        TRY(orphan_batch(r, i, &rows[orphan_place(r, i)]));
    TRY(settle_files(r));
    fault_point("roots.settled");
    return OK;
}

/* What belongs to a root that is due as well goes with both, where both are in one batch. */
static Err
refuse_foreign(Roots *r, int64_t roots)
{
    const Err e = job_refuse_foreign(r->job);
    r->too_narrow = e == ERR_RAIL && roots >= r->job->pace.rows && r->job->pace.rows < MOST_ROOTS;
    return e;
}

static Err
begin_batch(Roots *r, DbTx *tx)
{
    r->turn = 1 - r->turn;
    arena_reset(r->arenas[r->turn]);
    r->job->selector.arena = r->arenas[r->turn]; /* statements live as long as their batch */
    TRY(session_prepare_work(r->job->session, &r->job->selector));
    return job_guard(r->job, r->writers == NULL ? GUARD_BATCH : GUARD_DURABLE, "", tx);
}

/* high NULL: the cursor stays where it is. */
static Err
advance(Roots *r, const int64_t *rows, const char *const *high)
{
    const Job *job = r->job;
    const size_t width = job->target->graph->tables[job->target->root].key_count;
    for (size_t i = 0; i < r->file_count; i++)
        TRY(disposals_advance(r->arenas[r->turn], job->session->db, job->disposal->id, r->tables[i].number, rows[i],
                              i == 0 ? high : NULL, width));
    return OK;
}

static Err
roots_batch(Roots *r, int64_t *rows, int64_t *ret_roots)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Job *job = r->job;
    const char *const *high = NULL;

    TRY(begin_batch(r, &tx));
    TRY(fill_roots(r, ret_roots));
    if (*ret_roots == 0)
        return OK;
    TRY(refuse_foreign(r, *ret_roots));
    TRY(highest_root(r, &high));
    if (r->remembers)
        TRY(late_note(job));
    TRY(empty_batch(r, rows));
    if (job->target->owner != NULL)
        TRY(db_query(job->session->db, selector_forget_kept(&job->selector), 0, NULL, NULL));
    TRY(advance(r, rows, high));
    TRY(db_commit(&tx));
    fault_point("roots.committed");
    r->low = high;
    return OK;
}

static void
count_batch(Roots *r, const int64_t *rows)
{
    const Scope *scope = r->job->target->scope;
    for (size_t i = 0; i < scope->table_count; i++)
        job_count(r->job, &scope->graph->tables[scope->tables[i].table], r->writers == NULL ? "delete" : "move",
                  rows[i], 0);
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const GraphEdge *edge = &scope->graph->edges[scope->changes[i].edge];
        job_count(r->job, &scope->graph->tables[edge->child], edge_action_name(edge->action),
                  rows[scope->table_count + i], 0);
    }
    for (size_t i = 0; i < scope->orphan_count; i++)
        job_count(r->job, &scope->graph->tables[scope->orphans[i].table], r->writers == NULL ? "delete" : "move",
                  rows[orphan_place(r, i)], 0);
}

static Err
all_roots(Roots *r)
{
    int64_t *rows = ARENA_ARRAY(r->job->arena, int64_t, r->file_count + 1);
    int64_t roots = 1;

    while (roots > 0)
    {
        const int64_t start = instant_monotonic();
        memset(rows, 0, r->file_count * sizeof *rows);
        const Err e = roots_batch(r, rows, &roots);
        if (r->too_narrow)
        {
            err_clear();
            r->too_narrow = false;
            r->job->pace.rows *= 2;
            continue;
        }
        TRY(e);
        count_batch(r, rows);
        if (roots > 0)
            TRY(job_rest(r->job, roots, instant_monotonic() - start));
    }
    return OK;
}

/* What refers to rows that have gone, and what hangs on it: all of it at once. */
static Err
late_batch(Roots *r, int64_t *rows, int64_t *ret_rows)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(begin_batch(r, &tx));
    TRY(job_fill_below(r->job));
    TRY(job_count_filled(r->job, ret_rows));
    if (*ret_rows == 0)
        return OK;
    TRY(job_refuse_foreign(r->job));
    TRY(late_note(r->job));
    TRY(empty_batch(r, rows));
    TRY(advance(r, rows, NULL));
    TRY(db_commit(&tx));
    fault_point("roots.late");
    return OK;
}

/* Between two batches nobody asks for late rows: what is remembered grows with each. */
static Err
all_late(Roots *r)
{
    int64_t *rows = ARENA_ARRAY(r->job->arena, int64_t, r->file_count + 1);
    int64_t found = 1;

    for (int round = 0; round < PASSES && found > 0; round++)
    {
        memset(rows, 0, r->file_count * sizeof *rows);
        TRY(late_batch(r, rows, &found));
        count_batch(r, rows);
    }
    return found == 0 ? OK
                      : err_new(ERR_AGAIN, "rows that refer to some of policy \"%s\" keep coming; the next run goes on",
                                r->job->target->name);
}

static Err
late_rounds(Roots *r)
{
    if (!r->remembers)
        return OK;
    late_begin(r->job);
    const Err e = all_late(r);
    late_end(r->job);
    return e;
}

static Err
tell_kept(Job *job)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    TRY(db_begin(job->session->db, "", &tx));
    TRY(kept_tell(job));
    return db_commit(&tx);
}

static Err
open_writers(Roots *r)
{
    r->writers = ARENA_ARRAY(r->job->arena, FrameWriter *, r->file_count);
    for (size_t i = 0; i < r->file_count; i++)
        TRY(archive_writer(r->job, r->archive, r->tables[i].number, &r->tables[i].mark, &r->writers[i]));
    return OK;
}

Err
move_by_roots(Job *job, Archive *archive)
{
    CLEANUP(arena_freep) Arena *one = arena_new();
    CLEANUP(arena_freep) Arena *two = arena_new();
    Roots r = { .job = job, .archive = archive, .arenas = { one, two } };

    job->locks_parents = true;
    r.remembers = late_remembers(job);
    TRY(job_tables(job, job->arena, &r.tables, &r.file_count));
    TRY(kept_begin(job));
    r.low = r.tables[0].position;
    if (job->pace.rows > FIRST_ROOTS)
        job->pace.rows = FIRST_ROOTS;
    Err e = archive == NULL ? OK : open_writers(&r);
    if (e == OK)
        e = all_roots(&r);
    if (e == OK)
        e = late_rounds(&r);
    if (e == OK)
        e = tell_kept(job);
    job->selector.arena = job->arena;
    for (size_t i = 0; r.writers != NULL && i < r.file_count; i++)
    {
        if (e == OK)
            archive_note(archive, r.tables[i].number, r.writers[i], &r.tables[i].mark);
        frames_writer_close(r.writers[i]);
    }
    if (e != OK)
        return err_note(e, "while %s rows of %s", archive == NULL ? "erasing" : "moving",
                        job->target->graph->tables[job->target->root].quoted);
    return OK;
}

Err
move_late(Job *job)
{
    CLEANUP(arena_freep) Arena *one = arena_new();
    CLEANUP(arena_freep) Arena *two = arena_new();
    Roots r = { .job = job, .arenas = { one, two } };

    r.remembers = late_remembers(job);
    if (!r.remembers)
        return OK;
    job->locks_parents = true;
    TRY(job_tables(job, job->arena, &r.tables, &r.file_count));
    TRY(kept_begin(job));
    const Err e = late_rounds(&r);
    job->selector.arena = job->arena;
    return e == OK ? OK
                   : err_note(e, "while erasing what refers to rows of %s that have gone",
                              job->target->graph->tables[job->target->root].quoted);
}

/* -- the whole policy ---------------------------------------------------------------------------------------------- */

static Err
rewind_passes(Job *job)
{
    const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id) };
    return db_query(job->session->db, SQL_table_rewind, 1, params, NULL);
}

/* Rows may have come in behind the cursor with an age before the cutoff: another pass, a few times. */
Err
move_policy(Job *job)
{
    CLEANUP(archive_freep) Archive archive = { .key = NULL };
    bool left = true;

    TRY(refresh_judge(job));
    TRY(archive_prepare(job, &archive));
    if (snapshots_is_complete(job->arena, &archive.snapshot)) /* a crash came between the rename and the transition */
        return archive_seal(job, &archive);
    TRY(snapshots_prepare(&archive.snapshot));
    for (int pass = 0; pass < PASSES && left; pass++)
    {
        CLEANUP(db_result_freep) DbResult *row = NULL;
        TRY(job->target->single ? move_single(job, &archive) : move_by_roots(job, &archive));
        TRY(db_query_row(job->session->db, selector_any_due(&job->selector), 0, NULL, &row));
        left = db_bool(row, 0, 0);
        if (left)
            TRY(rewind_passes(job));
    }
    if (left)
        return err_new(ERR_AGAIN, "rows of policy \"%s\" keep coming while they are moved; the next run goes on",
                       job->target->name);
    TRY(refresh_views(job));
    return archive_seal(job, &archive);
}
