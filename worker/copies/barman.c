/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/barman.h"

#include "base/fault.h"
#include "base/text.h"
#include "copies/sets.h"
#include "copies/tool.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ID_LENGTH ((size_t)15)       /* YYYYMMDDTHHMMSS */
#define HASH_DIR_LENGTH ((size_t)16) /* of WAL */
#define INFO_LIMIT ((size_t)4 << 20) /* it holds the label, the tablespaces, the figures of the copy */
#define ARGUMENTS ((size_t)12)

typedef struct Server
{
    CopyStore *store;
    CopyCase *const *cases;
    size_t count;
    const char *settings[2];
    /* what barman says of it */
    const char *base; /* directories */
    const char *wals;
    const char *incoming;
    const char *streaming;
    const char *errors;
    const char *locks;
    const char *system;
    bool provable; /* its backups have a manifest */
    /* backups that are not complete, by id */
    const char **broken;
    size_t broken_count;
    size_t broken_room;
} Server;

static void
close_jsonp(JsonDoc **doc)
{
    jsondoc_freep(doc);
}

/* -- the program --------------------------------------------------------------------------------------------------- */

/* Backups are named by the time of day where barman runs: ours must sort among the others. */
static Server
open_server(CopyStore *store, CopyCase *const *cases, size_t count)
{
    const char *zone = getenv("TZ");

    return (Server){ .store = store,
                     .cases = cases,
                     .count = count,
                     .settings = { zone == NULL ? "TZ=:/etc/localtime" : arena_printf(store->arena, "TZ=%s", zone) } };
}

