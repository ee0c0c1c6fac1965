/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/stop.h"
#include "sql.h"
#include "wrap/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JUDGE_EVERY_US INSTANT_SECOND

Err
job_begin(Session *session, Arena *arena, Disposal *disposal, Outcome *outcome, Job *ret_job)
{
    const Target *target = targets_find(&session->targets, disposal->kind, disposal->name);
    if (target == NULL)
        return err_new(ERR_RAIL, "the configuration has no %s \"%s\" any more: it stays as it is until it has",
                       disposals_is_policy(disposal) ? "policy" : "subject kind",
                       disposals_is_policy(disposal) ? disposal->name : disposal->kind);
    if (target->problem != NULL)
        return err_new(ERR_RAIL, "%s", target->problem);
    const Rules *rules = session->rules;
    *ret_job = (Job){ .session = session,
                      .arena = arena,
                      .disposal = disposal,
                      .target = target,
                      .selector = { .arena = arena, .target = target },
                      .pace = pace_new(rules->batch_target_ms, rules->batch_max_rows, rules->duty),
                      .outcome = outcome };
    if (target->policy != NULL)
    {
        Instant cutoff;
        TRY(session_cutoffs(session, arena, target, disposal->as_of, &ret_job->selector.cutoffs));
        if (instant_parse(ret_job->selector.cutoffs.main, &cutoff) && disposal->cutoff != INSTANT_NONE &&
            cutoff > disposal->cutoff)
            ret_job->selector.cutoffs.main =
                instant_format(arena, disposal->cutoff); /* frozen: a shorter window is for the next one */
        return OK;
    }
    return disposal->subject_key == NULL ? OK : session_set_key(session, disposal->subject_key);
}

bool
job_is_immediate(const Job *job)
{
    const SubjectRule *rule = job->target->subject;
    const Disposal *d = job->disposal;
    return d->immediate && (rule == NULL || !rule->immediate_needs_approval || d->approved || d->replay_seq > 0);
}

bool
job_is_by_request(const Job *job)
{
    return job->disposal->requested_plainly || job_is_immediate(job);
}

/* -- the guarded transaction --------------------------------------------------------------------------------------- */

/* A request lets a root go that has not ended; but one that had, and says that it has not any more, is back. */
static void
judge_root(const Job *job, const DbResult *row, RootState *ret_state)
{
    const Disposal *d = job->disposal;
    const SubjectRule *rule = job->target->subject;
    const char *region = job->session->database->region;
    const bool by_request = job_is_by_request(job);
    const bool says_so = rule->ended_at != NULL && db_bool(row, 0, 0);
    const bool is_back = d->ended_at != INSTANT_NONE && !says_so;
    const bool replayed = d->replay_seq > 0; /* by the ledger's word, whatever the restored row says */
    const bool same_one = text_equal(db_text(row, 0, 1), d->incarnation);
    Instant ended_at = INSTANT_NONE;

    if (db_text(row, 0, 2) != NULL && !instant_parse(db_text(row, 0, 2), &ended_at))
        ended_at = INSTANT_NONE;
    ret_state->ended = replayed || says_so || (by_request && !is_back);
    ret_state->another = !same_one;
    ret_state->same = same_one && (replayed || by_request || ended_at == d->ended_at);
    ret_state->unapproved = same_one && !is_back && d->immediate && !job_is_immediate(job);
    ret_state->misplaced = region != NULL && db_text(row, 0, 3) != NULL && strcmp(region, db_text(row, 0, 3)) != 0;
}

Err
job_root(Job *job, const char *lock, RootState *ret_state)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Selector selector = job->selector;

    selector.arena = scratch;
    TRY(db_query_kept(job->session->db, selector_root_state(&selector, lock), 0, NULL, &row));
    *ret_state = (RootState){ .present = db_rows(row) > 0, .ended = true, .same = true };
    if (ret_state->present)
        judge_root(job, row, ret_state);
    return OK;
}

static Err
tell_hold(Job *job, const DbResult *row, bool *ret_held, const char **ret_story)
{
    *ret_held = db_rows(row) > 0;
    if (job->outcome != NULL)
        job->outcome->hold_id = *ret_held ? db_int64(row, 0, 0) : 0;
    if (*ret_held)
        *ret_story = arena_printf(job->arena, "hold %s (%s) forbids it%s%s", db_text(row, 0, 0), db_text(row, 0, 1),
                                  db_text(row, 0, 2) == NULL ? "" : " until ",
                                  db_text(row, 0, 2) == NULL ? "" : instant_format(job->arena, db_int64(row, 0, 2)));
    return OK;
}

static Err
held_subject(Job *job, DbResult **ret_row)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Selector selector = job->selector;

    selector.arena = scratch;
    return db_query_kept(job->session->db, selector_hold(&selector), 0, NULL, ret_row);
}

