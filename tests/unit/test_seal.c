/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/seal.h"

#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define AD "snapshot 7, frame 3"
#define AD_LENGTH (sizeof AD - 1)

/* FIPS 180-2, appendix B; BLAKE2b-256 as Python's hashlib computes it */
static const struct
{
    const char *text;
    const char *sha256;
    const char *blake2b;
} hashes[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319" },
};

static void
setup(void)
{
    ck_assert_int_eq(seal_init(), OK);
}

static Secret *
known_key(void)
{
    unsigned char bytes[SEAL_KEY_BYTES];
    Secret *secret = NULL;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    ck_assert_int_eq(secret_from_bytes(bytes, sizeof bytes, &secret), OK);
    return secret;
}

START_TEST(hashes_match_the_published_vectors)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    unsigned char hash[SEAL_HASH_BYTES];

    for (size_t i = 0; i < COUNT(hashes); i++)
    {
        seal_sha256(hashes[i].text, strlen(hashes[i].text), hash);
        ck_assert_str_eq(text_hex(arena, hash, sizeof hash), hashes[i].sha256);
        seal_blake2b(hashes[i].text, strlen(hashes[i].text), hash);
        ck_assert_str_eq(text_hex(arena, hash, sizeof hash), hashes[i].blake2b);
    }
}
END_TEST

