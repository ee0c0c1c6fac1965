/* SPDX-License-Identifier: Apache-2.0 */
/* pgbackrest.h -- the kind of store whose copies are pgBackRest's sets and WAL (copies.h).  Written for pgBackRest 2.45.
 *
 * A set is free of a disposal's rows when it, and every set that it stands on, began behind the disposal's barrier, of the same
 * cluster.  WAL is free of them when it begins where such a set begins, and not before.  Half-made sets, which "info" does
 * not list, are taken for copies.  Nothing is judged while another pgBackRest holds the stanza's lock, or from another
 * host than the repository's, where that lock cannot be seen. */
#ifndef EXPUNGE_PGBACKREST_H
#define EXPUNGE_PGBACKREST_H

#include "copies/copies.h"

extern const CopyKind pgbackrest_kind;

#endif
