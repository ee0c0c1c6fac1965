/* SPDX-License-Identifier: Apache-2.0 */
/* copies.h -- one interface for every kind of store that holds copies: what does it hold of these disposals, take it away,
 * is it gone.  One file per kind; this header and copies.c know them all.
 *
 * A store is asked about many disposals at once: a kind lists its store once per call, however many they are.
 *
 * Truth: a kind says COPY_GONE only of what it has looked for, in a store that answered completely, and did not find.
 * A store that is missing, locked or slow, or answers what cannot be understood, is an error of the whole call: no case is
 * changed then, and what was known before stands.  What one disposal alone stumbles over goes into the case's problem.
 *
 * Silence: no message, detail or argument of a program holds a subject's key (copies_hush); programs get keys by stdin.
 *
 * Repetition: every verb may be cut off anywhere, by kill -9 too, and is then called again from list on. */
#ifndef EXPUNGE_COPIES_H
#define EXPUNGE_COPIES_H

#include "model/keyed.h"
#include "model/rules.h"
#include "store/copystates.h"
#include "wrap/seal_text.h"

/* One disposal, as a store sees it. */
typedef struct CopyCase
{
    int64_t disposal; /* unique together with its database */
    const char *database;
    const char *kind;    /* of the subject; "policy" */
    const char *key;     /* NULL: a policy.  Never printed */
    Instant erased_at;   /* its rows were gone from the live tables */
    int64_t erased_lsn;  /* the same in the WAL; 0: not known */
    int64_t barrier_lsn; /* redo point of a checkpoint after its pages were rewritten; 0: there was none */
    const char *unclean; /* why there was none */
    const char *system;  /* identifier of the database's cluster */
    /* what the store says of it */
    CopyState state;     /* before list: what it said last */
    int64_t items;       /* files, objects, sets; 0 when gone */
    Instant until;       /* COPY_DATED: when the last of them goes by itself; INSTANT_NONE: nobody knows */
    const char *detail;  /* for people, in the store's arena: which sets, what is locked; NULL: nothing to say */
    const char *problem; /* why it is not purged although it should be; NULL: nothing is wrong */
} CopyCase;

typedef struct CopyStore
{
    const StoreRule *rule;
    Arena *arena; /* ends with this judgement */
    Instant now;
    int64_t time_limit_us; /* for one request, or one program */
    /* Which of these keys belong to a subject that is there still (of the case's kind, in any database of this store)?
     * For names that could be read as another subject's: those are never taken.  ret_lives: one for each key. */
    Err (*living)(void *context, const CopyCase *about, const char *const *keys, size_t count, bool *ret_lives);
    /* Holds may have come since the purge began: what must not be taken any more gets a problem.  Cheap where none came. */
    Err (*judge_again)(void *context);
    void *context;
    Err (*secret)(const char *secret, SecretText *ret_text); /* "credential:NAME" or "file:/path" */
    bool (*is_stopped)(void);
    void (*sleep)(int64_t microseconds);
    int64_t asked_us; /* how long the store wants to be left alone; 0: it did not say */
} CopyStore;

/* What "check" finds of a store. */
typedef struct CopyFinding
{
    Err code; /* OK: no more than a warning */
    const char *what;
    const char *remedy; /* NULL: there is nothing to do */
} CopyFinding;
typedef struct CopyFindings
{
    Arena *arena;
    CopyFinding *list;
    size_t count;
    size_t room;
} CopyFindings;
void copies_find(CopyFindings *findings, Err code, const char *what, const char *remedy);
/* The story of a failed call, which is forgotten then. */
void copies_find_story(CopyFindings *findings, Err code, const char *remedy);

typedef struct CopyKind
{
    const char *name;
    unsigned roles; /* bits: 1 << StoreRole */
    bool
        by_barrier; /* told by barrier_lsn, not by key: one copy holds the rows of many, and goes for all of them or none */
    /* Set state, items, until and detail of every case. */
    Err (*list)(CopyStore *store, CopyCase *const *cases, size_t count);
    /* Take away what list found of these cases (COPY_PRESENT, no hold, nobody there of that key).  It may set problems, and
     * asks copies_judge_again before each step of its own that takes something away.
     * NULL: nothing can be taken away; list says COPY_DATED or COPY_PRESENT, and time does the rest. */
    Err (*purge)(CopyStore *store, CopyCase *const *cases, size_t count);
    /* After a purge: as list, by a fresh look.  NULL: list does it. */
    Err (*verify)(CopyStore *store, CopyCase *const *cases, size_t count);
    /* Reachable, permitted, installed?  Changes nothing. */
    void (*inspect)(CopyStore *store, CopyFindings *findings);
} CopyKind;

/* NULL: this version does not know the kind. */
const CopyKind *copies_kind(const char *name);

/* store->judge_again; ERR_HELD with the reason when one of these cases must not be purged any more. */
NODISCARD Err copies_judge_again(CopyStore *store, CopyCase *const *cases, size_t count);
/* What fills in the store's templates for a case. */
KeyedNames copies_names(const CopyCase *about);
/* A foreign text (a program's complaint) fit to be told: one line, at most 200 bytes, without the keys of these cases. */
char *copies_hush(Arena *arena, const char *text, CopyCase *const *cases, size_t count);
/* All cases hold nothing; before a kind adds up what it finds. */
void copies_none(CopyCase *const *cases, size_t count);
/* PATH of a secret that a program reads itself: the file, or the credential's.  ERR_CONFIG naming setting and remedy
 * when it is not there. */
NODISCARD Err copies_secret_path(Arena *arena, const StoreRule *rule, const char *setting, const char *secret,
                                 const char **ret_path);

#endif
