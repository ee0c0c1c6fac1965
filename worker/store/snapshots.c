/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshots_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "wrap/file.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MANIFEST "manifest.json"
#define MANIFEST_LIMIT ((size_t)64 << 20)
#define PARTIAL ".partial"

/* A name that leads nowhere else, and is not taken for the partial form of another one. */
static Err
check_name(const char *name)
{
    const size_t length = strlen(name);
    const size_t suffix = strlen(PARTIAL);
    bool is_plain = length > 0 && length <= 200 && name[0] != '.';

    for (size_t i = 0; i < length && is_plain; i++)
        is_plain = name[i] != '/' && (unsigned char)name[i] > ' ' && name[i] != 0x7f;
    if (length >= suffix && strcmp(name + length - suffix, PARTIAL) == 0)
        is_plain = false;
    return is_plain ? OK : err_new(ERR_INTERNAL, "\"%s\" is not a plain name of a snapshot", name);
}

char *
snapshots_dir(Arena *arena, const Snapshot *snapshot, bool partial)
{
    return arena_printf(arena, "%s/%s%s", snapshot->store_path, snapshot->name, partial ? PARTIAL : "");
}

char *
snapshots_file_path(Arena *arena, const Snapshot *snapshot, bool partial, uint32_t number)
{
    return arena_printf(arena, "%s/" SNAPSHOT_FILE_NAME, snapshots_dir(arena, snapshot, partial), number);
}

Err
snapshots_prepare(const Snapshot *snapshot)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    TRY(check_name(snapshot->name));
    TRY(file_make_dirs(snapshots_dir(arena, snapshot, true), 0700));
    return file_sync_dir(snapshot->store_path);
}

bool
snapshots_is_complete(Arena *arena, const Snapshot *snapshot)
{
    return file_exists(snapshots_dir(arena, snapshot, false));
}

/* Reading */

static Err
read_file(Arena *arena, const Snapshot *snapshot, const Secret *key, bool partial, const SnapshotFile *file,
          FrameDigest *ret_digest)
{
    const char *path = snapshots_file_path(arena, snapshot, partial, file->number);
    FrameFile frames = { .path = path, .key = key, .number = file->number };

    memcpy(frames.snapshot_id, snapshot->id, sizeof frames.snapshot_id);
    if (!file_exists(path))
        return err_new(ERR_EVIDENCE, "\"%s\", the rows of \"%s\".\"%s\", is not there", path, file->schema,
                       file->table);
    const Err e = frames_read(&frames, -1, NULL, NULL, ret_digest);
    if (e != OK)
        return err_note(e, "could not verify the snapshot's rows of \"%s\".\"%s\"", file->schema, file->table);
    return OK;
}

static bool
is_part_of(const Snapshot *snapshot, const char *name)
{
    char part[32];

    if (strcmp(name, MANIFEST) == 0)
        return true;
    for (size_t i = 0; i < snapshot->file_count; i++)
    {
        (void)snprintf(part, sizeof part, SNAPSHOT_FILE_NAME, snapshot->files[i].number);
        if (strcmp(name, part) == 0)
            return true;
    }
    return false;
}

/* Rows in a file that no manifest names would be restored by nobody.  What a manifest that was never finished left
 * behind goes. */
static Err
check_files(Arena *arena, const Snapshot *snapshot, bool partial)
{
    const char *dir = snapshots_dir(arena, snapshot, partial);
    char **names = NULL;
    size_t count = 0;

    TRY(file_list(arena, dir, &names, &count));
    for (size_t i = 0; i < count; i++)
    {
        if (partial && text_starts(names[i], MANIFEST ".tmp-"))
            TRY(file_remove(arena_printf(arena, "%s/%s", dir, names[i])));
        else if (!is_part_of(snapshot, names[i]))
            return err_new(ERR_EVIDENCE, "\"%s\" holds \"%s\", which is no part of the snapshot", dir, names[i]);
    }
    return OK;
}

