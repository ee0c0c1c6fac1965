/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence.h"

#include "base/fault.h"
#include "base/text.h"
#include "store/sshsig.h"
#include "wrap/file.h"
#include <inttypes.h>
#include <string.h>

struct Evidence
{
    Arena *arena;
    const Rules *rules;
    Secret *master;
    const char *dir;
    const char *ledger_path;
    const char *key_path;
    const char *next_path; /* a key that is to replace the one in force */
    const char *origin;
};

/* What a checkpoint is made from, under the lock. */
typedef struct Work
{
    Arena *arena;
    File *lock;
    Signing signing;
    Checkpoint newest; /* number 0: none yet */
} Work;

static void
work_endp(Work *work)
{
    signing_closep(&work->signing);
    file_closep(&work->lock);
    arena_freep(&work->arena);
}

char *
evidence_checkpoints_dir(Arena *arena, const Rules *rules)
{
    return arena_printf(arena, "%s/checkpoints", rules->state_dir);
}

char *
evidence_key_path(Arena *arena, const Rules *rules)
{
    return arena_printf(arena, "%s/signing.key", rules->state_dir);
}

char *
evidence_origin(Arena *arena, const Rules *rules)
{
    return arena_printf(arena, "expunge@%s", rules->evidence_name);
}

/* -- opening -------------------------------------------------------------------------------------------------------- */

Err
evidence_create(const Rules *rules, const Secret *master, bool *ret_made)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *dir = evidence_checkpoints_dir(arena, rules);
    const char *path = evidence_key_path(arena, rules);
    int64_t newest;

    TRY(checkpoints_newest(dir, &newest));
    TRY(file_make_dirs(dir, 0700));
    *ret_made = !file_exists(path);
    if (*ret_made && newest > 0)
        return err_new(ERR_EVIDENCE,
                       "the signing key \"%s\" is gone, but there are checkpoints: bring it back; if it is lost, move "
                       "\"%s\" to a safe place and tell the auditors: a new chain begins, and they will notice",
                       path, dir);
    return *ret_made ? signing_create(path, master) : OK;
}

static bool
same_key(const unsigned char *a, const unsigned char *b)
{
    return memcmp(a, b, SEAL_PUBLIC_BYTES) == 0;
}

static const unsigned char *
key_in_force(const Checkpoint *newest)
{
    return newest->ends_key ? newest->next_key : newest->key;
}

/* A rotation that was interrupted behind its announcement has only to be finished; in front of it, it never was. */
static Err
finish_rotation(const Evidence *e, Work *work)
{
    CLEANUP(signing_closep) Signing next = { .seed = NULL };

    if (!file_exists(e->next_path))
        return OK;
    TRY(signing_open(e->next_path, e->master, &next));
    const bool announced = work->newest.number > 0 && work->newest.ends_key &&
                           same_key(work->newest.next_key, next.public_key);
    if (!announced)
        return file_remove(e->next_path);
    TRY(signing_replace(e->key_path, e->next_path));
    signing_closep(&work->signing);
    return signing_open(e->key_path, e->master, &work->signing);
}

static Err
work_begin(const Evidence *e, Work *ret_work)
{
    CLEANUP(work_endp) Work work = { .arena = arena_new() };
    int64_t number;

    TRY(signing_open(e->key_path, e->master, &work.signing)); /* tells, if it is not there */
    TRY(file_open(e->key_path, FILE_UPDATE, &work.lock));
    TRY(file_lock(work.lock, true));
    signing_closep(&work.signing); /* it may have been replaced meanwhile */
    TRY(signing_open(e->key_path, e->master, &work.signing));
    TRY(checkpoints_newest(e->dir, &number));
    if (number > 0)
        TRY(checkpoints_load(work.arena, e->dir, number, &work.newest));
    TRY(finish_rotation(e, &work));
    if (number > 0)
    {
        TRY(checkpoints_judge_signatures(e->dir, &work.newest));
        if (!same_key(key_in_force(&work.newest), work.signing.public_key))
            return err_new(ERR_EVIDENCE, "checkpoint %" PRId64 " is not by the signing key \"%s\": one was swapped",
                           number, e->key_path);
        if (strcmp(work.newest.origin, e->origin) != 0)
            return err_new(ERR_CONFIG,
                           "%s: evidence.name: the checkpoints are by \"%s\", not by \"%s\"; must stay what it was",
                           e->rules->config_path, work.newest.origin, e->origin);
    }
    *ret_work = work;
    work = (Work){ .lock = NULL };
    return OK;
}

