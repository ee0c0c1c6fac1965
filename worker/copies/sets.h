/* SPDX-License-Identifier: Apache-2.0 */
/* sets.h -- backup sets and WAL of whole clusters, and what they hold of an erasure.  The decisions of every kind of store that
 * is told by barriers; no program is run here, no file read.
 *
 * A set is free of a disposal's rows when it, and every set that it stands on, began behind the disposal's barrier, of the
 * same cluster.  WAL is free of them when it begins where such a full set begins, and not before. */
#ifndef EXPUNGE_SETS_H
#define EXPUNGE_SETS_H

#include "copies/copies.h"

#define SETS_WAL_NAME ((size_t)24) /* characters of a segment's name */

typedef struct BackupSet
{
    const char *label;
    int64_t repository;
    bool full;             /* complete, and stands on no other */
    bool pinned;           /* no retention takes it */
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
    const char *oldest_in;  /* the directory where it lies aside; NULL: where WAL belongs */
    bool former_wal;        /* of a cluster that this one was upgraded from */
    size_t half_made;       /* sets that are not complete, and taken for copies */
    const char *half_last;  /* the newest of them, where they sort among the others; NULL: not known */
    /* retention, from the configuration; 0: not known */
    int64_t keep;
    bool keep_days;
    int64_t least; /* so many full sets stay, however old; 0: none */
} BackupRepository;

typedef struct BackupSets
{
    Arena *arena;
    BackupSet *list; /* oldest first */
    size_t count;
    size_t room;
    BackupRepository *repositories;
    size_t repository_count;
    size_t repository_room;
    int64_t system;
    bool locked; /* a backup is under way */
} BackupSets;

/* -- reading: for those who fill them in */
bool sets_is_wal(const char *name);
/* "16/B374D848" → bytes; false where it is none, or zero. */
bool sets_lsn(const char *text, int64_t *ret);
/* NULL: there is none. */
BackupRepository *sets_repository(const BackupSets *sets, int64_t key);
const BackupSet *sets_find(const BackupSets *sets, int64_t repository, const char *label);
/* A set is only as clean as what it stands on; one that is not there cannot be judged. */
void sets_stand_on(const BackupSets *sets, BackupSet *set, const char *label);
/* Its texts are copied; what it stands on is there already. */
void sets_add(BackupSets *sets, const BackupSet *set);
/* A segment lies in the repository, aside (a directory's name) or where it belongs (NULL). */
void sets_add_wal(BackupSets *sets, BackupRepository *repository, const char *name, const char *aside);

/* -- judging */
/* No row of what was erased then, and is behind this barrier, is in the set. */
bool sets_is_clean(const BackupSet *set, int64_t barrier_lsn, Instant erased_at);
/* The oldest full set of a repository that is clean; NULL: there is none.  ret_count: how many there are. */
const BackupSet *sets_clean_full(const BackupSets *sets, const BackupRepository *repository, int64_t barrier_lsn,
                                 Instant erased_at, size_t *ret_count);
/* State, items, until and detail of a case: COPY_GONE or COPY_DATED. */
void sets_judge(const BackupSets *sets, CopyCase *about);
/* What the store says of its cases: dated or, with STORE_REPLACE, present; what keeps a copy there is a problem.
 * what: what barman or pgBackRest calls the cluster ("stanza").  ERR_CONFIG when it is another one than the cases'. */
NODISCARD Err sets_answer(const BackupSets *sets, const StoreRule *rule, const char *what, CopyCase *const *cases,
                          size_t count);
/* Behind which barrier, and after which end, nothing is left of any of these cases. */
void sets_last(CopyCase *const *cases, size_t count, int64_t *ret_barrier_lsn, Instant *ret_erased_at);

#endif
