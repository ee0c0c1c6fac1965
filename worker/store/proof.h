/* SPDX-License-Identifier: Apache-2.0 */
/* proof.h -- that lines of the ledger are among those that a checkpoint signs, for somebody who has not the ledger. */
#ifndef EXPUNGE_PROOF_H
#define EXPUNGE_PROOF_H

#include "store/checkpoints.h"

typedef struct ProofRecord
{
    int64_t seq;
    const char *line; /* the whole entry, as it stands in the ledger */
    MerkleStep *steps;
    size_t step_count;
} ProofRecord;

typedef struct Proof
{
    Checkpoint checkpoint; /* the newest */
    ProofRecord *records;
    size_t count;
} Proof;

/* Paths from the entries seqs to the root of the newest checkpoint in dir.  The ledger is read as far as it signs; memory
 * grows by 32 bytes for each entry.  Fails with ERR_AGAIN when an entry is not signed yet, with ERR_EVIDENCE when ledger
 * or checkpoint do not verify. */
NODISCARD Err proof_make(Arena *arena, const char *dir, const char *ledger_path, const int64_t *seqs, size_t count,
                         Proof *ret_proof);
/* Lines that a short shell loop checks (README, "Without expunge"). */
char *proof_text(Arena *arena, const Proof *proof);
JsonDoc *proof_json(Arena *arena, const Proof *proof);

#endif
