/* SPDX-License-Identifier: Apache-2.0 */
/* P1: an auditor checks signatures with minisign; tests/cli/evidence.sh runs it on what is written here. */
#include "scratch.h"

#include "store/minisig.h"

#define MESSAGE "hello\n"

static Secret *seed;
static unsigned char key[SEAL_PUBLIC_BYTES];
static const char *signature;

static void
setup(void)
{
    seed = secret_random();
    seal_public(seed, key);
    signature = minisig_make(scratch_arena, seed, MESSAGE, strlen(MESSAGE), "checkpoint 7");
}

static void
teardown(void)
{
    secret_freep(&seed);
}

static const char *
fault_of(const char *text, size_t length)
{
    return minisig_fault(key, MESSAGE, strlen(MESSAGE), text, length);
}

START_TEST(a_signature_verifies_and_signs_its_comment)
{
    char *changed = arena_strdup(scratch_arena, signature);

    ck_assert_ptr_null(fault_of(signature, strlen(signature)));
    ck_assert_ptr_nonnull(strstr(signature, "\ntrusted comment: checkpoint 7\n"));
    *strstr(changed, "checkpoint 7") = 'C';
    ck_assert_str_eq(fault_of(changed, strlen(changed)), "does not verify");
}
END_TEST

START_TEST(what_does_not_belong_together_is_told)
{
    unsigned char other[SEAL_PUBLIC_BYTES] = { 1 };
    const size_t length = strlen(signature);

    ck_assert_str_eq(minisig_fault(key, "hellO\n", 6, signature, length), "does not verify");
    ck_assert_str_eq(minisig_fault(other, MESSAGE, strlen(MESSAGE), signature, length), "is by another key");
    ck_assert_str_eq(fault_of("", 0), "is not a signature in minisign's form");
}
END_TEST

START_TEST(no_changed_or_cut_signature_verifies)
{
    const size_t length = strlen(signature);
    const size_t free_text = (size_t)(strchr(signature, '\n') - signature); /* the comment that nobody vouches for */

    for (size_t i = 0; i < length; i++)
    {
        char *copy = arena_strndup(scratch_arena, signature, length);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(i < free_text || fault_of(copy, length) != NULL, "byte %zu", i);
        char *cut = mem_alloc(i + 1);
        memcpy(cut, signature, i);
        ck_assert_msg(fault_of(cut, i) != NULL, "cut to %zu", i);
        mem_free(cut);
    }
}
END_TEST

START_TEST(a_public_key_has_the_name_that_its_signatures_have)
{
    const char *file = minisig_key(scratch_arena, key, "key 1");
    const char *encoded = strchr(file, '\n') + 1;
    unsigned char *public_blob, *signature_blob;
    size_t public_length, signature_length;

    ck_assert(seal_unbase64(scratch_arena, encoded, strlen(encoded) - 1, &public_blob, &public_length));
    ck_assert_uint_eq(public_length, 42);
    ck_assert_mem_eq(public_blob + 10, key, sizeof key);
    encoded = strchr(signature, '\n') + 1;
    ck_assert(seal_unbase64(scratch_arena, encoded, strcspn(encoded, "\n"), &signature_blob, &signature_length));
    ck_assert_uint_eq(signature_length, 74);
    ck_assert_mem_eq(public_blob, signature_blob, 10);
}
END_TEST

int
main(void)
{
    TCase *tests = tcase_create("minisig");

    tcase_add_test(tests, a_signature_verifies_and_signs_its_comment);
    tcase_add_test(tests, what_does_not_belong_together_is_told);
    tcase_add_test(tests, no_changed_or_cut_signature_verifies);
    tcase_add_test(tests, a_public_key_has_the_name_that_its_signatures_have);
    return scratch_run(tests, "minisig", setup, teardown);
}
