/* SPDX-License-Identifier: Apache-2.0 */
/* seledge.h -- the pieces of statements that compare the rows of an edge's child with its parent's: columns, texts that
 * spell a key, expressions, arrays, and the edge's own condition.
 *
 * Expressions and conditions of the configuration name the child's columns without an alias: they stand where nothing
 * but the child has columns beside expunge's own. */
#ifndef EXPUNGE_SELEDGE_H
#define EXPUNGE_SELEDGE_H

#include "engine/selparts.h"

/* The row of alias refers to the subject's key. */
void seledge_key(Text *text, const Selector *s, const GraphEdge *edge, const char *alias);
/* It refers to one of the rows that "from …" gives; names: of the parent's columns in it, one for each of the edge's. */
void seledge_in(Text *text, const Selector *s, const GraphEdge *edge, const char *alias, const char *const *names,
                const char *from);
/* Names of the parent's columns in the work table of its position, under an alias; and in the table itself. */
const char *const *seledge_work_names(const Selector *s, const GraphEdge *edge, const char *alias);
const char *const *seledge_parent_names(const Selector *s, const GraphEdge *edge, const char *alias);

/* It refers to a row of the parent that is there, whichever. */
void seledge_exists(Text *text, const Selector *s, const GraphEdge *edge, const char *alias);

/* The row of alias, of the edge's child, refers to this row of its parent. */
void seledge_refers(Text *text, const Selector *s, const GraphEdge *edge, const char *alias, const char *parent);

/* What the children of rows that went may refer to (late.h): names of the parent's columns, and what is behind "from". */
const char *const *seledge_late_names(const Selector *s, const GraphEdge *edge);
char *seledge_late_from(const Selector *s, const GraphEdge *edge);
/* The row of alias refers to such a row. */
void seledge_late(Text *text, const Selector *s, const GraphEdge *edge, const char *alias);
/* Rows of the parent's work table (names of alias p), and such rows. */
char *seledge_from_work(const Selector *s, const GraphEdge *edge);

/* element: another of its elements refers to a row that stays */
void seledge_shared(Text *text, const Selector *s, const GraphEdge *edge, const char *alias);
/* element: the array without the keys of the rows that go */
void seledge_without(Text *text, const Selector *s, size_t edge, const char *alias);

#endif
