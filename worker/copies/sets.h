/* SPDX-License-Identifier: Apache-2.0 */
/* sets.h -- what "pgbackrest info --output=json" and "repo-ls" say of a stanza, read and judged.  No program is run here. */
#ifndef EXPUNGE_SETS_H
#define EXPUNGE_SETS_H

#include "copies/copies.h"
#include "wrap/jsondoc.h"

typedef struct BackupSet
{
    const char *label;
    int64_t repository;
    bool full;
    int64_t start_lsn;     /* the least of itself and of all sets that it stands on; 0: one of them cannot be judged */
    int64_t started;       /* seconds; likewise the least */
    int64_t stopped;       /* seconds */
    const char *first_wal; /* name of its first segment */
    const char *last_wal;
} BackupSet;

typedef struct BackupRepository
{
    int64_t key;
    const char *oldest_wal; /* NULL: none */
    bool former_wal;        /* of a cluster that this one was upgraded from */
    size_t half_made;       /* sets that "info" does not list */
    /* retention, from the configuration; 0: not known */
    int64_t keep;
    bool keep_days;
} BackupRepository;

typedef struct BackupSets
{
    Arena *arena;
    BackupSet *list; /* as "info" has them: oldest first */
    size_t count;
    size_t room;
    BackupRepository *repositories;
    size_t repository_count;
    size_t repository_room;
    int64_t system;
    bool locked; /* a backup is under way */
} BackupSets;

/* Fails with ERR_IO when anything that is needed is missing or odd, ERR_CONFIG where there is no such stanza. */
NODISCARD Err sets_read(Arena *arena, const JsonDoc *info, const char *stanza, BackupSets *ret);
/* What is in the repository's directory of sets, a name a line: what looks like a set and is none of those listed is
 * half-made.  ERR_IO when one that is listed is not there. */
NODISCARD Err sets_read_names(BackupSets *sets, BackupRepository *repository, const char *names);
/* Retention of the repositories, from the text of a configuration file. */
void sets_read_retention(BackupSets *sets, const char *text, const char *stanza);
/* No row of what was erased then, and is behind this barrier, is in the set. */
bool sets_is_clean(const BackupSet *set, int64_t barrier_lsn, Instant erased_at);
/* The oldest full set of a repository that is clean; NULL: there is none.  ret_count: how many there are. */
const BackupSet *sets_clean_full(const BackupSets *sets, const BackupRepository *repository, int64_t barrier_lsn,
                                 Instant erased_at, size_t *ret_count);
/* State, items, until and detail of a case: COPY_GONE or COPY_DATED. */
void sets_judge(const BackupSets *sets, CopyCase *about);

#endif
