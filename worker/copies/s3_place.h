/* SPDX-License-Identifier: Apache-2.0 */
/* s3_place.h -- a bucket as a place for expunge's own snapshots: the files of one directory are objects below "NAME/" there.
 *
 * They are sealed before they come here.  Files larger than 8 MiB go up in parts of that size, and all are read back and
 * compared; memory does not grow with them.  store: its rule has role "snapshots". */
#ifndef EXPUNGE_S3_PLACE_H
#define EXPUNGE_S3_PLACE_H

#include "copies/copies.h"

/* All files of the directory, the manifest last, after whatever an interrupted attempt has left of that name is gone.
 * Fails with ERR_EVIDENCE when what is read back differs. */
NODISCARD Err s3_place_put(CopyStore *store, const char *name, const char *directory);
/* The other way: into a directory that is there, and empty; each file synced.  ERR_EVIDENCE: there is no such snapshot. */
NODISCARD Err s3_place_get(CopyStore *store, const char *name, const char *directory);
/* All versions of all its files, and unfinished uploads; no error when there are none.  ERR_HELD: Object Lock keeps some. */
NODISCARD Err s3_place_remove(CopyStore *store, const char *name);
/* How many versions and uploads there are of it. */
NODISCARD Err s3_place_count(CopyStore *store, const char *name, int64_t *ret_count);

#endif
