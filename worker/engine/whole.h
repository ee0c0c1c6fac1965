/* SPDX-License-Identifier: Apache-2.0 */
/* whole.h -- a subject's rows in one transaction: tried out and rolled back before an erasure, where triggers might object;
 * and erased so, where triggers wait for COMMIT and would find it half done between two batches. */
#ifndef EXPUNGE_WHOLE_H
#define EXPUNGE_WHOLE_H

#include "engine/job.h"

/* More rows than this are not tried out as a whole, but some of each table; nor erased in one transaction. */
#define WHOLE_ROWS 50000

/* The rows stand in the work tables and are no more than rows_most: the changes, then the tables from the last to the root.
 * ret_rows: of each table, then of each change.  each_settles: what is deferred is judged after each, as batches' commits
 * would.  In the caller's guarded transaction.  Fails with ERR_RAIL, ERR_AGAIN and what the database says. */
NODISCARD Err whole_erase(Job *job, bool each_settles, int64_t *ret_rows);

/* A trigger of the scope waits for COMMIT. */
bool whole_waits_for_commit(const Job *job);

/* A trigger of the application fires on what the erasure does: it is tried out. */
bool whole_has_triggers(const Job *job);

/* More rows of a table than this are not tried out where not all are. */
#define WHOLE_SAMPLE_ROWS 1000
/* What is deferred to COMMIT is judged, and goes on to be deferred. */
#define WHOLE_SETTLE "set constraints all immediate; set constraints all deferred"

/* Try out what the erasure will do, where a trigger of the application would fire, and roll it back.  In the caller's
 * guarded transaction with filled work tables.  ERR_RAIL when something objects. */
NODISCARD Err whole_rehearse(Job *job);

#endif
