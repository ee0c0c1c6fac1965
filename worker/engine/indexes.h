/* SPDX-License-Identifier: Apache-2.0 */
/* indexes.h -- which indexes a target's disposals miss, what that costs, and what makes them.  Pure: from the graph. */
#ifndef EXPUNGE_INDEXES_H
#define EXPUNGE_INDEXES_H

#include "engine/target.h"

typedef struct MissingIndex
{
    const GraphTable *table;
    const char *columns; /* "a, b" */
    const char *cost;    /* in plain words */
    const char *create;  /* for psql, without a lock that keeps writers out for long */
} MissingIndex;

/* One for each table and columns: what rows are found by, what the server checks when a row goes, and a policy's age. */
void indexes_missing(Arena *arena, const Target *target, MissingIndex **ret_list, size_t *ret_count);

#endif
