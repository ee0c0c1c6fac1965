/* SPDX-License-Identifier: Apache-2.0 */
/* merkle.h -- the tree of RFC 6962 (section 2.1) over a ledger's lines, and one line's path to its root.  Pure.
 *
 * Leaf: SHA-256 of 0x00 and the line without its newline.  Node: SHA-256 of 0x01, left, right. */
#ifndef EXPUNGE_MERKLE_H
#define EXPUNGE_MERKLE_H

#include "wrap/seal.h"

#define MERKLE_DEPTH 63

typedef struct MerkleHash
{
    unsigned char bytes[SEAL_HASH_BYTES];
} MerkleHash;

/* A tree that grows: the roots of its perfect subtrees, the largest (oldest) first; as many as size has bits set. */
typedef struct Merkle
{
    int64_t size;
    size_t peak_count;
    MerkleHash peaks[MERKLE_DEPTH];
} Merkle;

size_t merkle_peaks_of(int64_t size); /* how many a tree of that size has */
MerkleHash merkle_leaf(const char *line, size_t length);
void merkle_add(Merkle *tree, const MerkleHash *leaf);
MerkleHash merkle_root(const Merkle *tree);

typedef struct MerkleStep
{
    bool is_left; /* where the other half stands */
    MerkleHash hash;
} MerkleStep;

/* What a leaf is joined with, from the bottom to the root.  index from 0, below size; returns the number of steps. */
size_t merkle_path(const MerkleHash *leaves, int64_t size, int64_t index, MerkleStep ret_steps[MERKLE_DEPTH]);

#endif
