/* SPDX-License-Identifier: Apache-2.0 */
/* restore_export.h -- a copy of a subject's data for the subject (access, portability): the same closure as its erasure has, and
 * the rows that stay but concern it, one file per table and a manifest that tells tables, columns, types, rows, digests and
 * by which edges each table is reached.
 *
 * One REPEATABLE READ transaction; rows are written as they come, into DIRECTORY.partial (0700, files 0600), which is
 * renamed when all is synced and the ledger has an entry.  A failure leaves nothing.  Columns that the server generates are
 * left out.  Neither the manifest nor the ledger holds the subject's key. */
#ifndef EXPUNGE_RESTORE_EXPORT_H
#define EXPUNGE_RESTORE_EXPORT_H

#include "engine/session.h"

typedef struct ExportWish
{
    const char *key;
    bool csv;              /* otherwise lines of JSON */
    const char *directory; /* must not be there */
} ExportWish;

typedef struct ExportFile
{
    const char *table; /* schema.table */
    const char *name;  /* of the file; NULL: no row, no file */
    int64_t rows;
    int64_t bytes;
} ExportFile;

typedef struct Export
{
    Arena *arena;
    ExportFile *files;
    size_t file_count;
    size_t file_room;
    int64_t rows;
    const char *commitment;
    char manifest[65]; /* SHA-256 of manifest.json */
} Export;

/* Nothing is where the copy is to be made, and there is a directory to make it in.  ERR_USAGE otherwise. */
NODISCARD Err export_judge_place(Arena *arena, const char *directory);
/* Is the subject's root here?  ERR_USAGE when the key is none of its kind. */
NODISCARD Err export_find(Session *session, const Target *target, const char *key, bool *ret_found);
/* Fails with ERR_USAGE (directory, key), ERR_RAIL (a table that nobody classified, another subject's rows). */
NODISCARD Err export_live(Session *session, const Target *target, const ExportWish *wish, Export *ret);
/* From the snapshot of a disposal; rows that stayed: with the values that the snapshot has of them.  Fails like a restore. */
NODISCARD Err export_snapshot(Session *session, int64_t id, const ExportWish *wish, Export *ret);

#endif
