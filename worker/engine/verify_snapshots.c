/* SPDX-License-Identifier: Apache-2.0 */
/* verify_snapshots.c -- the part of verify.h that reads snapshots: whole ones against their manifests, unfinished ones up to
 * what is committed, destroyed ones for what must not be there any more, and what belongs to none. */
#include "engine/verify_private.h"

#include "base/text.h"
#include "engine/archive.h"
#include "engine/depot.h"
#include "sql.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>

#define PARTIAL ".partial"

typedef struct Case
{
    Verify *verify;
    Session *session;
    Arena *arena; /* of this disposal */
    const Disposal *disposal;
    Snapshot place; /* as the database names it */
} Case;

/* -- one snapshot -------------------------------------------------------------------------------------------------- */

/* Named by the database, and by its own manifest. */
static const char *
find_contradiction(const Case *c, const Snapshot *snapshot)
{
    if (memcmp(snapshot->id, c->place.id, sizeof snapshot->id) != 0)
        return "id";
    if (!text_equal(snapshot->key_id, c->place.key_id))
        return "key";
    if (snapshot->disposal_id != c->place.disposal_id || !text_equal(snapshot->database, c->place.database))
        return "disposal";
    if (!text_equal(snapshot->commitment, c->place.commitment))
        return "subject";
    return NULL;
}

static Err
judge_complete(const Case *c)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    CLEANUP(depot_leavep) DepotVisit visit = { .fetched = NULL };
    const Disposal *d = c->disposal;
    const char *path;
    Snapshot *snapshot;

    Err e = session_key_load(c->session->house, d->key_id, &key);
    if (e == ERR_EVIDENCE && d->state == STATE_ERASED)
    {
        verify_fault(c->verify, c->session, OK,
                     "the snapshot of disposal %s-%" PRId64
                     " is being destroyed: a run is at it, or the next one finishes it",
                     c->session->database->name, d->id);
        err_clear();
        return OK;
    }
    if (e != OK)
        return e;
    TRY(depot_visit(c->session, c->arena, d->store, c->place.name, &visit, &path));
    TRY(snapshots_load(c->arena, path, c->place.name, d->snapshot_digest, &snapshot));
    const char *wrong = find_contradiction(c, snapshot);
    if (wrong != NULL)
        return err_new(ERR_EVIDENCE, "the manifest of \"%s\" names another %s than the database does",
                       snapshots_dir(c->arena, &c->place, false), wrong);
    return snapshots_verify(c->arena, snapshot, key);
}

static Err
judge_unfinished_file(const Case *c, const Secret *key, const DisposalTable *table, bool partial)
{
    FrameFile file = { .path = snapshots_file_path(c->arena, &c->place, partial, (uint32_t)table->number),
                       .key = key,
                       .number = (uint32_t)table->number };
    FrameDigest digest;

    memcpy(file.snapshot_id, c->place.id, sizeof file.snapshot_id);
    if (!file_exists(file.path))
        return err_new(ERR_EVIDENCE, "\"%s\", to which %" PRId64 " rows of \"%s.%s\" were moved, is not there",
                       file.path, table->mark.rows, table->schema, table->table);
    TRY(frames_read(&file, table->mark.bytes, NULL, NULL, &digest));
    if (digest.mark.rows != table->mark.rows || digest.mark.plain_bytes != table->mark.plain_bytes)
        return err_new(ERR_EVIDENCE,
                       "\"%s\" holds %" PRId64 " rows up to its committed end, %" PRId64 " were moved there", file.path,
                       digest.mark.rows, table->mark.rows);
    return OK;
}

/* A policy's rows that were moved are nowhere else, although the snapshot is not complete; a subject's are still live. */
static Err
judge_unfinished(const Case *c)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    DisposalTable *tables;
    size_t count;
    const bool partial = !file_exists(snapshots_dir(c->arena, &c->place, false)); /* renamed, and then interrupted */

    if (!disposals_is_policy(c->disposal))
        return OK;
    TRY(session_key_load(c->session->house, c->disposal->key_id, &key));
    TRY(disposals_tables(c->arena, c->session->db, c->disposal->id, &tables, &count));
    for (size_t i = 0; i < count; i++)
        if (tables[i].mark.bytes > 0)
            TRY(judge_unfinished_file(c, key, &tables[i], partial));
    return OK;
}

