/* SPDX-License-Identifier: Apache-2.0 */
/* verify_checkpoints.c -- the part of verify.h that judges signatures: the chain of checkpoints against itself, the ledger,
 * the signing key, what each database noted, and the anchors. */
#include "engine/verify_private.h"

#include "base/text.h"
#include "sql.h"
#include "store/evidence.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>

typedef struct Digest
{
    char hex[65];
} Digest;

typedef struct Judge
{
    Verify *verify;
    const char *dir;
    CheckpointEnd *ends; /* by number, from 1 */
    size_t end_count;
    size_t end_room;
    Digest *digests; /* likewise */
    size_t count;
    size_t room;
    SigningKeys keys;
    Anchor *recorded;
    size_t recorded_count;
    size_t recorded_room;
} Judge;

/* -- the chain ------------------------------------------------------------------------------------------------------ */

static Err
visit_checkpoint(void *context, const Checkpoint *c)
{
    Judge *judge = context;
    Verify *v = judge->verify;
    Arena *arena = v->arena;
    const CheckpointEnd end = { .place = c->place, .root = c->root };
    Digest digest;

    memcpy(digest.hex, c->digest, sizeof digest.hex);
    ARENA_PUSH(arena, judge->ends, judge->end_count, judge->end_room, end);
    ARENA_PUSH(arena, judge->digests, judge->count, judge->room, digest);
    evidence_note_keys(&judge->keys, c);
    for (size_t i = 0; i < c->anchor_count; i++)
    {
        Anchor kept = c->anchors[i];
        kept.auditor = kept.auditor == NULL ? NULL : arena_strdup(arena, kept.auditor);
        kept.key = kept.key == NULL ? NULL : arena_strdup(arena, kept.key);
        ARENA_PUSH(arena, judge->recorded, judge->recorded_count, judge->recorded_room, kept);
    }
    v->checkpoint_time = c->time;
    v->origin = arena_strdup(arena, c->origin);
    return OK;
}

/* Who holds the newest key is judged, too: the last of the chain is the one in STATE_DIR. */
static void
judge_key(Judge *judge, const Secret *master)
{
    CLEANUP(signing_closep) Signing signing = { .seed = NULL };
    Verify *v = judge->verify;
    const char *path = evidence_key_path(v->arena, v->house->rules);
    const Err e = signing_open(path, master, &signing);

    if (e != OK)
        verify_story(v, NULL, e);
    else if (judge->count > 0 &&
             memcmp(judge->keys.list[judge->keys.count - 1].key, signing.public_key, sizeof signing.public_key) != 0)
        verify_fault(v, NULL, ERR_EVIDENCE,
                     "the newest checkpoint, %zu, is not by the signing key \"%s\": one was swapped", judge->count,
                     path);
}

static void
judge_origin(Judge *judge)
{
    Verify *v = judge->verify;
    const char *origin = evidence_origin(v->arena, v->house->rules);

    if (judge->count > 0 && strcmp(v->origin, origin) != 0)
        verify_fault(v, NULL, ERR_EVIDENCE, "the checkpoints are by \"%s\", not by \"%s\" as evidence.name says",
                     v->origin, origin);
}

/* -- against the ledger --------------------------------------------------------------------------------------------- */

static void
judge_ledger(Judge *judge)
{
    Verify *v = judge->verify;
    LedgerPlace end;
    const Err e = checkpoints_compare(v->ledger_path, judge->ends, judge->count, &end);

    if (e != OK && v->ledger_head[0] == '\0')
        err_clear(); /* the walk has told it, in its own words */
    else if (e != OK)
        verify_story(v, NULL, e);
    if (e != OK)
        return;
    v->signed_entries = judge->count == 0 ? 0 : judge->ends[judge->count - 1].place.size;
    v->unsigned_entries = end.size - v->signed_entries;
    v->signatures_hold = true;
}

/* -- against the databases ------------------------------------------------------------------------------------------ */

static Err
judge_notes(Judge *judge, Session *session)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    Verify *v = judge->verify;

    TRY(db_query(session->db, SQL_verify_checkpoints, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const int64_t number = db_int64(rows, i, 0);
        v->checkpoints.checked++;
        if (number <= (int64_t)judge->count && strcmp(db_text(rows, i, 2), judge->digests[number - 1].hex) == 0)
            continue;
        v->checkpoints.failed++;
        verify_fault(v, session, ERR_EVIDENCE, "checkpoint %" PRId64 " %s, says database \"%s\"", number,
                     number > (int64_t)judge->count ? "was taken away" : "is not the one that was made",
                     session->database->name);
    }
    return OK;
}

/* -- anchors -------------------------------------------------------------------------------------------------------- */

static const char *
describe(Arena *arena, const Anchor *anchor)
{
    if (anchor->auditor != NULL)
        return arena_printf(arena, "checkpoint %" PRId64 ", signed by auditor \"%s\"", anchor->number, anchor->auditor);
    return arena_printf(arena, "checkpoint %" PRId64 ", time-stamped at %s", anchor->number,
                        instant_format(arena, anchor->time));
}

