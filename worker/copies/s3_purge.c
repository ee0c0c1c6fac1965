/* SPDX-License-Identifier: Apache-2.0 */
/* s3_purge.c -- the part of s3.h that takes away: what was listed first, in batches, then listed again from the start. */
#include "copies/s3_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "model/shape.h"

#include <inttypes.h>
#include <string.h>

#define BATCH ((size_t)1000)         /* DeleteObjects: S3's own limit */
#define ROUND_ITEMS ((size_t)100000) /* so much is listed before it is deleted: some 20 MB */

/* Some of its versions were refused. */
typedef struct Refusal
{
    CopyCase *owner;
    const char *code;
} Refusal;

/* What is to go, of one round. */
typedef struct Doomed
{
    const S3Prefix *owners;
    size_t owner_count;
    S3Item item;
    bool is_refused; /* by the store, or by a hold that came meanwhile */
    const char *code;
} Doomed;

typedef struct Purge
{
    S3 *s3;
    Arena *round; /* ends with each */
    size_t skip;  /* so many were refused, one after the other from the start on */
    size_t passed;
    Doomed *list;
    size_t count;
    size_t room;
    size_t gone; /* the service says so */
    const S3Item *first_gone;
    Refusal *refusals;
    size_t refusal_count;
    size_t refusal_room;
} Purge;

/* -- listing what is to go ----------------------------------------------------------------------------------------- */

static void
begin(void *context)
{
    Purge *p = context;

    p->list = NULL;
    p->count = p->room = 0;
    p->passed = 0;
}

static Err
gather(void *context, const S3Found *found, bool *ret_enough)
{
    Purge *p = context;

    if (found->is_doubtful || p->passed++ < p->skip)
        return OK;
    const Doomed doomed = { .owners = found->owners,
                            .owner_count = found->owner_count,
                            .item = { .key = arena_strdup(p->round, found->item->key),
                                      .id = arena_strdup(p->round, found->item->id),
                                      .is_upload = found->item->is_upload,
                                      .is_marker = found->item->is_marker } };
    ARENA_PUSH(p->round, p->list, p->count, p->room, doomed);
    *ret_enough = p->count == ROUND_ITEMS;
    return OK;
}

/* -- deleting ------------------------------------------------------------------------------------------------------ */

static void
note_refused(Purge *p, Doomed *d, const char *code)
{
    d->is_refused = true;
    d->code = arena_strdup(p->s3->store->arena, text_blank(code) ? "no reason given" : code);
}

/* Holds that came since: what they keep stays. */
static bool
is_held(const Doomed *d)
{
    for (size_t o = 0; o < d->owner_count; o++)
        if (d->owners[o].owner->problem != NULL)
            return true;
    return false;
}

/* ret_count: of the batch, those that may go, at its beginning. */
static Err
judge_again(const Purge *p, Doomed **batch, size_t count, size_t *ret_count)
{
    *ret_count = 0;
    TRY(p->s3->store->judge_again(p->s3->store->context));
    for (size_t i = 0; i < count; i++)
    {
        batch[i]->is_refused = is_held(batch[i]);
        if (!batch[i]->is_refused)
            batch[(*ret_count)++] = batch[i];
    }
    return OK;
}

/* What is gone already was deleted as well. */
static bool
says_gone(const char *code)
{
    return text_equal(code, "NoSuchVersion") || text_equal(code, "NoSuchKey") || text_equal(code, "NoSuchUpload");
}

/* A refusal of one is no error: the others may go. */
static bool
is_of_one(const S3Answer *answer)
{
    return text_equal(answer->code, "AccessDenied") || text_equal(answer->code, "ObjectLocked") ||
           text_equal(answer->code, "InvalidRequest") || text_equal(answer->code, "MethodNotAllowed");
}

static Err
delete_one(Purge *p, Arena *arena, Doomed *d)
{
    size_t may_go;

    TRY(judge_again(p, &d, 1, &may_go));
    if (may_go == 0)
        return OK;
    const S3Call call = { .method = "DELETE",
                          .key = d->item.key,
                          .query = arena_printf(arena, "%s=%s", d->item.is_upload ? "uploadId" : "versionId",
                                                http_escape(arena, d->item.id)),
                          .doing = d->item.is_upload ? "abort an upload in" : "delete a version in" };
    S3Answer answer;

    TRY(s3_ask(p->s3, arena, &call, &answer));
    if (answer.code == NULL || says_gone(answer.code))
        return OK;
    if (!is_of_one(&answer))
        return s3_refusal(p->s3, &call, &answer);
    note_refused(p, d, answer.code);
    return OK;
}

/* XML cannot carry every key that S3 has: those are deleted one by one. */
static bool
is_fit_for_batch(const Doomed *d)
{
    const char *key = d->item.key;
    const size_t length = strlen(key);

    return !d->item.is_upload && shape_text(key) == NULL && key[0] != ' ' && key[length - 1] != ' ' &&
           strstr(key, "\xef\xbf\xbe") == NULL && strstr(key, "\xef\xbf\xbf") == NULL;
}