/* The same of a bucket as of a directory. */
static Err
judge_bucket(const Case *c, bool final, const char *since)
{
    bool holds;

    TRY(depot_holds(c->session, c->disposal->store, c->place.name, &holds));
    if (holds && final)
        return err_new(ERR_EVIDENCE, "store \"%s\" still holds \"%s\", although the snapshot was destroyed (%s)",
                       c->disposal->store, c->place.name, since);
    if (holds)
        verify_fault(c->verify, c->session, OK,
                     "\"%s\" in store \"%s\" is being destroyed: a run is at it, or the next one finishes it",
                     c->place.name, c->disposal->store);
    return OK;
}

static Err
judge_destroyed(const Case *c)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    const Disposal *d = c->disposal;
    const bool final = d->state == STATE_CLEARED || d->state == STATE_WITHDRAWN;
    const char *since = instant_format(c->arena, d->key_destroyed_at);

    const Err e = session_key_load(c->session->house, d->key_id, &key);
    if (e == OK)
        return err_new(ERR_EVIDENCE, "the key %s of its snapshot still opens, although it was destroyed (%s)",
                       d->key_id, since);
    if (e != ERR_EVIDENCE)
        return e;
    err_clear();
    for (int partial = 0; partial < 2; partial++)
    {
        const char *path = snapshots_dir(c->arena, &c->place, partial == 1);
        if (!file_exists(path))
            continue;
        if (final)
            return err_new(ERR_EVIDENCE,
                           "the directory \"%s\" of its snapshot is still there, although it was destroyed (%s)", path,
                           since);
        verify_fault(c->verify, c->session, OK,
                     "\"%s\" is being destroyed: a run is at it, or the next one finishes it", path);
    }
    TRY(judge_bucket(c, final, since));
    c->verify->snapshots_destroyed++;
    return OK;
}

static bool
is_destroyed(const Disposal *d)
{
    return d->key_destroyed_at != INSTANT_NONE || d->state == STATE_CLEARED || d->state == STATE_WITHDRAWN;
}

static Err
judge(Verify *v, Session *session, Arena *arena, const Disposal *disposal)
{
    Case c = { .verify = v, .session = session, .arena = arena, .disposal = disposal };
    bool found;

    const Err e = archive_find(session, arena, disposal, &c.place, &found);
    if (e == ERR_CONFIG && is_destroyed(disposal))
    {
        verify_story(v, session, OK); /* where it was, nobody can look any more */
        return OK;
    }
    if (e != OK || !found)
        return e;
    if (is_destroyed(disposal))
        return judge_destroyed(&c);
    return disposal->state == STATE_OPEN ? judge_unfinished(&c) : judge_complete(&c);
}

/* -- all of a database --------------------------------------------------------------------------------------------- */

static bool
has_moved_on(const Disposal *a, const Disposal *b)
{
    return a->state != b->state || a->key_destroyed_at != b->key_destroyed_at || a->ledger_seq != b->ledger_seq;
}

/* A worker may be busy with it: what failed is judged again when the disposal has moved on meanwhile. */
static Err
judge_disposal(Verify *v, Session *session, Arena *arena, int64_t id)
{
    Disposal *before, *now;

    TRY(disposals_load(arena, session->db, id, &before));
    for (;;)
    {
        const Err e = judge(v, session, arena, before);
        if (e == OK)
            return OK;
        const char *story = arena_strdup(arena, err_joined());
        TRY(disposals_load(arena, session->db, id, &now));
        if (!has_moved_on(before, now))
            return err_new(e, "%s", story);
        before = now;
    }
}

