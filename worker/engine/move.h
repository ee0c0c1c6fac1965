/* SPDX-License-Identifier: Apache-2.0 */
/* move.h -- a policy's rows: out of the live tables and into the snapshot, in the same transactions; or, without a grace
 * period, just out. */
#ifndef EXPUNGE_MOVE_H
#define EXPUNGE_MOVE_H

#include "engine/archive.h"

/* Move all that is due into the snapshot and seal it: open → archived. */
NODISCARD Err move_policy(Job *job);
/* The two-connection move of a single table (design.md §3). */
NODISCARD Err move_single(Job *job, Archive *archive);
/* By batches of root rows with all that hangs on them.  archive NULL: nothing is kept. */
NODISCARD Err move_by_roots(Job *job, Archive *archive);
/* A policy's rows are in the snapshot alone: what came since, and refers to them, goes. */
NODISCARD Err move_late(Job *job);

#endif
