/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/directory.h"

#include "base/fault.h"
#include "base/text.h"
#include "wrap/dir.h"
#include "wrap/file.h"

#include <stdlib.h>
#include <string.h>

/* A file (or what stands in a file's place) that a case's pattern fits. */
typedef struct Found
{
    const char **way; /* directories below the store's path, then its own name */
    size_t depth;     /* how many directories */
    DirEntry entry;
    CopyCase **owners; /* whose it may be */
    size_t owner_count;
    size_t owner_room;
    const char **others; /* keys of nobody here that the name fits as well */
    size_t other_count;
    const CopyCase *about; /* one of the owners: kind and database of those keys */
    bool doubtful;         /* one of the others is there */
    bool linked;           /* it has names that the pattern does not fit */
} Found;

typedef struct Scan
{
    CopyStore *store;
    CopyCase *const *cases;
    size_t case_count;
    CopyCase **by_key; /* sorted by key */
    CopyCase **sorts;  /* one for each kind and database that stand in the pattern */
    size_t sort_count;
    char **components;
    size_t component_count;
    const char **way; /* to where the walk is */
    Found *found;
    size_t count;
    size_t room;
} Scan;

/* -- who owns a name ----------------------------------------------------------------------------------------------- */

static int
compare_keys(const void *a, const void *b)
{
    return strcmp((*(CopyCase *const *)a)->key, (*(CopyCase *const *)b)->key);
}

