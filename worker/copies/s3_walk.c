/* SPDX-License-Identifier: Apache-2.0 */
/* s3_walk.c -- the part of s3.h that finds what belongs to whom: one listing for many cases, or one for each. */
#include "copies/s3_private.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX ((size_t)1024) /* of an object: S3's own limit */
#define FEW ((size_t)4)              /* so many cases are asked for one by one */
#define PAGES_PER_CASE ((size_t)2)   /* versions and uploads */

static const char key_slot[] = "${key}";

const char *
s3_prefix_wrong(const char *prefix)
{
    const size_t length = strlen(prefix);

    return length == 0 || prefix[length - 1] != '/' ? "does not end in \"/\": it would fit longer keys as well" : NULL;
}

/* -- prefixes ------------------------------------------------------------------------------------------------------ */

static int
compare_prefixes(const void *a, const void *b)
{
    const S3Prefix *one = a, *two = b;
    int order = strcmp(one->before, two->before);

    if (order == 0)
        order = strcmp(one->behind, two->behind);
    return order == 0 ? strcmp(one->text, two->text) : order;
}

static S3Prefix
prefix_of(Arena *arena, const char *template, CopyCase *owner)
{
    const KeyedNames names = copies_names(owner);
    const char *slot = strstr(template, key_slot);

    return (S3Prefix){ .text = keyed_fill(arena, template, &names),
                       .before = keyed_fill(arena, arena_strndup(arena, template, (size_t)(slot - template)), &names),
                       .behind = keyed_fill(arena, slot + strlen(key_slot), &names),
                       .owner = owner };
}

void
s3_prefixes(S3 *s3, CopyCase *const *cases, size_t count, S3Walk *ret_walk)
{
    Arena *arena = s3->store->arena;
    S3Prefix *prefixes = ARENA_ARRAY(arena, S3Prefix, count + 1);
    size_t used = 0;

    for (size_t i = 0; i < count; i++)
    {
        prefixes[used] = prefix_of(arena, s3->rule->prefix, cases[i]);
        prefixes[used].index = i;
        if (keyed_is_no_name(cases[i]->key) || strlen(prefixes[used].text) > KEY_BYTES_MAX)
            cases[i]->problem =
                "its key cannot stand in an object's name (it is empty, too long, or has a slash): look "
                "for its copies by hand";
        else
            used++;
    }
    if (used > 1)
        qsort(prefixes, used, sizeof *prefixes, compare_prefixes);
    *ret_walk = (S3Walk){ .s3 = s3, .prefixes = prefixes, .count = used };
}

/* -- whose it is --------------------------------------------------------------------------------------------------- */

