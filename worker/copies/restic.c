/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/restic.h"

#include "base/fault.h"
#include "base/text.h"
#include "copies/tool.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_AT_ONCE ((size_t)500) /* ids of 64 characters: far below what the system allows for arguments */

typedef struct Repository
{
    CopyStore *store;
    CopyCase *const *cases;
    size_t count;
    const char *settings[3]; /* never an argument: restic reads them from its environment */
} Repository;

static Err
open_repository(CopyStore *store, CopyCase *const *cases, size_t count, Repository *ret)
{
    const char *password;

    TRY(copies_secret_path(store->arena, store->rule, "password", store->rule->password, &password));
    *ret = (Repository){ .store = store,
                         .cases = cases,
                         .count = count,
                         .settings = { arena_printf(store->arena, "RESTIC_REPOSITORY=%s", store->rule->repository),
                                       arena_printf(store->arena, "RESTIC_PASSWORD_FILE=%s", password), NULL } };
    return OK;
}

static Err
call(const Repository *r, const char *const *argv, ProgramResult *ret_result)
{
    const Tool tool = { .argv = argv, .settings = r->settings };

    return tool_run(r->store, &tool, r->cases, r->count, ret_result);
}

/* -- locks --------------------------------------------------------------------------------------------------------- */

static Err
ask_locked(const Repository *r, bool *ret_locked)
{
    static const char *const argv[] = { "restic", "list", "locks", "--no-lock", "--no-cache", NULL };
    ProgramResult result;

    TRY(call(r, argv, &result));
    *ret_locked = !text_blank(result.output);
    return OK;
}

/* Locks of processes that are dead go; one of a living one stays: a backup under way would not be seen. */
static Err
refuse_locked(const Repository *r)
{
    static const char *const argv[] = { "restic", "unlock", "--no-cache", "--quiet", NULL };
    bool locked;

    TRY(ask_locked(r, &locked));
    if (!locked)
        return OK;
    TRY(call(r, argv, NULL));
    TRY(ask_locked(r, &locked));
    return locked ? err_new(ERR_AGAIN, "another process has locked the repository") : OK;
}

/* -- snapshots ----------------------------------------------------------------------------------------------------- */

typedef struct Tagged
{
    size_t owner; /* among the cases */
    const char *id;
    bool shared; /* it names somebody else as well, who is not to go */
} Tagged;

typedef struct Tag
{
    const char *text;
    size_t owner; /* among the cases */
} Tag;

typedef struct Listing
{
    JsonDoc *doc;
    Tag *tags; /* one for each case, sorted */
    Tagged *list;
    size_t count;
    size_t room;
} Listing;

static void
close_listingp(Listing *listing)
{
    jsondoc_freep(&listing->doc);
}

