/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/s3.h"

#include "base/text.h"
#include "copies/s3_private.h"

#include <inttypes.h>
#include <string.h>

#define LOOKS ((size_t)1000) /* versions of one case that are asked until when they are locked; two requests each */

/* -- looking ------------------------------------------------------------------------------------------------------- */

/* What was seen of a case. */
typedef struct Seen
{
    bool is_asked; /* its key can stand in a prefix */
    int64_t count;
    bool is_doubtful;
    bool wants_locks;
    S3Item *items; /* LOOKS of them, and one more, where locks are wanted */
    size_t item_count;
    size_t room;
} Seen;

typedef struct Look
{
    S3 *s3;
    CopyCase *const *cases;
    size_t count;
    Seen *seen; /* one for each case */
} Look;

static void
begin(void *context)
{
    const Look *look = context;

    for (size_t i = 0; i < look->count; i++)
    {
        look->seen[i].count = 0;
        look->seen[i].is_doubtful = false;
        look->seen[i].item_count = 0;
    }
}

static Err
take(void *context, const S3Found *found, bool *ret_enough)
{
    const Look *look = context;
    Arena *arena = look->s3->store->arena;

    (void)ret_enough;
    for (size_t o = 0; o < found->owner_count; o++)
    {
        Seen *seen = &look->seen[found->owners[o].index];
        seen->count++;
        seen->is_doubtful = seen->is_doubtful || found->is_doubtful;
        if (!seen->wants_locks || seen->item_count > LOOKS)
            continue;
        const S3Item item = { .key = arena_strdup(arena, found->item->key),
                              .id = arena_strdup(arena, found->item->id),
                              .is_upload = found->item->is_upload,
                              .is_marker = found->item->is_marker };
        ARENA_PUSH(arena, seen->items, seen->item_count, seen->room, item);
    }
    return OK;
}

/* -- locks --------------------------------------------------------------------------------------------------------- */

typedef struct Locked
{
    int64_t held; /* by a legal hold */
    int64_t locked;
    Instant until; /* the last of them */
    const char *mode;
} Locked;

static Err
ask_locks(const Look *look, const Seen *seen, Locked *ret)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Locked sum = { .until = INSTANT_NONE };

    for (size_t i = 0; i < seen->item_count && i < LOOKS; i++)
    {
        S3Lock lock;
        arena_reset(scratch);
        TRY(s3_lock_of(look->s3, scratch, &seen->items[i], &lock));
        if (lock.is_held)
            sum.held++;
        else if (lock.until != INSTANT_NONE && lock.until > look->s3->store->now)
        {
            sum.locked++;
            sum.mode = lock.mode;
            sum.until = lock.until > sum.until ? lock.until : sum.until;
        }
    }
    *ret = sum;
    return OK;
}

/* All that is left is locked: nothing can be done before that ends. */
static void
tell_locked(const Look *look, const Seen *seen, const Locked *sum, CopyCase *c)
{
    Arena *arena = look->s3->store->arena;
    const bool more = seen->item_count > LOOKS;

    c->state = COPY_DATED;
    c->until = more ? INSTANT_NONE : sum->until;
    c->detail = more ? arena_printf(arena, "object lock (%s), more than %zu versions, some until %s", sum->mode, LOOKS,
                                    instant_format(arena, sum->until))
                     : arena_printf(arena, "object lock (%s), until %s", sum->mode, instant_format(arena, sum->until));
    c->problem = NULL;
}

static Err
judge_locks(const Look *look, const Seen *seen, CopyCase *c)
{
    Locked sum;
    const Err e = ask_locks(look, seen, &sum);

    if (e == ERR_PERMISSION || e == ERR_CONFIG) /* it will not say so of this one */
    {
        c->problem = arena_strdup(look->s3->store->arena, err_joined());
        err_clear();
        return OK;
    }
    TRY(e);
    if (sum.held > 0)
        c->problem = arena_printf(look->s3->store->arena,
                                  "a legal hold is on %" PRId64 " object version(s) of it: who placed it must lift it",
                                  sum.held);
    else if ((size_t)sum.locked == (seen->item_count < LOOKS ? seen->item_count : LOOKS))
        tell_locked(look, seen, &sum, c);
    return OK;
}

/* -- the verbs ----------------------------------------------------------------------------------------------------- */

static void
settle(const Look *look)
{
    for (size_t i = 0; i < look->count; i++)
    {
        const Seen *seen = &look->seen[i];
        CopyCase *c = look->cases[i];
        if (!seen->is_asked)
            continue;
        c->state = seen->count == 0 ? COPY_GONE : COPY_PRESENT;
        c->items = seen->count;
        c->until = INSTANT_NONE;
        c->detail = NULL;
        if (seen->count == 0)
            c->problem = NULL;
        else if (seen->is_doubtful)
            c->problem = "an object below its prefix could be another subject's, who is there: its key has a slash";
    }
}