static void
verify_database(Verify *v, Session *session)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(db_result_freep) DbResult *ids = NULL;

    const Err e = db_query(session->db, SQL_verify_snapshots, 0, NULL, &ids);
    if (e != OK)
    {
        verify_failure(v, session, e);
        return;
    }
    for (size_t i = 0; i < db_rows(ids); i++)
    {
        const int64_t id = db_int64(ids, i, 0);
        const Err wrong = judge_disposal(v, session, arena, id);
        v->snapshots.checked++;
        if (wrong != OK)
        {
            v->snapshots.failed++;
            verify_story(v, session, err_note(wrong, "disposal %s-%" PRId64, session->database->name, id));
        }
        if (db_is_broken(session->db))
            return;
        arena_reset(arena);
    }
}

/* -- what belongs to nobody ---------------------------------------------------------------------------------------- */

/* Of these names, those that no database knows; store NULL: they are keys. */
static Err
keep_orphans(Verify *v, Arena *arena, const StoreRule *store, const char **names, size_t *count)
{
    for (size_t i = 0; i<v->session_count && * count> 0; i++)
    {
        CLEANUP(db_result_freep) DbResult *rows = NULL;
        const char *array = disposals_array(arena, names, *count);
        const char *params[] = { store == NULL ? array : store->name, array };
        TRY(db_query(v->sessions[i]->db, store == NULL ? SQL_verify_orphan_keys : SQL_verify_orphan_names,
                     store == NULL ? 1 : 2, params, &rows));
        *count = db_rows(rows);
        for (size_t n = 0; n < *count; n++)
            names[n] = arena_strdup(arena, db_text(rows, n, 0));
    }
    return OK;
}

static Err
find_orphan_directories(Verify *v, Arena *arena, const StoreRule *store)
{
    char **entries;
    const char **names;
    size_t count, kept = 0;

    TRY(file_list(arena, store->path, &entries, &count));
    names = ARENA_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
    {
        const size_t length = strlen(entries[i]), ending = strlen(PARTIAL);
        if (entries[i][0] == '.') /* fetched by somebody just now */
            continue;
        const bool partial = length > ending && strcmp(entries[i] + length - ending, PARTIAL) == 0;
        names[kept++] = arena_strndup(arena, entries[i], partial ? length - ending : length);
    }
    TRY(keep_orphans(v, arena, store, names, &kept));
    for (size_t i = 0; i < kept; i++)
    {
        const Snapshot place = { .store_path = store->path, .name = names[i] };
        const char *path = snapshots_dir(arena, &place, false);
        verify_fault(v, NULL, OK, "\"%s%s\" belongs to no disposal of any database: nothing will ever remove it", path,
                     file_exists(path) ? "" : PARTIAL);
    }
    return OK;
}

static Err
find_orphan_keys(Verify *v, Arena *arena)
{
    const char **ids;
    size_t count;

    TRY(keys_list(arena, v->house->keys, &ids, &count));
    TRY(keep_orphans(v, arena, NULL, ids, &count));
    for (size_t i = 0; i < count; i++)
        verify_fault(
            v, NULL, OK,
            "the living key %s belongs to no disposal of any database: a run was interrupted before it named its snapshot",
            ids[i]);
    return OK;
}

static void
find_orphans(Verify *v)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const Rules *rules = v->house->rules;

    if (v->session_count < rules->database_count)
    {
        verify_fault(
            v, NULL, OK,
            "not every database could be asked: directories and keys that belong to nobody were not looked for");
        return;
    }
    for (size_t i = 0; i < rules->store_count; i++)
        if (rules->stores[i].role == STORE_SNAPSHOTS)
        {
            const Err e = find_orphan_directories(v, arena, &rules->stores[i]);
            if (e != OK)
                verify_story(v, NULL, e);
        }
    const Err e = find_orphan_keys(v, arena);
    if (e != OK)
        verify_story(v, NULL, e);
}

void
verify_snapshots(Verify *v)
{
    for (size_t i = 0; i < v->session_count; i++)
        verify_database(v, v->sessions[i]);
    find_orphans(v);
}
