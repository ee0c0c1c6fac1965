/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/sets.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_SECONDS INT64_C(86400)

/* -- reading ------------------------------------------------------------------------------------------------------- */

bool
sets_is_wal(const char *name)
{
    return name != NULL && strlen(name) == SETS_WAL_NAME && strspn(name, "0123456789ABCDEF") == SETS_WAL_NAME;
}

bool
sets_lsn(const char *text, int64_t *ret)
{
    unsigned high, low;
    char end;

    if (text == NULL || sscanf(text, "%8X/%8X%c", &high, &low, &end) != 2)
        return false;
    *ret = (int64_t)((uint64_t)high << 32 | low);
    return *ret > 0;
}

BackupRepository *
sets_repository(const BackupSets *sets, int64_t key)
{
    for (size_t i = 0; i < sets->repository_count; i++)
        if (sets->repositories[i].key == key)
            return &sets->repositories[i];
    return NULL;
}

const BackupSet *
sets_find(const BackupSets *sets, int64_t repository, const char *label)
{
    for (size_t i = 0; i < sets->count; i++)
        if (sets->list[i].repository == repository && text_equal(sets->list[i].label, label))
            return &sets->list[i];
    return NULL;
}

void
sets_stand_on(const BackupSets *sets, BackupSet *set, const char *label)
{
    const BackupSet *other = sets_find(sets, set->repository, label);

    if (other == NULL || other->start_lsn < set->start_lsn)
        set->start_lsn = other == NULL ? 0 : other->start_lsn;
    if (other != NULL && other->started < set->started)
        set->started = other->started;
}

void
sets_add(BackupSets *sets, const BackupSet *set)
{
    BackupSet copy = *set;

    copy.label = arena_strdup(sets->arena, set->label);
    copy.first_wal = set->first_wal == NULL ? "" : arena_strdup(sets->arena, set->first_wal);
    copy.last_wal = set->last_wal == NULL ? "" : arena_strdup(sets->arena, set->last_wal);
    ARENA_PUSH(sets->arena, sets->list, sets->count, sets->room, copy);
}

void
sets_add_wal(BackupSets *sets, BackupRepository *repository, const char *name, const char *aside)
{
    if (repository->oldest_wal != NULL && strcmp(name, repository->oldest_wal) >= 0)
        return;
    repository->oldest_wal = arena_strdup(sets->arena, name);
    repository->oldest_in = aside;
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

typedef struct Pace
{
    int64_t count;     /* full sets */
    int64_t seconds;   /* from one to the next, so far; 0: not known */
    int64_t last_stop; /* of the newest */
    int64_t newer;     /* clean ones, behind the last that is not */
    int64_t next_stop; /* of the first of these */
} Pace;

static Pace
pace_of(const BackupSets *sets, const BackupRepository *repository, const CopyCase *about)
{
    int64_t first = 0, last = 0;
    Pace pace = { .count = 0 };

    for (size_t i = 0; i < sets->count; i++)
    {
        const BackupSet *set = &sets->list[i];
        if (set->repository != repository->key || !set->full)
            continue;
        first = pace.count++ == 0 ? set->started : first;
        last = set->started;
        pace.last_stop = set->stopped;
        if (!sets_is_clean(set, about->barrier_lsn, about->erased_at))
            pace.newer = pace.next_stop = 0;
        else if (pace.newer++ == 0)
            pace.next_stop = set->stopped;
    }
    pace.seconds = pace.count < 2 ? 0 : (last - first) / (pace.count - 1);
    return pace;
}

/* When so many clean ones will be there that none of the others is among those that are kept. */
static int64_t
enough_by(const Pace *pace, int64_t keep)
{
    return pace->last_stop + (keep > pace->newer ? keep - pace->newer : 1) * pace->seconds;
}

/* When the last full set that holds the rows will have gone, if full ones go on being made as often as until now. */
static Instant
gone_by(const BackupSets *sets, const BackupRepository *repository, const CopyCase *about)
{
    const Pace pace = pace_of(sets, repository, about);
    const bool known = pace.count >= 2 || (repository->keep_days && pace.newer > 0 && repository->least <= pace.newer);
    int64_t by;

    if (about->barrier_lsn == 0 || repository->keep == 0 || !known)
        return INSTANT_NONE;
    if (!repository->keep_days)
        return enough_by(&pace, repository->keep > repository->least ? repository->keep : repository->least) *
               SECOND_US;
    by = (pace.newer > 0 ? pace.next_stop : pace.last_stop + pace.seconds) + repository->keep * DAY_SECONDS;
    if (repository->least > pace.newer && enough_by(&pace, repository->least) > by)
        by = enough_by(&pace, repository->least);
    return by * SECOND_US;
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
        text_addf(text, "%sWAL from %s on%s%s%s", text->length > 0 ? ", " : "", repository->oldest_wal,
                  repository->oldest_in == NULL ? "" : " (in \"",
                  repository->oldest_in == NULL ? "" : repository->oldest_in,
                  repository->oldest_in == NULL ? "" : "\")");
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

/* No retention takes it: nobody waits for that. */
static const char *
pinned_problem(const BackupSets *sets, const CopyCase *about)
{
    for (size_t i = 0; i < sets->count; i++)
        if (sets->list[i].pinned && !sets_is_clean(&sets->list[i], about->barrier_lsn, about->erased_at))
            return arena_printf(sets->arena, "backup \"%s\" is pinned, and stays until a person releases it",
                                sets->list[i].label);
    return NULL;
}

Err
sets_answer(const BackupSets *sets, const StoreRule *rule, const char *what, CopyCase *const *cases, size_t count)
{
    const char *system = arena_printf(sets->arena, "%" PRId64, sets->system);

    for (size_t i = 0; i < count; i++)
        if (!text_equal(cases[i]->system, system))
            return err_new(ERR_CONFIG,
                           "%s is of another cluster than database \"%s\"; name the databases of its cluster in "
                           "\"databases\"",
                           what, cases[i]->database);
    for (size_t i = 0; i < count; i++)
    {
        sets_judge(sets, cases[i]);
        if (cases[i]->state == COPY_GONE)
            continue;
        if (cases[i]->barrier_lsn == 0)
        {
            cases[i]->problem = cases[i]->unclean;
            continue;
        }
        cases[i]->problem = pinned_problem(sets, cases[i]);
        if (cases[i]->problem != NULL || rule->purge == STORE_REPLACE)
            cases[i]->until = INSTANT_NONE;
        if (rule->purge == STORE_REPLACE)
            cases[i]->state = COPY_PRESENT;
    }
    return OK;
}

void
sets_last(CopyCase *const *cases, size_t count, int64_t *ret_barrier_lsn, Instant *ret_erased_at)
{
    *ret_barrier_lsn = 0;
    *ret_erased_at = 0;
    for (size_t i = 0; i < count; i++)
    {
        *ret_barrier_lsn = cases[i]->barrier_lsn > *ret_barrier_lsn ? cases[i]->barrier_lsn : *ret_barrier_lsn;
        *ret_erased_at = cases[i]->erased_at > *ret_erased_at ? cases[i]->erased_at : *ret_erased_at;
    }
}
