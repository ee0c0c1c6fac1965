/* SPDX-License-Identifier: Apache-2.0 */
/* depot.h -- where complete snapshots are kept: in their store's directory, or in a bucket.  Those in a bucket are written and
 * read in the store's path on this machine; what is done here to a directory is nothing more than snapshots.h does. */
#ifndef EXPUNGE_DEPOT_H
#define EXPUNGE_DEPOT_H

#include "engine/session.h"

/* A sealed snapshot is taken to the bucket, and read back.  Before it counts as archived. */
NODISCARD Err depot_keep(Session *session, const char *store, const char *name);
/* It counts: the copy on this machine is not needed any more. */
NODISCARD Err depot_kept(Session *session, const char *store, const char *name);

/* The files of a snapshot on this machine, for as long as they are read. */
typedef struct DepotVisit
{
    char *fetched; /* a directory of this process's own; NULL: they lie in the store's path */
} DepotVisit;
/* ret_store_path: where its directory lies until then; lives in the arena. */
NODISCARD Err depot_visit(Session *session, Arena *arena, const char *store, const char *name, DepotVisit *ret_visit,
                          const char **ret_store_path);
void depot_leavep(DepotVisit *visit);

/* Here and there, all versions.  No error when nothing is left of it. */
NODISCARD Err depot_remove(Session *session, const char *store, const char *name);
/* Is anything of it in the bucket?  false where there is no bucket. */
NODISCARD Err depot_holds(Session *session, const char *store, const char *name, bool *ret_holds);

#endif
