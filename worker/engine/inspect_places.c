/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_places.c -- the part of inspect.h that looks at this machine: directories, keys, ledger, stores. */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "copies/copies.h"
#include "engine/settings.h"
#include "engine/settings_processors.h"
#include "engine/stop.h"
#include "store/evidence.h"
#include "wrap/file.h"
#include "wrap/program.h"

#include <string.h>

#define LEDGER_WALK_BYTES ((int64_t)64 << 20) /* a longer one is left to "verify ledger" */
#define FREE_BYTES_LOW ((int64_t)1 << 30)

/* The directory that would have to be written to in order to make path: its nearest ancestor that is there. */
static const char *
nearest_there(Arena *arena, const char *path)
{
    char *at = arena_strdup(arena, path);
    while (!file_exists(at))
    {
        char *slash = strrchr(at, '/');
        if (slash == NULL || slash == at)
            return "/";
        *slash = '\0';
    }
    return at;
}

static void
judge_private(Findings *findings, const char *path, const char *mode)
{
    bool is_private = true;
    const Err e = file_is_private(path, &is_private);

    if (e != OK)
        inspect_story(findings, e, path, "let the user that runs expunge reach it", 0);
    else if (!is_private)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = path,
                               .what = "it is open to others, or belongs to another user than the one that asks",
                               .remedy = arena_printf(findings->arena,
                                                      "chmod %s %s, and let it belong to the user that runs expunge",
                                                      mode, path) });
}

/* There, or to be made; ret_there says which. */
static bool
judge_directory(Findings *findings, const char *path, const char *what)
{
    Arena *arena = findings->arena;

    if (!file_exists(path))
    {
        const char *parent = nearest_there(arena, path);
        const bool can = file_is_writable(parent);
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_ERROR,
                               .code = can ? ERR_CONFIG : ERR_PERMISSION,
                               .where = path,
                               .what = arena_printf(arena, "%s is not there%s%s%s", what, can ? "" : ", and \"",
                                                    can ? "" : parent, can ? "" : "\" is not writable"),
                               .remedy = can ? "expunge init"
                                             : arena_printf(arena, "install -d -m 0700 -o expunge %s", path) });
        return false;
    }
    if (!file_is_writable(path))
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_ERROR,
                               .code = ERR_PERMISSION,
                               .where = path,
                               .what = arena_printf(arena, "%s is not writable", what),
                               .remedy = arena_printf(arena, "chown expunge %s && chmod 0700 %s", path, path) });
    judge_private(findings, path, "0700");
    return true;
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static void
judge_overwriting(Findings *findings, const char *path)
{
    const char *doubt = NULL;
    const Err e = file_overwrite_doubt(findings->arena, path, &doubt);

    if (e != OK)
        inspect_story(findings, e, path, "let the user that runs expunge reach it", 0);
    else if (doubt != NULL)
        inspect_add(findings, (Finding){ .severity = SEVERITY_WARNING,
                                         .where = path,
                                         .what = arena_printf(findings->arena,
                                                              "a destroyed key may survive on the disk: %s", doubt),
                                         .remedy = "put worker.state_dir on XFS, or on ext4 without data=journal" });
}

static void
inspect_keys(Findings *findings, const Rules *rules)
{
    CLEANUP(secret_freep) Secret *master = NULL;
    CLEANUP(secret_freep) Secret *next = NULL;
    CLEANUP(keys_closep) Keys *keys = NULL;
    const char *path = arena_printf(findings->arena, "%s/keys", rules->state_dir);
    size_t living;

    Err e = settings_master_key(rules, &master);
    if (e == OK)
        e = settings_next_master_key(rules, &next);
    if (e != OK)
        inspect_story(findings, e, master == NULL ? "worker.master_key" : "worker.next_master_key",
                      "give it as a systemd credential, or as \"file:/path\" of mode 0600: 32 random bytes", 0);
    if (!file_exists(path))
    {
        inspect_add(findings, (Finding){ .severity = SEVERITY_ERROR,
                                         .code = ERR_CONFIG,
                                         .where = path,
                                         .what = "there is no key file: nothing can be sealed",
                                         .remedy = "expunge init; or bring it back, if there was one: "
                                                   "without it no snapshot can be read" });
        return;
    }
    judge_overwriting(findings, path);
    if (master == NULL)
        return;
    e = keys_open(path, master, next, &keys);
    if (e == OK)
        e = keys_count(keys, &living);
    if (e != OK)
        inspect_story(findings, e, path,
                      e == ERR_PERMISSION
                          ? arena_printf(findings->arena,
                                         "chmod 0600 %s, and let it belong to the user that runs expunge", path)
                          : "give the right master key, or bring the right key file back",
                      0);
}

/* -- the ledger ---------------------------------------------------------------------------------------------------- */

static Err
read_ledger(const char *path)
{
    CLEANUP(ledger_closep) Ledger *ledger = NULL;
    CLEANUP(file_closep) File *file = NULL;
    LedgerHead head;
    int64_t bytes;

    TRY(ledger_open(path, true, &ledger));
    TRY(file_open(path, FILE_READ, &file));
    TRY(file_size(file, &bytes));
    if (bytes <= LEDGER_WALK_BYTES)
        return ledger_walk(path, NULL, NULL, &head);
    return ledger_head(ledger, &head);
}

