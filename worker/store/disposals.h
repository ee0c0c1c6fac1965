/* SPDX-License-Identifier: Apache-2.0 */
/* disposals.h -- disposals, their tables and their transitions, in schema expunge.  All functions that change
 * something expect an open transaction of the caller, unless they say otherwise. */
#ifndef EXPUNGE_DISPOSALS_H
#define EXPUNGE_DISPOSALS_H

#include "model/lifecycle.h"
#include "model/rules.h"
#include "store/frames.h"
#include "wrap/db.h"
#include "wrap/jsondoc.h"

typedef struct Disposal
{
    int64_t id;
    const char *kind; /* "policy", or the kind of subject */
    const char *name;
    const char *subject_key; /* NULL for a policy, and when forgotten */
    const char *incarnation;
    const char *commitment;
    const char *ground;
    bool immediate;
    State state;
    Instant as_of;
    Instant cutoff;
    Instant ended_at;
    Instant opened_at;
    Instant archived_at;
    Instant erase_after;
    Instant erasing_at;
    Instant erased_at;
    Instant cleared_at;
    Instant withdrawn_at;
    bool root_erased;
    const char *store;
    const char *snapshot_name;
    const char *snapshot_id; /* 32 hexadecimal digits */
    const char *key_id;
    const char *snapshot_digest;
    Instant key_destroyed_at;
    const char *configuration_digest;
    int64_t attempts;
    const char *last_error;
    Instant next_attempt_at;
    int64_t ledger_seq; /* 0: none */
    const char *ledger_digest;
    int64_t replay_seq;      /* the ledger's entry that says it was erased, before a restore from a backup; 0: none */
    Instant restored_at;     /* its rows are back in the live tables: only its snapshot is left to end */
    Instant requested_at;    /* INSTANT_NONE: nobody asked for it */
    bool requested_plainly;  /* by a request that leaves the grace period, too */
    Instant withdrawal_at;   /* somebody wants it withdrawn */
    const char *plan_digest; /* what an approval is to be of, as it was counted last; NULL: not yet */
    Instant plan_at;
    bool unheld;   /* a hold forbade it once, and is over */
    bool approved; /* a second person approved that plan, or a newer one */
} Disposal;

typedef struct DisposalTable
{
    int number;
    const char *schema;
    const char *table;
    const char *action;
    const char *edge;
    int64_t rows_archived;
    int64_t rows_done;
    const char **position; /* NULL: at the beginning */
    size_t position_count;
    FrameMark mark;
} DisposalTable;

typedef struct NotErased
{
    const char *what;
    const char *why;
    int64_t rows;
    Instant until; /* INSTANT_NONE: not known */
} NotErased;

bool disposals_is_policy(const Disposal *disposal);
/* One that is not written down yet: open, and no moment is known. */
Disposal disposals_new(void);

/* One disposal (ERR_USAGE when there is none), all that are not final.  Any transaction or none. */
NODISCARD Err disposals_load(Arena *arena, Db *db, int64_t id, Disposal **ret_disposal);
NODISCARD Err disposals_unfinished(Arena *arena, Db *db, Disposal ***ret_list, size_t *ret_count);
NODISCARD Err disposals_tables(Arena *arena, Db *db, int64_t id, DisposalTable **ret_list, size_t *ret_count);
NODISCARD Err disposals_not_erased(Arena *arena, Db *db, int64_t id, NotErased **ret_list, size_t *ret_count);

/* A claim lives as long as the sessions that hold it: two workers never work on the same disposal.  It is two locks, one
 * for each connection that may work: claiming wants both to be free, so that a COMMIT that a killed worker's second
 * connection has under way is waited for. */
NODISCARD Err disposals_claim(Db *db, int64_t id, bool *ret_claimed);
NODISCARD Err disposals_unclaim(Db *db, int64_t id);
/* On the second connection; ERR_AGAIN when somebody else has it. */
NODISCARD Err disposals_claim_second(Db *db, int64_t id);
NODISCARD Err disposals_unclaim_second(Db *db, int64_t id);

/* What a transition says to the ledger.  fields is consumed (NULL: none).  The entry is written to the outbox in the
 * caller's transaction. */
NODISCARD Err disposals_record(Arena *arena, Db *db, int64_t disposal_id, const char *event, JsonDoc *fields);

typedef struct Transit
{
    State from;
    State to;
    const char *grace;           /* policies, to archived: an interval; otherwise NULL */
    const char *snapshot_digest; /* to archived; otherwise NULL */
    const char *as_of;           /* a trial's time, from which the grace period counts; NULL: now */
} Transit;
/* Compare and set; ERR_AGAIN when another worker was faster. */
NODISCARD Err disposals_transit(Db *db, int64_t id, const Transit *transit);

/* Add done rows to a table and move its position (NULL: as it is; otherwise position_count texts). */
NODISCARD Err disposals_advance(Arena *arena, Db *db, int64_t id, int number, int64_t rows, const char *const *position,
                                size_t position_count);
/* Where a table's file stands; the mark's rows are the rows archived.  bytes_before: where it stood; ERR_AGAIN when it
 * stands elsewhere by now. */
NODISCARD Err disposals_mark(Arena *arena, Db *db, int64_t id, int number, int64_t bytes_before, const FrameMark *mark);
/* A batch of a move: rows and position as disposals_advance has them, the mark as disposals_mark; without touching what
 * the batch before wrote.  ERR_AGAIN when another worker moved the file on from before. */
typedef struct MoveBatch
{
    int number;
    int64_t rows;
    const char *const *position;
    size_t position_count;
    FrameMark before;
    FrameMark mark;
} MoveBatch;
NODISCARD Err disposals_batch_add(Arena *arena, Db *db, int64_t id, const MoveBatch *batch);
/* disposals_tables() tells of batches that were added as if they were folded already. */
NODISCARD Err disposals_batch_fold(Arena *arena, Db *db, int64_t id);
NODISCARD Err disposals_table_add(Arena *arena, Db *db, int64_t id, const DisposalTable *table);

/* A text array as PostgreSQL reads it: {"a","b"}. */
char *disposals_array(Arena *arena, const char *const *items, size_t count);

#endif