const S3Prefix *
s3_owner(Arena *arena, const S3Prefix *prefixes, size_t count, const char *key, size_t *ret_count)
{
    size_t low = 0, high = count;

    if (count == 0 || !text_starts(key, prefixes->before))
        return NULL;
    /* no subject's key has a slash: the prefix ends as far behind the first one as the template says */
    const char *slash = strchr(key + strlen(prefixes->before), '/');
    const size_t rest = strlen(strchr(prefixes->behind, '/'));
    if (slash == NULL || strnlen(slash, rest) < rest)
        return NULL;
    const char *wanted = arena_strndup(arena, key, (size_t)(slash - key) + rest);
    while (low < high)
    {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(prefixes[middle].text, wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < count && strcmp(prefixes[high].text, wanted) == 0; high++)
        ;
    *ret_count = high - low;
    return high > low ? &prefixes[low] : NULL;
}

void
s3_others(Arena *arena, const S3Prefix *owner, const char *name, const char ***ret_keys, size_t *ret_count)
{
    const char *from = name + strlen(owner->before);
    const char *own = name + strlen(owner->text) - strlen(owner->behind);
    size_t room = 0;

    *ret_keys = NULL;
    *ret_count = 0;
    for (const char *at = from + 1; from[0] != '\0' && *at != '\0'; at++)
        if (at != own && text_starts(at, owner->behind))
            ARENA_PUSH(arena, *ret_keys, *ret_count, room, arena_strndup(arena, from, (size_t)(at - from)));
}

/* -- one page ------------------------------------------------------------------------------------------------------ */

/* Prefixes that have before and behind in common, and what is being looked for among them. */
typedef struct Group
{
    S3Walk *walk;
    const S3Prefix *prefixes;
    size_t count;
    size_t pages_left; /* of the common listing */
} Group;

typedef struct Doubt
{
    const char *key;
    size_t found;
} Doubt;

typedef struct Doubts
{
    Doubt *list;
    size_t count;
    size_t room;
} Doubts;

static int
compare_doubts(const void *a, const void *b)
{
    return strcmp(((const Doubt *)a)->key, ((const Doubt *)b)->key);
}

/* All keys of a page are asked for at once; the cases of a group are of one kind and database as far as names tell them
 * apart. */
static Err
judge_doubts(const Group *group, Arena *arena, Doubts *doubts, S3Found *found)
{
    CopyStore *store = group->walk->s3->store;
    const char **keys = ARENA_ARRAY(arena, const char *, doubts->count + 1);
    bool *lives = ARENA_ARRAY(arena, bool, doubts->count + 1);
    size_t unique = 0;

    if (doubts->count == 0)
        return OK;
    qsort(doubts->list, doubts->count, sizeof *doubts->list, compare_doubts);
    for (size_t i = 0; i < doubts->count; i++)
        if (unique == 0 || strcmp(keys[unique - 1], doubts->list[i].key) != 0)
            keys[unique++] = doubts->list[i].key;
    TRY(store->living(store->context, group->prefixes->owner, keys, unique, lives));
    for (size_t i = 0, at = 0; i < doubts->count; i++)
    {
        while (strcmp(keys[at], doubts->list[i].key) != 0)
            at++;
        found[doubts->list[i].found].is_doubtful = found[doubts->list[i].found].is_doubtful || lives[at];
    }
    return OK;
}

static Err
visit_page(const Group *group, Arena *arena, const S3Page *page, bool *ret_enough)
{
    S3Found *found = ARENA_ARRAY(arena, S3Found, page->count + 1);
    Doubts doubts = { .list = NULL };
    size_t count = 0;

    for (size_t i = 0; i < page->count; i++)
    {
        S3Found *f = &found[count];
        const char **keys;
        size_t key_count;
        *f = (S3Found){ .item = &page->items[i] };
        f->owners = s3_owner(arena, group->prefixes, group->count, f->item->key, &f->owner_count);
        if (f->owners == NULL)
            continue;
        s3_others(arena, f->owners, f->item->key, &keys, &key_count);
        for (size_t k = 0; k < key_count; k++)
        {
            const Doubt doubt = { .key = keys[k], .found = count };
            ARENA_PUSH(arena, doubts.list, doubts.count, doubts.room, doubt);
        }
        count++;
    }
    TRY(judge_doubts(group, arena, &doubts, found));
    for (size_t i = 0; i < count && !*ret_enough; i++)
        TRY(group->walk->visit(group->walk->context, &found[i], ret_enough));
    return OK;
}

/* -- listings ------------------------------------------------------------------------------------------------------ */

/* Both listings below a prefix.  is_common: only so many pages, then the walk begins anew, case by case. */
static Err
list_below(Group *group, const char *prefix, bool is_common, bool *ret_enough)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    S3 *s3 = group->walk->s3;

    for (int uploads = 0; uploads <= 1 && !*ret_enough; uploads++)
    {
        S3Listing listing = { .prefix = prefix, .of_uploads = uploads == 1, .kept = s3->store->arena };
        S3Page page = { .is_last = false };
        while (!page.is_last && !*ret_enough)
        {
            if (is_common && group->pages_left-- == 0)
            {
                group->walk->restart = true;
                return OK;
            }
            if (s3->store->is_stopped())
                return err_new(ERR_PARTLY, "asked to stop while the bucket was listed");
            arena_reset(scratch);
            TRY(s3_page(s3, scratch, &listing, &page));
            TRY(visit_page(group, scratch, &page, ret_enough));
        }
    }
    return OK;
}

static Err
walk_group(Group *group, bool *ret_enough)
{
    if (group->count > FEW && !group->walk->each)
    {
        group->pages_left = PAGES_PER_CASE * group->count;
        return list_below(group, group->prefixes->before, true, ret_enough);
    }
    for (size_t i = 0; i < group->count && !*ret_enough; i++)
        if (i == 0 || strcmp(group->prefixes[i - 1].text, group->prefixes[i].text) != 0)
            TRY(list_below(group, group->prefixes[i].text, false, ret_enough));
    return OK;
}

static size_t
end_of_group(const S3Walk *walk, size_t first)
{
    size_t end = first;

    while (end < walk->count && strcmp(walk->prefixes[end].before, walk->prefixes[first].before) == 0 &&
           strcmp(walk->prefixes[end].behind, walk->prefixes[first].behind) == 0)
        end++;
    return end;
}

Err
s3_walk(S3Walk *walk)
{
    do
    {
        bool enough = false;
        walk->restart = false;
        walk->begin(walk->context);
        for (size_t first = 0, end; first < walk->count && !walk->restart && !enough; first = end)
        {
            end = end_of_group(walk, first);
            Group group = { .walk = walk, .prefixes = &walk->prefixes[first], .count = end - first };
            TRY(walk_group(&group, &enough));
        }
        walk->each = walk->each || walk->restart;
    } while (walk->restart);
    return OK;
}
