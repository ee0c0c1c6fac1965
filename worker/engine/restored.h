/* SPDX-License-Identifier: Apache-2.0 */
/* restored.h -- was a database restored from a backup?  Rows that were erased since are back then, and holds and
 * disposals are forgotten: nothing is done in it before "expunge replay". */
#ifndef EXPUNGE_RESTORED_H
#define EXPUNGE_RESTORED_H

#include "engine/session.h"

/* Compares the database with the ledger's newest entries about it: another system identifier, another timeline, a WAL
 * position behind theirs, a disposal that does not know of its newest entry, or a replay that has not come to its end.
 * Sets session->restored_story.  Nothing is judged without a ledger. */
NODISCARD Err restored_judge(Session *session);

#endif
