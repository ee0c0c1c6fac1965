/* SPDX-License-Identifier: Apache-2.0 */
/* archive.h -- a disposal's snapshot: its key, its directory, its files, and the transition to "archived". */
#ifndef EXPUNGE_ARCHIVE_H
#define EXPUNGE_ARCHIVE_H

#include "engine/job.h"
#include "store/snapshots.h"

typedef struct Archive
{
    Snapshot snapshot;
    Secret *key;
} Archive;

void archive_freep(Archive *archive); /* for CLEANUP: wipes the key */

/* The snapshot of a disposal that has one, without its key; false when it has none. */
NODISCARD Err archive_find(const Session *session, Arena *arena, const Disposal *disposal, Snapshot *ret_snapshot,
                           bool *ret_found);
/* Name, id and key of the snapshot: made once per disposal, found again on every later attempt. */
NODISCARD Err archive_prepare(Job *job, Archive *ret_archive);
/* A writer for a file, from where the database says that it stands. */
NODISCARD Err archive_writer(Job *job, const Archive *archive, int number, const FrameMark *mark,
                             FrameWriter **ret_writer);
/* What the writer has read back up to mark is not read again when the snapshot is sealed. */
void archive_note(Archive *archive, int number, FrameWriter *writer, const FrameMark *mark);
/* Read back what was not, compare with the counts, rename, and go from open to archived. */
NODISCARD Err archive_seal(Job *job, Archive *archive);

/* Its two halves: read back, compare with expected rows (by number) and rename; and, in the caller's transaction, open →
 * archived (removed: the rows have left the live tables in it). */
NODISCARD Err archive_seal_files(Job *job, Archive *archive, const int64_t *expected, char ret_digest[65]);
NODISCARD Err archive_transit(Job *job, const Archive *archive, const char *digest, bool removed);

/* A subject: copy its rows, parents first, in one REPEATABLE READ transaction, and seal. */
NODISCARD Err archive_copy(Job *job);
/* Its parts.  A snapshot that begins anew: what another attempt left is removed. */
NODISCARD Err archive_begin_copy(Job *job, Archive *ret_archive, DisposalTable **ret_tables, size_t *ret_count);
/* In the caller's transaction, with filled work tables; ret_marks: by place (jobtables.c). */
NODISCARD Err archive_copy_files(Job *job, Archive *archive, FrameMark *ret_marks);
NODISCARD Err archive_mark_files(Job *job, const DisposalTable *tables, size_t count, const FrameMark *marks);
void archive_count_place(Job *job, size_t place, const char *action, const FrameMark *mark); /* into the outcome */

/* Run "COPY … TO STDOUT" into a writer: written, synced and read back piece by piece, all of it at the end. */
NODISCARD Err archive_copy_rows(Job *job, const char *sql, FrameWriter *writer, int64_t *ret_rows, FrameMark *ret_mark);

/* frames_add as db_copy_out wants it */
Err archive_sink(void *writer, const char *row, size_t length);

#endif