/* Only what the disk has can be read from the disk: synced first, whatever the writer did. */
static Err
sync_file(const char *path)
{
    CLEANUP(file_closep) File *file = NULL;

    TRY(file_open(path, FILE_READ, &file));
    return file_sync(file);
}

/* What the writer read back lies there as it left it. */
static Err
check_length(const char *path, const FrameDigest *digest)
{
    CLEANUP(file_closep) File *file = NULL;
    int64_t size = 0;

    TRY(file_open(path, FILE_READ, &file));
    TRY(file_size(file, &size));
    if (size == digest->mark.bytes)
        return OK;
    return err_new(ERR_EVIDENCE, "\"%s\" holds %" PRId64 " bytes, %" PRId64 " were written", path, size,
                   digest->mark.bytes);
}

/* Each file from the disk, its digest into the snapshot. */
static Err
read_files(Arena *arena, Snapshot *snapshot, const Secret *key, bool partial, const int64_t *expected_rows)
{
    TRY(check_files(arena, snapshot, partial));
    for (size_t i = 0; i < snapshot->file_count; i++)
    {
        SnapshotFile *file = &snapshot->files[i];
        const char *path = snapshots_file_path(arena, snapshot, partial, file->number);

        if (file_exists(path))
            TRY(sync_file(path));
        TRY(file->is_read_back && partial ? check_length(path, &file->digest)
                                          : read_file(arena, snapshot, key, partial, file, &file->digest));
        if (file->digest.mark.rows != expected_rows[i])
            return err_new(ERR_EVIDENCE,
                           "\"%s\" holds %" PRId64 " rows of \"%s\".\"%s\", %" PRId64 " were written to it", path,
                           file->digest.mark.rows, file->schema, file->table, expected_rows[i]);
    }
    return OK;
}

static Err
load_manifest(Arena *arena, const char *dir, const char *digest, Snapshot **ret_snapshot)
{
    const char *path = arena_printf(arena, "%s/" MANIFEST, dir);
    unsigned char found[SEAL_HASH_BYTES];
    char *bytes = NULL;
    size_t length = 0;

    if (!file_exists(path))
        return err_new(ERR_EVIDENCE, "there is no manifest \"%s\"", path);
    TRY(file_load(arena, path, MANIFEST_LIMIT, &bytes, &length));
    seal_sha256(bytes, length, found);
    if (digest != NULL && strcmp(text_hex(arena, found, sizeof found), digest) != 0)
        return err_new(ERR_EVIDENCE, "the manifest \"%s\" was changed: its SHA-256 is not the one that was recorded",
                       path);
    return snapshots_manifest_parse(arena, path, bytes, length, ret_snapshot);
}

static void
digest_text(Arena *arena, const char *text, char ret_digest[65])
{
    unsigned char digest[SEAL_HASH_BYTES];

    seal_sha256(text, strlen(text), digest);
    memcpy(ret_digest, text_hex(arena, digest, sizeof digest), 65);
}

/* Sealing */

/* A crash came after the rename, or in it: what is there must be what would be sealed now, but for the time. */
static Err
seal_again(Arena *arena, Snapshot *snapshot, const Secret *key, const int64_t *expected_rows, char ret_digest[65])
{
    const char *dir = snapshots_dir(arena, snapshot, false);
    Snapshot *sealed = NULL;

    TRY(load_manifest(arena, dir, NULL, &sealed));
    TRY(read_files(arena, snapshot, key, false, expected_rows));
    snapshot->made_at = sealed->made_at;
    const char *text = snapshots_manifest_text(arena, snapshot);
    if (strcmp(text, snapshots_manifest_text(arena, sealed)) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" is sealed already, and its manifest is not the one of its files", dir);
    TRY(file_sync_dir(dir));
    TRY(file_sync_dir(snapshot->store_path));
    digest_text(arena, text, ret_digest);
    return OK;
}

