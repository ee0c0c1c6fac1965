/* SPDX-License-Identifier: Apache-2.0 */
/* discover.h -- what is due in a database: disposals under way, policies with rows past their window, subjects that have
 * ended.  Looks only; opening is a call of its own. */
#ifndef EXPUNGE_DISCOVER_H
#define EXPUNGE_DISCOVER_H

#include "engine/job.h"

typedef struct DiscoverFilter
{
    const char *policy;  /* NULL: all */
    int64_t disposal_id; /* 0: all */
    const char *database;
    bool requests;    /* only what people want at once: requests, withdrawals, and what a hold kept that is over */
    const char *kind; /* with key: one subject */
    const char *key;
} DiscoverFilter;

typedef struct Due
{
    Session *session;
    Disposal *disposal; /* id 0: not opened yet */
    Outcome *outcome;   /* what would be done: surveyed */
    bool acts;          /* run: not paused, within the window, nothing against it */
    bool settled;       /* run: outcome tells what was done, no longer what would be */
} Due;

typedef struct DueList
{
    Due *list;
    size_t count;
    size_t room;
} DueList;

/* Policies stand before subjects, as a run works on them: what a policy takes is not there for a subject any more. */
/* Adds to ret_list all that is due (or was asked for by the filter), surveyed, each in a READ ONLY transaction.
 * A disposal that cannot be surveyed is there with its error. */
NODISCARD Err discover_due(Session *session, Arena *arena, const DiscoverFilter *filter, DueList *ret_list);
/* Write the disposal down (id is filled in), with its ledger entry; id stays 0 when another worker was faster. */
NODISCARD Err discover_open(Session *session, Arena *arena, Disposal *disposal);

/* What the next step would do, table by table, into job->outcome.  In a READ ONLY transaction of its own. */
NODISCARD Err survey_disposal(Job *job);

#endif
