/* SPDX-License-Identifier: Apache-2.0 */
/* approval.h -- a second person's yes to exactly one plan: its digest, and whether somebody gave it. */
#ifndef EXPUNGE_APPROVAL_H
#define EXPUNGE_APPROVAL_H

#include "engine/job.h"

/* What an erasure would do now, and its digest: over database, kind, commitment, and per table and action the rows.  In the
 * caller's transaction, with filled work tables (root, below, changes); shared rows are foretold. */
typedef struct Plan
{
    OutcomeTable *tables; /* by table and action */
    size_t count;
    const char *digest; /* NULL: not counted */
    bool approved;
} Plan;
NODISCARD Err approval_count(Job *job, Plan *ret_plan);

/* The kind wants a second person's yes to what was asked for at once. */
bool approval_is_needed(const Job *job);
/* Counts, and says whether somebody else than who asked for it said yes to exactly this. */
NODISCARD Err approval_judge(Job *job, Plan *ret_plan);

/* Write the plan down, for whoever is to approve it.  A transaction of its own. */
NODISCARD Err approval_publish(Job *job, const Plan *plan);
/* Count in a READ ONLY transaction and write down, where it was not, or was long ago; the digest is in job->outcome. */
NODISCARD Err approval_ask(Job *job);

#endif
