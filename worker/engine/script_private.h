/* SPDX-License-Identifier: Apache-2.0 */
/* script_private.h -- what the files of script share. */
#ifndef EXPUNGE_SCRIPT_PRIVATE_H
#define EXPUNGE_SCRIPT_PRIVATE_H

#include "engine/script.h"

typedef struct Script
{
    Job *job;
    Selector s; /* the job's, without what a plan alone adds */
    const Scope *scope;
    int64_t *rows;         /* that are expected, by position */
    int64_t *changed;      /* by change */
    int64_t *rounds;       /* by position: of references within its group */
    bool moves;            /* rows go into the snapshot as they leave */
    bool departs;          /* a subject's rows go in the transaction that copies them */
    const KeptNote *notes; /* by change */
    const char *number;    /* of the disposal, for what is written down of it: late.h */
    bool inside;           /* a transaction of the caller's: batches have none of their own */
} Script;

/* -- script_parts.c: one statement */
const GraphTable *script_table(const Script *x, size_t position);
const GraphTable *script_child(const Script *x, size_t change);
/* A whole line for psql, or several; table NULL: of none alone. */
void script_add(Script *x, const char *step, const GraphTable *table, const char *comment, const char *statement);
/* The same from a selector's text: ";" is added. */
void script_send(Script *x, const char *step, const GraphTable *table, const char *comment, const char *sql);
/* A COPY … TO STDOUT: its rows go where the psql variable expunge_copies says. */
void script_copy(Script *x, const GraphTable *table, const char *comment, const char *sql);
/* A condition over one query's answer: the script stops there unless it holds. */
void script_demand(Script *x, const char *step, const GraphTable *table, const char *query, const char *otherwise);
/* A query's columns as psql variables. */
void script_ask(Script *x, const char *step, const GraphTable *table, const char *comment, const char *sql);
/* $1, $2 … outside of quotes replaced by texts. */
char *script_fill_in(Arena *arena, const char *sql, const char *const *texts, size_t count);
/* The literals of these values replaced by psql variables of that name. */
char *script_unquote(Arena *arena, const char *sql, const char *const *names, size_t count);

/* -- script_rows.c: batches */
void script_erase_range(Script *x, size_t position);
void script_erase_numbers(Script *x, size_t position);
void script_change(Script *x, size_t change);
void script_erase_step(Script *x, size_t first);
void script_guard(Script *x, const char *options, const char *root_lock);
void script_lock_root(Script *x, const char *root_lock);
void script_commit(Script *x);
void script_move_range(Script *x);

/* -- script_around.c: what stands around the rows: shared rows, keys that are written down, the rehearsal, views */
NODISCARD Err script_around_begin(Script *x); /* before all others */
void script_late(Script *x);                  /* before collected rows go */
bool script_late_begin(Script *x);            /* a policy: look for late rows from here on; false: none can come */
void script_kept(Script *x);
void script_collect_shared(Script *x);
void script_copy_shared(Script *x);  /* of a subject that is copied */
void script_erase_shared(Script *x); /* when the others are gone */
void script_rehearse(Script *x);
void script_erase_whole(Script *x); /* all of it, in the caller's transaction */
NODISCARD Err script_refresh(Script *x);

#endif
