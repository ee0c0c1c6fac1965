/* SPDX-License-Identifier: Apache-2.0 */
/* clear_private.h -- what the files of clear share. */
#ifndef EXPUNGE_CLEAR_PRIVATE_H
#define EXPUNGE_CLEAR_PRIVATE_H

#include "engine/clear.h"

/* One store under judgement, with all that wait for it. */
typedef struct Judgement
{
    Arena *arena;
    Session *const *sessions;
    size_t session_count;
    const StoreRule *rule;
    const CopyKind *kind;
    CopyStore store;
    CopyCase **cases;
    ClearItem **items; /* one for each case */
    int64_t *attempts; /* likewise: failed ones so far */
    size_t count;
    size_t room;
    CopyCase **barred; /* cases that may not be purged: what could be theirs is not taken for others' sake */
    size_t barred_count;
    bool held;          /* one that would go with the others is under a hold */
    const char **marks; /* of the holds that were judged; one for each session */
    size_t locked;      /* sessions, from the first on, that hold the store's lock */
} Judgement;

/* -- clear_permit.c: what may be taken away */
/* CopyStore.living; context: the Judgement. */
Err clear_living(void *context, const CopyCase *about, const char *const *keys, size_t count, bool *ret_lives);
/* Which cases may be purged: COPY_PRESENT, no hold is in force, and nobody is there again with the key.  What forbids it
 * becomes the case's problem.  Fails where nobody can tell. */
NODISCARD Err clear_permit(Judgement *j, bool **ret_permitted);
/* CopyStore.judge_again, between clear_permit and the end of the purge. */
Err clear_permit_again(void *context);

/* -- clear_barrier.c: sets of whole clusters */
/* Give the cases that have none a barrier: rewrite the tables that their rows were in, once for all of a database, then a
 * checkpoint.  What keeps it from that becomes their "unclean"; only a lost connection is an error. */
NODISCARD Err clear_barrier(Judgement *j);

#endif