START_TEST(a_keyed_hash_matches_its_vector_and_needs_its_key)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(secret_freep) Secret *key = known_key();
    CLEANUP(secret_freep) Secret *other = secret_random();
    unsigned char hash[SEAL_HASH_BYTES];

    seal_mac(key, "abc", 3, hash);
    ck_assert_str_eq(text_hex(arena, hash, sizeof hash),
                     "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
    seal_mac(other, "abc", 3, hash);
    ck_assert_str_ne(text_hex(arena, hash, sizeof hash),
                     "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
}
END_TEST

START_TEST(a_stream_hashes_as_the_whole_and_forks_by_copy)
{
    unsigned char bytes[1000], whole[SEAL_HASH_BYTES], half[SEAL_HASH_BYTES], got[SEAL_HASH_BYTES];
    SealSha256 sha, sha_fork;
    SealBlake2b blake, blake_fork;

    seal_random(bytes, sizeof bytes);
    seal_sha256_init(&sha);
    seal_blake2b_init(&blake);
    for (size_t i = 0; i < 500; i += 100)
    {
        seal_sha256_add(&sha, bytes + i, 100);
        seal_blake2b_add(&blake, bytes + i, 100);
        seal_sha256_add(&sha, NULL, 0);
        seal_blake2b_add(&blake, NULL, 0);
    }
    sha_fork = sha;
    blake_fork = blake;
    seal_sha256_add(&sha, bytes + 500, 500);
    seal_blake2b_add(&blake, bytes + 500, 500);

    seal_sha256(bytes, 1000, whole);
    seal_sha256_done(&sha, got);
    ck_assert_mem_eq(got, whole, sizeof got);
    seal_sha256(bytes, 500, half);
    seal_sha256_done(&sha_fork, got);
    ck_assert_mem_eq(got, half, sizeof got);

    seal_blake2b(bytes, 1000, whole);
    seal_blake2b_done(&blake, got);
    ck_assert_mem_eq(got, whole, sizeof got);
    seal_blake2b(bytes, 500, half);
    seal_blake2b_done(&blake_fork, got);
    ck_assert_mem_eq(got, half, sizeof got);
}
END_TEST

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

START_TEST(a_key_is_read_raw_or_as_hexadecimal)
{
    static const char *const forms[] = { DIGITS, DIGITS "\n" };
    CLEANUP(secret_freep) Secret *key = known_key();
    unsigned char wanted[SEAL_HASH_BYTES], got[SEAL_HASH_BYTES];

    seal_mac(key, "abc", 3, wanted);
    for (size_t i = 0; i < COUNT(forms); i++)
    {
        CLEANUP(secret_freep) Secret *read = NULL;

        ck_assert_int_eq(secret_from_bytes(forms[i], strlen(forms[i]), &read), OK);
        seal_mac(read, "abc", 3, got);
        ck_assert_mem_eq(got, wanted, sizeof got);
    }
}
END_TEST

static const char *const no_keys[] = {
    "",
    "0",
    "000102030405060708090a0b0c0d0e0",
    "000102030405060708090a0b0c0d0e0f\n",
    DIGITS "\n\n",
    DIGITS "0",
    ("\n" DIGITS),
    "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1",
    "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1g",
    "0x0102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F",
    "0001020304050607 08090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F",
};

START_TEST(what_is_no_key_is_refused_without_being_told)
{
    for (size_t i = 0; i < COUNT(no_keys); i++)
    {
        Secret *key = NULL;

        ck_assert_int_eq(secret_from_bytes(no_keys[i], strlen(no_keys[i]), &key), ERR_CONFIG);
        ck_assert_ptr_null(key);
        ck_assert_ptr_nonnull(strstr(err_joined(), "32 raw bytes"));
        ck_assert_ptr_nonnull(strstr(err_joined(), "64 hexadecimal digits"));
        ck_assert_ptr_null(strstr(err_joined(), "0001"));
    }
}
END_TEST

START_TEST(random_keys_differ_and_wiping_leaves_zeros)
{
    CLEANUP(secret_freep) Secret *a = secret_random();
    CLEANUP(secret_freep) Secret *b = secret_random();
    unsigned char of_a[SEAL_HASH_BYTES], of_b[SEAL_HASH_BYTES];
    static const unsigned char zeros[SEAL_HASH_BYTES];

    seal_mac(a, "", 0, of_a);
    seal_mac(b, "", 0, of_b);
    ck_assert_mem_ne(of_a, of_b, sizeof of_a);
    seal_wipe(of_a, sizeof of_a);
    ck_assert_mem_eq(of_a, zeros, sizeof of_a);
    seal_wipe(NULL, 0);
    secret_free(NULL);
}
END_TEST

START_TEST(a_wrapped_key_comes_back)
{
    CLEANUP(secret_freep) Secret *master = secret_random();
    CLEANUP(secret_freep) Secret *key = known_key();
    CLEANUP(secret_freep) Secret *back = NULL;
    unsigned char wrapped[SEAL_WRAPPED_BYTES], again[SEAL_WRAPPED_BYTES];
    unsigned char wanted[SEAL_HASH_BYTES], got[SEAL_HASH_BYTES];

    seal_wrap(master, key, AD, AD_LENGTH, wrapped);
    seal_wrap(master, key, AD, AD_LENGTH, again);
    ck_assert_mem_ne(wrapped, again, sizeof wrapped); /* a nonce of its own each time */
    ck_assert_int_eq(seal_unwrap(master, wrapped, AD, AD_LENGTH, &back), OK);
    seal_mac(key, "abc", 3, wanted);
    seal_mac(back, "abc", 3, got);
    ck_assert_mem_eq(got, wanted, sizeof got);
}
END_TEST

START_TEST(a_changed_wrapped_key_a_wrong_master_and_wrong_data_are_refused)
{
    CLEANUP(secret_freep) Secret *master = secret_random();
    CLEANUP(secret_freep) Secret *other = secret_random();
    CLEANUP(secret_freep) Secret *key = secret_random();
    unsigned char wrapped[SEAL_WRAPPED_BYTES];
    Secret *back = NULL;

    seal_wrap(master, key, AD, AD_LENGTH, wrapped);
    for (size_t i = 0; i < sizeof wrapped; i++)
    {
        wrapped[i] ^= 1;
        ck_assert_int_eq(seal_unwrap(master, wrapped, AD, AD_LENGTH, &back), ERR_EVIDENCE);
        wrapped[i] ^= 1;
    }
    ck_assert_int_eq(seal_unwrap(other, wrapped, AD, AD_LENGTH, &back), ERR_EVIDENCE);
    ck_assert_int_eq(seal_unwrap(master, wrapped, AD, AD_LENGTH - 1, &back), ERR_EVIDENCE);
    ck_assert_int_eq(seal_unwrap(master, wrapped, NULL, 0, &back), ERR_EVIDENCE);
    ck_assert_ptr_null(back);
    ck_assert_ptr_nonnull(strstr(err_joined(), "wrapped key"));
}
END_TEST

static const struct
{
    size_t plain, sealed;
} frames[] = {
    { 0, 24 + 17 },
    { 1, 24 + 17 + 1 },
    { 65535, 24 + 17 + 65535 },
    { 65536, 24 + 17 + 65536 },
    { 65537, 24 + 34 + 65537 },
    { 131072, 24 + 34 + 131072 },
    { 300000, 24 + 5 * 17 + 300000 },
};

START_TEST(a_frame_of_any_length_comes_back)
{
    CLEANUP(secret_freep) Secret *key = secret_random();
    CLEANUP(arena_freep) Arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(frames); i++)
    {
        const size_t length = frames[i].plain;
        unsigned char *plain = arena_alloc(arena, length, 1);
        unsigned char *back = arena_alloc(arena, length, 1);
        unsigned char *sealed = arena_alloc(arena, frames[i].sealed, 1);

        seal_random(plain, length);
        ck_assert_uint_eq(seal_frame_size(length), frames[i].sealed);
        seal_frame(key, AD, AD_LENGTH, length == 0 ? NULL : plain, length, sealed);
        ck_assert_int_eq(seal_frame_open(key, AD, AD_LENGTH, sealed, frames[i].sealed, back, length), OK);
        if (length > 0)
            ck_assert_mem_eq(back, plain, length);
    }
}
END_TEST