static void
count_anchor(Verify *v, const Judge *judge, const Anchor *anchor)
{
    v->anchors.checked++;
    if (v->anchor_checkpoint >= anchor->number || anchor->number > (int64_t)judge->count)
        return;
    v->anchor_checkpoint = anchor->number;
    v->anchor_entries = judge->ends[anchor->number - 1].place.size;
    v->anchor_story = describe(v->arena, anchor);
}

/* What a checkpoint recorded must still be there, and be the same. */
static void
judge_recorded(Judge *judge)
{
    Verify *v = judge->verify;

    for (size_t i = 0; i < judge->recorded_count; i++)
    {
        Anchor now = judge->recorded[i];
        Err e = checkpoints_judge_anchor(v->arena, judge->dir, &now);
        if (e == OK && strcmp(now.digest, judge->recorded[i].digest) != 0)
            e = err_new(ERR_EVIDENCE, "the anchor \"%s/%s\" is another one than was recorded", judge->dir,
                        checkpoints_anchor_file(v->arena, &now));
        count_anchor(v, judge, &now);
        if (e == OK)
            continue;
        v->anchors.failed++;
        verify_story(v, NULL, e);
    }
}

static bool
is_recorded(const Judge *judge, const Anchor *anchor)
{
    for (size_t i = 0; i < judge->recorded_count; i++)
        if (judge->recorded[i].number == anchor->number && text_equal(judge->recorded[i].auditor, anchor->auditor))
            return true;
    return false;
}

/* Those that the next checkpoint will record. */
static Err
judge_dropped(Judge *judge)
{
    Verify *v = judge->verify;
    Anchor *found;
    size_t count;

    TRY(evidence_find_anchors(v->arena, v->house->rules, (int64_t)judge->count, &found, &count));
    for (size_t i = 0; i < count; i++)
    {
        if (is_recorded(judge, &found[i]))
            continue;
        if (found[i].auditor != NULL && found[i].key == NULL)
        {
            verify_fault(v, NULL, OK, "\"%s/%s\" is by an auditor that evidence.auditors does not name", judge->dir,
                         checkpoints_anchor_file(v->arena, &found[i]));
            continue;
        }
        const Err e = checkpoints_judge_anchor(v->arena, judge->dir, &found[i]);
        if (e == OK)
        {
            count_anchor(v, judge, &found[i]);
            continue;
        }
        v->anchors.failed++;
        verify_story(v, NULL, e);
    }
    return OK;
}

/* -- the public files ----------------------------------------------------------------------------------------------- */

static Err
judge_public(Judge *judge)
{
    Verify *v = judge->verify;
    PublicFile *files;
    size_t count, length;
    char *text;

    evidence_public_files(v->arena, v->house->rules, &judge->keys, &files, &count);
    for (size_t i = 0; i < count; i++)
    {
        if (!file_exists(files[i].path))
        {
            verify_fault(v, NULL, OK, "\"%s\" is missing: \"expunge init\" writes it", files[i].path);
            continue;
        }
        TRY(file_load(v->arena, files[i].path, CHECKPOINTS_LIMIT, &text, &length));
        if (length != strlen(files[i].text) || memcmp(text, files[i].text, length) != 0)
            verify_fault(v, NULL, files[i].is_ours ? ERR_EVIDENCE : OK, "\"%s\" does not say what follows from the %s",
                         files[i].path,
                         files[i].is_ours ? "checkpoints: a key was swapped" : "configuration: run \"expunge init\"");
    }
    return OK;
}

/* A checkpoint's own files are written in front of it. */
static Err
judge_leftovers(Judge *judge)
{
    Verify *v = judge->verify;
    const char *next = arena_printf(v->arena, "%s/%zu.sig", judge->dir, judge->count + 1);

    if (file_exists(next))
        verify_fault(v, NULL, OK,
                     "\"%s\" is there without its checkpoint: its making was interrupted, or it was taken away", next);
    return OK;
}

void
verify_checkpoints(Verify *v, const Secret *master)
{
    Judge judge = { .verify = v,
                    .dir = evidence_checkpoints_dir(v->arena, v->house->rules),
                    .keys = { .arena = v->arena } };
    int64_t count;

    Err e = checkpoints_walk(judge.dir, visit_checkpoint, &judge, &count);
    v->checkpoints.checked += (int64_t)judge.count + (e != OK);
    v->checkpoints.failed += e != OK;
    v->checkpoint_count = (int64_t)judge.count;
    v->key_count = (int64_t)judge.keys.count;
    const bool whole = e == OK;
    if (!whole)
        verify_story(v, NULL, e);
    if (master == NULL)
        verify_fault(v, NULL, OK, "the master key is not at hand: the signing key was not compared with it");
    judge_origin(&judge);
    judge_ledger(&judge);
    v->signatures_hold = v->signatures_hold && whole;
    if (!whole) /* what is behind the break is not known, and would be told as missing */
        return;
    judge_key(&judge, master);
    judge_recorded(&judge);
    e = judge_dropped(&judge);
    if (e == OK && judge.count > 0)
        e = judge_public(&judge);
    if (e == OK)
        e = judge_leftovers(&judge);
    if (e != OK)
        verify_story(v, NULL, e);
    for (size_t i = 0; i < v->session_count; i++)
    {
        e = judge_notes(&judge, v->sessions[i]);
        if (e != OK)
            verify_failure(v, v->sessions[i], e);
    }
}