/* A warning says why, the error behind it only that. */
static const char *
complaint(const Server *s, const JsonDoc *doc, const ProgramResult *result)
{
    static const char *const names[] = { "_WARNING", "_ERROR" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    {
        const char *text = jsondoc_text(jsondoc_at(jsondoc_get(doc, names[i]), 0));
        if (!text_blank(text))
            return copies_hush(s->store->arena, text, s->cases, s->count);
    }
    return tool_complaint(s->store, result, s->cases, s->count);
}

/* arguments: the command, its options; the server's name and, where it is not NULL, the backup follow.  ret_doc may be NULL:
 * then nobody reads what it says. */
static Err
call(const Server *s, const char *const *arguments, const char *backup, JsonDoc **ret_doc)
{
    CLEANUP(close_jsonp) JsonDoc *doc = NULL;
    const char *argv[ARGUMENTS] = { "barman" };
    const Tool tool = { .argv = argv, .settings = s->settings };
    ProgramResult result;
    size_t used = 1;

    if (s->store->rule->config != NULL)
    {
        argv[used++] = "--config";
        argv[used++] = s->store->rule->config;
    }
    argv[used++] = "--format";
    argv[used++] = "json";
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[used++] = arguments[i];
    argv[used++] = s->store->rule->server;
    argv[used++] = backup;
    TRY(tool_try(s->store, &tool, &result));
    const Err e = ret_doc != NULL || result.status != 0 ? tool_json(&tool, result.output, result.output_bytes, &doc)
                                                        : OK;
    if (result.status != 0)
    {
        const char *said = complaint(s, doc, &result);
        return err_new(ERR_IO, "\"barman %s\" ended with exit status %d%s%s", arguments[0], result.status,
                       said[0] == '\0' ? "" : ": ", said);
    }
    if (e != OK || ret_doc == NULL)
        return e;
    *ret_doc = doc;
    doc = NULL;
    return OK;
}

static Err
odd(const char *what)
{
    return err_new(ERR_IO, "\"barman\" answered without %s", what);
}

/* -- the server ---------------------------------------------------------------------------------------------------- */

/* "REDUNDANCY 2", "RECOVERY WINDOW OF 4 WEEKS"; a month is 31 days, as barman reckons. */
static void
read_retention(BackupRepository *repository, Arena *arena, const char *text)
{
    static const struct
    {
        const char *unit;
        int64_t days;
    } units[] = { { " DAYS", 1 }, { " WEEKS", 7 }, { " MONTHS", 31 } };
    static const char redundancy[] = "REDUNDANCY ", window[] = "RECOVERY WINDOW OF ";

    if (text == NULL)
        return;
    if (text_starts(text, redundancy))
    {
        (void)text_int64(text + strlen(redundancy), 1, 9999999, &repository->keep);
        return;
    }
    for (size_t i = 0; text_starts(text, window) && i < sizeof units / sizeof *units; i++)
    {
        const char *number = text + strlen(window), *unit = strchr(number, ' ');
        if (unit != NULL && strcmp(unit, units[i].unit) == 0 &&
            text_int64(arena_strndup(arena, number, (size_t)(unit - number)), 1, 9999999, &repository->keep))
        {
            repository->keep *= units[i].days;
            repository->keep_days = true;
        }
    }
}

static Err
read_server(Server *s, const JsonDoc *doc, BackupSets *sets)
{
    Arena *a = s->store->arena;
    const JsonDoc *about = jsondoc_get(doc, s->store->rule->server);
    const struct
    {
        const char *name;
        const char **ret;
    } paths[] = { { "basebackups_directory", &s->base },       { "wals_directory", &s->wals },
                  { "incoming_wals_directory", &s->incoming }, { "streaming_wals_directory", &s->streaming },
                  { "errors_directory", &s->errors },          { "barman_lock_directory", &s->locks },
                  { "postgres_systemid", &s->system } };
    BackupRepository one = { .key = 1, .least = jsondoc_get_integer(about, "minimum_redundancy", -1) };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    {
        const char *text = jsondoc_get_string(about, paths[i].name);
        if (i + 1 < sizeof paths / sizeof *paths && (text == NULL || text[0] != '/'))
            return odd("the server's directories");
        *paths[i].ret = text == NULL ? NULL : arena_strdup(a, text);
    }
    if (one.least < 0)
        return odd("minimum_redundancy");
    if (s->system == NULL || !text_int64(s->system, 1, INT64_MAX, &sets->system))
        return err_new(ERR_AGAIN, "barman does not reach its server \"%s\" now, and cannot say whose cluster it is",
                       s->store->rule->server);
    s->provable = text_equal(jsondoc_get_string(about, "backup_method"), "postgres") &&
                  jsondoc_get_string(about, "backup_compression") == NULL;
    read_retention(&one, a, jsondoc_get_string(about, "retention_policy"));
    ARENA_PUSH(a, sets->repositories, sets->repository_count, sets->repository_room, one);
    return OK;
}

/* The lock of "barman backup": as barman itself does before it deletes.  What makes a backup now began nobody knows when.
 * The others (cron, archive-wal, a delete) are no matter: they add nothing, and what they move or remove is seen in one
 * place or the other. */
static Err
probe_lock(const Server *s)
{
    CLEANUP(file_closep) File *file = NULL;
    const char *path = arena_printf(s->store->arena, "%s/.%s-backup.lock", s->locks, s->store->rule->server);

    if (!file_exists(path))
        return OK;
    TRY(file_open(path, FILE_READ, &file));
    if (file_lock(file, false) == OK)
        return OK;
    err_clear();
    return err_new(ERR_AGAIN, "another barman command holds the lock of server \"%s\"", s->store->rule->server);
}

/* -- backups ------------------------------------------------------------------------------------------------------- */

static bool
is_id(const char *name)
{
    return name != NULL && strlen(name) == ID_LENGTH && strspn(name, "0123456789") == 8 && name[8] == 'T' &&
           strspn(name + 9, "0123456789") == 6;
}

/* "name=value", a line each; NULL: it is not there, or None. */
static const char *
info_of(Arena *arena, const char *text, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = text; *at != '\0'; at += *at == '\n' ? 1 : 0)
    {
        const size_t width = strcspn(at, "\n");
        if (width > length && strncmp(at, name, length) == 0 && at[length] == '=')
        {
            const char *value = arena_strndup(arena, at + length + 1, width - length - 1);
            return strcmp(value, "None") == 0 ? NULL : value;
        }
        at += width;
    }
    return NULL;
}

