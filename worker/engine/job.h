/* SPDX-License-Identifier: Apache-2.0 */
/* job.h -- one disposal under work: what every verb needs, and what they share: guarded transactions, pace, work tables. */
#ifndef EXPUNGE_JOB_H
#define EXPUNGE_JOB_H

#include "engine/session.h"
#include "model/outcome.h"
#include "model/pace.h"

typedef struct Job
{
    Session *session;
    Arena *arena; /* as long as the disposal is worked on; passes use scratch arenas of their own */
    Disposal *disposal;
    const Target *target;
    Selector selector;
    Pace pace;
    Outcome *outcome;
    int64_t judged_at; /* monotonic: when lag and window were last looked at */
    int64_t wal_then;
    int64_t longest_batch_us;
    const int *numbers; /* of disposal_table, per place of the scope (job_tables); NULL: as they stand, from 1 */
    bool root_absent;   /* as the last guard found it: nothing was there to lock */
    /* a move: rows that have children are locked before these are collected, so that no child can be added that a cascade
     * would take away without an archive */
    bool locks_parents;
    int64_t
        *filled; /* rows that job_fill_below found per place of the scope, tables then changes; NULL: not filled yet */
} Job;

/* Asked for at once, and allowed to: where the configuration wants a second person's yes, only with it. */
bool job_is_immediate(const Job *job);
/* A request lets its root go, whether that has ended or not. */
bool job_is_by_request(const Job *job);

/* Bind a disposal to its target: selector, cutoffs, key.  ERR_RAIL when the target has a problem or is not configured
 * any more. */
NODISCARD Err job_begin(Session *session, Arena *arena, Disposal *disposal, Outcome *outcome, Job *ret_job);

/* How a guarded transaction begins.  A batch that erases does not wait for the disk: what a crash of the server takes
 * back, the next run does again (10 to 25 % faster, facts.md).  Its statements are planned once for all values; those of
 * a range go along the index that orders it, whatever the planner thinks of a table that is being emptied. */
#define GUARD_DURABLE ""
#define GUARD_BATCH "; set local synchronous_commit = off; set local plan_cache_mode = force_generic_plan"
#define GUARD_RANGE GUARD_BATCH "; set local enable_seqscan = off; set local enable_sort = off"
#define GUARD_COPY "isolation level repeatable read" GUARD_RANGE /* it changes nothing */
/* ... while the session's other connection has a transaction open: whoever holds a lock may be waiting for that one, which
 * the server cannot see (ERR_AGAIN) */
#define GUARD_COPY_BESIDE GUARD_COPY "; set local lock_timeout = '2s'"

/* A transaction that may change rows: freezes the holds first, then judges in it: the disposal is still in this state,
 * nobody paused or stopped us, a subject is not held and its root has still ended (root_lock: "for share", "for update").
 * options: one of the above.  Fails with ERR_HELD, ERR_RAIL, ERR_PARTLY, ERR_AGAIN and what the database says. */
NODISCARD Err job_guard(Job *job, const char *options, const char *root_lock, DbTx *ret_tx);
/* The same for one who holds another batch open: ERR_AGAIN instead of waiting behind a hold that waits for that batch. */
NODISCARD Err job_guard_at_once(Job *job, const char *options, DbTx *ret_tx);

/* The same in two halves, for one who reads for long before it deletes.  A REPEATABLE READ transaction, in which the root
 * is locked and judged; and then, before the first row goes: holds are frozen, and holds, state and pause judged as they
 * are now (by the second connection, for this one sees the database as it was). */
NODISCARD Err job_guard_root(Job *job, DbTx *ret_tx);
NODISCARD Err job_guard_rest(Job *job);

/* Commit a guarded transaction that deleted.  Where no root row was there to lock, it is looked for once more: somebody may
 * have come with the key of the one who left, and the rows that went would be theirs (ERR_RAIL, nothing is committed). */
NODISCARD Err job_commit(Job *job, DbTx *tx);
/* e is the server's word that a foreign key objects: somebody wrote below a row that was to go. */
bool job_broke_reference(const Job *job, Err e);
NODISCARD Err job_root_is_back(const Job *job); /* that refusal */

/* The same for the snapshot's end: no hold, and none comes while the key is destroyed. */
NODISCARD Err job_guard_snapshot(Job *job, DbTx *ret_tx);

/* The root of a subject as it is now.  A root that is gone counts as ended. */
typedef struct RootState
{
    bool present;
    bool ended;      /* as the root says, or by a request */
    bool same;       /* incarnation and end are those that the disposal was opened for */
    bool another;    /* its incarnation is another one */
    bool unapproved; /* asked for at once, and a second person's yes is missing */
    bool misplaced;  /* it belongs to another region than its database */
} RootState;
NODISCARD Err job_is_misplaced(const Job *job); /* that refusal */
NODISCARD Err job_root(Job *job, const char *lock, RootState *ret_state);
/* Somebody else has the key of the root that we removed: another incarnation, by the root's own word. */
NODISCARD Err job_is_succeeded(Job *job, bool *ret_succeeded);
/* A hold in force on the subject, or one that keeps a policy's snapshot; ret_story (arena) says which. */
NODISCARD Err job_held(Job *job, bool *ret_held, const char **ret_story);

/* Between two batches: rest, window, replica lag, WAL rate, stop.  elapsed_us: how long the last one took. */
NODISCARD Err job_rest(Job *job, int64_t done_rows, int64_t elapsed_us);
/* Its two halves, where a batch ends while another one is under way: what the next one learns from it; and the rest,
 * which uses the session's connection outside of a transaction. */
void job_adapt(Job *job, int64_t done_rows, int64_t elapsed_us);
NODISCARD Err job_pause(Job *job, int64_t elapsed_us);
bool job_judges_soon(const Job *job); /* the next pause looks at window, lag and WAL, and may take long */

/* File number of a scope position, or of a change. */
int job_number(const Job *job, size_t position);
int job_change_number(const Job *job, size_t change);
int job_orphan_number(const Job *job, size_t orphan);
/* The rows of disposal_table for this disposal, in the order of the scope: its tables, then its changes, then shared rows;
 * made when missing.  After a migration the scope may have other places than the disposal began with: new ones get numbers
 * behind the others.  ERR_RAIL when a place that rows were moved from is gone while the snapshot is not complete. */
NODISCARD Err job_tables(Job *job, Arena *arena, DisposalTable **ret_tables, size_t *ret_count);

/* Count rows for the outcome: one line per table and action. */
void job_count(Job *job, const GraphTable *table, const char *action, int64_t rows, int64_t bytes);

/* -- work tables.  In the caller's transaction. */
/* Everything below a filled root, then the changes. */
NODISCARD Err job_fill_below(Job *job);
/* A subject: empty, fill the root and all below. */
NODISCARD Err job_fill_subject(Job *job);
/* ERR_RAIL naming table and count when a row of the scope belongs to somebody else too, or a row that stays cannot be
 * changed as its edge asks for.  The changes are filled in. */
NODISCARD Err job_refuse_foreign(Job *job);
NODISCARD Err job_refuse_others(Job *job); /* the first of the two alone */
NODISCARD Err job_count_rows(Job *job, size_t position, int64_t *ret_rows);
NODISCARD Err job_count_change(Job *job, size_t change, int64_t *ret_rows);
/* Rows that still belong to the scope: those to erase, and those to change. */
NODISCARD Err job_count_filled(Job *job, int64_t *ret_rows);

#endif
