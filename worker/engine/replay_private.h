/* SPDX-License-Identifier: Apache-2.0 */
/* replay_private.h -- what the files of replay share. */
#ifndef EXPUNGE_REPLAY_PRIVATE_H
#define EXPUNGE_REPLAY_PRIVATE_H

#include "engine/replay.h"

/* -- replay_decide.c: from the ledger and the database to items; looks only */
NODISCARD Err replay_decide(Replay *replay);
/* Roots that should not be there, and that no hold keeps, after the work. */
NODISCARD Err replay_count_back(Replay *replay, size_t *ret_back);

/* -- replay_holds.c: holds that the ledger has and this database does not, after replay_decide(); written in the transaction
 *    of replay_write() */
NODISCARD Err replay_holds_decide(Replay *replay);
NODISCARD Err replay_holds_write(Replay *replay);

/* -- replay_write.c: items into the database, in one transaction; snapshots that follow from them */
NODISCARD Err replay_write(Replay *replay);
NODISCARD Err replay_settle_snapshots(Replay *replay);

#endif
