/* SPDX-License-Identifier: Apache-2.0 */
/* byprogram.h -- the kind "command": a store that a program of the user's reaches (copies.h).
 *
 * It is run as PROGRAM ARGUMENTS… VERB, VERB being list, purge, verify or check.  Its stdin has a JSON object in a line for
 * each disposal: id, database, kind, key (null for a policy), erased_at.  To list and verify it answers with a line for each:
 * id, state ("gone", "present", "dated"), and where it likes items, until, detail; to purge with a line for each that it
 * could not purge: id, problem.  Exit status 0: that is the whole truth; 75: busy, try again; else: failed. */
#ifndef EXPUNGE_BYPROGRAM_H
#define EXPUNGE_BYPROGRAM_H

#include "copies/copies.h"

extern const CopyKind byprogram_kind;

#endif