Err
job_held(Job *job, bool *ret_held, const char **ret_story)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Disposal *d = job->disposal;
    const PolicyRule *policy = job->target->policy;

    *ret_held = false;
    if (policy == NULL)
    {
        if (d->subject_key == NULL)
            return OK;
        TRY(held_subject(job, &row));
        return tell_hold(job, row, ret_held, ret_story);
    }
    if (policy->subject_kind == NULL || d->snapshot_name == NULL || d->state == STATE_OPEN)
        return OK; /* rows of held subjects are left out one by one */
    const char *params[] = { policy->subject_kind, instant_format(job->arena, d->opened_at) };
    TRY(db_query(job->session->db, SQL_hold_on_policy, 2, params, &row));
    return tell_hold(job, row, ret_held, ret_story);
}

bool
job_broke_reference(const Job *job, Err e)
{
    return e == ERR_DATABASE && strcmp(db_sqlstate(job->session->db), "23503") == 0;
}

Err
job_root_is_back(const Job *job)
{
    return err_new(
        ERR_RAIL,
        "the root row is back although it was erased: is this a restored database, or a new %s with an old key?",
        job->target->name);
}

Err
job_is_misplaced(const Job *job)
{
    return err_new(ERR_RAIL, "this %s belongs to another region than database \"%s\": its data would cross",
                   job->target->name, job->session->database->name);
}

static Err
judge_subject(Job *job, const char *root_lock)
{
    RootState root;

    TRY(job_root(job, root_lock, &root));
    job->root_absent = !root.present;
    if (root.present && job->disposal->root_erased)
        return job_root_is_back(job);
    if (!root.ended || !root.same)
        return err_new(
            ERR_RAIL,
            "the root row of this %s does not say any more that it has ended (or says another time): a person must look",
            job->target->name);
    if (root.misplaced && job->disposal->requested_at != INSTANT_NONE)
        return job_is_misplaced(job);
    return OK;
}

static Err
judge_held(Job *job)
{
    bool held;
    const char *story;
    TRY(job_held(job, &held, &story));
    return held ? err_new(ERR_HELD, "%s", story) : OK;
}

Err
job_guard_snapshot(Job *job, DbTx *ret_tx)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    TRY(stop_judge());
    TRY(db_begin(job->session->db, "", &tx));
    TRY(db_exec(job->session->db, "lock table expunge.hold in share mode"));
    TRY(judge_held(job));
    *ret_tx = tx;
    tx.db = NULL;
    return OK;
}

static Err
judge_disposal(Job *job)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    char id[24];
    const char *params[] = { id };

    snprintf(id, sizeof id, "%" PRId64, job->disposal->id);
    TRY(db_query_row_kept(job->session->db, SQL_disposal_guard, 1, params, &row));
    if (db_bool(row, 0, 1))
        return err_new(ERR_PARTLY, "paused: \"expunge resume\" lets it go on");
    if (strcmp(db_text(row, 0, 0), lifecycle_state_name(job->disposal->state)) != 0)
        return err_new(ERR_AGAIN, "disposal %" PRId64 " is not %s any more: another worker was faster",
                       job->disposal->id, lifecycle_state_name(job->disposal->state));
    if (db_bool(row, 0, 2) && job->disposal->withdrawal_at == INSTANT_NONE) /* since it was decided what comes next */
        return err_new(ERR_AGAIN, "disposal %" PRId64 " was withdrawn meanwhile", job->disposal->id);
    return judge_held(job);
}

static Err
guard(Job *job, const char *options, const char *lock_sql, const char *root_lock, DbTx *ret_tx)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    char begin[400];

    TRY(stop_judge());
    snprintf(begin, sizeof begin, "%s; %s", options, lock_sql); /* one way there and back */
    TRY(db_begin(job->session->db, begin, &tx));
    TRY(judge_disposal(job));
    if (job->target->subject != NULL)
        TRY(judge_subject(job, root_lock));
    fault_point("guard.judged");
    *ret_tx = tx;
    tx.db = NULL; /* the caller's from here on */
    return OK;
}

/* An insert of a hold waits until we have ended. */
Err
job_guard(Job *job, const char *options, const char *root_lock, DbTx *ret_tx)
{
    return guard(job, options, "lock table expunge.hold in share mode", root_lock, ret_tx);
}

Err
job_guard_at_once(Job *job, const char *options, DbTx *ret_tx)
{
    return guard(job, options, "lock table expunge.hold in share mode nowait", "", ret_tx);
}

Err
job_guard_root(Job *job, DbTx *ret_tx)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    bool held;
    const char *story;

    TRY(stop_judge());
    TRY(db_begin(job->session->db, "isolation level repeatable read", &tx));
    TRY(judge_subject(job, "for update"));
    TRY(job_held(job, &held, &story)); /* before all the work, and not for the last time */
    if (held)
        return err_new(ERR_HELD, "%s", story);
    *ret_tx = tx;
    tx.db = NULL;
    return OK;
}

