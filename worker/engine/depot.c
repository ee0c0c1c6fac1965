/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/depot.h"

#include "base/fault.h"
#include "base/text.h"
#include "copies/s3_place.h"
#include "engine/settings_processors.h"
#include "engine/stop.h"
#include "store/snapshots.h"
#include "wrap/file.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FETCHED ".fetched-" /* and a process's id */

/* ret_rule: the store; NULL where it is a directory alone. */
static Err
find_bucket(Session *session, const char *name, const StoreRule **ret_rule)
{
    const StoreRule *rule = name == NULL ? NULL : rules_store(session->rules, name);

    if (rule == NULL)
        return err_new(ERR_CONFIG, "the configuration has no store \"%s\"", name == NULL ? "" : name);
    *ret_rule = text_equal(rule->kind, "s3") ? rule : NULL;
    return OK;
}

static Err
open_bucket(Session *session, Arena *arena, const StoreRule *rule, CopyStore *ret_store)
{
    *ret_store = (CopyStore){
        .rule = rule, .arena = arena, .secret = settings_load_secret, .is_stopped = stop_is_asked, .sleep = stop_sleep
    };
    TRY(session_now(session, &ret_store->now));
    return session_add(session, 0, rule->timeout, &ret_store->time_limit_us);
}

static Err
tell(Err e, const StoreRule *rule)
{
    return e == OK ? OK : err_note(e, "store \"%s\"", rule->name);
}

Err
depot_keep(Session *session, const char *store, const char *name)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const StoreRule *rule;
    CopyStore bucket;

    TRY(find_bucket(session, store, &rule));
    if (rule == NULL)
        return OK;
    const Snapshot place = { .store_path = rule->path, .name = name };
    TRY(open_bucket(session, arena, rule, &bucket));
    const Err e = s3_place_put(&bucket, name, snapshots_dir(arena, &place, false));
    fault_point("depot.kept");
    return tell(e, rule);
}

Err
depot_kept(Session *session, const char *store, const char *name)
{
    const StoreRule *rule;

    TRY(find_bucket(session, store, &rule));
    return rule == NULL ? OK : snapshots_remove(rule->path, name);
}

/* What processes that were killed have left behind. */
static Err
sweep(Arena *arena, const char *store_path)
{
    char **names;
    size_t count;

    TRY(file_list(arena, store_path, &names, &count));
    for (size_t i = 0; i < count; i++)
    {
        int64_t pid;
        if (text_starts(names[i], FETCHED) && text_int64(names[i] + strlen(FETCHED), 1, INT32_MAX, &pid) &&
            kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            TRY(file_remove_tree(arena_printf(arena, "%s/%s", store_path, names[i])));
    }
    return OK;
}

Err
depot_visit(Session *session, Arena *arena, const char *store, const char *name, DepotVisit *ret_visit,
            const char **ret_store_path)
{
    CLEANUP(depot_leavep) DepotVisit visit = { .fetched = NULL };
    const StoreRule *rule;
    CopyStore bucket;

    TRY(find_bucket(session, store, &rule));
    *ret_store_path = rules_store(session->rules, store)->path;
    const Snapshot here = { .store_path = *ret_store_path, .name = name };
    if (rule == NULL || snapshots_is_complete(arena, &here))
        return OK;
    TRY(open_bucket(session, arena, rule, &bucket));
    TRY(file_make_dirs(rule->path, 0700));
    TRY(sweep(arena, rule->path));
    const char *own = arena_printf(arena, "%s/" FETCHED "%ld", rule->path, (long)getpid());
    const Snapshot there = { .store_path = own, .name = name };
    const char *directory = snapshots_dir(arena, &there, false);
    visit.fetched = mem_alloc(strlen(own) + 1);
    memcpy(visit.fetched, own, strlen(own) + 1);
    TRY(file_remove_tree(own));
    TRY(file_make_dirs(directory, 0700));
    TRY(tell(s3_place_get(&bucket, name, directory), rule));
    *ret_store_path = own;
    *ret_visit = visit;
    visit.fetched = NULL;
    return OK;
}

void
depot_leavep(DepotVisit *visit)
{
    if (visit->fetched == NULL)
        return;
    if (file_remove_tree(visit->fetched) != OK) /* what stays is sealed, and the next visit sweeps it */
        err_clear();
    mem_free(visit->fetched);
    visit->fetched = NULL;
}

Err
depot_remove(Session *session, const char *store, const char *name)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const StoreRule *rule = rules_store(session->rules, store);
    const StoreRule *in_bucket;
    CopyStore bucket;

    TRY(find_bucket(session, store, &in_bucket));
    TRY(snapshots_remove(rule->path, name));
    if (in_bucket == NULL)
        return OK;
    TRY(open_bucket(session, arena, rule, &bucket));
    return tell(s3_place_remove(&bucket, name), rule);
}

Err
depot_holds(Session *session, const char *store, const char *name, bool *ret_holds)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const StoreRule *rule;
    CopyStore bucket;
    int64_t count = 0;

    *ret_holds = false;
    TRY(find_bucket(session, store, &rule));
    if (rule == NULL)
        return OK;
    TRY(open_bucket(session, arena, rule, &bucket));
    TRY(tell(s3_place_count(&bucket, name, &count), rule));
    *ret_holds = count > 0;
    return OK;
}
