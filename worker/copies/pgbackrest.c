/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/pgbackrest.h"

#include "base/fault.h"
#include "base/text.h"
#include "copies/stanza.h"
#include "copies/tool.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/pgbackrest/pgbackrest.conf"
#define CONFIG_LIMIT ((size_t)1 << 20)
#define EXIT_LOCKED 50
#define EXIT_STOPPED 62
#define EXIT_HOST 72
#define ARGUMENTS ((size_t)24)

typedef struct Stanza
{
    CopyStore *store;
    CopyCase *const *cases;
    size_t count;
} Stanza;

/* -- the program --------------------------------------------------------------------------------------------------- */

static Err
explain(const Stanza *s, const char *command, const ProgramResult *result)
{
    const char *stanza = s->store->rule->stanza;
    const char *said = tool_complaint(s->store, result, s->cases, s->count);

    switch (result->status)
    {
    case EXIT_LOCKED: return err_new(ERR_AGAIN, "another pgBackRest command holds the lock of stanza \"%s\"", stanza);
    case EXIT_STOPPED: return err_new(ERR_AGAIN, "pgBackRest was stopped for stanza \"%s\" (pgbackrest start)", stanza);
    case EXIT_HOST:
        return err_new(ERR_CONFIG, "the repository of stanza \"%s\" is on another host; must be judged there", stanza);
    default:
        return err_new(ERR_IO, "\"pgbackrest %s\" ended with exit status %d%s%s", command, result->status,
                       said[0] == '\0' ? "" : ": ", said);
    }
}

/* arguments: the command first, NULL behind the last. */
static Err
call(const Stanza *s, const char *const *arguments, ProgramResult *ret_result)
{
    Arena *a = s->store->arena;
    const StoreRule *rule = s->store->rule;
    const char *argv[ARGUMENTS] = { "pgbackrest", arguments[0], "--log-level-console=off", "--log-level-stderr=error" };
    const Tool tool = { .argv = argv };
    ProgramResult result;
    size_t used = 4;

    argv[used++] = arena_printf(a, "--stanza=%s", rule->stanza);
    if (rule->config != NULL)
        argv[used++] = arena_printf(a, "--config=%s", rule->config);
    for (size_t i = 1; arguments[i] != NULL && used < ARGUMENTS - 1; i++)
        argv[used++] = arguments[i];
    TRY(tool_try(s->store, &tool, &result));
    if (result.status != 0)
        return explain(s, arguments[0], &result);
    if (ret_result != NULL)
        *ret_result = result;
    return OK;
}

/* -- looking ------------------------------------------------------------------------------------------------------- */

static void
close_jsonp(JsonDoc **doc)
{
    jsondoc_freep(doc);
}

/* Retention may stand elsewhere as well: then nobody knows. */
static Err
read_retention(const Stanza *s, BackupSets *sets)
{
    const char *path = s->store->rule->config == NULL ? DEFAULT_CONFIG : s->store->rule->config;
    char *text;
    size_t length;

    if (!file_exists(path))
        return OK;
    TRY(file_load(s->store->arena, path, CONFIG_LIMIT, &text, &length));
    stanza_read_retention(sets, arena_printf(s->store->arena, "%.*s", (int)length, text), s->store->rule->stanza);
    return OK;
}

/* What holds the lock might be making a set of just these rows.  Only on the repository's host can it be taken. */
static Err
probe_lock(const Stanza *s)
{
    static const char *const arguments[] = { "expire", "--dry-run", NULL };

    return call(s, arguments, NULL);
}

static Err
look(const Stanza *s, BackupSets *ret_sets)
{
    CLEANUP(close_jsonp) JsonDoc *doc = NULL;
    static const char *const info[] = { "info", "--output=json", NULL };
    const Tool tool = { .argv = (const char *const[]){ "pgbackrest", NULL } };
    Arena *a = s->store->arena;
    ProgramResult result;

    TRY(probe_lock(s));
    TRY(call(s, info, &result));
    TRY(tool_json(&tool, result.output, result.output_bytes, &doc));
    TRY(stanza_read(a, doc, s->store->rule->stanza, ret_sets));
    if (ret_sets->locked)
        return err_new(ERR_AGAIN, "another pgBackRest command holds the lock of stanza \"%s\"", s->store->rule->stanza);
    for (size_t i = 0; i < ret_sets->repository_count; i++)
    {
        BackupRepository *r = &ret_sets->repositories[i];
        const char *const names[] = { "repo-ls", arena_printf(a, "--repo=%" PRId64, r->key),
                                      arena_printf(a, "backup/%s", s->store->rule->stanza), NULL };
        TRY(call(s, names, &result));
        TRY(stanza_read_names(ret_sets, r, result.output));
    }
    return read_retention(s, ret_sets);
}

