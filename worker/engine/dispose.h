/* SPDX-License-Identifier: Apache-2.0 */
/* dispose.h -- one disposal, from where it stands as far as it may go now. */
#ifndef EXPUNGE_DISPOSE_H
#define EXPUNGE_DISPOSE_H

#include "engine/job.h"

/* Claim it, take step after step, count into outcome (whose arena is given).  A failure is the disposal's own: it is
 * written down there (outcome->code, outcome->error; attempts and next attempt in the database) and OK is returned.
 * Only what concerns the whole session is returned as a failure: the connection is lost, the ledger cannot be written. */
NODISCARD Err dispose_run(Session *session, Arena *arena, int64_t id, Outcome *outcome);

/* Claim it for this session.  The server may not have noticed yet that a killed worker is gone: tries for a few seconds. */
NODISCARD Err dispose_claim(Session *session, int64_t id, bool *ret_claimed);

/* What comes next for a disposal, gathered and decided; ret_story says why nothing does (hold).  In any transaction. */
NODISCARD Err dispose_next(Job *job, Step *ret_step, const char **ret_story);

#endif