static void
inspect_ledger(Findings *findings, const Rules *rules)
{
    const char *path = arena_printf(findings->arena, "%s/ledger.jsonl", rules->state_dir);

    if (!file_exists(path))
    {
        inspect_add(findings, (Finding){ .severity = SEVERITY_ERROR,
                                         .code = ERR_CONFIG,
                                         .where = path,
                                         .what = "there is no ledger: nothing may be disposed of without one",
                                         .remedy = "expunge init; or bring it back, if there was one: "
                                                   "it is the proof of all that was erased" });
        return;
    }
    const Err e = read_ledger(path);
    if (e != OK)
        inspect_story(findings, e, path,
                      "expunge verify ledger tells more; keep the file as it is for who looks into it", 0);
    judge_private(findings, path, "0600");
}

/* The same that a run asks before it removes a row. */
static Err
open_evidence(const Rules *rules)
{
    CLEANUP(evidence_closep) Evidence *evidence = NULL;
    Secret *master;

    if (settings_master_key(rules, &master) != OK)
    {
        err_clear(); /* told already */
        return OK;
    }
    return evidence_open(rules, master, &evidence);
}

static void
inspect_evidence(Findings *findings, const Rules *rules)
{
    const char *path = evidence_key_path(findings->arena, rules);
    const char *program;

    if (!file_exists(arena_printf(findings->arena, "%s/keys", rules->state_dir)))
        return; /* before the first init */
    Err e = open_evidence(rules);
    if (e != OK)
        inspect_story(findings, e, path,
                      e == ERR_CONFIG
                          ? "expunge init makes what is missing; a name that was signed with stays"
                          : "expunge verify ledger tells more; keep all files as they are for who looks into it",
                      0);
    if (file_exists(path))
        judge_private(findings, path, "0600");
    if (rules->timestamp_count == 0)
        return;
    e = program_find(findings->arena, rules->timestamp[0], &program);
    if (e != OK)
        inspect_story(findings, e, "evidence.timestamp", "install the program, or name another one", 0);
}

/* -- stores -------------------------------------------------------------------------------------------------------- */

static void
judge_space(Findings *findings, const char *path)
{
    int64_t bytes;
    const Err e = file_free_bytes(path, &bytes);

    if (e != OK)
    {
        inspect_story(findings, e, path, "let the user that runs expunge reach it", 0);
        return;
    }
    const bool low = bytes < FREE_BYTES_LOW;
    inspect_add(findings,
                (Finding){ .severity = low ? SEVERITY_WARNING : SEVERITY_NOTE,
                           .where = path,
                           .what = arena_printf(findings->arena, "%s free", text_bytes(findings->arena, bytes)),
                           .remedy = low ? "make room: a full disk stops every archive" : NULL });
}

/* A program or a request is given a minute here: the database, which reads intervals, is asked later. */
static void
inspect_copies(Findings *findings, const Rules *rules, const StoreRule *rule)
{
    CopyStore store = { .rule = rule,
                        .arena = findings->arena,
                        .time_limit_us = INSTANT_MINUTE,
                        .secret = settings_load_secret,
                        .is_stopped = stop_is_asked,
                        .sleep = stop_sleep };
    CopyFindings found = { .arena = findings->arena };
    const char *where = arena_printf(findings->arena, "store \"%s\" (%s:%d)", rule->name, rules->config_path,
                                     rule->line);
    const CopyKind *kind = copies_kind(rule->kind);

    if (kind == NULL || kind->inspect == NULL)
        return;
    kind->inspect(&store, &found);
    for (size_t i = 0; i < found.count; i++)
        inspect_add(findings, (Finding){ .severity = found.list[i].code == OK ? SEVERITY_WARNING : SEVERITY_ERROR,
                                         .code = found.list[i].code,
                                         .where = where,
                                         .what = found.list[i].what,
                                         .remedy = found.list[i].remedy });
    for (size_t i = 0; i < rules->database_count && rule->region == NULL; i++)
        if (rules->databases[i].region != NULL && rules_store_may_hold(rule, &rules->databases[i]))
        {
            inspect_add(findings, (Finding){ .severity = SEVERITY_WARNING,
                                             .where = where,
                                             .what = "it has no region, and holds copies of databases that have one: "
                                                     "whether they stay there is not judged",
                                             .remedy = "region = \"…\"; and one store for each region" });
            return;
        }
}

static void
inspect_stores(Findings *findings, const Rules *rules)
{
    for (size_t i = 0; i < rules->store_count; i++)
    {
        const StoreRule *store = &rules->stores[i];
        if (store->role != STORE_SNAPSHOTS || text_equal(store->kind, "s3"))
            inspect_copies(findings, rules, store);
        if (store->role == STORE_SNAPSHOTS && store->path != NULL &&
            judge_directory(findings, store->path, arena_printf(findings->arena, "store \"%s\"", store->name)))
            judge_space(findings, store->path);
    }
}

static void
inspect_metrics(Findings *findings, const Rules *rules)
{
    if (rules->metrics_path == NULL)
        return;
    char *directory = arena_strdup(findings->arena, rules->metrics_path);
    char *slash = strrchr(directory, '/');
    if (slash != NULL && slash != directory)
        *slash = '\0';
    if (!file_is_writable(directory))
        inspect_add(findings,
                    (Finding){
                        .severity = SEVERITY_WARNING,
                        .where = directory,
                        .what = "notify.metrics cannot be written: the directory is not there, or not writable",
                        .remedy =
                            "let the user that runs expunge write there (its group, ReadWritePaths= of the unit)" });
}

void
inspect_machine(Findings *findings, const Rules *rules)
{
    findings->database = NULL;
    if (judge_directory(findings, rules->state_dir, "worker.state_dir"))
    {
        inspect_keys(findings, rules);
        inspect_ledger(findings, rules);
        inspect_evidence(findings, rules);
    }
    inspect_stores(findings, rules);
    inspect_metrics(findings, rules);
}
