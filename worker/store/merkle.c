/* SPDX-License-Identifier: Apache-2.0 */
#include "store/merkle.h"

#include <assert.h>

static MerkleHash
join(const MerkleHash *left, const MerkleHash *right)
{
    static const unsigned char prefix = 0x01;
    SealSha256 stream;
    MerkleHash node = { 0 };

    seal_sha256_init(&stream);
    seal_sha256_add(&stream, &prefix, 1);
    seal_sha256_add(&stream, left->bytes, sizeof left->bytes);
    seal_sha256_add(&stream, right->bytes, sizeof right->bytes);
    seal_sha256_done(&stream, node.bytes);
    return node;
}

size_t
merkle_peaks_of(int64_t size)
{
    size_t count = 0;

    for (uint64_t left = (uint64_t)size; left != 0; left &= left - 1)
        count++;
    return count;
}

MerkleHash
merkle_leaf(const char *line, size_t length)
{
    static const unsigned char prefix = 0x00;
    SealSha256 stream;
    MerkleHash leaf = { 0 };

    seal_sha256_init(&stream);
    seal_sha256_add(&stream, &prefix, 1);
    seal_sha256_add(&stream, line, length);
    seal_sha256_done(&stream, leaf.bytes);
    return leaf;
}

/* As in a binary counter: each carry joins two subtrees of one size. */
void
merkle_add(Merkle *tree, const MerkleHash *leaf)
{
    MerkleHash top = *leaf;

    for (int64_t carry = tree->size; (carry & 1) != 0; carry >>= 1)
        top = join(&tree->peaks[--tree->peak_count], &top);
    assert(tree->peak_count < MERKLE_DEPTH);
    tree->peaks[tree->peak_count++] = top;
    tree->size++;
}

MerkleHash
merkle_root(const Merkle *tree)
{
    MerkleHash root = { 0 };

    if (tree->peak_count == 0)
    {
        seal_sha256(NULL, 0, root.bytes);
        return root;
    }
    root = tree->peaks[tree->peak_count - 1];
    for (size_t i = tree->peak_count - 1; i-- > 0;)
        root = join(&tree->peaks[i], &root);
    return root;
}

static MerkleHash
root_of(const MerkleHash *leaves, int64_t count)
{
    Merkle tree = { .size = 0 };

    for (int64_t i = 0; i < count; i++)
        merkle_add(&tree, &leaves[i]);
    return merkle_root(&tree);
}

/* From the top down: each halving gives a step, the last one is the lowest. */
size_t
merkle_path(const MerkleHash *leaves, int64_t size, int64_t index, MerkleStep ret_steps[MERKLE_DEPTH])
{
    MerkleStep down[MERKLE_DEPTH] = { 0 };
    size_t count = 0;

    assert(index >= 0 && index < size);
    while (size > 1)
    {
        int64_t half = 1;

        while (2 * half < size)
            half *= 2;
        const bool is_left = index >= half;
        const MerkleHash *other = is_left ? leaves : leaves + half;
        down[count++] = (MerkleStep){ .is_left = is_left, .hash = root_of(other, is_left ? half : size - half) };
        leaves += is_left ? half : 0;
        index -= is_left ? half : 0;
        size = is_left ? size - half : half;
    }
    for (size_t i = 0; i < count; i++)
        ret_steps[i] = down[count - 1 - i];
    return count;
}
