/* SPDX-License-Identifier: Apache-2.0 */
/* orphans.h -- shared rows that rows of the scope refer to: they go when nobody else refers to them, never otherwise.
 * Whether somebody does is judged in the transaction that deletes them, under their own lock, over every edge to their
 * table: foreign keys, and what the configuration declares for any subject or policy. */
#ifndef EXPUNGE_ORPHANS_H
#define EXPUNGE_ORPHANS_H

#include "engine/job.h"

/* Those that would go now, as if the scope's rows were gone: into their work tables.  In a transaction with filled work
 * tables; plan and copy. */
NODISCARD Err orphans_foretell(Job *job);
NODISCARD Err orphans_count(Job *job, size_t orphan, int64_t *ret_rows);

/* A subject: write down what the scope's rows refer to, before they go; in the caller's transaction or none. */
NODISCARD Err orphans_note(Job *job);
/* ... and when they are gone, let go what nobody refers to, batch by batch. */
NODISCARD Err orphans_erase(Job *job);

/* A policy's batch, in its transaction: what its rows refer to, before they go; and after they went, lock, judge, and
 * delete.  Between the last two the caller may copy (selector_copy_orphans). */
NODISCARD Err orphans_collect(Job *job);
NODISCARD Err orphans_judge(Job *job, size_t orphan);
NODISCARD Err orphans_delete(Job *job, size_t orphan, int64_t *ret_rows);

/* The statements by which those that somebody refers to leave the work table (s->arena).  beyond_scope: rows of the scope do not
 * count. */
void orphans_spare(const Job *job, const Selector *s, size_t orphan, bool beyond_scope, const char ***ret_list,
                   size_t *ret_count);

#endif
