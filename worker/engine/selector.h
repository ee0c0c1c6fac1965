/* SPDX-License-Identifier: Apache-2.0 */
/* selector.h -- every statement on user tables is built here, from a target and its scope, and nowhere else; plan --sql
 * prints what this room makes.
 *
 * Work tables (temporary, per target): expunge_w<T>_<P> holds the keys of the scope's table at position P (columns
 * expunge_k<i>: its key; expunge_r<i>: further columns that edges refer to), expunge_c<T>_<C> the keys of the rows
 * that change C changes.  expunge_o<T> numbers the rows of one pass in the order of their erasure (expunge_n).
 * The subject's key is the session setting expunge.key: it stands in no statement. */
#ifndef EXPUNGE_SELECTOR_H
#define EXPUNGE_SELECTOR_H

#include "engine/target.h"
#include "model/lookalike.h"
#include "wrap/db.h"

/* The frozen cutoffs of a policy's disposal, as texts of points in time. */
typedef struct Cutoffs
{
    const char *main;
    const char **exempts; /* one for each exemption of the policy */
} Cutoffs;

/* What is written down of rows that a keep edge leaves behind. */
typedef struct KeptNote
{
    const char *disposal; /* its number; plan --sql: or a psql variable */
    int number;           /* the change's, of disposal_table: it stays, whatever a migration does to the scope */
    const char *since;    /* points in time */
    const char *until;
} KeptNote;

typedef struct Selector
{
    Arena *arena;
    const Target *target;
    Cutoffs cutoffs;      /* policies */
    const KeptNote *kept; /* per change; NULL: nothing is written down */
    const bool *taken;    /* plan: per table of the graph, whether it has a table of taken keys; NULL otherwise */
    const char *late;     /* an erasure: the number of the disposal whose late rows are looked for, too (late.h) */
} Selector;

/* A bounded range of an order: values, NULL for an open end. */
typedef struct Bounds
{
    const char *const *low;  /* exclusive */
    const char *const *high; /* inclusive */
} Bounds;

/* DDL of one work table of the target, and what empties it; number: the positions, then the changes, then
 * the shared rows, selector_work_count in all.  NULL: it has none. */
size_t selector_work_count(const Selector *s);
char *selector_create_at(const Selector *s, size_t number);
char *selector_empty_at(const Selector *s, size_t number);
/* columns: yes */
char *selector_any_at(const Selector *s, size_t number);

/* -- filling the work tables */
char *selector_fill_subject_root(const Selector *s);
/* count $1 (limit), then the low bound's values; locks the rows FOR UPDATE.  Without limit: all, no lock. */
char *selector_fill_policy_root(const Selector *s, const Bounds *bounds, bool limited);
char *selector_fill_edge(const Selector *s, size_t position, size_t edge);
/* The edge finds nothing when no row of its parent is collected. */
bool selector_needs_parent(const Selector *s, size_t edge);
/* one round through a cycle of references: rows whose parent came in the round before; $1: this round's number */
char *selector_fill_round(const Selector *s, size_t position, size_t edge);
/* all rounds of a table alone that refers to itself by one edge; NULL: it is none such.  All get round 1. */
char *selector_fill_tree(const Selector *s, size_t position);
/* lock the collected rows FOR UPDATE: no child can be added to them */
char *selector_lock(const Selector *s, size_t position);
char *selector_analyze(const Selector *s, size_t position);
char *selector_fill_change(const Selector *s, size_t change);
/* the work table of position (or of change) into expunge_o<T>, numbered, leaves of a self reference first */
char *selector_number(const Selector *s, size_t position);
char *selector_number_change(const Selector *s, size_t change);
/* columns: last, the highest number; together, how many of the first must go in one batch (rows that refer to each other in a cycle) */
char *selector_numbered(const Selector *s);
char *selector_forget_numbers(const Selector *s);

/* -- counting; columns: rows */
char *selector_count(const Selector *s, size_t position);
char *selector_count_change(const Selector *s, size_t change);
/* rows of a change that the server would not take: NOT NULL, CHECK, a new value that refers to nothing or to a row that
 * goes; columns: rows.  The server answers with class 23 when a domain does not allow the new value. */
