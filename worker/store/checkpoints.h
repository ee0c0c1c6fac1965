/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints.h -- signed statements of what the ledger was: files in STATE_DIR/checkpoints, written once.
 *
 *   N           the checkpoint, lines of text (below); N from 1, no gap
 *   N.sig       its signature as ssh-keygen makes it; N.minisig as minisign does; N.ed25519 the bare 64 bytes
 *   N.tsr       a time stamp of N (RFC 3161), where one was asked for
 *   N.NAME.sig  an auditor's signature of N, dropped there by the auditor
 *
 *   expunge checkpoint 1
 *   origin expunge@NAME
 *   number N
 *   time RFC3339          never earlier than that of N - 1, whole seconds
 *   size ENTRIES          lines of the ledger that it signs
 *   bytes BYTES           which are so many bytes
 *   root HEX              of the tree over them (merkle.h)
 *   head HEX              SHA-256 of the last of them
 *   previous HEX          SHA-256 of checkpoint N - 1; 64 zeros in front of the first
 *   key K ssh-ed25519 …   the key that signs it, the K-th one
 *   peak HEX              one for each perfect subtree, the largest first: what the next root is made from
 *   next-key K+1 ssh-ed25519 …                        only where this is the last one that key K signs
 *   anchor M HEX auditor NAME ssh-ed25519 …           found since: M.NAME.sig, of this SHA-256, verifies
 *   anchor M HEX timestamp RFC3339                    likewise M.tsr
 *
 * The file N is written last: where it is, its signatures are. */
#ifndef EXPUNGE_CHECKPOINTS_H
#define EXPUNGE_CHECKPOINTS_H

#include "store/ledger.h"
#include "store/merkle.h"
#include "store/signing.h"

#define CHECKPOINTS_NAMESPACE "expunge-ledger@v1"
#define CHECKPOINTS_LIMIT (1 << 20) /* bytes of one of these files at most */

typedef struct Anchor
{
    int64_t number;      /* of the checkpoint that it holds */
    char digest[65];     /* of the anchor's file */
    const char *auditor; /* NULL: a time stamp */
    const char *key;     /* "ssh-ed25519 …"; NULL likewise */
    Instant time;        /* of a time stamp */
} Anchor;

typedef struct Checkpoint
{
    int64_t number;
    const char *origin;
    Instant time;
    LedgerPlace place;
    Merkle tree;
    MerkleHash root;
    char previous[65];
    int64_t key_number;
    unsigned char key[SEAL_PUBLIC_BYTES];
    bool ends_key; /* the next ones are signed by next_key */
    unsigned char next_key[SEAL_PUBLIC_BYTES];
    Anchor *anchors;
    size_t anchor_count;
    char digest[65]; /* SHA-256 of the file; set by load and save */
} Checkpoint;

char *checkpoints_format(Arena *arena, const Checkpoint *checkpoint);
/* Only what checkpoints_format() writes: ERR_EVIDENCE otherwise; root and peaks agree. */
NODISCARD Err checkpoints_parse(Arena *arena, const char *text, size_t length, Checkpoint *ret_checkpoint);

/* The number of the newest one; 0: there is none, or no directory. */
NODISCARD Err checkpoints_newest(const char *dir, int64_t *ret_number);
/* ERR_EVIDENCE names the checkpoint. */
NODISCARD Err checkpoints_load(Arena *arena, const char *dir, int64_t number, Checkpoint *ret_checkpoint);
/* ERR_EVIDENCE when one of the three signatures is not there or not by the checkpoint's own key.  Whether that one is the
 * key in force is the caller's to judge. */
NODISCARD Err checkpoints_judge_signatures(const char *dir, const Checkpoint *checkpoint);
/* Sign and write; sets digest. */
NODISCARD Err checkpoints_save(const char *dir, const Signing *signing, Checkpoint *checkpoint);

/* The anchor's file is there, and is by that auditor, or a time stamp, of that checkpoint: sets its digest and time.
 * ERR_EVIDENCE says what is wrong. */
NODISCARD Err checkpoints_judge_anchor(Arena *arena, const char *dir, Anchor *anchor);
/* NUMBER.NAME.sig or NUMBER.tsr */
char *checkpoints_anchor_file(Arena *arena, const Anchor *anchor);

/* All of them from the first on, verified: none is missing, origin, chain, times, sizes, signatures, and that each key was
 * announced by the one in front of it; whose the first key is, is the caller's to judge.  ERR_EVIDENCE names the
 * checkpoint; a failing visit ends it. */
typedef Err (*CheckpointVisit)(void *context, const Checkpoint *checkpoint);
NODISCARD Err checkpoints_walk(const char *dir, CheckpointVisit visit, void *context, int64_t *ret_count);

typedef struct CheckpointEnd
{
    LedgerPlace place;
    MerkleHash root;
} CheckpointEnd;

/* Does the ledger hold what the checkpoints (count of them, from number 1 on) sign?  ERR_EVIDENCE names the first that
 * differs, and between which lines the change is.  ret_end: the end of the ledger; what is behind the newest checkpoint
 * is not signed. */
NODISCARD Err checkpoints_compare(const char *ledger_path, const CheckpointEnd *ends, size_t count,
                                  LedgerPlace *ret_end);

#endif
