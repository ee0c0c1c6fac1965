/* SPDX-License-Identifier: Apache-2.0 */
/* P1: one record is proven to a person without showing the others: RFC 6962's tree, and paths to its root. */
#include "scratch.h"

#include "store/merkle.h"

#define LEAVES_MAX 131

static void
setup(void)
{
}

static void
teardown(void)
{
}

static const char *
root_hex(const Merkle *tree)
{
    const MerkleHash root = merkle_root(tree);

    return text_hex(scratch_arena, root.bytes, sizeof root.bytes);
}

/* The leaves and roots with which implementations of Certificate Transparency compare themselves. */
START_TEST(roots_are_those_of_the_known_vectors)
{
    static const struct
    {
        const char *leaf;
        const char *root;
    } vectors[] = {
        { "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
        { "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
        { "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
        { "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
        { "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
        { "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
        { "5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
        { "606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
    };
    Merkle tree = { .size = 0 };

    ck_assert_str_eq(root_hex(&tree), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    {
        char bytes[16];
        const size_t length = strlen(vectors[i].leaf) / 2;
        ck_assert(text_unhex(vectors[i].leaf, bytes, length));
        const MerkleHash leaf = merkle_leaf(bytes, length);
        merkle_add(&tree, &leaf);
        ck_assert_str_eq(root_hex(&tree), vectors[i].root);
        ck_assert_uint_eq(tree.peak_count, merkle_peaks_of(tree.size));
    }
}
END_TEST

/* As the shell loop of the README does it. */
static MerkleHash
climb(MerkleHash hash, const MerkleStep *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
    {
        unsigned char joined[1 + 2 * SEAL_HASH_BYTES] = { 0x01 };
        memcpy(joined + 1, steps[i].is_left ? steps[i].hash.bytes : hash.bytes, SEAL_HASH_BYTES);
        memcpy(joined + 1 + SEAL_HASH_BYTES, steps[i].is_left ? hash.bytes : steps[i].hash.bytes, SEAL_HASH_BYTES);
        seal_sha256(joined, sizeof joined, hash.bytes);
    }
    return hash;
}

START_TEST(every_leaf_of_every_size_has_a_path_to_the_root_and_to_no_other)
{
    MerkleHash leaves[LEAVES_MAX];
    MerkleStep steps[MERKLE_DEPTH];
    Merkle tree = { .size = 0 };

    for (int64_t size = 1; size <= LEAVES_MAX; size++)
    {
        char line[16];
        const int length = snprintf(line, sizeof line, "line %d", (int)size);
        leaves[size - 1] = merkle_leaf(line, (size_t)length);
        merkle_add(&tree, &leaves[size - 1]);
        const MerkleHash root = merkle_root(&tree);
        for (int64_t index = 0; index < size; index++)
        {
            const size_t count = merkle_path(leaves, size, index, steps);
            MerkleHash top = climb(leaves[index], steps, count);
            ck_assert_mem_eq(top.bytes, root.bytes, sizeof root.bytes);
            top = climb(leaves[(index + 1) % size], steps, count);
            ck_assert(size == 1 || memcmp(top.bytes, root.bytes, sizeof root.bytes) != 0);
        }
    }
}
END_TEST

START_TEST(a_tree_goes_on_from_its_peaks_alone)
{
    Merkle whole = { .size = 0 }, again = { .size = 0 };

    for (int i = 0; i < 1000; i++)
    {
        const MerkleHash leaf = merkle_leaf((const char *)&i, sizeof i);
        merkle_add(&whole, &leaf);
        Merkle kept = { .size = again.size, .peak_count = again.peak_count };
        memcpy(kept.peaks, again.peaks, again.peak_count * sizeof *again.peaks);
        merkle_add(&kept, &leaf);
        again = kept;
    }
    ck_assert_str_eq(root_hex(&whole), root_hex(&again));
}
END_TEST

int
main(void)
{
    TCase *tests = tcase_create("merkle");

    tcase_add_test(tests, roots_are_those_of_the_known_vectors);
    tcase_add_test(tests, every_leaf_of_every_size_has_a_path_to_the_root_and_to_no_other);
    tcase_add_test(tests, a_tree_goes_on_from_its_peaks_alone);
    return scratch_run(tests, "merkle", setup, teardown);
}
