/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.h -- what a run would do or did, per disposal and table: the one shape that plan and run share.  Pure data. */
#ifndef EXPUNGE_OUTCOME_H
#define EXPUNGE_OUTCOME_H

#include "base/arena.h"
#include "base/instant.h"
#include "model/lifecycle.h"

typedef struct OutcomeTable
{
    const char *table;  /* schema.table */
    const char *action; /* "copy", "move", "delete", "set_null", "set_default", "anonymise" */
    int64_t rows;
    int64_t bytes; /* estimated from the table's average row, or written */
} OutcomeTable;

typedef struct OutcomeStay
{
    const char *table;
    const char *why;
    int64_t rows;
    Instant until; /* INSTANT_NONE: not known */
} OutcomeStay;

/* plan: an index that would make a search bounded */
typedef struct OutcomeIndex
{
    const char *table;
    const char *columns; /* "a, b" */
    const char *cost;    /* in plain words */
    const char *create;  /* for psql */
} OutcomeIndex;

/* a materialized view that keeps copies of rows that go or change */
typedef struct OutcomeView
{
    const char *view;  /* schema.name */
    const char *table; /* of the first table whose rows it copies */
    bool refreshed;    /* the configuration says so: they go from it, too */
} OutcomeView;

/* plan --sql: a line for psql, or several */
typedef struct OutcomeStatement
{
    const char *step;      /* "prepare", "collect", "copy", "delete", … */
    const char *table;     /* NULL: of none alone */
    const char *comment;   /* NULL: it speaks for itself */
    const char *statement; /* with its end: ";", "\\g …" */
    const char *again;     /* instead, where the target's work tables are made already; NULL: the same */
} OutcomeStatement;

/* a store that may hold copies of what is erased */
typedef struct OutcomeCopy
{
    const char *store;
    const char *state;  /* "pending", "present", "dated", "gone" */
    Instant until;      /* dated; INSTANT_NONE: not known */
    const char *detail; /* NULL: nothing to say */
    const char *error;  /* why it could not be judged or purged; NULL: it could */
} OutcomeCopy;

typedef struct Outcome
{
    const char *database;
    int64_t id; /* 0: not opened yet */
    const char *kind;
    const char *name;
    const char *step; /* what is, or was, done: "archive", "erase", "clear", "withdraw", "held", "wait" */
    State state;      /* plan: as it is; run: as it was left */
    Instant cutoff;
    Instant due_at; /* since when this was due; INSTANT_NONE: not due */
    OutcomeTable *tables;
    size_t table_count;
    size_t table_room;
    OutcomeStay *held;
    size_t held_count;
    size_t held_room;
    OutcomeStay *kept;
    size_t kept_count;
    size_t kept_room;
    OutcomeCopy *copies;
    size_t copy_count;
    int64_t untold;        /* messages to processors that wait for their end */
    int64_t untold_late;   /* of these, past their deadline */
    OutcomeIndex *indexes; /* plan: that are missing */
    size_t index_count;
    size_t index_room;
    OutcomeView *views;
    size_t view_count;
    size_t view_room;
    OutcomeStatement *statements; /* plan --sql */
    size_t statement_count;
    size_t statement_room;
    bool removes; /* takes live rows away: counts for the caps */
    bool overdue;
    bool progressed;
    Err code;
    int64_t hold_id;    /* what forbids it; 0: nothing does */
    const char *digest; /* of what a second person's yes is to be of: exactly this plan; NULL: none is needed */
    const char *error;  /* NULL: none */
    const char *waits;  /* "wait" after a failure: what it was; NULL otherwise */
    Instant waits_until;
    const char *settle; /* lines that would settle it, for the configuration; NULL: none */
} Outcome;

/* A whole copy that lives in arena. */
Outcome *outcome_copy(Arena *arena, const Outcome *outcome);

#endif
