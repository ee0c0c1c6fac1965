/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h -- after a database was restored from a backup: what the ledger says is gone is erased again.
 *
 * Subjects are matched by commitment, the root's incarnation included, and only those that the ledger says were erased
 * after the moment to which the database was restored: a new tenant with an old key is safe.  A policy's rows go up to
 * the cutoff of the newest disposal that is lost.  Disposals of the lost time are written down again as the ledger has
 * them; snapshots that nothing in the database names are destroyed, their rows being live again.
 *
 * Holds that the ledger has and the database forgot are placed again first, on whoever has their key here.  Requests that
 * were made in the restored database get another number where the ledger has theirs for something else.
 *
 * The decision is written in one transaction, then acted on; a crash in between is taken up by the next call. */
#ifndef EXPUNGE_REPLAY_H
#define EXPUNGE_REPLAY_H

#include "engine/replay_facts.h"
#include "model/outcome.h"

typedef enum ReplayAction
{
    REPLAY_ERASE,    /* a subject whose root is back */
    REPLAY_POLICY,   /* rows of a policy up to a cutoff */
    REPLAY_FINISH,   /* a disposal that is under way here and came to its end there */
    REPLAY_RETURNED, /* a customer who came back after the backup; its root does not know that */
    REPLAY_REOPEN,   /* a move that was complete: it goes on from where this database remembers it */
    REPLAY_DROP,     /* a snapshot that nothing names any more */
    REPLAY_ADOPT,    /* a disposal that ended, written down as the ledger has it */
    REPLAY_RENUMBER, /* a request of the restored database whose number the ledger has for something else */
    REPLAY_LOST, /* rows that were restored from a snapshot after the backup: the snapshot is gone, they are not here */
    REPLAY_ACTIONS
} ReplayAction;
const char *replay_action_name(ReplayAction action);

typedef struct ReplayItem
{
    ReplayAction action;
    const char *kind;
    const char *name; /* of a policy; otherwise the commitment's first digits */
    int64_t seq;      /* the ledger's entry that it follows from */
    int64_t disposal; /* that works on it now; 0: none */
    int64_t rows;     /* erased; with --plan: that would be */
    bool held;
    Err code;
    const char *error; /* NULL: none */

    const ReplayFact *fact;
    const Target *target;
    const char *key; /* REPLAY_ERASE, REPLAY_RETURNED: of the root; never printed */
    const char *incarnation;
} ReplayItem;

typedef struct Replay
{
    Arena *arena;
    Session *session;
    const char *why; /* the database was restored; NULL: it was not, and nothing is done */
    ReplayFacts facts;
    ReplayItem *items;
    size_t item_count;
    size_t item_room;
    int64_t rows;
    int64_t forgotten; /* requests whose wish is lost */
    size_t back;       /* roots that should not be there, as counted last */
    bool done;         /* the gate is open again */
} Replay;

/* What would be done. */
NODISCARD Err replay_plan(Arena *arena, Session *session, Replay *ret_replay);
/* Do it.  Fails with ERR_PARTLY when something is left, ERR_HELD when only holds keep it back (the gate is open then: it
 * goes by itself when they end). */
NODISCARD Err replay_run(Arena *arena, Session *session, Replay *ret_replay);

#endif