char *selector_count_impossible(const Selector *s, size_t change);
/* kept rows of a keep edge; columns: rows, newest age as text (NULL when age is GRAPH_NONE) */
char *selector_count_kept(const Selector *s, size_t change, size_t age);
/* rows reached by one edge whose parent by another edge lies outside the scope; columns: rows.  NULL: cannot be. */
char *selector_count_foreign(const Selector *s, size_t position, size_t edge);
/* policies: columns: due, held, for each exemption: kept by it, and for each the newest age among them (text or null) */
char *selector_survey_policy(const Selector *s);
/* policies: is any row due?  columns: yes */
char *selector_any_due(const Selector *s);

/* -- rows that keep edges leave behind: written down as they are reached now; and the targets that take them later */
char *selector_keep(const Selector *s, size_t change);
char *selector_forget_kept(const Selector *s); /* of the collected root rows */
char *selector_purge_kept(const Selector *s);  /* window over, and the row is not there any more */
char *selector_oldest_kept(const Selector *s); /* columns: since when (text) */

/* -- shared rows: what the scope's rows refer to by an edge, into the work table or ($1 disposal, $2 number) written down;
 * of those ($3 at most) back into it; those that an edge of graph refers to out of it again (beyond_scope: by rows that
 * are not of the scope) */
char *selector_fill_orphans(const Selector *s, size_t orphan, size_t edge);
char *selector_note_orphans(const Selector *s, size_t orphan, size_t edge);
char *selector_take_orphans(const Selector *s, size_t orphan);
char *selector_empty_orphans(const Selector *s, size_t orphan);
char *selector_lock_orphans(const Selector *s, size_t orphan);
char *selector_spare_orphans(const Selector *s, size_t orphan, const Graph *graph, size_t edge, bool beyond_scope);
char *selector_count_orphans(const Selector *s, size_t orphan); /* columns: rows */
char *selector_copy_orphans(const Selector *s, size_t orphan);
char *selector_delete_orphans(const Selector *s, size_t orphan);
char *selector_remaining_orphans(const Selector *s, size_t orphan); /* columns: rows */

/* -- late rows (late.h): the edge may bring some; write down what its children refer to, of the collected rows of its
 * parent; those of its children that refer to what was written down and is not there any more, into their work table; forget
 * it all */
bool selector_remembers(const Selector *s, size_t edge);
char *selector_note_late(const Selector *s, size_t edge);
char *selector_fill_late(const Selector *s, size_t position, size_t edge);
char *selector_forget_late(const Selector *s);

/* -- a plan counts as a run works: rows that an earlier disposal takes are not there for the next.  NULL: nothing to do. */
char *selector_taken_create(Arena *arena, const GraphTable *table, size_t number); /* DDL, once per connection */
char *selector_taken_drop(Arena *arena, size_t number);
char *selector_taken_subtract(const Selector *s, size_t position);
char *selector_taken_subtract_change(const Selector *s, size_t change);
char *selector_take(const Selector *s, size_t position);

/* -- copying and erasing */
char *selector_copy(const Selector *s, size_t position);
char *selector_copy_change(const Selector *s, size_t change);
/* columns of the scope's rows as texts, each combination once; $1: how many at most */
char *selector_values(const Selector *s, size_t position, const size_t *columns, size_t count);
/* numbers ($1, $2], both literal when moving */
char *selector_delete_numbers(const Selector *s, size_t position);
char *selector_move_numbers(const Selector *s, size_t position, int64_t low, int64_t high);
char *selector_change_numbers(const Selector *s, size_t change);
/* still there, of the numbers ($1, $2]; columns: rows */
char *selector_remaining_numbers(const Selector *s, size_t position);
/* a table that is not collected, in one statement */
char *selector_delete_whole(const Selector *s, size_t position);
char *selector_move_whole(const Selector *s, size_t position);
/* strongly connected tables, positions [first, end), in one statement; columns: rows per table */
char *selector_delete_group(const Selector *s, size_t first, size_t end);
/* of the rows that were found from outside their group: how many are not any more (they moved); columns: rows */
char *selector_lost(const Selector *s, size_t position);
/* how many rounds of references within the group were needed; columns: number, 0 where every row is found from outside */
char *selector_rounds(const Selector *s, size_t position);
/* still there, of all collected rows; columns: rows */
char *selector_remaining(const Selector *s, size_t position);
/* ranges of an order (a single policy at position 0, or a leaf of a subject) */
char *selector_upper(const Selector *s, size_t position,
                     bool bounded); /* [low values …,] offset; columns: high0 …: the order's */
