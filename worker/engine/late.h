/* SPDX-License-Identifier: Apache-2.0 */
/* late.h -- rows that come late: where no FOREIGN KEY ties a child to its parent, somebody may write one after the children
 * were erased, and the parent goes without a word.  What such children could refer to is written down before the parents
 * go (expunge.orphan, number -1), outlives a crash, and is asked again until nothing is left.  References to a subject's
 * own key need none of that: the key is known to the end.  A policy's rows are remembered, too: through the grace period. */
#ifndef EXPUNGE_LATE_H
#define EXPUNGE_LATE_H

#include "engine/job.h"

/* From here on the job's statements look for late rows: a subject that is being erased; a policy whose roots are all gone. */
void late_begin(Job *job);
/* They do not any more. */
void late_end(Job *job);
/* Some edge of the scope may bring late rows. */
bool late_remembers(const Job *job);
/* Before collected rows go; in the caller's transaction or none. */
NODISCARD Err late_note(Job *job);
/* All is gone. */
NODISCARD Err late_forget(Job *job);

#endif
