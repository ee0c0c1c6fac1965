/* SPDX-License-Identifier: Apache-2.0 */
/* pass.h -- one pass over one table: batch by batch, each a guarded transaction that judges, changes and counts. */
#ifndef EXPUNGE_PASS_H
#define EXPUNGE_PASS_H

#include "engine/job.h"

/* Erase the rows of the scope's table at position, and of those that are one step with it (position is the first of
 * them): by ranges of its order, by numbers of its collected keys, or all in one statement.
 * A table whose rows refuse (a trigger, a rule, row security) is ERR_RAIL. */
NODISCARD Err pass_erase(Job *job, size_t position);
/* Change the rows of an edge that does not delete. */
NODISCARD Err pass_change(Job *job, size_t change);

/* Inside the caller's guarded transaction: all collected rows of a table (or change) in one statement. */
NODISCARD Err pass_erase_now(Job *job, size_t position, int64_t *ret_rows);
NODISCARD Err pass_erase_some_now(Job *job, size_t position, int64_t most_rows,
                                  int64_t *ret_rows); /* the first of them */
NODISCARD Err pass_change_now(Job *job, size_t change, int64_t *ret_rows);

NODISCARD Err pass_erase_whole_now(Job *job, size_t position, int64_t *ret_rows);
/* Strongly connected tables, positions [first, end): one statement; ret_rows for each. */
NODISCARD Err pass_erase_group_now(Job *job, size_t first, size_t end, int64_t *ret_rows);

/* ERR_RAIL when rows that were selected are still there: what keeps them, and how many. */
NODISCARD Err pass_check_remaining(Job *job, size_t position);

/* The bounded range's upper key: ret_high NULL when fewer than pace.rows rows are left. */
NODISCARD Err pass_upper(Job *job, Arena *arena, size_t position, const char *const *low, const char *const **ret_high);
/* fewer were changed than selected: why?  ERR_RAIL when they are still there */
NODISCARD Err pass_refused(const Job *job, size_t position, int64_t remaining);

#endif