static size_t
first_of_key(const Scan *scan, const char *key)
{
    size_t low = 0, high = scan->case_count;

    while (low < high)
    {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(scan->by_key[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Cases of this key whose whole component fits: kind and database differ from case to case. */
static size_t
add_owners(const Scan *scan, const char *component, const char *name, const char *key, Found *found)
{
    size_t added = 0;

    for (size_t i = first_of_key(scan, key); i < scan->case_count && strcmp(scan->by_key[i]->key, key) == 0; i++)
    {
        const KeyedNames names = copies_names(scan->by_key[i]);
        if (!keyed_matches(component, &names, name))
            continue;
        ARENA_PUSH(scan->store->arena, found->owners, found->owner_count, found->owner_room, scan->by_key[i]);
        added++;
    }
    return added;
}

static bool
is_among(const char *const *keys, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* A component without a key: is it anybody's? */
static bool
fits_any(const Scan *scan, const char *component, const char *name)
{
    for (size_t c = 0; c < scan->sort_count; c++)
    {
        const KeyedNames names = copies_names(scan->sorts[c]);
        if (keyed_matches(component, &names, name))
            return true;
    }
    return false;
}

/* Whose is it?  All keys that the name could hold are looked at, once for each kind and database that stand in the pattern. */
static void
judge_name(const Scan *scan, const char *component, const char *name, Found *found)
{
    Arena *arena = scan->store->arena;
    size_t room = 0;

    for (size_t c = 0; c < scan->sort_count; c++)
    {
        const KeyedNames names = copies_names(scan->sorts[c]);
        const char **keys;
        size_t count;
        keyed_candidates(arena, component, &names, name, &keys, &count);
        for (size_t k = 0; k < count; k++)
            if (!is_among(keys, k, keys[k]) && add_owners(scan, component, name, keys[k], found) == 0 &&
                !is_among(found->others, found->other_count, keys[k]))
                ARENA_PUSH(arena, found->others, found->other_count, room, keys[k]);
    }
}

/* -- the walk ------------------------------------------------------------------------------------------------------ */

static Err walk(Scan *scan, Dir *dir, size_t depth, const Found *owned);

/* Every component of the way, with the case's own kind and database. */
static bool
fits_whole(const Scan *scan, const CopyCase *about, const Found *found)
{
    const KeyedNames names = copies_names(about);

    for (size_t i = 0; i <= found->depth; i++)
        if (!keyed_matches(scan->components[i], &names, found->way[i]))
            return false;
    return true;
}

static void
add_found(Scan *scan, size_t depth, const DirEntry *entry, const Found *owned)
{
    Found found = *owned;

    found.depth = depth;
    found.way = ARENA_ARRAY(scan->store->arena, const char *, depth + 1);
    memcpy(found.way, scan->way, depth * sizeof *found.way);
    found.way[depth] = entry->name;
    found.entry = *entry;
    found.owners = ARENA_ARRAY(scan->store->arena, CopyCase *, owned->owner_count);
    found.owner_count = 0;
    for (size_t i = 0; i < owned->owner_count; i++)
        if (fits_whole(scan, owned->owners[i], &found))
            found.owners[found.owner_count++] = owned->owners[i];
    if (found.owner_count == 0)
        return;
    found.about = found.owners[0];
    ARENA_PUSH(scan->store->arena, scan->found, scan->count, scan->room, found);
}

/* owned: whose all is that lies here; NULL: the key stands further down. */
static Err
visit(Scan *scan, Dir *dir, size_t depth, const char *name, const Found *owned)
{
    const char *component = scan->components[depth];
    const bool last = depth + 1 == scan->component_count;
    Found here = { 0 };
    DirEntry entry;
    bool there;

    if (owned == NULL && keyed_holds(component, "${key}"))
    {
        judge_name(scan, component, name, &here);
        if (here.owner_count == 0)
            return OK;
        owned = &here;
    }
    else if (!fits_any(scan, component, name))
        return OK;
    TRY(dir_look(scan->store->arena, dir, name, &entry, &there));
    if (!there)
        return OK;
    if (last || (owned != NULL && entry.type == DIR_LINK))
    {
        if (owned != NULL)
            add_found(scan, depth, &entry, owned);
        return OK;
    }
    CLEANUP(dir_closep) Dir *below = NULL;
    TRY(dir_open_below(dir, name, &below));
    scan->way[depth] = entry.name;
    return below == NULL ? OK : walk(scan, below, depth + 1, owned);
}

static Err
walk(Scan *scan, Dir *dir, size_t depth, const Found *owned)
{
    char **names;
    size_t count;

    TRY(dir_names(scan->store->arena, dir, &names, &count));
    for (size_t i = 0; i < count; i++)
        TRY(visit(scan, dir, depth, names[i], owned));
    return OK;
}

/* -- what may be taken --------------------------------------------------------------------------------------------- */

static Err
judge_doubts(Scan *scan)
{
    CopyStore *store = scan->store;

    for (size_t i = 0; i < scan->count; i++)
    {
        Found *f = &scan->found[i];
        bool *lives = ARENA_ARRAY(store->arena, bool, f->other_count + 1);
        if (f->other_count == 0)
            continue;
        TRY(store->living(store->context, f->about, f->others, f->other_count, lives));
        for (size_t k = 0; k < f->other_count; k++)
            f->doubtful = f->doubtful || lives[k];
    }
    return OK;
}

static int
compare_inodes(const void *a, const void *b)
{
    const DirEntry *x = &(*(Found *const *)a)->entry, *y = &(*(Found *const *)b)->entry;

    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* Bytes with a name elsewhere are not gone when this one is removed. */
static void
judge_links(Scan *scan)
{
    Found **sorted = ARENA_ARRAY(scan->store->arena, Found *, scan->count + 1);

    for (size_t i = 0; i < scan->count; i++)
        sorted[i] = &scan->found[i];
    if (scan->count > 1)
        qsort(sorted, scan->count, sizeof(Found *), compare_inodes);
    for (size_t first = 0, end; first < scan->count; first = end)
    {
        for (end = first + 1; end < scan->count && compare_inodes(&sorted[first], &sorted[end]) == 0; end++)
            ;
        for (size_t i = first; i < end; i++)
            sorted[i]->linked = sorted[i]->entry.type == DIR_FILE && sorted[i]->entry.links > end - first;
    }
}

static Err
judge_marker(const CopyStore *store, const Dir *root)
{
    DirEntry entry;
    bool there = true;

    if (store->rule->marker != NULL)
        TRY(dir_look(store->arena, root, store->rule->marker, &entry, &there));
    return there ? OK
                 : err_new(ERR_IO, "there is no \"%s\" in \"%s\": the right file system is not mounted there",
                           store->rule->marker, store->rule->path);
}

static void
find_sorts(Scan *scan)
{
    const char *match = scan->store->rule->match;
    const bool kinds = keyed_holds(match, "${kind}"), databases = keyed_holds(match, "${database}");

    scan->sorts = ARENA_ARRAY(scan->store->arena, CopyCase *, scan->case_count + 1);
    for (size_t c = 0; c < scan->case_count; c++)
    {
        const CopyCase *about = scan->cases[c];
        bool seen = false;
        for (size_t i = 0; i < scan->sort_count && !seen; i++)
            seen = (!kinds || text_equal(scan->sorts[i]->kind, about->kind)) &&
                   (!databases || text_equal(scan->sorts[i]->database, about->database));
        if (!seen)
            scan->sorts[scan->sort_count++] = scan->cases[c];
    }
}

/* ret_root stays open for the removal. */
static Err
scan_store(CopyStore *store, CopyCase *const *cases, size_t count, Scan *ret_scan, Dir **ret_root)
{
    CLEANUP(dir_closep) Dir *root = NULL;
    Scan scan = { .store = store, .cases = cases, .case_count = count };
    size_t room = 0;
    char *rest = arena_strdup(store->arena, store->rule->match);

    for (char *part; (part = strsep(&rest, "/")) != NULL;)
        ARENA_PUSH(store->arena, scan.components, scan.component_count, room, part);
    scan.way = ARENA_ARRAY(store->arena, const char *, scan.component_count);
    scan.by_key = ARENA_ARRAY(store->arena, CopyCase *, count + 1);
    memcpy(scan.by_key, cases, count * sizeof *cases);
    qsort(scan.by_key, count, sizeof *scan.by_key, compare_keys);
    find_sorts(&scan);
    TRY(dir_open(store->rule->path, &root));
    TRY(judge_marker(store, root));
    TRY(walk(&scan, root, 0, NULL));
    TRY(judge_doubts(&scan));
    judge_links(&scan);
    *ret_scan = scan;
    if (ret_root != NULL)
    {
        *ret_root = root;
        root = NULL;
    }
    return OK;
}

/* -- the verbs ----------------------------------------------------------------------------------------------------- */

/* Why a found file is not taken; NULL: it is. */
static const char *
obstacle(const Found *f)
{
    if (f->entry.type == DIR_LINK)
        return "a symbolic link has its name: it is not followed; look where it leads";
    if (f->entry.type != DIR_FILE)
        return "a directory or something else that is no file has its name: look what it is";
    if (f->doubtful)
        return "a file's name could be another subject's, who is there: write \"match\" so that it fits one key alone";
    return f->linked ? "a file has another name elsewhere (a hard link): its bytes would stay" : NULL;
}

static Err
directory_list(CopyStore *store, CopyCase *const *cases, size_t count)
{
    Scan scan;

    for (size_t i = 0; i < count; i++)
        if (keyed_is_no_name(cases[i]->key))
            return err_new(ERR_RAIL,
                           "a key that is no part of a file's name (empty, or with a slash) cannot be looked "
                           "for: store \"%s\" is not for such keys",
                           store->rule->name);
    TRY(scan_store(store, cases, count, &scan, NULL));
    copies_none(cases, count);
    for (size_t i = 0; i < scan.count; i++)
        for (size_t o = 0; o < scan.found[i].owner_count; o++)
        {
            CopyCase *owner = scan.found[i].owners[o];
            const char *why = obstacle(&scan.found[i]);
            owner->state = COPY_PRESENT;
            owner->items++;
            owner->problem = why != NULL ? why : owner->problem;
        }
    return OK;
}

static Err
open_way(const Dir *root, const Found *f, Dir **ret_dir)
{
    CLEANUP(dir_closep) Dir *dir = NULL;

    *ret_dir = NULL;
    for (size_t i = 0; i < f->depth; i++)
    {
        Dir *below;
        TRY(dir_open_below(dir == NULL ? root : dir, f->way[i], &below));
        dir_close(dir);
        dir = below;
        if (dir == NULL)
            return OK;
    }
    *ret_dir = dir;
    dir = NULL;
    return OK;
}

static Err
remove_one(const Dir *root, const Found *f)
{
    CLEANUP(dir_closep) Dir *own = NULL;
    uint64_t links;

    TRY(open_way(root, f, &own));
    if (own == NULL && f->depth > 0)
        return OK; /* its directory went meanwhile */
    const Dir *dir = f->depth == 0 ? root : own;
    fault_point("directory.remove");
    TRY(dir_remove(dir, &f->entry, &links));
    fault_point("directory.removed");
    TRY(dir_sync(dir));
    if (links >= f->entry.links && links > 0)
        return err_new(ERR_AGAIN, "a file in \"%s\" got another name while it was removed: its bytes are still there",
                       dir_path(root));
    return OK;
}

static Err
directory_purge(CopyStore *store, CopyCase *const *cases, size_t count)
{
    CLEANUP(dir_closep) Dir *root = NULL;
    Scan scan;

    TRY(scan_store(store, cases, count, &scan, &root));
    for (size_t i = 0; i < scan.count; i++)
    {
        const Found *f = &scan.found[i];
        if (obstacle(f) != NULL)
            continue;
        const Err e = copies_judge_again(store, f->owners, f->owner_count);
        if (e != OK && e != ERR_HELD)
            return e;
        if (e == OK)
            TRY(remove_one(root, f));
        err_clear();
    }
    return OK;
}

static void
directory_inspect(CopyStore *store, CopyFindings *findings)
{
    CLEANUP(dir_closep) Dir *root = NULL;
    Err e = dir_open(store->rule->path, &root);

    if (e == OK)
        e = judge_marker(store, root);
    if (e != OK)
        copies_find_story(findings, e,
                          "mount it, or let the user that runs expunge reach it (ReadWritePaths= of the unit)");
    else if (!file_is_writable(store->rule->path))
        copies_find(findings, ERR_PERMISSION,
                    arena_printf(findings->arena, "\"%s\" is not writable: no copy can be removed there",
                                 store->rule->path),
                    "let the user that runs expunge write there (its group, ReadWritePaths= of the unit)");
}

const CopyKind directory_kind = {
    .name = "directory",
    .roles = 1U << STORE_SNAPSHOTS | 1U << STORE_COPIES,
    .list = directory_list,
    .purge = directory_purge,
    .inspect = directory_inspect,
};
