/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/depart.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/archive.h"
#include "engine/capture.h"
#include "engine/depot.h"
#include "engine/erase.h"
#include "engine/kept.h"
#include "engine/late.h"
#include "engine/orphans.h"
#include "engine/refresh.h"
#include "engine/whole.h"
#include "sql.h"

#include <inttypes.h>

#define ATTEMPTS 5 /* of a run; then the next one tries */

#define STALE "its rows have left the live tables; materialized views are still to be refreshed"

typedef struct Depart
{
    Job *job;
    Archive *archive;
    DisposalTable *tables; /* by place, as rows and marks */
    size_t count;
    FrameMark *marks;
    int64_t *rows; /* deleted or changed */
    bool root_absent;
    CapturedKeys keys; /* of values for processors, which are read before the rows go */
} Depart;

Err
depart_is_asked_for(Job *job, bool *ret_asked)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Disposal *d = job->disposal;
    const char *params[] = { d->kind, d->commitment };

    *ret_asked = false;
    if (job->target->subject == NULL || !job->target->subject->removed_during_grace || job_is_immediate(job) ||
        d->state != STATE_OPEN)
        return OK;
    TRY(db_query_row(job->session->db, SQL_restore_last, 2, params, &row));
    *ret_asked = db_text(row, 0, 0) == NULL || d->ended_at == INSTANT_NONE || db_int64(row, 0, 0) <= d->ended_at;
    return OK;
}

/* -- one attempt --------------------------------------------------------------------------------------------------- */

static Err
collect(Job *job)
{
    TRY(job_fill_subject(job));
    TRY(job_refuse_foreign(job));
    return whole_rehearse(job);
}

static Err
seal(Depart *d, char ret_digest[65])
{
    int64_t *expected = ARENA_ARRAY(d->job->arena, int64_t, d->count + 1);
    for (size_t i = 0; i < d->count; i++)
        expected[d->tables[i].number - 1] = d->marks[i].rows;
    return archive_seal_files(d->job, d->archive, expected, ret_digest);
}

/* A trigger may have taken rows along before their turn came, and they are in the snapshot; one that was not copied may
 * not go. */
static Err
judge_counts(const Depart *d)
{
    const Scope *scope = d->job->target->scope;
    for (size_t i = 0; i < scope->table_count; i++)
        if (d->rows[i] > d->marks[i].rows)
            return err_new(ERR_RAIL,
                           "%" PRId64 " rows of %s were to go, and %" PRId64
                           " are in the snapshot: a trigger adds rows while others go; all was rolled back",
                           d->rows[i], scope->graph->tables[scope->tables[i].table].quoted, d->marks[i].rows);
    return OK;
}

static Err
take_out(Depart *d)
{
    Job *job = d->job;
    const Scope *scope = job->target->scope;

    late_begin(job);
    TRY(late_note(job)); /* what comes by then goes at the end of the grace period */
    TRY(orphans_note(job));
    TRY(kept_record(job));
    TRY(kept_tell(job));
    TRY(whole_erase(job, false, d->rows));
    TRY(judge_counts(d));
    fault_point("depart.deleted");
    for (size_t i = 0; i < scope->table_count + scope->change_count; i++)
        TRY(disposals_advance(job->arena, job->session->db, job->disposal->id, d->tables[i].number, d->rows[i], NULL,
                              0));
    return OK;
}

/* Until the views are refreshed, the disposal says that they are not. */
static Err
write_down(Depart *d, const char *digest)
{
    Job *job = d->job;
    const char *id[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id), STALE };

    TRY(archive_mark_files(job, d->tables, d->count, d->marks));
    TRY(archive_transit(job, d->archive, digest, true));
    TRY(db_query(job->session->db, SQL_disposal_root_erased, 1, id, NULL));
    if (job->session->database->refresh_count > 0)
        TRY(db_query(job->session->db, SQL_disposal_note, 2, id, NULL));
    return OK;
}

static Err
attempt(Depart *d)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Job *job = d->job;
    char digest[65];

    TRY(capture_reserve(job, &d->keys));
    TRY(archive_begin_copy(job, d->archive, &d->tables, &d->count));
    d->marks = ARENA_ARRAY(job->arena, FrameMark, d->count + 1);
    d->rows = ARENA_ARRAY(job->arena, int64_t, d->count + 1);
    TRY(session_prepare_work(job->session, &job->selector));
    TRY(job_guard_root(job, &tx));
    d->root_absent = job->root_absent;
    if (d->root_absent)
        return OK;
    TRY(collect(job));
    TRY(capture_values(job, &d->keys));
    TRY(archive_copy_files(job, d->archive, d->marks));
    fault_point("depart.copied");
    TRY(job_guard_rest(job));
    TRY(seal(d, digest));
    TRY(take_out(d));
    TRY(write_down(d, digest));
    fault_point("depart.recorded");
    TRY(db_commit(&tx));
    fault_point("depart.committed");
    return depot_kept(job->session, job->disposal->store, d->archive->snapshot.name);
}

/* -- all of it ----------------------------------------------------------------------------------------------------- */

static void
count(const Depart *d)
{
    const Scope *scope = d->job->target->scope;
    const size_t numbers = scope->table_count + scope->change_count;

    for (size_t i = 0; i < d->count; i++)
    {
        if (i < scope->table_count || i >= numbers)
            archive_count_place(d->job, i, i < scope->table_count ? "move" : "copy", &d->marks[i]);
        else
        {
            const GraphEdge *edge = &scope->graph->edges[scope->changes[i - scope->table_count].edge];
            job_count(d->job, &scope->graph->tables[edge->child], edge_action_name(edge->action), d->rows[i], 0);
        }
    }
}

Err
depart_finish(Job *job)
{
    const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id), NULL };

    if (job->session->database->refresh_count == 0 && job->disposal->last_error == NULL)
        return OK;
    TRY(refresh_judge(job));
    TRY(refresh_views(job));
    fault_point("depart.refreshed");
    return db_query(job->session->db, SQL_disposal_note, 2, params, NULL);
}

Err
depart_subject(Job *job)
{
    CLEANUP(archive_freep) Archive archive = { .key = NULL };
    Depart d = { .job = job, .archive = &archive };
    Err e = ERR_AGAIN;

    TRY(erase_judge_rights(job));
    TRY(refresh_judge(job));
    TRY(kept_begin(job));
    for (int i = 0; i < ATTEMPTS && (e == ERR_AGAIN || job_broke_reference(job, e)); i++)
    {
        err_clear();
        archive_freep(&archive);
        e = attempt(&d);
    }
    if (job_broke_reference(job, e))
        return err_note(ERR_AGAIN, "rows of this %s keep coming while they are taken out", job->target->name);
    TRY(e);
    if (d.root_absent)
        return archive_copy(job);
    count(&d);
    TRY(session_flush(job->session, job->disposal->id, false));
    job->disposal->state = STATE_ARCHIVED;
    return depart_finish(job);
}
