/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h -- what a disposal owes to the processors of its subject: the values that name the subject there are read
 * before its rows go, and sealed; the messages are written down, and the notifier sends them (engine/notifier). */
#ifndef EXPUNGE_CAPTURE_H
#define EXPUNGE_CAPTURE_H

#include "engine/job.h"
#include "store/tasks.h"

/* Keys made in a transaction that may still be rolled back. */
typedef struct CapturedKeys
{
    const char **ids;
    size_t count;
    size_t room;
} CapturedKeys;

/* In the caller's guarded transaction, with filled work tables, before the first row goes; nothing to do where the messages
 * are written down already, and for a policy.  ERR_RAIL when a subject would be more than 1,000 messages. */
NODISCARD Err capture_values(Job *job, CapturedKeys *keys);
/* That transaction was rolled back: the keys seal nothing. */
void capture_undo(Job *job, const CapturedKeys *keys);

/* The disposal is withdrawn: nobody is told any more, and the values' keys are destroyed. */
NODISCARD Err capture_forget(Job *job);
/* How much is outstanding.  In any transaction. */
NODISCARD Err capture_outstanding(Job *job, TaskCounts *ret_counts);
/* Keys that a notifier left behind when it was interrupted. */
NODISCARD Err capture_end_keys(Job *job);

#endif
