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
/* The same, and by the values of a few rows of each table that could hold keys: one short statement each, with a timeout,
 * from which only counts come back.  Fails as db_query does when the connection breaks. */
NODISCARD Err lookalikes_find(Arena *arena, Session *session, Lookalikes *ret_list);

char *lookalikes_where(Arena *arena, const Session *session, const Lookalike *look); /* schema.table.column */
char *lookalikes_story(Arena *arena, const Session *session, const Lookalike *look);
/* The lines that would settle it: an edge, or no key. */
char *lookalikes_lines(Arena *arena, const Session *session, const Lookalike *look);
/* Name and type of a column of a table that nothing covers: the subject whose key it looks like, or NULL. */
const Target *lookalikes_owner(const Session *session, size_t table, size_t column);

#endif
