/* SPDX-License-Identifier: Apache-2.0 */
/* verify.h -- does the evidence hold?  The ledger against itself and the databases, snapshots against their manifests,
 * erased rows against what is there.  Changes nothing; all that is wrong is collected, not only the first. */
#ifndef EXPUNGE_VERIFY_H
#define EXPUNGE_VERIFY_H

#include "engine/session.h"

typedef struct VerifyFault
{
    Err code;             /* OK: a warning */
    const char *database; /* NULL: none in particular */
    const char *story;
} VerifyFault;

typedef struct VerifyCount
{
    int64_t checked;
    int64_t failed;
} VerifyCount;

typedef struct Verify
{
    const House *house; /* keys may be NULL for the ledger alone */
    Arena *arena;
    const char *ledger_path;
    Session **sessions; /* those that could be opened */
    size_t session_count;
    int64_t ledger_entries;
    char ledger_head[65];    /* empty: not walked to the end */
    int64_t ledger_pending;  /* entries that wait in the databases */
    VerifyCount ledger;      /* disposals compared with it */
    VerifyCount checkpoints; /* the chain, and what the databases noted of it */
    int64_t checkpoint_count;
    bool signatures_hold;    /* over the chain of checkpoints and the ledger */
    Instant checkpoint_time; /* of the newest */
    const char *origin;
    int64_t key_count;
    int64_t signed_entries;
    int64_t unsigned_entries; /* behind the newest checkpoint */
    VerifyCount anchors;
    int64_t anchor_checkpoint; /* the newest one that an anchor holds; 0: none */
    int64_t anchor_entries;    /* which it signs */
    const char *anchor_story;
    VerifyCount snapshots;
    int64_t snapshots_destroyed; /* of the checked ones: confirmed gone */
    VerifyCount absence;
    VerifyCount drill;
    int64_t drill_rows; /* that were restored and compared */
    VerifyFault *faults;
    size_t fault_count;
    size_t fault_room;
} Verify;

/* Open a session for each database; one that cannot be opened is a fault, and its evidence is not judged. */
void verify_open(const House *house, Arena *arena, Verify *ret_verify);
void verify_closep(Verify *verify);

void verify_ledger(Verify *verify);
/* Behind verify_ledger().  master may be NULL: then nobody vouches for the signing key's file. */
void verify_checkpoints(Verify *verify, const Secret *master);
void verify_snapshots(Verify *verify);
void verify_absence(Verify *verify);
/* The newest snapshot of each policy and kind, of each database, restored into a scratch place and compared. */
void verify_drill(Verify *verify);

/* OK without faults; ERR_EVIDENCE where one is of that kind, otherwise the first one's; the story names up to twelve. */
NODISCARD Err verify_verdict(const Verify *verify);

#endif
