/* SPDX-License-Identifier: Apache-2.0 */
/* restore.h -- a snapshot's rows, out of it again: into the live tables, into a schema of their own, or into a scratch
 * place to see that it could be done.
 *
 * Into the live tables: one transaction.  The files are first read into temporary tables and every reason against it is
 * gathered; only when there is none is the first row written.  Triggers are kept off (session_replication_role), so that
 * rows come back as they were; what that switches off is checked here: foreign keys, with the parents' rows locked, and
 * deferrable keys, with the table locked.  Values that the erasure nulled, set or made anonymous come back last, and only
 * in rows that are still as the erasure left them: what somebody wrote since stays, and is counted.  In rows that lived
 * on, they are updated with triggers on, as the erasure did it.  Sequences are not touched.  At the end the digest of the rows
 * is the manifest's, or all is rolled back.
 *
 * Then the disposal is over: its snapshot's key is destroyed and it ends as withdrawn.  A crash in between is finished by
 * the next run.  A subject whose root still says that it has ended has its whole grace period again, counted from the
 * restore. */
#ifndef EXPUNGE_RESTORE_H
#define EXPUNGE_RESTORE_H

#include "engine/session.h"

typedef struct RestoreTable
{
    const char *table; /* schema.table it came from */
    const char *into;  /* quoted: where it went */
    const char *role;  /* "rows" or "values" */
    int64_t rows;      /* put back */
    int64_t present;   /* of an erasure that was under way: rows that were still there; values that were back already */
    int64_t left;      /* values: rows that are gone, or were changed since */
} RestoreTable;

typedef struct Restoration
{
    Arena *arena;
    const Disposal *disposal; /* as it was before */
    RestoreTable *tables;
    size_t table_count;
    size_t table_room;
    const char **reasons; /* why not; the call failed then */
    size_t reason_count;
    size_t reason_room;
    bool only_rights;  /* all reasons are privileges */
    bool was_done;     /* the rows were back already: only the snapshot's end was left */
    bool ended;        /* the snapshot is destroyed, and the disposal withdrawn */
    const char *story; /* why the snapshot is still there; NULL */
    bool
        due_again; /* policies: the next run may take the rows again; subjects: the root still says that it has ended */
    Instant due_at; /* subjects: when the new grace period is over; INSTANT_NONE otherwise */
} Restoration;

/* Fails with ERR_USAGE (no snapshot, nothing was removed), ERR_EVIDENCE (the key was destroyed, the snapshot does not
 * verify), ERR_AGAIN (a worker is busy with it), and ERR_RAIL or ERR_PERMISSION with the reasons. */
NODISCARD Err restore_live(Session *session, int64_t id, Restoration *restoration);
/* Tables of the same names, columns and types, without triggers, keys and conditions.  The schema is made when it is not there;
 * ERR_RAIL when it holds anything.  The disposal stays as it is; the ledger says what was done. */
NODISCARD Err restore_into(Session *session, int64_t id, const char *schema, Restoration *restoration);
/* Into temporary tables, compared, and gone again.  The ledger says how it went. */
NODISCARD Err restore_drill(Session *session, int64_t id, Restoration *restoration);

#endif