/* What was made of another cluster, or stands on a backup that is not there, proves nothing. */
static Err
read_backup(const Server *s, const char *id, bool complete, bool pinned, BackupSets *sets)
{
    Arena *a = s->store->arena;
    Instant began, ended;
    char *info;
    size_t length;

    TRY(file_load(a, arena_printf(a, "%s/%s/backup.info", s->base, id), INFO_LIMIT, &info, &length));
    const char *text = arena_strndup(a, info, length);
    const char *parent = info_of(a, text, "parent_backup_id"), *system = info_of(a, text, "systemid");
    const char *begin = info_of(a, text, "begin_time"), *end = info_of(a, text, "end_time");
    BackupSet set = { .label = id,
                      .repository = 1,
                      .full = complete && parent == NULL,
                      .pinned = pinned || file_exists(arena_printf(a, "%s/%s/annotations/keep", s->base, id)),
                      .first_wal = info_of(a, text, "begin_wal"),
                      .last_wal = info_of(a, text, "end_wal") };

    if (begin == NULL || !instant_parse(begin, &began) || end == NULL || !instant_parse(end, &ended) ||
        !sets_is_wal(set.first_wal) || !sets_lsn(info_of(a, text, "begin_xlog"), &set.start_lsn))
        return err_new(ERR_IO, "backup \"%s\" of barman does not say where and when it began and ended", id);
    set.started = began / INSTANT_SECOND;
    set.stopped = ended / INSTANT_SECOND;
    if (system != NULL && strcmp(system, s->system) != 0)
        set.start_lsn = 0;
    if (parent != NULL)
        sets_stand_on(sets, &set, parent);
    sets_add(sets, &set);
    return OK;
}

static void
add_broken(Server *s, BackupSets *sets, const char *id)
{
    ARENA_PUSH(s->store->arena, s->broken, s->broken_count, s->broken_room, id);
    sets->repositories[0].half_made++;
}

/* The newest comes first. */
static Err
read_list(Server *s, const JsonDoc *doc, BackupSets *sets)
{
    const JsonDoc *list = jsondoc_get(doc, s->store->rule->server);

    if (!jsondoc_is_array(list))
        return odd("a list of backups");
    for (size_t i = jsondoc_count(list); i-- > 0;)
    {
        const char *id = jsondoc_get_string(jsondoc_at(list, i), "backup_id");
        const char *status = jsondoc_get_string(jsondoc_at(list, i), "status");
        const char *retention = jsondoc_get_string(jsondoc_at(list, i), "retention_status");
        if (!is_id(id) || status == NULL || sets_find(sets, 1, id) != NULL)
            return odd("id or status of a backup");
        const char *copy = arena_strdup(s->store->arena, id);
        const bool complete = strcmp(status, "DONE") == 0;
        if (complete || strcmp(status, "WAITING_FOR_WALS") == 0)
            TRY(read_backup(s, copy, complete, retention != NULL && text_starts(retention, "KEEP"), sets));
        else
            add_broken(s, sets, copy);
    }
    return OK;
}

/* What lies beside those that it lists. */
static Err
read_base(Server *s, BackupSets *sets)
{
    char **names;
    size_t count;

    TRY(file_list(s->store->arena, s->base, &names, &count));
    for (size_t i = 0; i < count; i++)
    {
        bool known = !is_id(names[i]) || sets_find(sets, 1, names[i]) != NULL;
        for (size_t b = 0; b < s->broken_count && !known; b++)
            known = strcmp(s->broken[b], names[i]) == 0;
        if (!known)
            sets->repositories[0].half_made++;
    }
    return OK;
}

/* -- WAL ----------------------------------------------------------------------------------------------------------- */

/* Segments, compressed or not, partial, still being written (".NAME.x", "NAME.tmp") or put aside ("NAME.TIME.duplicate"); no
 * history, no backup's label: there are no rows in these. */
