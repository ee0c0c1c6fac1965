/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/sets.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_SECONDS INT64_C(86400)
#define LABEL_LENGTH ((size_t)16) /* YYYYMMDD-HHMMSSF */
#define WAL_NAME_LENGTH ((size_t)24)

static Err
odd(const char *what)
{
    return err_new(ERR_IO, "\"pgbackrest\" answered without %s", what);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool
is_wal(const char *name)
{
    return name != NULL && strlen(name) == WAL_NAME_LENGTH && strspn(name, "0123456789ABCDEF") == WAL_NAME_LENGTH;
}

static bool
is_label(const char *name)
{
    return name != NULL && strlen(name) >= LABEL_LENGTH && strspn(name, "0123456789") == 8 && name[8] == '-' &&
           strspn(name + 9, "0123456789") == 6 && name[LABEL_LENGTH - 1] == 'F';
}

static bool
read_lsn(const char *text, int64_t *ret)
{
    unsigned high, low;
    char end;

    if (text == NULL || sscanf(text, "%8X/%8X%c", &high, &low, &end) != 2)
        return false;
    *ret = (int64_t)((uint64_t)high << 32 | low);
    return *ret > 0;
}

static BackupRepository *
repository_of(const BackupSets *sets, int64_t key)
{
    for (size_t i = 0; i < sets->repository_count; i++)
        if (sets->repositories[i].key == key)
            return &sets->repositories[i];
    return NULL;
}

static const BackupSet *
set_of(const BackupSets *sets, int64_t repository, const char *label)
{
    for (size_t i = 0; i < sets->count; i++)
        if (sets->list[i].repository == repository && text_equal(sets->list[i].label, label))
            return &sets->list[i];
    return NULL;
}

/* A set is only as clean as what it stands on. */
static void
stand_on(const BackupSets *sets, BackupSet *set, const char *label)
{
    const BackupSet *other = set_of(sets, set->repository, label);

    if (other == NULL || other->start_lsn < set->start_lsn)
        set->start_lsn = other == NULL ? 0 : other->start_lsn;
    if (other != NULL && other->started < set->started)
        set->started = other->started;
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
    stand_on(sets, set, prior);
    for (size_t i = 0; i < jsondoc_count(references); i++)
    {
        const char *label = jsondoc_text(jsondoc_at(references, i));
        if (label == NULL)
            return odd("the name of a set");
        stand_on(sets, set, label);
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

    if (!is_label(set.label) || type == NULL || repository_of(sets, set.repository) == NULL || set.started <= 0 ||
        set.stopped < set.started)
        return odd("label, type, repository or time of a set");
    /* what was made without WAL, of a former cluster, or with errors, proves nothing */
    if (!read_lsn(jsondoc_get_string(lsn, "start"), &set.start_lsn) || !is_wal(set.first_wal) ||
        !is_wal(set.last_wal) || jsondoc_get_bool(doc, "error", false) ||
        jsondoc_get_integer(database, "id", 0) != current_database(stanza, set.repository, &system))
        set.start_lsn = 0;
    TRY(read_references(sets, doc, &set));
    set.label = arena_strdup(sets->arena, set.label);
    set.first_wal = set.first_wal == NULL ? "" : arena_strdup(sets->arena, set.first_wal);
    set.last_wal = set.last_wal == NULL ? "" : arena_strdup(sets->arena, set.last_wal);
    ARENA_PUSH(sets->arena, sets->list, sets->count, sets->room, set);
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
        BackupRepository *repository = repository_of(sets, key);
        const char *oldest = jsondoc_get_string(one, "min");
        int64_t system;
        if (repository == NULL || jsondoc_get_string(one, "id") == NULL || (oldest != NULL && !is_wal(oldest)))
            return odd("repository or name of its WAL");
        if (oldest == NULL)
            continue;
        if (jsondoc_get_integer(database, "id", 0) != current_database(stanza, key, &system))
            repository->former_wal = true;
        else if (repository->oldest_wal == NULL || strcmp(oldest, repository->oldest_wal) < 0)
            repository->oldest_wal = arena_strdup(sets->arena, oldest);
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
sets_read(Arena *arena, const JsonDoc *info, const char *stanza, BackupSets *ret)
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
sets_read_names(BackupSets *sets, BackupRepository *repository, const char *names)
{
    char *rest = arena_strdup(sets->arena, names);

    if (!has_line(names, "backup.info"))
        return odd("the names in the repository");
    for (size_t i = 0; i < sets->count; i++)
        if (sets->list[i].repository == repository->key && !has_line(names, sets->list[i].label))
            return odd("the names in the repository");
    for (char *name; (name = strsep(&rest, "\n")) != NULL;)
        if (is_label(name) && set_of(sets, repository->key, name) == NULL)
            repository->half_made++;
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
sets_read_retention(BackupSets *sets, const char *text, const char *stanza)
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

/* -- judging ------------------------------------------------------------------------------------------------------- */

bool
sets_is_clean(const BackupSet *set, int64_t barrier_lsn, Instant erased_at)
{
    return barrier_lsn > 0 && set->start_lsn >= barrier_lsn && set->started >= erased_at / SECOND_US;
}

const BackupSet *
sets_clean_full(const BackupSets *sets, const BackupRepository *repository, int64_t barrier_lsn, Instant erased_at,
                size_t *ret_count)
{
    const BackupSet *oldest = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < sets->count; i++)
    {
        const BackupSet *set = &sets->list[i];
        if (set->repository != repository->key || !set->full || !sets_is_clean(set, barrier_lsn, erased_at))
            continue;
        ++*ret_count;
        if (oldest == NULL || strcmp(set->first_wal, oldest->first_wal) < 0)
            oldest = set;
    }
    return oldest;
}

/* When the last full set that holds the rows will have gone, if full ones go on being made as often as until now. */
static Instant
gone_by(const BackupSets *sets, const BackupRepository *repository, const CopyCase *about)
{
    int64_t first = 0, last = 0, last_stop = 0, next_stop = 0;
    int64_t count = 0, newer = 0;

    for (size_t i = 0; i < sets->count; i++)
    {
        const BackupSet *set = &sets->list[i];
        if (set->repository != repository->key || !set->full)
            continue;
        first = count++ == 0 ? set->started : first;
        last = set->started;
        last_stop = set->stopped;
        if (!sets_is_clean(set, about->barrier_lsn, about->erased_at))
            newer = next_stop = 0;
        else if (newer++ == 0)
            next_stop = set->stopped;
    }
    if (about->barrier_lsn == 0 || repository->keep == 0 || (count < 2 && !(repository->keep_days && newer > 0)))
        return INSTANT_NONE;
    const int64_t pace = count < 2 ? 0 : (last - first) / (count - 1);
    if (repository->keep_days)
        return ((newer > 0 ? next_stop : last_stop + pace) + repository->keep * DAY_SECONDS) * SECOND_US;
    const int64_t missing = repository->keep > newer ? repository->keep - newer : 1;
    return (last_stop + missing * pace) * SECOND_US;
}

typedef struct Held
{
    int64_t sets;
    int64_t wal;
    int64_t half_made;
    const char *last; /* label */
} Held;

static Held
hold_of(const BackupSets *sets, const BackupRepository *repository, const CopyCase *about)
{
    Held held = { .half_made = (int64_t)repository->half_made };
    size_t count;

    for (size_t i = 0; i < sets->count; i++)
        if (sets->list[i].repository == repository->key &&
            !sets_is_clean(&sets->list[i], about->barrier_lsn, about->erased_at))
        {
            held.sets++;
            held.last = sets->list[i].label;
        }
    /* A segment that was not archived yet when the rows went may come still, until a set has been made after it. */
    const BackupSet *clean = sets_clean_full(sets, repository, about->barrier_lsn, about->erased_at, &count);
    held.wal = clean == NULL || repository->former_wal ||
               (repository->oldest_wal != NULL && strcmp(repository->oldest_wal, clean->first_wal) < 0);
    return held;
}

static void
tell(Text *text, const BackupRepository *repository, const Held *held)
{
    if (held->sets > 0)
        text_addf(text, "%s%" PRId64 " set%s up to \"%s\"", text->length > 0 ? ", " : "", held->sets,
                  held->sets == 1 ? "" : "s", held->last);
    if (held->wal > 0 && repository->oldest_wal != NULL)
        text_addf(text, "%sWAL from %s on", text->length > 0 ? ", " : "", repository->oldest_wal);
    else if (held->wal > 0)
        text_addf(text, "%sno full set from after the erasure yet", text->length > 0 ? ", " : "");
    if (held->half_made > 0)
        text_addf(text, "%s%" PRId64 " half-made", text->length > 0 ? ", " : "", held->half_made);
}

void
sets_judge(const BackupSets *sets, CopyCase *about)
{
    Text detail = TEXT_INIT(sets->arena);
    Instant until = 0;
    int64_t items = 0;

    for (size_t i = 0; i < sets->repository_count; i++)
    {
        const BackupRepository *repository = &sets->repositories[i];
        const Held held = hold_of(sets, repository, about);
        if (held.sets + held.wal + held.half_made == 0)
            continue;
        const Instant by = gone_by(sets, repository, about);
        items += held.sets + held.wal + held.half_made;
        until = until == INSTANT_NONE || by == INSTANT_NONE ? INSTANT_NONE : by > until ? by : until;
        tell(&detail, repository, &held);
    }
    about->state = items > 0 ? COPY_DATED : COPY_GONE;
    about->items = items;
    about->until = items > 0 ? until : INSTANT_NONE;
    about->detail = items > 0 ? text_done(&detail) : NULL;
}