static Err
pgbackrest_list(CopyStore *store, CopyCase *const *cases, size_t count)
{
    const Stanza s = { .store = store, .cases = cases, .count = count };
    BackupSets sets;

    TRY(look(&s, &sets));
    return sets_answer(&sets, store->rule, arena_printf(store->arena, "stanza \"%s\"", store->rule->stanza), cases,
                       count);
}

/* -- replacing ----------------------------------------------------------------------------------------------------- */

typedef struct Replacement
{
    Stanza stanza;
    const char *repo; /* "--repo=N" */
    int64_t key;
    int64_t barrier_lsn; /* of all cases: the last */
    Instant erased_at;
} Replacement;

static Err
make_full(const Replacement *r)
{
    const char *mark = arena_printf(r->stanza.store->arena, "--annotation=expunge-barrier=%" PRIX64 "/%" PRIX64,
                                    (uint64_t)r->barrier_lsn >> 32, (uint64_t)r->barrier_lsn & UINT32_MAX);
    /* --no-resume: nothing of a half-made set, which may hold the rows, goes into this one */
    const char *const arguments[] = { "backup", r->repo, "--type=full", "--no-resume", "--no-expire-auto", mark, NULL };

    fault_point("pgbackrest.backup");
    TRY(call(&r->stanza, arguments, NULL));
    fault_point("pgbackrest.backed");
    return OK;
}

static Err
get_wal(const Replacement *r, const char *cluster, const char *segment)
{
    Arena *a = r->stanza.store->arena;
    const char *path = arena_printf(a, "%s/.wal", cluster);
    const char *const arguments[] = {
        "archive-get", r->repo, arena_printf(a, "--pg1-path=%s", cluster), "--no-archive-async", segment, path, NULL
    };

    TRY(call(&r->stanza, arguments, NULL));
    return file_exists(path) ? file_remove(path) : err_new(ERR_IO, "its WAL cannot be read back");
}

/* Every file of the set is read back and compared with its checksum, and the WAL that makes it whole is there.  A restore
 * empties the stanza's spool, as a cluster that begins anew must: the live one's is not for a proof to touch. */
static Err
restore(const Replacement *r, const BackupSet *set, const char *cluster)
{
    Arena *a = r->stanza.store->arena;
    const char *const arguments[] = { "restore",
                                      r->repo,
                                      arena_printf(a, "--set=%s", set->label),
                                      arena_printf(a, "--pg1-path=%s", cluster),
                                      arena_printf(a, "--tablespace-map-all=%s.tablespaces", cluster),
                                      arena_printf(a, "--spool-path=%s.spool", cluster),
                                      "--reset-pg1-host",
                                      "--type=immediate",
                                      "--archive-mode=off",
                                      NULL };

    TRY(call(&r->stanza, arguments, NULL));
    TRY(get_wal(r, cluster, set->first_wal));
    return get_wal(r, cluster, set->last_wal);
}

static Err
prove(const Replacement *r, const BackupSet *set)
{
    Arena *a = r->stanza.store->arena;
    const StoreRule *rule = r->stanza.store->rule;
    const char *cluster = arena_printf(a, "%s/expunge-proof-%s", rule->scratch, rule->stanza);
    const char *const places[] = { cluster, arena_printf(a, "%s.tablespaces", cluster),
                                   arena_printf(a, "%s.spool", cluster) };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    {
        TRY(file_remove_tree(places[i])); /* of one that was cut off */
        TRY(file_make_dirs(places[i], 0700));
    }
    const Err e = restore(r, set, cluster);
    const char *story = e == OK ? NULL : arena_strdup(a, err_joined());
    if (e != OK)
        err_clear();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        TRY(file_remove_tree(places[i]));
    return e == OK ? OK : err_new(e, "the set \"%s\" could not be restored for a proof: %s", set->label, story);
}

