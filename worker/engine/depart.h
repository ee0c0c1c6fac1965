/* SPDX-License-Identifier: Apache-2.0 */
/* depart.h -- during_grace = "remove": a subject's rows leave the live tables at the start of the grace period.
 *
 * One REPEATABLE READ transaction: the root is locked, its scope copied into the snapshot (synced, read back, sealed),
 * the holds are frozen and judged, and the same rows are deleted.  It commits with the transition to "archived".  A row that
 * somebody changed meanwhile, or one that came below a row that goes, is a serialization failure or a broken reference:
 * all is rolled back and tried again.
 * What comes late by an edge without a FOREIGN KEY, and shared rows (orphans = "delete"), go at the end of the grace period. */
#ifndef EXPUNGE_DEPART_H
#define EXPUNGE_DEPART_H

#include "engine/job.h"

/* The rows of this subject leave with the archive.  Not where they were restored since the subject ended: who was brought
 * back keeps the rows for the whole new grace period. */
NODISCARD Err depart_is_asked_for(Job *job, bool *ret_asked);
/* open → archived.  A root that is not there is nobody's to lock: its rows are copied alone (archive_copy). */
NODISCARD Err depart_subject(Job *job);
/* Materialized views that read its tables are refreshed, and it is written down that they are. */
NODISCARD Err depart_finish(Job *job);

#endif
