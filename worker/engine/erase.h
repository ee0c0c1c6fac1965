/* SPDX-License-Identifier: Apache-2.0 */
/* erase.h -- the point of no return and what comes behind it: live rows gone, absence counted, copies gone. */
#ifndef EXPUNGE_ERASE_H
#define EXPUNGE_ERASE_H

#include "engine/job.h"

/* What the role may not do is known before the first row goes, not met half-way. */
NODISCARD Err erase_judge_rights(Job *job);
/* open or archived → erasing: confirmed again under the root's lock, no hold, nothing foreign; the ledger has the intent
 * before anything is erased. */
NODISCARD Err erase_begin(Job *job);
/* Batches until nothing is left, the root last under its lock, absence counted in a fresh transaction: → erased. */
NODISCARD Err erase_rows(Job *job);
/* The snapshot's key destroyed, its files removed, and the stores noted that may hold copies: where there are none,
 * → cleared; otherwise clear.h goes on. */
NODISCARD Err erase_clear(Job *job);
/* Nothing was removed and the customer is back: the snapshot goes, → withdrawn. */
NODISCARD Err erase_withdraw(Job *job);

/* Rows in the scope now, root included; refills the work tables. */
NODISCARD Err erase_count_scope(Job *job, int64_t *ret_rows);

#endif