/* The fulls that are left decide which go, and which WAL: all that is older. */
static Err
expire(const Replacement *r, size_t fulls)
{
    Arena *a = r->stanza.store->arena;
    const char *option = arena_printf(a, "--repo%" PRId64 "-retention", r->key);
    const char *const arguments[] = { "expire",
                                      r->repo,
                                      arena_printf(a, "%s-full-type=count", option),
                                      arena_printf(a, "%s-full=%zu", option, fulls),
                                      arena_printf(a, "%s-archive-type=full", option),
                                      arena_printf(a, "%s-archive=%zu", option, fulls),
                                      NULL };

    TRY(copies_judge_again(r->stanza.store, r->stanza.cases, r->stanza.count)); /* a backup takes hours */
    fault_point("pgbackrest.expire");
    TRY(call(&r->stanza, arguments, NULL));
    fault_point("pgbackrest.expired");
    return OK;
}

/* Expiring takes half-made sets, but the newest of all: that one the next backup would resume, and takes away. */
static bool
could_resume(const BackupSets *sets, const BackupRepository *of)
{
    bool newest = of->half_last != NULL;

    for (size_t i = 0; i < sets->count && newest; i++)
        newest = sets->list[i].repository != of->key || strcmp(sets->list[i].label, of->half_last) < 0;
    return newest;
}

static Err
replace(Replacement *r, BackupSets *sets, size_t repository)
{
    BackupRepository *of = &sets->repositories[repository];
    size_t fulls;

    r->key = of->key;
    r->repo = arena_printf(r->stanza.store->arena, "--repo=%" PRId64, of->key);
    if (sets_clean_full(sets, of, r->barrier_lsn, r->erased_at, &fulls) == NULL || could_resume(sets, of))
    {
        TRY(make_full(r));
        TRY(look(&r->stanza, sets));
        if (repository >= sets->repository_count)
            return err_new(ERR_AGAIN, "its repositories changed meanwhile");
        of = &sets->repositories[repository];
    }
    const BackupSet *set = sets_clean_full(sets, of, r->barrier_lsn, r->erased_at, &fulls);
    if (set == NULL || of->key != r->key)
        return err_new(ERR_IO, "the new set did not begin behind the erasure's barrier (do the clocks differ?)");
    TRY(prove(r, set));
    return expire(r, fulls);
}

static Err
pgbackrest_purge(CopyStore *store, CopyCase *const *cases, size_t count)
{
    Replacement r = { .stanza = { .store = store, .cases = cases, .count = count } };
    BackupSets sets;

    sets_last(cases, count, &r.barrier_lsn, &r.erased_at);
    TRY(look(&r.stanza, &sets));
    for (size_t i = 0; i < sets.repository_count; i++)
        TRY(replace(&r, &sets, i));
    return OK;
}

static void
pgbackrest_inspect(CopyStore *store, CopyFindings *findings)
{
    const Stanza s = { .store = store };
    BackupSets sets;
    const char *path;
    Err e = program_find(findings->arena, "pgbackrest", &path);

    if (e != OK)
    {
        copies_find_story(findings, e, "apt-get install pgbackrest");
        return;
    }
    e = look(&s, &sets);
    if (e != OK)
    {
        copies_find_story(findings, e,
                          "run expunge on the repository's host, as a user who may read and change the repository");
        return;
    }
    for (size_t i = 0; i < sets.repository_count && store->rule->purge == STORE_EXPIRE; i++)
        if (sets.repositories[i].keep == 0)
            copies_find(findings, OK, "no retention of full sets is configured: they may stay for ever",
                        "set repo1-retention-full in pgBackRest's configuration");
}

const CopyKind pgbackrest_kind = {
    .name = "pgbackrest",
    .roles = 1U << STORE_BACKUPS,
    .by_barrier = true,
    .list = pgbackrest_list,
    .purge = pgbackrest_purge,
    .inspect = pgbackrest_inspect,
};