Err
snapshots_seal(Arena *arena, Snapshot *snapshot, const Secret *key, const int64_t *expected_rows, char ret_digest[65])
{
    char digest[65];
    Snapshot *written = NULL;

    TRY(check_name(snapshot->name));
    const char *partial = snapshots_dir(arena, snapshot, true);
    const char *complete = snapshots_dir(arena, snapshot, false);
    if (file_exists(complete))
        return seal_again(arena, snapshot, key, expected_rows, ret_digest);

    TRY(read_files(arena, snapshot, key, true, expected_rows));
    fault_point("snapshot.files_verified");
    const char *text = snapshots_manifest_text(arena, snapshot);
    digest_text(arena, text, digest);
    TRY(file_save(arena_printf(arena, "%s/" MANIFEST, partial), text, strlen(text), 0600));
    TRY(load_manifest(arena, partial, digest, &written));
    fault_point("snapshot.manifest_written");
    TRY(file_rename(partial, complete));
    fault_point("snapshot.renamed");
    memcpy(ret_digest, digest, sizeof digest);
    return OK;
}

/* Complete snapshots */

Err
snapshots_load(Arena *arena, const char *store_path, const char *name, const char *digest, Snapshot **ret_snapshot)
{
    const Snapshot place = { .store_path = store_path, .name = name };
    Snapshot *snapshot = NULL;

    TRY(check_name(name));
    TRY(load_manifest(arena, snapshots_dir(arena, &place, false), digest, &snapshot));
    snapshot->store_path = arena_strdup(arena, store_path);
    snapshot->name = arena_strdup(arena, name);
    *ret_snapshot = snapshot;
    return OK;
}

/* What differs, or NULL. */
static const char *
find_difference(const FrameDigest *found, const FrameDigest *told)
{
    if (found->mark.rows != told->mark.rows)
        return "number of rows";
    if (found->mark.bytes != told->mark.bytes || found->mark.frames != told->mark.frames ||
        found->mark.plain_bytes != told->mark.plain_bytes)
        return "length";
    if (strcmp(found->rows, told->rows) != 0)
        return "digest of its rows";
    return strcmp(found->sha256, told->sha256) != 0 ? "SHA-256" : NULL;
}

Err
snapshots_verify(Arena *arena, const Snapshot *snapshot, const Secret *key)
{
    TRY(check_name(snapshot->name));
    TRY(check_files(arena, snapshot, false));
    for (size_t i = 0; i < snapshot->file_count; i++)
    {
        const SnapshotFile *file = &snapshot->files[i];
        FrameDigest found;

        TRY(read_file(arena, snapshot, key, false, file, &found));
        const char *difference = find_difference(&found, &file->digest);
        if (difference != NULL)
            return err_new(ERR_EVIDENCE, "\"%s\" is not the file of the manifest: its %s differs",
                           snapshots_file_path(arena, snapshot, false, file->number), difference);
    }
    return OK;
}

Err
snapshots_remove(const char *store_path, const char *name)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const Snapshot place = { .store_path = store_path, .name = name };

    TRY(check_name(name));
    fault_point("snapshot.removing");
    TRY(file_remove_tree(snapshots_dir(arena, &place, false)));
    TRY(file_remove_tree(snapshots_dir(arena, &place, true)));
    TRY(file_sync_dir(store_path)); /* a store that is not there, or not mounted, has removed nothing: an error */
    fault_point("snapshot.removed");
    return OK;
}

Err
snapshots_reopen(const char *store_path, const char *name)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const Snapshot place = { .store_path = store_path, .name = name };
    const char *complete = snapshots_dir(arena, &place, false), *partial = snapshots_dir(arena, &place, true);

    TRY(check_name(name));
    if (file_exists(complete))
        TRY(file_rename(complete, partial));
    return file_remove(arena_printf(arena, "%s/" MANIFEST, partial));
}
