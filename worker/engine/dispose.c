/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dispose.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/approval.h"
#include "engine/archive.h"
#include "engine/depart.h"
#include "engine/erase.h"
#include "engine/move.h"
#include "engine/restore.h"
#include "engine/stop.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define CLAIM_TRIES 20
#define CLAIM_PAUSE_US 150000

Err
dispose_next(Job *job, Step *ret_step, const char **ret_story)
{
    const Disposal *d = job->disposal;
    Situation s = { .state = d->state,
                    .is_subject = job->target->subject != NULL,
                    .immediate = job_is_immediate(job),
                    .ended = true,
                    .erase_after = d->erase_after,
                    .next_attempt_at = d->next_attempt_at,
                    .restored = d->restored_at != INSTANT_NONE,
                    .withdrawal = d->withdrawal_at != INSTANT_NONE };
    bool misplaced = false;

    if (d->state == STATE_ERASED && (d->snapshot_name == NULL || d->key_destroyed_at != INSTANT_NONE))
        s.next_attempt_at = INSTANT_NONE; /* what it waits for are stores, and those have pauses of their own */
    TRY(session_now(job->session, &s.now));
    TRY(job_held(job, &s.held, ret_story));
    if (s.is_subject)
    {
        RootState root;
        TRY(job_root(job, "", &root));
        s.ended = root.ended && root.same;
        s.unapproved = root.unapproved;
        misplaced = root.misplaced && d->requested_at != INSTANT_NONE;
        s.archives = d->state == STATE_OPEN && (d->erase_after == INSTANT_NONE || s.now < d->erase_after);
    }
    else
        s.archives = job->target->policy->grace != NULL || d->snapshot_name != NULL;
    if (d->root_erased)
        s.ended = true;
    s.rows_removed = d->root_erased;
    s.unfinished = d->state == STATE_ARCHIVED && d->root_erased && d->last_error != NULL &&
                   d->erase_after != INSTANT_NONE && s.now < d->erase_after;
    TRY(depart_is_asked_for(job, &s.removes));
    *ret_step = lifecycle_next(&s);
    return misplaced && *ret_step == STEP_ARCHIVE ? job_is_misplaced(job) : OK;
}

static Err
archive(Job *job)
{
    bool removes;

    if (job->target->policy != NULL)
        return move_policy(job);
    if (job->disposal->state == STATE_ARCHIVED)
        return depart_finish(job);
    TRY(depart_is_asked_for(job, &removes));
    return removes ? depart_subject(job) : archive_copy(job);
}

/* Rows that have left (during_grace = "remove") come back first. */
static Err
withdraw(Job *job)
{
    const Disposal *d = job->disposal;
    Restoration restoration = { .arena = job->arena };

    if (d->withdrawal_at == INSTANT_NONE || !d->root_erased || d->restored_at != INSTANT_NONE)
        return erase_withdraw(job);
    return restore_live(job->session, d->id, &restoration);
}

static Err
take_step(Job *job, Step step, const char *story)
{
    switch (step)
    {
    case STEP_HELD: return err_new(ERR_HELD, "%s", story);
    case STEP_REFUSE:
        return err_new(
            ERR_RAIL,
            "the root row of this %s does not say any more that it has ended, and its erasure has begun: a person must look",
            job->target->name);
    case STEP_WITHDRAW: return withdraw(job);
    case STEP_APPROVE: return approval_ask(job);
    case STEP_ARCHIVE: return archive(job);
    case STEP_BEGIN: return erase_begin(job);
    case STEP_ERASE: return erase_rows(job);
    case STEP_CLEAR: return erase_clear(job);
    case STEP_NOTHING: break;
    }
    return OK;
}

static const char *
step_word(Step step)
{
    switch (step)
    {
    case STEP_HELD: return "held";
    case STEP_REFUSE: return "refused";
    case STEP_WITHDRAW: return "withdraw";
    case STEP_APPROVE: return "approve";
    case STEP_ARCHIVE: return "archive";
    case STEP_BEGIN:
    case STEP_ERASE: return "erase";
    case STEP_CLEAR: return "clear";
    case STEP_NOTHING: break;
    }
    return "wait";
}

