/* SPDX-License-Identifier: Apache-2.0 */
/* copystates.h -- what stores hold of what a disposal erased, as schema expunge keeps it: one row for each disposal and
 * store, from the moment that the rows are gone until for ever (the certificate tells of it). */
#ifndef EXPUNGE_COPYSTATES_H
#define EXPUNGE_COPYSTATES_H

#include "base/instant.h"
#include "wrap/db.h"

typedef enum CopyState
{
    COPY_PENDING, /* the store has not said anything yet */
    COPY_PRESENT, /* it holds copies, and nothing says when they go by themselves */
    COPY_DATED,   /* it holds copies that go by themselves */
    COPY_GONE,    /* it was asked and holds none */
    COPY_STATES
} CopyState;
const char *copystates_name(CopyState state); /* "pending", … */

typedef struct CopyRow
{
    int64_t disposal;
    const char *store;
    CopyState state;
    int64_t items;
    Instant until; /* INSTANT_NONE: not known */
    const char *detail;
    Instant checked_at; /* INSTANT_NONE: never */
    Instant gone_at;
    int64_t attempts; /* that failed since the last success */
    Instant next_attempt_at;
    const char *last_error;
    bool
        late; /* it is there, or will be, beyond the promised window; or nobody could say for longer than overdue_after */
} CopyRow;

/* All rows of these disposals, by disposal, then store.  overdue_after: an interval. */
NODISCARD Err copystates_load(Arena *arena, Db *db, const char *overdue_after, const int64_t *disposals, size_t count,
                              CopyRow **ret_rows, size_t *ret_count);

/* A row for each of these stores, where there is none yet; and the promised window (NULL: none). */
NODISCARD Err copystates_note(Arena *arena, Db *db, int64_t disposal, const char *const *stores, size_t count,
                              const char *cleared_within);

/* What waits, of erased disposals. */
typedef struct CopyWaiting
{
    int64_t disposal;
    const char *store;
    CopyState state;
    int64_t attempts;
    Instant next_attempt_at;
    Instant erased_at;
    int64_t erased_lsn; /* 0: not known */
    int64_t barrier_lsn;
} CopyWaiting;
NODISCARD Err copystates_waiting(Arena *arena, Db *db, const int64_t *disposals, size_t count, CopyWaiting **ret_list,
                                 size_t *ret_count);

/* What a store said of a disposal. */
typedef struct CopyAnswer
{
    int64_t disposal;
    CopyState state;
    int64_t items;
    Instant until;
    const char *detail;
    const char *problem; /* why it is not purged; NULL: nothing is wrong */
    int64_t pause_us;    /* with problem: before the next attempt */
} CopyAnswer;
NODISCARD Err copystates_answer(Arena *arena, Db *db, const char *store, const CopyAnswer *answers, size_t count);
/* It said nothing: only reason and next attempt are written. */
NODISCARD Err copystates_failed(Arena *arena, Db *db, const char *store, const char *story, const int64_t *disposals,
                                const int64_t *pauses_us, size_t count);
/* The disposals' own reason and next attempt, from their stores'. */
NODISCARD Err copystates_reason(Arena *arena, Db *db, const int64_t *disposals, size_t count);

/* Held by the session until it is given back or ends; one worker at a time judges a store. */
NODISCARD Err copystates_lock(Db *db, const char *store, bool *ret_locked);
NODISCARD Err copystates_unlock(Db *db, const char *store);

/* Which of the keys (lower case) belong to a subject whose rows are not all gone. */
NODISCARD Err copystates_owners(Arena *arena, Db *db, const char *kind, const char *const *keys, size_t count,
                                const char ***ret_keys, size_t *ret_count);

#endif
