/* SPDX-License-Identifier: Apache-2.0 */
/* restore_export_private.h -- what the files of export share: the directory, and a file that is written row by row. */
#ifndef EXPUNGE_RESTORE_EXPORT_PRIVATE_H
#define EXPUNGE_RESTORE_EXPORT_PRIVATE_H

#include "engine/restore_export.h"

typedef struct ExportPlace
{
    const char *directory;
    const char *partial;
    size_t files;
    JsonDoc *tables; /* of the manifest; owned */
} ExportPlace;

/* DIRECTORY.partial, empty; neither of the two may be there. */
NODISCARD Err export_place_make(Arena *arena, const char *directory, ExportPlace *ret_place);
/* On failure: removed, with all that is in it, and the story told again. */
NODISCARD Err export_place_end(Arena *arena, ExportPlace *place, Err result);
/* Run "COPY … TO STDOUT" into the place's next file; ret_file's name is NULL, and no file is there, when there is no row.
 * ret_sha256: of its bytes. */
NODISCARD Err export_place_copy(Arena *arena, ExportPlace *place, Db *db, const char *sql, bool csv,
                                ExportFile *ret_file, char ret_sha256[65]);
/* manifest.json, written and synced; the directory synced. */
NODISCARD Err export_place_seal(Arena *arena, ExportPlace *place, JsonDoc *manifest, char ret_sha256[65]);

#endif