static Err
visit_nothing(void *context, const LedgerLine *line)
{
    (void)context;
    (void)line;
    return OK;
}

static LedgerPlace
place_of(const Work *work)
{
    return work->newest.number > 0 ? work->newest.place : ledger_beginning();
}

Err
evidence_open(const Rules *rules, Secret *master, Evidence **ret_evidence)
{
    CLEANUP(evidence_closep) Evidence *e = mem_alloc(sizeof *e);
    CLEANUP(work_endp) Work work = { .lock = NULL };
    LedgerPlace from, end;

    e->arena = arena_new();
    e->rules = rules;
    e->master = master;
    e->dir = evidence_checkpoints_dir(e->arena, rules);
    e->ledger_path = arena_printf(e->arena, "%s/ledger.jsonl", rules->state_dir);
    e->key_path = evidence_key_path(e->arena, rules);
    e->next_path = arena_printf(e->arena, "%s.next", e->key_path);
    e->origin = evidence_origin(e->arena, rules);
    if (!file_exists(e->key_path) && !file_exists(e->dir))
        return err_new(ERR_CONFIG, "\"%s\" has no signing key yet: run \"expunge init\" first", rules->state_dir);
    TRY(work_begin(e, &work));
    from = place_of(&work);
    const Err judged = ledger_follow(e->ledger_path, &from, visit_nothing, NULL, &end);
    if (judged != OK)
        return work.newest.number == 0
                   ? judged
                   : err_note(judged, "the ledger does not go on from checkpoint %" PRId64, work.newest.number);
    *ret_evidence = e;
    e = NULL;
    return OK;
}

void
evidence_close(Evidence *evidence)
{
    if (evidence == NULL)
        return;
    secret_free(evidence->master);
    arena_free(evidence->arena);
    mem_free(evidence);
}

void
evidence_closep(Evidence **evidence)
{
    evidence_close(*evidence);
    *evidence = NULL;
}

/* -- a checkpoint --------------------------------------------------------------------------------------------------- */

static Err
visit_line(void *context, const LedgerLine *line)
{
    Checkpoint *c = context;
    const MerkleHash leaf = merkle_leaf(line->bytes, line->length);

    merkle_add(&c->tree, &leaf);
    c->place = line->place;
    return OK;
}

/* Whole seconds, never earlier than the checkpoint in front: ssh-keygen knows no smaller ones. */
static Instant
time_behind(const Checkpoint *newest)
{
    const Instant now = instant_now() / INSTANT_SECOND * INSTANT_SECOND;

    return newest->number > 0 && newest->time > now ? newest->time : now;
}

static Err
is_recorded(const Evidence *e, const Anchor *anchor, int64_t newest, bool *ret_recorded)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Checkpoint c;

    *ret_recorded = false;
    for (int64_t number = anchor->number + 1; number <= newest && !*ret_recorded; number++)
    {
        arena_reset(arena);
        TRY(checkpoints_load(arena, e->dir, number, &c));
        for (size_t i = 0; i < c.anchor_count; i++)
            *ret_recorded = *ret_recorded || (c.anchors[i].number == anchor->number &&
                                              text_equal(c.anchors[i].auditor, anchor->auditor) &&
                                              strcmp(c.anchors[i].digest, anchor->digest) == 0);
    }
    return OK;
}

/* Those that no checkpoint tells of yet. */
static Err
add_anchors(const Evidence *e, Work *work, Checkpoint *c, size_t *ret_bad)
{
    Anchor *found;
    size_t count, room = 0;
    bool recorded;

    TRY(evidence_find_anchors(work->arena, e->rules, work->newest.number, &found, &count));
    for (size_t i = 0; i < count; i++)
    {
        const bool known = found[i].auditor == NULL || found[i].key != NULL;
        if (!known || checkpoints_judge_anchor(work->arena, e->dir, &found[i]) != OK)
        {
            err_clear();
            (*ret_bad)++;
            continue;
        }
        TRY(is_recorded(e, &found[i], work->newest.number, &recorded));
        if (!recorded)
            ARENA_PUSH(work->arena, c->anchors, c->anchor_count, room, found[i]);
    }
    return OK;
}

