/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.h -- a snapshot's directory: manifest.json and one file per table.
 *
 * STORE/NAME.partial while it is written, STORE/NAME when complete (renamed, parent synced).  Files: 0001.xpf, …
 * manifest.json holds no personal data: format, snapshot id, database, disposal id, kind, commitment, key id, made
 * at, schema fingerprint, and per file: number, schema, table, role ("rows", or "values" for the values that an edge
 * changes), columns (name, type, becomes), rows, plain bytes, file bytes, sha256, rows digest. */
#ifndef EXPUNGE_SNAPSHOTS_H
#define EXPUNGE_SNAPSHOTS_H

#include "base/instant.h"
#include "store/frames.h"
#include "wrap/jsondoc.h"

/* What a restore calls the rows of a file, with its number behind: an expression may name those of another file. */
#define SNAPSHOT_STAGE "pg_temp.expunge_r"

typedef struct SnapshotColumn
{
    const char *name;
    const char *type; /* as format_type() prints it */
    const char
        *becomes; /* role "values": what the erasure makes of it: an SQL expression of the row as it was, "null" or
                            "default"; NULL: it stays, and tells the row */
} SnapshotColumn;

typedef struct SnapshotFile
{
    uint32_t number; /* from 1 */
    const char *schema;
    const char *table;
    const char *role; /* "rows" or "values" */
    SnapshotColumn *columns;
    size_t column_count;
    FrameDigest digest; /* filled by snapshots_seal, and by snapshots_load from the manifest */
    bool is_read_back;  /* the writer has read all of it back from the disk and filled the digest */
} SnapshotFile;

typedef struct Snapshot
{
    const char *store_path;
    const char *name; /* directory name, without ".partial" */
    unsigned char id[16];
    const char *key_id;
    const char *database;
    int64_t disposal_id;
    const char *kind;
    const char *commitment;  /* hexadecimal; NULL for a policy */
    const char *fingerprint; /* of the schema */
    Instant made_at;
    SnapshotFile *files;
    size_t file_count;
} Snapshot;

/* Path of the directory (partial or complete) and of one of its files. */
char *snapshots_dir(Arena *arena, const Snapshot *snapshot, bool partial);
char *snapshots_file_path(Arena *arena, const Snapshot *snapshot, bool partial, uint32_t number);
NODISCARD Err snapshots_prepare(const Snapshot *snapshot); /* make STORE/NAME.partial, mode 0700; fine when it exists */
bool snapshots_is_complete(Arena *arena,
                           const Snapshot *snapshot); /* renamed; perhaps the database knows nothing of it yet */

/* Read back and verify every file of the partial snapshot (dropping caches) that is not said to be read back, fill the
 * digests, check each file's rows against expected_rows[i], write and sync the manifest, rename.  ret_digest: SHA-256 of manifest.json, hexadecimal.
 * Already renamed (a crash came after): verified again just the same, and OK. */
NODISCARD Err snapshots_seal(Arena *arena, Snapshot *snapshot, const Secret *key, const int64_t *expected_rows,
                             char ret_digest[65]);
/* Read the manifest of a complete snapshot.  digest: what the database and the ledger say it is (NULL: not compared);
 * ERR_EVIDENCE when it differs, is missing or damaged. */
NODISCARD Err snapshots_load(Arena *arena, const char *store_path, const char *name, const char *digest,
                             Snapshot **ret_snapshot);
/* Every file of a complete snapshot read and compared with its manifest. */
NODISCARD Err snapshots_verify(Arena *arena, const Snapshot *snapshot, const Secret *key);
/* Make a complete snapshot a partial one again, so that it can be gone on with; fine when it is one. */
NODISCARD Err snapshots_reopen(const char *store_path, const char *name);
/* Remove STORE/NAME and STORE/NAME.partial, synced; fine when they are not there.  name must be a plain name (no "/",
 * not starting with "."): ERR_INTERNAL otherwise. */
NODISCARD Err snapshots_remove(const char *store_path, const char *name);

#endif