char *selector_delete_range(const Selector *s, size_t position, const Bounds *bounds);
char *selector_copy_range(const Selector *s, size_t position, const Bounds *bounds);
/* the next rows behind low in their order; and, where a row holds all that the order is made of, the order's values in
 * a row of COPY text */
char *selector_copy_next(const Selector *s, size_t position, const char *const *low, int64_t limit_rows);
bool selector_row_tells_order(const Selector *s, size_t position);
const char *const *selector_row_order(const Selector *s, size_t position, const char *row);
char *selector_remaining_range(const Selector *s, size_t position, const Bounds *bounds); /* columns: rows */
const size_t *selector_order(const Selector *s, size_t position, size_t *ret_count);

/* -- what may be a key of a subject's root: a bounded sample of rows, of which only counts come back.  Columns, for each of
 * columns: distinct values, of these keys of the root, of these 16 bytes and longer.  */
typedef struct SampleColumn
{
    size_t column;
    LookalikeForm form;
    const char *member; /* of a json object; NULL: the value itself */
} SampleColumn;
char *selector_sample(const Selector *s, const GraphTable *table, const SampleColumn *columns, size_t count,
                      int64_t limit_rows);
/* Is any value of the sample a key of this root?  Columns: yes, for each of owners.  Cheap, and right about a no. */
char *selector_sample_any(Arena *arena, const GraphTable *table, const SampleColumn *columns, size_t count,
                          const Target *const *owners, size_t owner_count, int64_t limit_rows);
/* numeric keys; columns: highest - lowest + 1 (text) */
char *selector_key_span(const Selector *s);

/* -- a copy for the subject: its rows of one table, each once, as lines of JSON or CSV */
typedef struct ExportValues /* a snapshot's, of rows that stayed: staged beside */
{
    const char *stage;
    const char *const *columns; /* the table's key is among them */
    size_t column_count;
} ExportValues;
typedef struct SelectorExport
{
    const GraphTable *table;
    size_t position; /* in the scope; GRAPH_NONE: its rows stay */
    size_t orphan;   /* among the shared rows; GRAPH_NONE */
    bool from_snapshot;
    const char *staged; /* from_snapshot: where its rows stand; NULL: there are none */
    const char *const *columns;
    size_t column_count;
    const ExportValues *values;
    size_t value_count;
} SelectorExport;
bool selector_exports(const Selector *s, const SelectorExport *e); /* there is a way to any row */
char *selector_export(const Selector *s, const SelectorExport *e, bool csv);
/* the keys of staged rows into the work table of position */
char *selector_fill_staged(const Selector *s, size_t position, const char *stage);

/* -- the root of a subject */
/* columns: has ended and is confirmed, incarnation (text), ended_at (text), region (text); lock: "", "for share",
 * "for update" */
char *selector_root_state(const Selector *s, const char *lock);
/* columns: id, type, until (microseconds) of the newest hold in force on the subject, whatever the spelling of its key;
 * one with a key that can be nobody's holds nobody. */
char *selector_hold(const Selector *s);
/* $1 as_of, $2 limit; columns: key, incarnation, ended_at, region; roots that have ended and have no disposal */
char *selector_ended_roots(const Selector *s);
/* $1 region; columns: rows.  Ended roots of another region */
char *selector_misplaced_roots(const Selector *s);
/* $1 key, and its type is still to be added; columns: key, incarnation, label (texts).  For expunge.look_at_root */
char *selector_look(const Selector *s);
/* every root's key and incarnation (texts) */
char *selector_all_roots(const Selector *s);
/* $1 keys (array of texts in lower case); columns: those that a root has, in lower case */
char *selector_roots_of_keys(const Selector *s);
/* policies: columns: oldest row's age (text) */
char *selector_oldest(const Selector *s);

#endif
