/* SPDX-License-Identifier: Apache-2.0 */
/* selparts.h -- the pieces of statements that selector*.c share: names, keys, conditions. */
#ifndef EXPUNGE_SELPARTS_H
#define EXPUNGE_SELPARTS_H

#include "base/text.h"
#include "engine/selector.h"

const GraphTable *selparts_table(const Selector *s, size_t position);
const GraphEdge *selparts_edge(const Selector *s, size_t edge);
const GraphTable *selparts_child(const Selector *s, size_t change);

char *selparts_work(const Selector *s, size_t position);
char *selparts_change_work(const Selector *s, size_t change);
char *selparts_numbers(const Selector *s);

/* (select current_setting('expunge.key')::TYPE): evaluated once per statement, never in its text */
char *selparts_key(const Selector *s);
/* ALIAS.key = the subject's key */
void selparts_is_root(Text *text, const Selector *s, const char *alias);
/* ALIAS.expunge_k0, … ; and ALIAS.column, … for the key of a table */
void selparts_work_keys(Text *text, const GraphTable *table, const char *alias);
void selparts_table_keys(Text *text, const GraphTable *table, const char *alias);
/* t.key = w.expunge_k, joined by and */
void selparts_join(Text *text, const GraphTable *table, const char *t, const char *w);
/* name of a graph column in the work table of position: expunge_k<i> or expunge_r<i> */
char *selparts_work_column(const Selector *s, size_t position, size_t column);

/* A value of the column equals another one of its own type. */
const char *selparts_equals(const GraphColumn *column);
/* The child's columns (of its alias) refer to the parent's values, "PREFIX.column" or, of a work table, selparts_work_column:
 * as the constraint compares them; joined by and. */
void selparts_refers(Text *text, const Selector *s, const GraphEdge *edge, const char *child, const char *parent);
void selparts_refers_work(Text *text, const Selector *s, const GraphEdge *edge, const char *child, const char *work);
/* The same, against values named PREFIX0, PREFIX1, … */
void selparts_refers_values(Text *text, const Selector *s, const GraphEdge *edge, const char *child,
                            const char *prefix);
/* " and …" where the key sits on one partition of the child, or points at one of the parent. */
void selparts_only_child(Text *text, const GraphEdge *edge, const char *child);
void selparts_only_parent(Text *text, const GraphEdge *edge, const char *parent);
/* "(child's columns) in (select parent's from its work table …", open for a further " and"; close it with ")". */
void selparts_begin_in_work(Text *text, const Selector *s, const GraphEdge *edge, const char *child);

/* The edge refers to the column that holds the subject's key. */
bool selparts_refers_to_key(const Selector *s, const GraphEdge *edge);
/* The row of alias is reached by the edge: straight from the key, or through the parent's work table. */
void selparts_reached(Text *text, const Selector *s, size_t edge, const char *alias);
/* Its children may come late: nothing but the configuration ties them to a row that has gone by then. */
bool selparts_remembers(const Selector *s, const GraphEdge *edge);
/* ... through the parent's work table alone. */
bool selparts_by_parent(const Selector *s, size_t edge);
/* By any of its edges. */
void selparts_reached_any(Text *text, const Selector *s, size_t position, const char *alias);
/* The table has a work table. */
bool selparts_is_collected(const Selector *s, size_t position);
/* The same, judged on the live rows of the parents up to the root (a hop by a self reference and hops beyond the
 * fourth: by the work table). */
void selparts_live(Text *text, const Selector *s, size_t position, const char *alias);
/* The row of alias is reached by this edge of a change, judged on the live rows; true for a policy, whose rows are locked. */
void selparts_live_change(Text *text, const Selector *s, size_t edge, const char *alias);
/* By an edge from outside the table's own group, judged on the live rows; the root itself: by its key. */
void selparts_live_outside(Text *text, const Selector *s, size_t position, const char *alias);
/* The age of the policy's row of alias "t", an expression. */
const char *selparts_age(const Selector *s);
/* A policy's own condition on alias "t": older than the cutoff, not exempt, not held. */
void selparts_due(Text *text, const Selector *s);
void selparts_not_held(Text *text, const Selector *s);
void selparts_cutoff(Text *text, const Selector *s, const char *cutoff);
/* The same for rows that were kept: their window is over, and nobody who is there has them. */
void selparts_kept_due(Text *text, const Selector *s);
/* An update that writes down the keys of the rows that it cuts off, where these are kept; it tells as many rows. */
char *selparts_noted(const Selector *s, size_t change, const char *update);
/* a.x, …: without generated columns */
void selparts_columns(Text *text, const GraphTable *table, const char *alias);
/* Work tables of shared rows. */
char *selparts_create_orphan(const Selector *s, size_t orphan);
char *selparts_orphan_work(const Selector *s, size_t orphan);
/* A plan: the row of alias "t" was not taken by an earlier disposal. */
bool selparts_is_taken(const Selector *s, size_t table);
void selparts_not_taken(Text *text, const Selector *s, size_t table);
/* Condition for a table that is not collected, or for a policy's own, without bounds. */
void selparts_range_base(Text *text, const Selector *s, size_t position);

#endif
