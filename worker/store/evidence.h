/* SPDX-License-Identifier: Apache-2.0 */
/* evidence.h -- what this installation signs its ledger with: the signing key, the chain of checkpoints, and the public
 * files that an auditor is given.  Changes are made under a lock on the signing key's file, so that processes that sign at
 * the same time make one chain. */
#ifndef EXPUNGE_EVIDENCE_H
#define EXPUNGE_EVIDENCE_H

#include "model/rules.h"
#include "store/checkpoints.h"

typedef struct Evidence Evidence;

/* The places below STATE_DIR. */
char *evidence_checkpoints_dir(Arena *arena, const Rules *rules);
char *evidence_key_path(Arena *arena, const Rules *rules);
char *evidence_origin(Arena *arena, const Rules *rules); /* "expunge@NAME" */

/* A signing key and the directory, where there are none: for init.  ERR_EVIDENCE when the key is gone, but checkpoints are
 * there.  ret_made: a key was made. */
NODISCARD Err evidence_create(const Rules *rules, const Secret *master, bool *ret_made);

/* Judges what is to be continued: the newest checkpoint, that it is by the key in force, and the ledger's end against it.
 * Fails with ERR_EVIDENCE; ERR_CONFIG when there is no signing key yet, or the origin is not evidence.name.  master is
 * consumed, also on failure. */
NODISCARD Err evidence_open(const Rules *rules, Secret *master, Evidence **ret_evidence);
void evidence_close(Evidence *evidence);
void evidence_closep(Evidence **evidence);

typedef struct Sealed
{
    bool made;
    int64_t number; /* of the newest checkpoint; 0: there is none */
    char digest[65];
    int64_t size;
    size_t bad_anchors; /* files in the form of an anchor that hold nothing */
} Sealed;

/* A checkpoint over what was appended since the newest one; none when nothing was.  Reads no more of the ledger than
 * that. */
NODISCARD Err evidence_seal(Evidence *evidence, Sealed *ret_sealed);
/* A new key: the ledger and a last checkpoint of the old one say so, then the old seed is overwritten. */
NODISCARD Err evidence_rotate(Evidence *evidence, Ledger *ledger, Sealed *ret_sealed);
/* Write the public files that are not there or differ. */
NODISCARD Err evidence_publish(Evidence *evidence);

/* -- what an auditor is given --------------------------------------------------------------------------------------- */

typedef struct SigningKey
{
    unsigned char key[SEAL_PUBLIC_BYTES];
    Instant from;  /* INSTANT_NONE: from the beginning */
    Instant until; /* INSTANT_NONE: in force */
} SigningKey;

typedef struct SigningKeys
{
    Arena *arena;
    SigningKey *list;
    size_t count;
    size_t room;
} SigningKeys;

void evidence_note_keys(SigningKeys *keys, const Checkpoint *checkpoint);

typedef struct PublicFile
{
    const char *path;
    const char *text;
    bool is_ours; /* it follows from the checkpoints, not from the configuration */
} PublicFile;

/* allowed_signers, auditors (where any is configured), expunge-K.pub and expunge-K.pem, with what should be in them. */
void evidence_public_files(Arena *arena, const Rules *rules, const SigningKeys *keys, PublicFile **ret_files,
                           size_t *ret_count);

/* Anchors among the files beside the checkpoints, up to checkpoint newest; those of auditors that nobody configured have
 * key NULL. */
NODISCARD Err evidence_find_anchors(Arena *arena, const Rules *rules, int64_t newest, Anchor **ret_anchors,
                                    size_t *ret_count);

#endif