#define LENGTH ((size_t)131072 + 100)
#define SEALED (24 + LENGTH + 3 * 17)

typedef struct Box
{
    Arena *arena;
    Secret *key;
    unsigned char *plain, *back, *sealed;
} Box;

static Box
sealed_box(void)
{
    Arena *arena = arena_new();
    Box box = { .arena = arena,
                .key = secret_random(),
                .plain = arena_alloc(arena, LENGTH, 1),
                .back = arena_alloc(arena, 2 * LENGTH, 1),
                .sealed = arena_alloc(arena, 2 * SEALED, 1) };

    memset(box.plain, 'p', LENGTH);
    ck_assert_uint_eq(seal_frame_size(LENGTH), SEALED);
    seal_frame(box.key, AD, AD_LENGTH, box.plain, LENGTH, box.sealed);
    return box;
}

static void
box_free(Box *box)
{
    secret_freep(&box->key);
    arena_freep(&box->arena);
}

/* Refused, and no plain byte is left behind. */
static void
assert_refused(Box *box, size_t sealed_length, size_t plain_length)
{
    ck_assert_int_eq(seal_frame_open(box->key, AD, AD_LENGTH, box->sealed, sealed_length, box->back, plain_length),
                     ERR_EVIDENCE);
    ck_assert_ptr_nonnull(strstr(err_joined(), "sealed frame"));
    ck_assert_ptr_null(memchr(box->back, 'p', 2 * LENGTH));
}

START_TEST(a_changed_byte_anywhere_is_found)
{
    static const size_t places[] = {
        0, 23, 24, 25, 41, 24 + 65536, 24 + 65536 + 17, 24 + 2 * (65536 + 17), SEALED - 1
    };
    CLEANUP(box_free) Box box = sealed_box();

    for (size_t i = 0; i < COUNT(places); i++)
    {
        box.sealed[places[i]] ^= 0x80;
        assert_refused(&box, SEALED, LENGTH);
        box.sealed[places[i]] ^= 0x80;
    }
    ck_assert_int_eq(seal_frame_open(box.key, AD, AD_LENGTH, box.sealed, SEALED, box.back, LENGTH), OK);
}
END_TEST

