/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle.h -- the states of a disposal and what comes next.  Pure: the caller gathers, this decides. */
#ifndef EXPUNGE_LIFECYCLE_H
#define EXPUNGE_LIFECYCLE_H

#include "base/instant.h"

typedef enum State
{
    STATE_OPEN,
    STATE_ARCHIVED,
    STATE_ERASING,
    STATE_ERASED,
    STATE_CLEARED,
    STATE_WITHDRAWN,
    STATE_COUNT
} State;

const char *lifecycle_state_name(State state);
bool lifecycle_state_parse(const char *name, State *ret);

typedef enum Step
{
    STEP_NOTHING,  /* final, or the grace period is not over, or a failure waits for its next attempt */
    STEP_HELD,     /* a hold forbids it */
    STEP_WITHDRAW, /* the customer is back: nothing was removed, or all of it restored; the snapshot dies */
    STEP_REFUSE,   /* the root says that it has not ended, and rows are gone already: a person must look */
    STEP_ARCHIVE,  /* write the snapshot: copy (subject) or move (policy) */
    STEP_BEGIN,    /* → erasing: the point of no return, confirmed under lock */
    STEP_ERASE,    /* batches until nothing is left, → erased */
    STEP_CLEAR     /* key destroyed, file gone, → cleared */
} Step;

const char *lifecycle_step_name(Step step);

typedef struct Situation
{
    State state;
    bool is_subject;
    bool immediate; /* no grace period and no snapshot */
    bool archives;  /* a snapshot is made: there is a grace period and it is not over yet */
    bool held;
    bool ended;        /* the root still says that it has ended, and the confirmation agrees; true for a policy */
    bool rows_removed; /* something is gone already (during_grace = "remove") */
    Instant now;
    Instant erase_after;     /* end of the grace period; INSTANT_NONE: at once */
    Instant next_attempt_at; /* INSTANT_NONE: no failure behind it */
    bool restored;           /* what was removed is back */
    bool told;               /* processors have still to answer, and there is nothing else left to do */
} Situation;

Step lifecycle_next(const Situation *situation);

/* Whether a transition is one of those that the design allows. */
bool lifecycle_allows(State from, State to);

/* Back-off after a failure: 1 min, 5 min, 30 min, 2 h, then every 6 h. */
int64_t lifecycle_backoff(int64_t attempts);

#endif