static void
read_name(BackupSets *sets, const char *name, const char *aside)
{
    const char *begin = name + (name[0] == '.' ? 1 : 0);
    const char *segment = arena_strndup(sets->arena, begin, SETS_WAL_NAME);

    if (sets_is_wal(segment) && strstr(begin, ".backup") == NULL)
        sets_add_wal(sets, &sets->repositories[0], segment, aside);
}

static Err
read_directory(const Server *s, BackupSets *sets, const char *path, const char *aside)
{
    char **names;
    size_t count;

    TRY(file_list(s->store->arena, path, &names, &count));
    for (size_t i = 0; i < count; i++)
        read_name(sets, names[i], aside);
    return OK;
}

/* From where it comes to where it goes: what is moved meanwhile is seen at least once. */
static Err
read_wal(const Server *s, BackupSets *sets)
{
    Arena *a = s->store->arena;
    char **names;
    size_t count;

    TRY(read_directory(s, sets, s->streaming, "streaming"));
    TRY(read_directory(s, sets, s->incoming, "incoming"));
    TRY(file_list(a, s->wals, &names, &count));
    for (size_t i = 0; i < count; i++)
    {
        const char *path = arena_printf(a, "%s/%s", s->wals, names[i]);
        read_name(sets, names[i], NULL);
        if (strlen(names[i]) == HASH_DIR_LENGTH && strspn(names[i], "0123456789ABCDEF") == HASH_DIR_LENGTH &&
            file_exists(path))
            TRY(read_directory(s, sets, path, NULL));
    }
    return read_directory(s, sets, s->errors, "errors");
}

/* -- looking ------------------------------------------------------------------------------------------------------- */

static Err
look(Server *s, BackupSets *ret_sets)
{
    CLEANUP(close_jsonp) JsonDoc *server = NULL;
    CLEANUP(close_jsonp) JsonDoc *list = NULL;
    static const char *const show[] = { "show-servers", NULL }, *const backups[] = { "list-backups", NULL };

    *ret_sets = (BackupSets){ .arena = s->store->arena };
    s->broken_count = 0;
    TRY(call(s, show, NULL, &server));
    TRY(read_server(s, server, ret_sets));
    TRY(probe_lock(s));
    TRY(call(s, backups, NULL, &list));
    TRY(read_list(s, list, ret_sets));
    TRY(read_base(s, ret_sets));
    return read_wal(s, ret_sets);
}

static Err
barman_list(CopyStore *store, CopyCase *const *cases, size_t count)
{
    Server s = open_server(store, cases, count);
    BackupSets sets;

    TRY(look(&s, &sets));
    return sets_answer(&sets, store->rule, arena_printf(store->arena, "server \"%s\"", store->rule->server), cases,
                       count);
}

/* -- replacing ----------------------------------------------------------------------------------------------------- */

typedef struct Replacement
{
    Server server;
    BackupSets sets;
    int64_t barrier_lsn; /* of all cases: the last */
    Instant erased_at;
} Replacement;

static const BackupSet *
clean_full(const Replacement *r, size_t *ret_count)
{
    return sets_clean_full(&r->sets, &r->sets.repositories[0], r->barrier_lsn, r->erased_at, ret_count);
}

/* One that was made, and waits for its WAL: another one is not what is missing. */
static Err
refuse_waiting(Replacement *r)
{
    static const char *const check[] = { "check-backup", NULL };
    const char *waiting = NULL;
    bool any = false;

    for (size_t i = 0; i < r->sets.count; i++)
        if (!r->sets.list[i].full && sets_is_clean(&r->sets.list[i], r->barrier_lsn, r->erased_at))
        {
            TRY(call(&r->server, check, r->sets.list[i].label, NULL));
            any = true;
        }
    if (any)
        TRY(look(&r->server, &r->sets));
    for (size_t i = 0; i < r->sets.count; i++)
        if (!r->sets.list[i].full && sets_is_clean(&r->sets.list[i], r->barrier_lsn, r->erased_at))
            waiting = r->sets.list[i].label;
    return waiting == NULL ? OK : err_new(ERR_AGAIN, "backup \"%s\" still waits for its WAL", waiting);
}