/* Step after step; the disposal is read again before each, for another worker may have been there. */
static Err
walk(Session *session, Arena *arena, int64_t id, Outcome *outcome)
{
    for (Step step = STEP_ARCHIVE; step != STEP_NOTHING;)
    {
        Job job;
        Disposal *disposal;
        const char *story = NULL;
        TRY(stop_judge());
        TRY(disposals_load(arena, session->db, id, &disposal));
        outcome->state = disposal->state;
        outcome->cutoff = disposal->cutoff;
        TRY(job_begin(session, arena, disposal, outcome, &job));
        TRY(dispose_next(&job, &step, &story));
        fault_point("walk.decided");
        if (step != STEP_NOTHING && (outcome->step == NULL || strcmp(outcome->step, "wait") == 0 || step == STEP_BEGIN))
            outcome->step = step_word(step);
        TRY(take_step(&job, step, story));
        if (step == STEP_APPROVE) /* the rest is a person's */
            break;
        if (step == STEP_CLEAR) /* stores are judged later, for all disposals at once */
            return OK;
        if (step != STEP_NOTHING)
            outcome->progressed = true;
    }
    return OK;
}

/* What a hold forbade, once: somebody may ask why it is still there. */
static Err
note_refusal(Session *session, Arena *arena, int64_t id, int64_t hold_id)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Disposal *disposal;
    const char *params[] = { arena_printf(arena, "%" PRId64, id), arena_printf(arena, "%" PRId64, hold_id) };

    TRY(disposals_load(arena, session->db, id, &disposal));
    TRY(db_begin(session->db, "", &tx));
    TRY(db_query(session->db, SQL_refusal_add, 2, params, &row));
    if (db_rows(row) == 0)
        return OK;
    JsonDoc *fields = session_fields(session, disposal);
    jsondoc_set_integer(fields, "hold", hold_id);
    jsondoc_set_string(fields, "state", db_text(row, 0, 0));
    jsondoc_set_integer(fields, "rows_done", db_int64(row, 0, 1));
    TRY(disposals_record(arena, session->db, id, "refused", fields));
    TRY(db_commit(&tx));
    return session_flush(session, id, false);
}

/* A failure is written down with its back-off; being stopped, held or too late is none. */
static void
write_failure(Session *session, Arena *arena, int64_t id, Err code, const char *story)
{
    Disposal *disposal;
    const bool failure = code != ERR_PARTLY && code != ERR_HELD && code != ERR_AGAIN;
    if (session_is_broken(session) || disposals_load(arena, session->db, id, &disposal) != OK)
    {
        err_clear();
        return;
    }
    const char *params[] = { arena_printf(arena, "%" PRId64, id), story,
                             arena_printf(arena, "%" PRId64, failure ? lifecycle_backoff(disposal->attempts + 1) : 0) };
    if (code != ERR_PARTLY && db_query(session->db, SQL_disposal_failed, 3, params, NULL) != OK)
        err_clear();
}

Err
dispose_claim(Session *session, int64_t id, bool *ret_claimed)
{
    *ret_claimed = false;
    for (int i = 0; i < CLAIM_TRIES && !*ret_claimed; i++)
    {
        TRY(disposals_claim(session->db, id, ret_claimed));
        if (!*ret_claimed)
        {
            stop_sleep(CLAIM_PAUSE_US);
            TRY(stop_judge());
        }
    }
    return OK;
}

Err
dispose_run(Session *session, Arena *arena, int64_t id, Outcome *outcome)
{
    bool claimed;

    outcome->database = session->database->name;
    outcome->id = id;
    TRY(dispose_claim(session, id, &claimed));
    if (!claimed)
    {
        outcome->code = ERR_AGAIN;
        outcome->error = "another worker is busy with it";
        return OK;
    }
    Err e = session_flush(session, id, true); /* what the one who had it before us left behind */
    if (e == OK)
        e = walk(session, arena, id, outcome);
    if (e != OK)
    {
        outcome->code = e;
        outcome->error = arena_strdup(arena, err_joined());
        err_clear();
        if (e == ERR_HELD && outcome->hold_id != 0 && !session_is_broken(session))
            TRY(note_refusal(session, arena, id, outcome->hold_id));
        write_failure(session, arena, id, e, outcome->error);
    }
    if (session_is_broken(session))
        return err_new(ERR_DATABASE, "%s",
                       outcome->error == NULL ? "the connection to the server was lost" : outcome->error);
    Disposal *disposal;
    TRY(disposals_load(arena, session->db, id, &disposal));
    outcome->state = disposal->state;
    return disposals_unclaim(session->db, id);
}
