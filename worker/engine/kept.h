/* SPDX-License-Identifier: Apache-2.0 */
/* kept.h -- rows that an erasure leaves behind for a window of their own: their keys are written down as they are left,
 * and when the window is over they go by themselves, as the rows of a policy do (target.h: owner). */
#ifndef EXPUNGE_KEPT_H
#define EXPUNGE_KEPT_H

#include "engine/job.h"

/* From here on the job's statements write down the keys of rows that they cut off.  Behind job_tables(), before the first change. */
NODISCARD Err kept_begin(Job *job);
/* The same for plan --sql. */
NODISCARD Err kept_notes(Job *job, const char *disposal, const KeptNote **ret_notes);
/* Write down the rows that keep edges reach now; in the caller's transaction. */
NODISCARD Err kept_record(Job *job);
/* What was left behind so far, for the certificate; in the caller's transaction. */
NODISCARD Err kept_tell(Job *job);
/* Snapshots of policies that may hold rows of this subject, likewise. */
NODISCARD Err kept_tell_snapshots(Job *job);

/* Rows that are left behind now, counted for the plan, in a transaction with filled work tables. */
NODISCARD Err kept_count(Job *job, OutcomeStay **ret_stays, size_t *ret_count);

/* Forget the keys of rows whose window is over and that something else has taken. */
NODISCARD Err kept_purge(Session *session);
/* Kept rows whose edge the configuration does not have any more: one text for each such edge; due: only those whose
 * window is over. */
NODISCARD Err kept_unclaimed(Session *session, Arena *arena, bool due, const char ***ret_stories, size_t *ret_count);

#endif