START_TEST(a_cut_frame_is_refused_even_at_the_edge_of_a_piece)
{
    CLEANUP(box_free) Box box = sealed_box();

    assert_refused(&box, 0, LENGTH);
    assert_refused(&box, 10, LENGTH);
    assert_refused(&box, SEALED - 1, LENGTH);
    assert_refused(&box, SEALED - 1, LENGTH - 1);
    assert_refused(&box, 24 + 2 * (65536 + 17), LENGTH);
    assert_refused(&box, 24 + 2 * (65536 + 17), 131072); /* each piece authenticates, but none is FINAL */
    assert_refused(&box, 24 + 1 * (65536 + 17), 65536);
}
END_TEST

START_TEST(bytes_after_the_final_piece_are_refused)
{
    CLEANUP(box_free) Box box = sealed_box();

    assert_refused(&box, SEALED + 1, LENGTH);
    assert_refused(&box, SEALED + 1, LENGTH + 1);
    memcpy(box.sealed + SEALED, box.sealed, SEALED);
    assert_refused(&box, 2 * SEALED, LENGTH);
    assert_refused(&box, 2 * SEALED, 2 * LENGTH);
}
END_TEST

START_TEST(an_early_final_piece_is_refused)
{
    CLEANUP(box_free) Box box = sealed_box();

    seal_frame(box.key, AD, AD_LENGTH, box.plain, 65536, box.sealed); /* FINAL after the first of what should be two */
    assert_refused(&box, seal_frame_size(131072), 131072);
}
END_TEST

START_TEST(pieces_cannot_change_places)
{
    CLEANUP(box_free) Box box = sealed_box();
    unsigned char *first = box.sealed + 24, *second = first + 65536 + 17;
    unsigned char *kept = arena_alloc(box.arena, 65536 + 17, 1);

    memcpy(kept, first, 65536 + 17);
    memcpy(first, second, 65536 + 17);
    memcpy(second, kept, 65536 + 17);
    assert_refused(&box, SEALED, LENGTH);
}
END_TEST

START_TEST(a_frame_is_bound_to_its_key_and_its_place)
{
    CLEANUP(box_free) Box box = sealed_box();
    CLEANUP(secret_freep) Secret *other = secret_random();

    ck_assert_int_eq(seal_frame_open(other, AD, AD_LENGTH, box.sealed, SEALED, box.back, LENGTH), ERR_EVIDENCE);
    ck_assert_int_eq(seal_frame_open(box.key, "frame 4", 7, box.sealed, SEALED, box.back, LENGTH), ERR_EVIDENCE);
    ck_assert_int_eq(seal_frame_open(box.key, NULL, 0, box.sealed, SEALED, box.back, LENGTH), ERR_EVIDENCE);
    ck_assert_ptr_null(memchr(box.back, 'p', LENGTH));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("seal");
    TCase *cases = tcase_create("seal");

    tcase_add_checked_fixture(cases, setup, NULL);
    tcase_add_test(cases, hashes_match_the_published_vectors);
    tcase_add_test(cases, a_keyed_hash_matches_its_vector_and_needs_its_key);
    tcase_add_test(cases, a_stream_hashes_as_the_whole_and_forks_by_copy);
    tcase_add_test(cases, a_key_is_read_raw_or_as_hexadecimal);
    tcase_add_test(cases, what_is_no_key_is_refused_without_being_told);
    tcase_add_test(cases, random_keys_differ_and_wiping_leaves_zeros);
    tcase_add_test(cases, a_wrapped_key_comes_back);
    tcase_add_test(cases, a_changed_wrapped_key_a_wrong_master_and_wrong_data_are_refused);
    tcase_add_test(cases, a_frame_of_any_length_comes_back);
    tcase_add_test(cases, a_changed_byte_anywhere_is_found);
    tcase_add_test(cases, a_cut_frame_is_refused_even_at_the_edge_of_a_piece);
    tcase_add_test(cases, bytes_after_the_final_piece_are_refused);
    tcase_add_test(cases, an_early_final_piece_is_refused);
    tcase_add_test(cases, pieces_cannot_change_places);
    tcase_add_test(cases, a_frame_is_bound_to_its_key_and_its_place);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
