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

/* What is to go, of one round. */
typedef struct Doomed
{
    const S3Prefix *owners;
    size_t owner_count;
    S3Item item;
    bool is_refused;
    bool is_barred; /* by a hold that came since */
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
    const char *code; /* why something was refused last */
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
    p->code = arena_strdup(p->s3->store->arena, text_blank(code) ? "no reason given" : code);
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

static bool
is_barred(const Doomed *d)
{
    for (size_t o = 0; o < d->owner_count; o++)
        if (d->owners[o].owner->problem != NULL)
            return true;
    return false;
}

/* Holds that came meanwhile: what they bar is taken out of the batch.  A case of which something was refused waits as well. */
static Err
judge_again(const Purge *p, Doomed **batch, size_t *count)
{
    size_t kept = 0;

    TRY(copies_judge_again(p->s3->store, NULL, 0));
    for (size_t i = 0; i < *count; i++)
    {
        batch[i]->is_barred = is_barred(batch[i]);
        if (!batch[i]->is_barred)
            batch[kept++] = batch[i];
    }
    *count = kept;
    return OK;
}

static Err
delete_one(Purge *p, Arena *arena, Doomed *d)
{
    size_t count = 1;
    const S3Call call = { .method = "DELETE",
                          .key = d->item.key,
                          .query = arena_printf(arena, "%s=%s", d->item.is_upload ? "uploadId" : "versionId",
                                                http_escape(arena, d->item.id)),
                          .doing = d->item.is_upload ? "abort an upload in" : "delete a version in" };
    S3Answer answer;

    TRY(judge_again(p, &d, &count));
    if (count == 0)
        return OK;
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
delete_batch(Purge *p, Arena *arena, Doomed **batch, size_t count)
{
    TRY(judge_again(p, batch, &count));
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
        if (!p->list[i].is_refused && !p->list[i].is_barred && p->gone++ == 0)
            p->first_gone = &p->list[i].item;
    return OK;
}

/* -- rounds -------------------------------------------------------------------------------------------------------- */

static void
tell_refused(const Purge *p)
{
    for (size_t i = 0; i < p->count; i++)
        for (size_t o = 0; p->list[i].is_refused && o < p->list[i].owner_count; o++)
            p->list[i].owners[o].owner->problem =
                arena_printf(p->s3->store->arena, "the store refused to delete object versions of it (%s)", p->code);
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
        tell_refused(p);
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
    return run_rounds(&purge, &walk);
}
