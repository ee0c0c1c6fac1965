/* SPDX-License-Identifier: Apache-2.0 */
/* lookalikes.h -- columns that look like the key of a subject and are covered by nothing: no edge that this subject
 * follows, no key of something else, no line of the configuration (not_keys). */
#ifndef EXPUNGE_LOOKALIKES_H
#define EXPUNGE_LOOKALIKES_H

#include "engine/session.h"

typedef struct Lookalike
{
    const Target *owner; /* whose key it looks like */
    size_t table;
    size_t column;
    const char *member;     /* of a json object; NULL: the column itself */
    bool named;             /* name and type say so; otherwise values of a sample alone */
    int64_t sampled_values; /* distinct ones; 0: no sample was asked, or it had none */
    int64_t matching_values;
} Lookalike;

typedef struct Lookalikes
{
    Lookalike *list;
    size_t count;
    size_t room;
    const char **unsampled; /* "schema.table": a sample could not be read (no privilege, locked, too slow) */
    size_t unsampled_count;
    size_t unsampled_room;
} Lookalikes;

/* By names and types alone, without a look at any row.  Tables that nothing covers are left out: they are told as a
 * whole. */
void lookalikes_named(Arena *arena, const Session *session, Lookalikes *ret_list);
/* The same, and by the values of a few rows of each table that could hold keys, the uncovered ones among them: one short statement each, with a timeout,
 * from which only counts come back.  Fails as db_query does when the connection breaks. */
NODISCARD Err lookalikes_find(Arena *arena, Session *session, Lookalikes *ret_list);

char *lookalikes_where(Arena *arena, const Session *session, const Lookalike *look); /* schema.table.column */
char *lookalikes_story(Arena *arena, const Session *session, const Lookalike *look);
/* The lines that would settle it: an edge, or no key. */
char *lookalikes_lines(Arena *arena, const Session *session, const Lookalike *look);
/* How an edge takes the key out of the column (member: of a json object, or NULL), and what becomes of a row that holds others
 * beside: settings of the edge, or NULL. */
const char *lookalikes_edge_tail(Arena *arena, const Target *owner, const GraphColumn *column, const char *member);
/* Name and type of a column of a table that nothing covers: the subject whose key it looks like, or NULL. */
const Target *lookalikes_owner(const Session *session, size_t table, size_t column);
/* The column may hold the subject's key, whatever it is called. */
bool lookalikes_holds_key(const Target *target, size_t table, size_t column);
/* A line of the subject's not_keys names the column. */
bool lookalikes_settled(const Target *owner, size_t table, size_t column);

#endif