/* next NULL: the key stays, and where nothing was appended nothing is signed. */
static Err
make(const Evidence *e, Work *work, const Signing *next, Sealed *ret_sealed)
{
    const Checkpoint *newest = &work->newest;
    LedgerPlace from = place_of(work), end;
    Checkpoint c = { .number = newest->number + 1, .origin = e->origin, .tree = newest->tree, .place = from };
    Sealed sealed = { .made = true };

    TRY(ledger_follow(e->ledger_path, &from, visit_line, &c, &end));
    if (end.size == from.size && next == NULL)
    {
        *ret_sealed = (Sealed){ .number = newest->number, .size = newest->place.size };
        memcpy(ret_sealed->digest, newest->digest, sizeof newest->digest);
        return OK;
    }
    c.time = time_behind(newest);
    c.root = merkle_root(&c.tree);
    memcpy(c.previous, newest->number > 0 ? newest->digest : ledger_beginning().head, sizeof c.previous);
    c.key_number = newest->number == 0 ? 1 : newest->key_number + (newest->ends_key ? 1 : 0);
    memcpy(c.key, work->signing.public_key, sizeof c.key);
    c.ends_key = next != NULL;
    if (next != NULL)
        memcpy(c.next_key, next->public_key, sizeof c.next_key);
    TRY(add_anchors(e, work, &c, &sealed.bad_anchors));
    TRY(checkpoints_save(e->dir, &work->signing, &c));
    sealed.number = c.number;
    sealed.size = c.place.size;
    memcpy(sealed.digest, c.digest, sizeof sealed.digest);
    *ret_sealed = sealed;
    return OK;
}

Err
evidence_seal(Evidence *e, Sealed *ret_sealed)
{
    CLEANUP(work_endp) Work work = { .lock = NULL };

    TRY(work_begin(e, &work));
    return make(e, &work, NULL, ret_sealed);
}

/* -- another key ---------------------------------------------------------------------------------------------------- */

static Err
announce(const Evidence *e, Ledger *ledger, const Work *work, const Signing *next)
{
    JsonDoc *fields = jsondoc_object();

    jsondoc_set_string(fields, "configuration", e->rules->config_digest);
    jsondoc_set_string(fields, "old_key", sshsig_key(work->arena, work->signing.public_key));
    jsondoc_set_string(fields, "new_key", sshsig_key(work->arena, next->public_key));
    return ledger_append(ledger, "signing_key", NULL, fields, NULL);
}

Err
evidence_rotate(Evidence *e, Ledger *ledger, Sealed *ret_sealed)
{
    CLEANUP(work_endp) Work work = { .lock = NULL };
    CLEANUP(signing_closep) Signing next = { .seed = NULL };

    TRY(work_begin(e, &work));
    TRY(signing_create(e->next_path, e->master));
    fault_point("rotate.made");
    TRY(signing_open(e->next_path, e->master, &next));
    TRY(announce(e, ledger, &work, &next));
    TRY(make(e, &work, &next, ret_sealed));
    fault_point("rotate.announced");
    return signing_replace(e->key_path, e->next_path);
}

/* -- for the auditor ------------------------------------------------------------------------------------------------ */

static Err
visit_keys(void *context, const Checkpoint *checkpoint)
{
    evidence_note_keys(context, checkpoint);
    return OK;
}

static Err
save_if_other(Arena *arena, const PublicFile *file)
{
    size_t length = 0;
    char *there = NULL;

    if (file_exists(file->path))
        TRY(file_load(arena, file->path, CHECKPOINTS_LIMIT, &there, &length));
    if (there != NULL && length == strlen(file->text) && memcmp(there, file->text, length) == 0)
        return OK;
    return file_save(file->path, file->text, strlen(file->text), 0644);
}

Err
evidence_publish(Evidence *e)
{
    CLEANUP(work_endp) Work work = { .lock = NULL };
    PublicFile *files;
    int64_t checkpoints;
    size_t count;

    TRY(work_begin(e, &work));
    SigningKeys keys = { .arena = work.arena };
    TRY(checkpoints_walk(e->dir, visit_keys, &keys, &checkpoints));
    if (keys.count == 0)
    {
        SigningKey only = { .from = INSTANT_NONE, .until = INSTANT_NONE };
        memcpy(only.key, work.signing.public_key, sizeof only.key);
        ARENA_PUSH(keys.arena, keys.list, keys.count, keys.room, only);
    }
    evidence_public_files(work.arena, e->rules, &keys, &files, &count);
    for (size_t i = 0; i < count; i++)
        TRY(save_if_other(work.arena, &files[i]));
    return OK;
}