static bool
is_id(const char *id)
{
    return id != NULL && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

static int
compare_tags(const void *a, const void *b)
{
    return strcmp(((const Tag *)a)->text, ((const Tag *)b)->text);
}

/* Of this text, and those that follow. */
static size_t
first_tag(const Listing *listing, size_t count, const char *text)
{
    size_t low = 0, high = count;

    while (low < high)
    {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(listing->tags[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A tag of this form with a key that is none of the cases': another subject's. */
static bool
names_other(const Repository *r, const char *tag)
{
    const char *template = r->store->rule->tag;
    const bool varies = keyed_holds(template, "${kind}") || keyed_holds(template, "${database}");
    const char **keys;
    size_t count = 0;

    for (size_t c = 0; c < (varies ? r->count : 1) && count == 0; c++)
    {
        const KeyedNames names = copies_names(r->cases[c]);
        keyed_candidates(r->store->arena, template, &names, tag, &keys, &count);
    }
    return count > 0;
}

static Err
read_snapshot(const Repository *r, const JsonDoc *snapshot, Listing *listing)
{
    const char *id = jsondoc_get_string(snapshot, "id");
    const JsonDoc *tags = jsondoc_get(snapshot, "tags");
    const size_t before = listing->count;
    bool shared = false;

    if (!is_id(id) || (tags != NULL && !jsondoc_is_array(tags)))
        return err_new(ERR_IO, "\"restic\" listed a snapshot without an id, or with tags that are no list");
    for (size_t t = 0; t < jsondoc_count(tags); t++)
    {
        const char *text = jsondoc_text(jsondoc_at(tags, t));
        if (text == NULL)
            return err_new(ERR_IO, "\"restic\" listed a snapshot with a tag that is no text");
        size_t at = first_tag(listing, r->count, text);
        if (at == r->count || strcmp(listing->tags[at].text, text) != 0)
            shared = shared || names_other(r, text);
        for (; at < r->count && strcmp(listing->tags[at].text, text) == 0; at++)
        {
            const Tagged tagged = { .owner = listing->tags[at].owner, .id = id };
            ARENA_PUSH(r->store->arena, listing->list, listing->count, listing->room, tagged);
        }
    }
    for (size_t i = before; i < listing->count; i++)
        listing->list[i].shared = shared;
    return OK;
}

/* Once for all cases, whatever their number; and no key is an argument. */
static Err
list_snapshots(const Repository *r, Listing *listing)
{
    static const char *const argv[] = { "restic", "snapshots", "--json", "--no-lock", "--no-cache", NULL };
    const Tool tool = { .argv = argv };
    ProgramResult result;

    listing->tags = ARENA_ARRAY(r->store->arena, Tag, r->count + 1);
    for (size_t c = 0; c < r->count; c++)
    {
        const KeyedNames names = copies_names(r->cases[c]);
        listing->tags[c] = (Tag){ keyed_fill(r->store->arena, r->store->rule->tag, &names), c };
    }
    qsort(listing->tags, r->count, sizeof *listing->tags, compare_tags);
    TRY(call(r, argv, &result));
    TRY(tool_json(&tool, result.output, result.output_bytes, &listing->doc));
    if (!jsondoc_is_array(listing->doc))
        return err_new(ERR_IO, "\"restic\" answered what is no list of snapshots");
    for (size_t s = 0; s < jsondoc_count(listing->doc); s++)
        TRY(read_snapshot(r, jsondoc_at(listing->doc, s), listing));
    return OK;
}

/* -- the verbs ----------------------------------------------------------------------------------------------------- */

/* What no snapshot needs can be read from the repository's files as long as it is in them. */
static Err
prune(const Repository *r)
{
    static const char *const pruning[] = { "restic", "prune", "--max-unused", "0", "--no-cache", "--quiet", NULL };
    static const char *const checking[] = { "restic", "check", "--no-cache", "--quiet", NULL };

    fault_point("restic.prune");
    TRY(call(r, pruning, NULL));
    fault_point("restic.pruned");
    return call(r, checking, NULL);
}

static Err
restic_list(CopyStore *store, CopyCase *const *cases, size_t count)
{
    CLEANUP(close_listingp) Listing listing = { .doc = NULL };
    bool *found = ARENA_ARRAY(store->arena, bool, count + 1);
    size_t gone = count;
    Repository r;

    TRY(open_repository(store, cases, count, &r));
    TRY(refuse_locked(&r));
    TRY(list_snapshots(&r, &listing));
    for (size_t i = 0; i < listing.count; i++)
    {
        gone -= found[listing.list[i].owner] ? 0 : 1;
        found[listing.list[i].owner] = true;
    }
    if (gone > 0)
        TRY(prune(&r));
    copies_none(cases, count);
    for (size_t i = 0; i < listing.count; i++)
    {
        CopyCase *owner = cases[listing.list[i].owner];
        owner->state = COPY_PRESENT;
        owner->items++;
        if (listing.list[i].shared)
            owner->problem =
                "a snapshot has another subject's tag as well: it is not forgotten; make one for each subject";
    }
    return OK;
}

static int
compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Err
forget(const Repository *r, const char **ids, size_t count)
{
    const char **argv = ARENA_ARRAY(r->store->arena, const char *, FORGET_AT_ONCE + 5);

    for (size_t at = 0; at < count;)
    {
        size_t used = 0;
        argv[used++] = "restic";
        argv[used++] = "forget";
        argv[used++] = "--no-cache";
        argv[used++] = "--quiet";
        for (size_t i = 0; i < FORGET_AT_ONCE && at < count; i++)
            argv[used++] = ids[at++];
        argv[used] = NULL;
        TRY(copies_judge_again(r->store, r->cases, r->count));
        fault_point("restic.forget");
        TRY(call(r, argv, NULL));
        fault_point("restic.forgot");
    }
    return OK;
}

static Err
restic_purge(CopyStore *store, CopyCase *const *cases, size_t count)
{
    CLEANUP(close_listingp) Listing listing = { .doc = NULL };
    size_t used = 0;
    Repository r;

    TRY(open_repository(store, cases, count, &r));
    TRY(refuse_locked(&r));
    TRY(list_snapshots(&r, &listing));
    const char **ids = ARENA_ARRAY(store->arena, const char *, listing.count + 1);
    for (size_t i = 0; i < listing.count; i++)
        if (!listing.list[i].shared)
            ids[used++] = listing.list[i].id;
    if (used > 1)
        qsort(ids, used, sizeof *ids, compare_ids);
    size_t unique = 0;
    for (size_t i = 0; i < used; i++)
        if (unique == 0 || strcmp(ids[unique - 1], ids[i]) != 0)
            ids[unique++] = ids[i];
    return forget(&r, ids, unique);
}

static void
restic_inspect(CopyStore *store, CopyFindings *findings)
{
    static const char *const argv[] = { "restic", "snapshots", "--json", "--no-lock", "--no-cache", NULL };
    Repository r;
    const char *path;
    Err e = program_find(findings->arena, "restic", &path);

    if (e != OK)
    {
        copies_find_story(findings, e, "apt-get install restic");
        return;
    }
    e = open_repository(store, NULL, 0, &r);
    if (e == OK)
        e = call(&r, argv, NULL);
    if (e != OK)
        copies_find_story(findings, e,
                          "let the user that runs expunge reach the repository, and give it the right password");
}

const CopyKind restic_kind = {
    .name = "restic",
    .roles = 1U << STORE_COPIES,
    .list = restic_list,
    .purge = restic_purge,
    .inspect = restic_inspect,
};
