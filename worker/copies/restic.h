/* SPDX-License-Identifier: Apache-2.0 */
/* restic.h -- the kind of store whose copies are restic snapshots, found by their tags (copies.h).  Written for restic 0.14.
 *
 * Nothing is said to be gone that restic could still give back: what no snapshot needs is pruned (--max-unused 0) and the
 * repository checked first.  A repository that somebody else has locked may be getting another snapshot just now. */
#ifndef EXPUNGE_RESTIC_H
#define EXPUNGE_RESTIC_H

#include "copies/copies.h"

extern const CopyKind restic_kind;

#endif
