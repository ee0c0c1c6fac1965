/* SPDX-License-Identifier: Apache-2.0 */
/* witness.h -- whoever sees a checkpoint besides us: each database, and a time stamp authority where one is configured. */
#ifndef EXPUNGE_WITNESS_H
#define EXPUNGE_WITNESS_H

#include "store/evidence.h"

/* Each database of the rules notes the checkpoint.  One that cannot be reached misses it: the first such failure is
 * returned when all were asked. */
NODISCARD Err witness_note(const Rules *rules, const Sealed *sealed);
/* A time stamp for the checkpoint, beside it, where evidence.timestamp is set: waits for the authority, as long as the rules
 * allow.  What is no stamp of this checkpoint is not kept. */
NODISCARD Err witness_stamp(const Rules *rules, const Sealed *sealed);

#endif
