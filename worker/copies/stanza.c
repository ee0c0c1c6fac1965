/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/stanza.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_LENGTH ((size_t)16) /* YYYYMMDD-HHMMSSF */

static Err
odd(const char *what)
{
    return err_new(ERR_IO, "\"pgbackrest\" answered without %s", what);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool
is_label(const char *name)
{
    return name != NULL && strlen(name) >= LABEL_LENGTH && strspn(name, "0123456789") == 8 && name[8] == '-' &&
           strspn(name + 9, "0123456789") == 6 && name[LABEL_LENGTH - 1] == 'F';
}

static Err
read_references(const BackupSets *sets, const JsonDoc *doc, BackupSet *set)
{
    const JsonDoc *references = jsondoc_get(doc, "reference");
    const char *prior = jsondoc_get_string(doc, "prior");

    if (set->full)
        return OK;
    if (prior == NULL)
        return odd("the set that an incremental one stands on");
    sets_stand_on(sets, set, prior);
    for (size_t i = 0; i < jsondoc_count(references); i++)
    {
        const char *label = jsondoc_text(jsondoc_at(references, i));
        if (label == NULL)
            return odd("the name of a set");
        sets_stand_on(sets, set, label);
    }
    return OK;
}

/* The newest cluster of a stanza has the highest number. */
static int64_t
current_database(const JsonDoc *stanza, int64_t repository, int64_t *ret_system)
{
    const JsonDoc *list = jsondoc_get(stanza, "db");
    int64_t newest = 0;

    for (size_t i = 0; i < jsondoc_count(list); i++)
    {
        const JsonDoc *one = jsondoc_at(list, i);
        const int64_t id = jsondoc_get_integer(one, "id", 0);
        if (jsondoc_get_integer(one, "repo-key", 0) == repository && id > newest)
        {
            newest = id;
            *ret_system = jsondoc_get_integer(one, "system-id", 0);
        }
    }
    return newest;
}

static Err
read_set(BackupSets *sets, const JsonDoc *stanza, const JsonDoc *doc)
{
    const JsonDoc *database = jsondoc_get(doc, "database"), *archive = jsondoc_get(doc, "archive");
    const JsonDoc *timestamp = jsondoc_get(doc, "timestamp"), *lsn = jsondoc_get(doc, "lsn");
    const char *type = jsondoc_get_string(doc, "type");
    int64_t system;
    BackupSet set = { .label = jsondoc_get_string(doc, "label"),
                      .repository = jsondoc_get_integer(database, "repo-key", 0),
                      .full = text_equal(type, "full"),
                      .started = jsondoc_get_integer(timestamp, "start", 0),
                      .stopped = jsondoc_get_integer(timestamp, "stop", 0),
                      .first_wal = jsondoc_get_string(archive, "start"),
                      .last_wal = jsondoc_get_string(archive, "stop") };

    if (!is_label(set.label) || type == NULL || sets_repository(sets, set.repository) == NULL || set.started <= 0 ||
        set.stopped < set.started)
        return odd("label, type, repository or time of a set");
    /* what was made without WAL, of a former cluster, or with errors, proves nothing */
    if (!sets_lsn(jsondoc_get_string(lsn, "start"), &set.start_lsn) || !sets_is_wal(set.first_wal) ||
        !sets_is_wal(set.last_wal) || jsondoc_get_bool(doc, "error", false) ||
        jsondoc_get_integer(database, "id", 0) != current_database(stanza, set.repository, &system))
        set.start_lsn = 0;
    TRY(read_references(sets, doc, &set));
    sets_add(sets, &set);
    return OK;
}

static Err
read_repositories(BackupSets *sets, const JsonDoc *stanza)
{
    const JsonDoc *list = jsondoc_get(stanza, "repo");

    for (size_t i = 0; i < jsondoc_count(list); i++)
    {
        BackupRepository one = { .key = jsondoc_get_integer(jsondoc_at(list, i), "key", 0) };
        int64_t system = 0;
        if (one.key <= 0 || current_database(stanza, one.key, &system) == 0 || system == 0 ||
            (sets->system != 0 && sets->system != system))
            return odd("the number of a repository, or whose cluster it holds");
        sets->system = system;
        ARENA_PUSH(sets->arena, sets->repositories, sets->repository_count, sets->repository_room, one);
    }
    return sets->repository_count > 0 ? OK : odd("a repository");
}

static Err
read_archives(BackupSets *sets, const JsonDoc *stanza)
{
    const JsonDoc *list = jsondoc_get(stanza, "archive");

    if (!jsondoc_is_array(list))
        return odd("the WAL that it keeps");
    for (size_t i = 0; i < jsondoc_count(list); i++)
    {
        const JsonDoc *one = jsondoc_at(list, i), *database = jsondoc_get(one, "database");
        const int64_t key = jsondoc_get_integer(database, "repo-key", 0);
        BackupRepository *repository = sets_repository(sets, key);
        const char *oldest = jsondoc_get_string(one, "min");
        int64_t system;
        if (repository == NULL || jsondoc_get_string(one, "id") == NULL || (oldest != NULL && !sets_is_wal(oldest)))
            return odd("repository or name of its WAL");
        if (oldest == NULL)
            continue;
        if (jsondoc_get_integer(database, "id", 0) != current_database(stanza, key, &system))
            repository->former_wal = true;
        else
            sets_add_wal(sets, repository, oldest, NULL);
    }
    return OK;
}

static Err
read_stanza(BackupSets *sets, const JsonDoc *stanza)
{
    const JsonDoc *backups = jsondoc_get(stanza, "backup"), *status = jsondoc_get(stanza, "status");
    const int64_t code = jsondoc_get_integer(status, "code", -1);

    /* 0: ok, 2: no valid backups.  Others: missing path, mixed answers of several repositories, no data */
    if (code != 0 && code != 2)
        return err_new(code == 1 || code == 3 ? ERR_CONFIG : ERR_IO,
                       "\"pgbackrest\" says that the stanza is not well "
                       "(status %" PRId64 ")",
                       code);
    sets->locked = jsondoc_get_bool(jsondoc_get(jsondoc_get(status, "lock"), "backup"), "held", true);
    if (!jsondoc_is_array(backups))
        return odd("a list of sets");
    TRY(read_repositories(sets, stanza));
    for (size_t i = 0; i < jsondoc_count(backups); i++)
        TRY(read_set(sets, stanza, jsondoc_at(backups, i)));
    return read_archives(sets, stanza);
}

Err
stanza_read(Arena *arena, const JsonDoc *info, const char *stanza, BackupSets *ret)
{
    *ret = (BackupSets){ .arena = arena };
    if (!jsondoc_is_array(info))
        return odd("a list of stanzas");
    for (size_t i = 0; i < jsondoc_count(info); i++)
        if (text_equal(jsondoc_get_string(jsondoc_at(info, i), "name"), stanza))
            return read_stanza(ret, jsondoc_at(info, i));
    return err_new(ERR_CONFIG, "there is no stanza \"%s\"", stanza);
}

/* A line of its own. */
static bool
has_line(const char *text, const char *line)
{
    const size_t length = strlen(line);

    for (const char *at = text; *at != '\0'; at += *at == '\n' ? 1 : 0)
    {
        const size_t width = strcspn(at, "\n");
        if (width == length && strncmp(at, line, length) == 0)
            return true;
        at += width;
    }
    return false;
}

Err
stanza_read_names(BackupSets *sets, BackupRepository *repository, const char *names)
{
    char *rest = arena_strdup(sets->arena, names);

    if (!has_line(names, "backup.info"))
        return odd("the names in the repository");
    for (size_t i = 0; i < sets->count; i++)
        if (sets->list[i].repository == repository->key && !has_line(names, sets->list[i].label))
            return odd("the names in the repository");
    for (char *name; (name = strsep(&rest, "\n")) != NULL;)
        if (is_label(name) && sets_find(sets, repository->key, name) == NULL)
        {
            repository->half_made++;
            if (repository->half_last == NULL || strcmp(name, repository->half_last) > 0)
                repository->half_last = name;
        }
    return OK;
}

/* "[global]" and the stanza's own section, and those of the command "expire"; the later in this order wins. */
static int
section_weight(const char *line, const char *stanza)
{
    const char *const known[] = { "global", "global:expire", stanza, NULL };
    const size_t length = strlen(line);

    for (int i = 0; known[i] != NULL; i++)
        if (length == strlen(known[i]) + 2 && strncmp(line + 1, known[i], length - 2) == 0)
            return i + 1;
    if (text_starts(line + 1, stanza) && strcmp(line + 1 + strlen(stanza), ":expire]") == 0)
        return 4;
    return 0;
}

static char *
trimmed(char *text)
{
    text += strspn(text, " \t\r");
    for (size_t end = strlen(text); end > 0 && strchr(" \t\r", text[end - 1]) != NULL;)
        text[--end] = '\0';
    return text;
}

static void
read_setting(BackupRepository *repository, Arena *arena, const char *name, const char *value)
{
    if (strcmp(name, arena_printf(arena, "repo%" PRId64 "-retention-full", repository->key)) == 0)
    {
        if (!text_int64(value, 1, 9999999, &repository->keep))
            repository->keep = 0;
    }
    else if (strcmp(name, arena_printf(arena, "repo%" PRId64 "-retention-full-type", repository->key)) == 0)
        repository->keep_days = strcmp(value, "time") == 0;
}

void
stanza_read_retention(BackupSets *sets, const char *text, const char *stanza)
{
    for (int weight = 1; weight <= 4; weight++)
    {
        char *rest = arena_strdup(sets->arena, text);
        int section = 0;
        for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        {
            char *value = strchr(line = trimmed(line), '=');
            if (line[0] == '[')
                section = section_weight(line, stanza);
            if (line[0] == '[' || line[0] == '#' || value == NULL || section != weight)
                continue;
            *value++ = '\0';
            for (size_t i = 0; i < sets->repository_count; i++)
                read_setting(&sets->repositories[i], sets->arena, trimmed(line), trimmed(value));
        }
    }
}