/* As many as have to stay: below minimum_redundancy barman deletes nothing. */
static Err
renew(Replacement *r)
{
    static const char *const backup[] = { "backup", "--wait", NULL };
    const int64_t least = r->sets.repositories[0].least;
    size_t fulls, before;

    TRY(refuse_waiting(r));
    (void)clean_full(r, &fulls);
    while (fulls == 0 || (int64_t)fulls < least)
    {
        before = fulls;
        fault_point("barman.backup");
        TRY(call(&r->server, backup, NULL, NULL));
        fault_point("barman.backed");
        TRY(look(&r->server, &r->sets));
        (void)clean_full(r, &fulls);
        if (fulls <= before)
            return err_new(ERR_IO, "the new backup did not begin behind the erasure's barrier, or is not complete (do "
                                   "the clocks differ?)");
    }
    return OK;
}

/* Its WAL is there, and each file has the checksum of its manifest. */
static Err
prove(const Replacement *r)
{
    static const char *const check[] = { "check-backup", NULL }, *const verify[] = { "verify-backup", NULL };
    size_t fulls;
    const BackupSet *set = clean_full(r, &fulls);
    Err e = call(&r->server, check, set->label, NULL);

    if (e == OK)
        e = call(&r->server, verify, set->label, NULL);
    return e == OK ? OK : err_note(e, "the new backup \"%s\" could not be proven; the older ones stay", set->label);
}

static int
compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The oldest first: with it, and with no other, goes WAL. */
static Err
let_go(const Replacement *r)
{
    static const char *const delete[] = { "delete", NULL };
    const Server *s = &r->server;
    const char **ids = ARENA_ARRAY(s->store->arena, const char *, r->sets.count + s->broken_count + 1);
    size_t count = 0;

    for (size_t i = 0; i < r->sets.count; i++)
        if (!r->sets.list[i].pinned && !sets_is_clean(&r->sets.list[i], r->barrier_lsn, r->erased_at))
            ids[count++] = r->sets.list[i].label;
    for (size_t i = 0; i < s->broken_count; i++)
        ids[count++] = s->broken[i];
    if (count > 1)
        qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < count; i++)
    {
        TRY(copies_judge_again(s->store, s->cases, s->count)); /* a backup takes hours */
        fault_point("barman.delete");
        TRY(call(s, delete, ids[i], NULL));
        fault_point("barman.deleted");
    }
    return OK;
}

static Err
barman_purge(CopyStore *store, CopyCase *const *cases, size_t count)
{
    Replacement r = { .server = open_server(store, cases, count) };

    sets_last(cases, count, &r.barrier_lsn, &r.erased_at);
    TRY(look(&r.server, &r.sets));
    TRY(renew(&r));
    TRY(prove(&r));
    return let_go(&r);
}

static void
barman_inspect(CopyStore *store, CopyFindings *findings)
{
    Server s = open_server(store, NULL, 0);
    BackupSets sets;
    const char *path;
    Err e = program_find(findings->arena, "barman", &path);

    if (e != OK)
    {
        copies_find_story(findings, e, "apt-get install barman");
        return;
    }
    e = look(&s, &sets);
    if (e != OK)
    {
        copies_find_story(findings, e, "run expunge on barman's host, as barman's user");
        return;
    }
    if (store->rule->purge == STORE_EXPIRE && sets.repositories[0].keep == 0)
        copies_find(findings, OK, "no retention policy is configured: its backups may stay for ever",
                    "set retention_policy in barman's configuration");
    if (store->rule->purge == STORE_REPLACE && !s.provable)
        copies_find(findings, OK, "its backups have no manifest that could prove a new one",
                    "set backup_method = postgres, and no backup_compression, in barman's configuration");
}

const CopyKind barman_kind = {
    .name = "barman",
    .roles = 1U << STORE_BACKUPS,
    .by_barrier = true,
    .list = barman_list,
    .purge = barman_purge,
    .inspect = barman_inspect,
};
