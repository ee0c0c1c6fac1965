/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h -- what a disposal owes to the processors of its subject: the values that name the subject there are read
 * before its rows go, and sealed; the messages are written down, and the notifier sends them (engine/notifier). */
#ifndef EXPUNGE_CAPTURE_H
#define EXPUNGE_CAPTURE_H

#include "engine/job.h"
#include "store/tasks.h"

/* Keys for the values: made, and written down, before the transaction that uses them. */
typedef struct CapturedKeys
{
    const char **ids;
    size_t count;
    size_t used;
    size_t wanted; /* by the last capture_values; more than count: it has to be done again */
} CapturedKeys;

/* Outside of a transaction: as many keys as the last capture_values wanted, or one for each processor. */
NODISCARD Err capture_reserve(Job *job, CapturedKeys *keys);
/* In the caller's guarded transaction, with filled work tables, before the first row goes; nothing to do for a processor
 * whose messages are written down already, and for a policy.  Fails with ERR_AGAIN when more keys are wanted: roll back, reserve, and call
 * it again; ERR_RAIL when a subject would be more than 1,000 messages. */
NODISCARD Err capture_values(Job *job, CapturedKeys *keys);
bool capture_wants_keys(const CapturedKeys *keys);

/* Outside of a transaction, for an erased disposal that is claimed: a processor that came into the configuration after its
 * rows were read has to be told as well, by the root's key where it calls the subject that, else by a person. */
NODISCARD Err capture_late(Session *session, Arena *arena, Disposal *disposal);

/* The disposal is withdrawn: nobody is told any more, and the values' keys are destroyed. */
NODISCARD Err capture_forget(Job *job);
/* The live rows are gone: the processors' time begins.  In the caller's transaction. */
NODISCARD Err capture_begin(Job *job);
/* Keys that were not needed, or that a notifier left behind when it was interrupted. */
NODISCARD Err capture_end_keys(Job *job);

#endif
