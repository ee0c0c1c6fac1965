/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots_private.h -- a snapshot's manifest as text, and back. */
#ifndef EXPUNGE_SNAPSHOTS_PRIVATE_H
#define EXPUNGE_SNAPSHOTS_PRIVATE_H

#include "store/snapshots.h"
#include <inttypes.h>

#define SNAPSHOT_FILE_NAME "%04" PRIu32 ".xpf"

/* The bytes of manifest.json: the same snapshot gives the same bytes. */
char *snapshots_manifest_text(Arena *arena, const Snapshot *snapshot);
/* Only what snapshots_manifest_text() would write is a manifest: ERR_EVIDENCE otherwise.  path is for messages.
 * store_path and name of the snapshot are left NULL: they are not in it. */
NODISCARD Err snapshots_manifest_parse(Arena *arena, const char *path, const char *bytes, size_t length,
                                       Snapshot **ret_snapshot);

#endif