/* What was committed before our lock on the holds is seen by a statement that begins after it; nothing is placed later. */
Err
job_guard_rest(Job *job)
{
    TRY(stop_judge());
    TRY(session_open_second(job->session));
    TRY(db_exec(job->session->db, "lock table expunge.hold in share mode"));
    Session session = *job->session;
    Job beside = *job;
    session.db = job->session->second;
    beside.session = &session;
    TRY(session_set_key(&session, job->disposal->subject_key));
    return judge_disposal(&beside);
}

Err
job_is_succeeded(Job *job, bool *ret_succeeded)
{
    RootState root;

    *ret_succeeded = false;
    if (job->target->subject == NULL || !job->disposal->root_erased || job->disposal->incarnation == NULL)
        return OK;
    TRY(job_root(job, "", &root));
    *ret_succeeded = root.present && root.another;
    return OK;
}

Err
job_commit(Job *job, DbTx *tx)
{
    if (job->target->subject != NULL && job->root_absent)
    {
        RootState root;
        TRY(job_root(job, "", &root));
        if (root.present)
            return job_root_is_back(job);
    }
    return db_commit(tx);
}

/* -- between batches ----------------------------------------------------------------------------------------------- */

static Err
judge_lag(Job *job)
{
    const Rules *rules = job->session->rules;
    const char *params[] = { rules->max_replica_lag };
    for (bool behind = rules->max_replica_lag != NULL; behind;)
    {
        CLEANUP(db_result_freep) DbResult *row = NULL;
        TRY(db_query_row(job->session->db, SQL_replica_lag, 1, params, &row));
        behind = db_bool(row, 0, 0);
        if (behind)
        {
            stop_sleep(JUDGE_EVERY_US);
            TRY(stop_judge());
        }
    }
    return OK;
}

static Err
judge_window(Job *job)
{
    Instant now;
    if (job->session->rules->window.always || job_is_immediate(job))
        return OK;
    TRY(session_number(job->session, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", &now));
    if (!window_is_open(&job->session->rules->window, now))
        return err_new(ERR_PARTLY, "worker.window is over: the next run within it goes on from here");
    return OK;
}

/* WAL above the rate is paid back by resting. */
static Err
judge_wal(Job *job, int64_t since_us)
{
    int64_t now;
    const int64_t limit = job->session->rules->max_wal_per_second;
    if (limit == 0)
        return OK;
    TRY(session_number(job->session, SQL_wal_position, &now));
    const int64_t written = job->wal_then == 0 ? 0 : now - job->wal_then;
    job->wal_then = now;
    const double due_us = (double)written / (double)limit * 1e6;
    if (due_us > (double)since_us)
        stop_sleep((int64_t)(due_us - (double)since_us));
    return OK;
}

bool
job_judges_soon(const Job *job)
{
    return instant_monotonic() - job->judged_at >= JUDGE_EVERY_US;
}

void
job_adapt(Job *job, int64_t done_rows, int64_t elapsed_us)
{
    pace_adapt(&job->pace, done_rows, elapsed_us);
    if (elapsed_us > job->longest_batch_us)
        job->longest_batch_us = elapsed_us;
}

Err
job_pause(Job *job, int64_t elapsed_us)
{
    if (job_judges_soon(job))
    {
        const int64_t now = instant_monotonic();
        notify_watchdog();
        TRY(session_judge_schema(job->session));
        TRY(judge_window(job));
        TRY(judge_lag(job));
        TRY(judge_wal(job, now - job->judged_at));
        job->judged_at = instant_monotonic();
    }
    if (!job_is_immediate(job)) /* somebody waits for it; what the servers can bear is judged all the same */
        stop_sleep(pace_rest(&job->pace, elapsed_us));
    return stop_judge();
}

Err
job_rest(Job *job, int64_t done_rows, int64_t elapsed_us)
{
    job_adapt(job, done_rows, elapsed_us);
    return job_pause(job, elapsed_us);
}

/* -- counting ------------------------------------------------------------------------------------------------------ */

static bool
is_table(const char *name, const GraphTable *table) /* "schema.table" */
{
    const size_t length = strlen(table->schema);
    return strncmp(name, table->schema, length) == 0 && name[length] == '.' &&
           strcmp(name + length + 1, table->name) == 0;
}

void
job_count(Job *job, const GraphTable *table, const char *action, int64_t rows, int64_t bytes)
{
    Outcome *o = job->outcome;
    if (bytes == 0 && table->row_estimate > 0)
        bytes = (int64_t)((double)rows * ((double)table->byte_estimate / (double)table->row_estimate));
    o->progressed = o->progressed || rows > 0;
    for (size_t i = 0; i < o->table_count; i++)
        if (is_table(o->tables[i].table, table) && strcmp(o->tables[i].action, action) == 0)
        {
            o->tables[i].rows += rows;
            o->tables[i].bytes += bytes;
            return;
        }
    if (rows == 0)
        return;
    const OutcomeTable entry = { .table = arena_printf(job->arena, "%s.%s", table->schema, table->name),
                                 .action = action,
                                 .rows = rows,
                                 .bytes = bytes };
    ARENA_PUSH(job->arena, o->tables, o->table_count, o->table_room, entry);
}
