/* SPDX-License-Identifier: Apache-2.0 */
/* settle.h -- the lines of configuration that would settle what stops a disposal, ready to be pasted: names are written as
 * the configuration reads them, and a comment behind says into which list a line belongs. */
#ifndef EXPUNGE_SETTLE_H
#define EXPUNGE_SETTLE_H

#include "engine/undeclared.h"

/* a column's name, quoted and escaped where it must be */
char *settle_name(Arena *arena, const char *name);
/* schema.table, quoted and escaped where it must be */
char *settle_table(Arena *arena, const GraphTable *table);
/* "an edge leads from this column to the parent's key" */
char *settle_reference(Arena *arena, const Session *session, const Target *target,
                       const UndeclaredReference *reference);
/* "an edge leads from this column to the root's key"; tail: NULL, or further settings (" action = \"delete\";") */
char *settle_column_edge(Arena *arena, const Session *session, const Target *target, const GraphTable *table,
                         const char *column, const char *tail);
/* an edge that is there, with settings of its own */
char *settle_edge(Arena *arena, const Session *session, const Target *target, const GraphEdge *edge, const char *tail);
/* "this column is no key of the subject" */
char *settle_not_key(Arena *arena, const Session *session, const Target *target, const GraphTable *table,
                     const char *column);
/* An edge, or no key: one of the two settles a column.  An edge into a table of global_tables comes second, with what has to
 * change there. */
char *settle_choice(Arena *arena, const Session *session, const Target *target, const GraphTable *table,
                    const char *column, const char *edge);
/* a table that is reached by nothing: by an edge where a column looks like a subject's key or like that of a table whose
 * rows go with a subject, by a policy where it has an age, or by global_tables */
char *settle_uncovered(Arena *arena, const Session *session, const Undeclared *undeclared, size_t table);

/* edges that keep a target from having a scope: a SET NULL that cannot happen, a root that refers to itself; NULL: none */
char *settle_conflicts(Arena *arena, const Session *session, const Target *target);

#endif
