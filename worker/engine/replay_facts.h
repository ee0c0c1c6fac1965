/* SPDX-License-Identifier: Apache-2.0 */
/* replay_facts.h -- what the ledger says of the disposals of one database, as far as that database does not know it. */
#ifndef EXPUNGE_REPLAY_FACTS_H
#define EXPUNGE_REPLAY_FACTS_H

#include "engine/session.h"

/* One disposal, by the ledger's word. */
typedef struct ReplayFact
{
    int64_t id;
    const char *kind;
    const char *policy;  /* NULL: a subject */
    const char *subject; /* commitment; NULL: a policy */
    const char *ground;
    const char *configuration;
    State state;
    bool restored; /* its rows were put back */
    Instant as_of;
    Instant cutoff;
    Instant opened_at;
    Instant archived_at;
    Instant erasing_at;
    Instant erased_at;
    Instant cleared_at;
    Instant withdrawn_at;
    const char *store; /* of its snapshot; NULL: it never had one, or the ledger does not say */
    const char *snapshot;
    const char *key_id;
    const char *tables; /* of "erased": canonical JSON; NULL */
    int64_t seq;        /* of its newest entry */
    char digest[65];
    int64_t gone_seq; /* of the entry by which its rows were to go; 0: none */
    int64_t requests; /* entries "requested" */

    const Disposal *known; /* as the database has it; NULL: not at all */
    const Disposal *taker; /* a request that was made in the restored database, and was given this number; NULL: none */
} ReplayFact;

typedef enum ReplayHoldState
{
    REPLAY_HOLD_LOST,  /* by the ledger's word it is in force, and this database does not know it */
    REPLAY_HOLD_BACK,  /* it was released after the backup, and is in force here again */
    REPLAY_HOLD_KNOWN, /* nothing is to be done about it */
} ReplayHoldState;

typedef struct ReplayHold
{
    int64_t id;
    const char *kind;
    const char *type;
    const char *holder; /* commitment of kind and key */
    Instant placed_at;
    Instant until; /* INSTANT_NONE: no end */
    bool over;     /* released, or placed again by an earlier replay */
    ReplayHoldState state;
    const char *key; /* of the one that it is about; NULL: nobody here.  Never printed */
    int64_t here;    /* its number here, once it is placed again; 0 */
} ReplayHold;

typedef struct ReplayFacts
{
    Arena *arena;
    const Session *session;
    ReplayFact *list; /* by id; those that the database knows as well as the ledger are left out */
    size_t count;
    size_t room;
    int64_t last_id;   /* the highest one that the ledger names */
    ReplayHold *holds; /* all that the ledger names, in its order */
    size_t hold_count;
    size_t hold_room;
    size_t *slots;     /* by id; index + 1 */
    size_t slot_count; /* a power of two */
} ReplayFacts;

/* Walks and verifies the ledger, then asks the database.  Memory grows with the disposals in the ledger.
 * Fails with ERR_EVIDENCE when the ledger does not verify. */
NODISCARD Err replay_facts_gather(Arena *arena, Session *session, ReplayFacts *ret_facts);

/* Requests that the ledger has, that this database does not know, and that were not begun: their wish is lost. */
int64_t replay_facts_forgotten(const ReplayFacts *facts);
/* Rows went, or were about to, and were not put back. */
bool replay_fact_is_gone(const ReplayFact *fact);

#endif