static Err
settle_locks(const Look *look)
{
    bool any = false, possible;

    for (size_t i = 0; i < look->count; i++)
        any = any || look->seen[i].item_count > 0;
    if (!any)
        return OK;
    TRY(s3_lock_possible(look->s3, &possible));
    for (size_t i = 0; i < look->count && possible; i++)
        if (look->seen[i].item_count > 0 && !look->seen[i].is_doubtful)
            TRY(judge_locks(look, &look->seen[i], look->cases[i]));
    return OK;
}

static Err
look_at(CopyStore *store, CopyCase *const *cases, size_t count, bool after_purge)
{
    CLEANUP(s3_closep) S3 s3 = { .store = store };
    Look look = { .s3 = &s3, .cases = cases, .count = count, .seen = ARENA_ARRAY(store->arena, Seen, count + 1) };
    S3Walk walk;

    TRY(s3_open(store, &s3));
    s3_prefixes(&s3, cases, count, &walk);
    walk.begin = begin;
    walk.visit = take;
    walk.context = &look;
    for (size_t i = 0; i < walk.count; i++)
    {
        Seen *seen = &look.seen[walk.prefixes[i].index];
        seen->is_asked = true;
        seen->wants_locks = after_purge || walk.prefixes[i].owner->state == COPY_DATED;
    }
    TRY(s3_walk(&walk));
    settle(&look);
    return settle_locks(&look);
}

static Err
s3_list(CopyStore *store, CopyCase *const *cases, size_t count)
{
    return look_at(store, cases, count, false);
}

static Err
s3_verify(CopyStore *store, CopyCase *const *cases, size_t count)
{
    return look_at(store, cases, count, true);
}

/* -- check --------------------------------------------------------------------------------------------------------- */

/* What a run would ask first: that it is answered, the access key may ask it, and the signature is right. */
static Err
try_listings(S3 *s3)
{
    const char *prefix = s3->rule->prefix;
    const char *common = prefix == NULL ? "" : arena_strndup(s3->store->arena, prefix, strcspn(prefix, "$"));

    for (int uploads = 0; uploads <= 1; uploads++)
    {
        S3Listing listing = { .prefix = common, .of_uploads = uploads == 1, .kept = s3->store->arena };
        S3Page page;
        TRY(s3_page(s3, s3->store->arena, &listing, &page));
    }
    return OK;
}

/* NULL: it would not say. */
static const XmlNode *
ask_bucket(S3 *s3, const char *query, const char *root)
{
    const S3Call call = { .method = "GET", .query = query, .root = root, .doing = "tell of" };
    S3Answer answer;

    if (s3_ask(s3, s3->store->arena, &call, &answer) != OK)
    {
        err_clear();
        return NULL;
    }
    return answer.code == NULL ? answer.root : NULL;
}

static void
inspect_bucket(S3 *s3, CopyFindings *findings)
{
    const XmlNode *versioning = ask_bucket(s3, "versioning=", "VersioningConfiguration");

    if (text_equal(xml_text(versioning, "MfaDelete"), "Enabled"))
        copies_find(findings, ERR_CONFIG,
                    "the bucket wants a second factor for each deletion (MFA delete): no version "
                    "can be taken away",
                    "switch MFA delete off");
    if (xml_child(ask_bucket(s3, "replication=", "ReplicationConfiguration"), "Rule") != NULL)
        copies_find(findings, OK, "the bucket is replicated: the copies in the other bucket are not looked for here",
                    "make a store of the other bucket, too");
    if (ask_bucket(s3, "object-lock=", "ObjectLockConfiguration") != NULL)
        copies_find(findings, OK,
                    "object lock is switched on: what is locked stays until its date, and its disposal "
                    "is not cleared before",
                    "no retention, or one that ends within the promised window");
}

static void
s3_inspect(CopyStore *store, CopyFindings *findings)
{
    CLEANUP(s3_closep) S3 s3 = { .store = store };
    Err e = s3_open(store, &s3);

    if (e == OK)
        e = try_listings(&s3);
    if (e != OK)
        copies_find_story(findings, e,
                          "let this machine reach the endpoint (IPAddressAllow= of the unit), and the access key list "
                          "and delete versions and uploads");
    else
        inspect_bucket(&s3, findings);
}

const CopyKind s3_kind = {
    .name = "s3",
    .roles = 1U << STORE_SNAPSHOTS | 1U << STORE_COPIES,
    .list = s3_list,
    .purge = s3_purge,
    .verify = s3_verify,
    .inspect = s3_inspect,
};