static const char *
batch_body(Arena *arena, Doomed *const *batch, size_t count)
{
    Text body = TEXT_INIT(arena);

    text_add(&body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (size_t i = 0; i < count; i++)
        text_addf(&body, "<Object><Key>%s</Key><VersionId>%s</VersionId></Object>",
                  xml_escape(arena, batch[i]->item.key), xml_escape(arena, batch[i]->item.id));
    text_add(&body, "</Delete>");
    return text_done(&body);
}

/* Status 200 says nothing of the single ones. */
static Err
read_result(Purge *p, const XmlNode *root, Doomed *const *batch, size_t count)
{
    for (const XmlNode *wrong = xml_child(root, "Error"); wrong != NULL; wrong = xml_next(wrong, "Error"))
    {
        const char *key = xml_text(wrong, "Key"), *id = xml_text(wrong, "VersionId"), *code = xml_text(wrong, "Code");
        bool found = false;
        for (size_t i = 0; i < count; i++)
            if (text_equal(batch[i]->item.key, key) && (text_blank(id) || text_equal(batch[i]->item.id, id)))
            {
                found = true;
                if (!says_gone(code))
                    note_refused(p, batch[i], s3_word(code));
            }
        if (!found)
            return err_new(ERR_IO, "it told of an error with an object that it was not asked to delete");
    }
    return OK;
}

static Err
delete_batch(Purge *p, Arena *arena, Doomed **batch, size_t listed)
{
    size_t count;

    TRY(judge_again(p, batch, listed, &count));
    if (count == 0)
        return OK;
    const char *body = batch_body(arena, batch, count);
    const S3Call call = { .method = "POST",
                          .query = "delete=",
                          .body = body,
                          .body_length = strlen(body),
                          .root = "DeleteResult",
                          .doing = "delete versions in" };
    S3Answer answer;

    fault_point("s3.delete");
    TRY(s3_demand(p->s3, arena, &call, &answer));
    fault_point("s3.deleted");
    return read_result(p, answer.root, batch, count);
}

static Err
delete_round(Purge *p)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Doomed **batch = ARENA_ARRAY(p->round, Doomed *, BATCH);
    size_t used = 0;

    for (size_t i = 0; i < p->count; i++)
    {
        if (p->s3->store->is_stopped())
            return err_new(ERR_PARTLY, "asked to stop while objects were deleted");
        if (is_fit_for_batch(&p->list[i]))
            batch[used++] = &p->list[i];
        else
            TRY(delete_one(p, scratch, &p->list[i]));
        if (used == BATCH || (used > 0 && i + 1 == p->count))
        {
            TRY(delete_batch(p, scratch, batch, used));
            used = 0;
        }
        if (used == 0)
            arena_reset(scratch);
    }
    p->gone = 0;
    p->first_gone = NULL;
    for (size_t i = 0; i < p->count; i++)
        if (!p->list[i].is_refused && p->gone++ == 0)
            p->first_gone = &p->list[i].item;
    return OK;
}

/* -- rounds -------------------------------------------------------------------------------------------------------- */

static void
note_refusals(Purge *p)
{
    for (size_t i = 0; i < p->count; i++)
        for (size_t o = 0; p->list[i].code != NULL && o < p->list[i].owner_count; o++)
        {
            const Refusal refusal = { .owner = p->list[i].owners[o].owner, .code = p->list[i].code };
            if (p->refusal_count == 0 || p->refusals[p->refusal_count - 1].owner != refusal.owner)
                ARENA_PUSH(p->s3->store->arena, p->refusals, p->refusal_count, p->refusal_room, refusal);
        }
}

/* At the end: until then, a problem is a hold's. */
static void
tell_refused(const Purge *p)
{
    for (size_t i = 0; i < p->refusal_count; i++)
        if (p->refusals[i].owner->problem == NULL)
            p->refusals[i].owner->problem = arena_printf(p->s3->store->arena,
                                                         "the store refused to delete object versions of it (%s)",
                                                         p->refusals[i].code);
}

/* Deleted, it says, and lists it again: asking once more changes nothing. */
static bool
is_stuck(const Purge *p, const char *key, const char *id)
{
    return key != NULL && p->first_gone != NULL && strcmp(p->first_gone->key, key) == 0 &&
           strcmp(p->first_gone->id, id) == 0;
}

static Err
run_rounds(Purge *p, S3Walk *walk)
{
    const char *key = NULL, *id = NULL;

    for (;;)
    {
        arena_reset(p->round);
        TRY(s3_walk(walk));
        fault_point("s3.listed");
        TRY(delete_round(p));
        note_refusals(p);
        if (p->gone == 0 && p->count < ROUND_ITEMS)
            return OK;
        if (is_stuck(p, key, id))
            return err_new(ERR_IO, "objects that it said it had deleted are still listed");
        p->skip += p->gone == 0 ? p->count : 0;
        key = p->first_gone == NULL ? NULL : arena_strdup(p->s3->store->arena, p->first_gone->key);
        id = p->first_gone == NULL ? NULL : arena_strdup(p->s3->store->arena, p->first_gone->id);
    }
}

Err
s3_purge(CopyStore *store, CopyCase *const *cases, size_t count)
{
    CLEANUP(s3_closep) S3 s3 = { .store = store };
    CLEANUP(arena_freep) Arena *round = arena_new();
    Purge purge = { .s3 = &s3, .round = round };
    S3Walk walk;

    TRY(s3_open(store, &s3));
    s3_prefixes(&s3, cases, count, &walk);
    walk.begin = begin;
    walk.visit = gather;
    walk.context = &purge;
    const Err e = run_rounds(&purge, &walk);
    tell_refused(&purge);
    return e;
}
