/* SPDX-License-Identifier: Apache-2.0 */
/* P1: an auditor checks signatures with ssh-keygen.  What it wrote (OpenSSH 9.2) is read here, and written byte for byte. */
#include "scratch.h"

#include "store/sshsig.h"

#define SEED "b8ded76d09c2ef8dc3113dd60060a56ece6f6b33ce2a8e7097e1c8ed5d80034d"
#define KEY_LINE "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAVPcLQ/s3zIDgSgPqXSVZJBWi6qcVQ4QiwN7U6mjDY2"
#define NAMESPACE "expunge-ledger@v1"
#define MESSAGE "hello\n"

/* ssh-keygen -Y sign -f key -n expunge-ledger@v1 [-O hashalg=sha256] message */
static const char by_sha512[] = "-----BEGIN SSH SIGNATURE-----\n"
                                "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgBU9wtD+zfMgOBKA+pdJVkkFaLq\n"
                                "pxVDhCLA3tTqaMNjYAAAARZXhwdW5nZS1sZWRnZXJAdjEAAAAAAAAABnNoYTUxMgAAAFMA\n"
                                "AAALc3NoLWVkMjU1MTkAAABAeqegbvbV34ij2+JRf85lGsb8ojgGWEP72hnQ7zH9MNRPxO\n"
                                "6JrXSA9xz4XotwhzuDS3B8Ouu6g7rvbmP92/lcDw==\n"
                                "-----END SSH SIGNATURE-----\n";
static const char by_sha256[] = "-----BEGIN SSH SIGNATURE-----\n"
                                "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgBU9wtD+zfMgOBKA+pdJVkkFaLq\n"
                                "pxVDhCLA3tTqaMNjYAAAARZXhwdW5nZS1sZWRnZXJAdjEAAAAAAAAABnNoYTI1NgAAAFMA\n"
                                "AAALc3NoLWVkMjU1MTkAAABA+dooXJdgfhHK1ukRoUav18lRCy23FCq/tKwIn7IgCdxS6j\n"
                                "7OAwjCbDzR0hVlEKzLlYXR7C7h6Bcpk8T00+k6CA==\n"
                                "-----END SSH SIGNATURE-----\n";

static Secret *seed;
static unsigned char key[SEAL_PUBLIC_BYTES];

static void
setup(void)
{
    GOOD(secret_from_bytes(SEED, strlen(SEED), &seed));
    ck_assert(sshsig_key_parse(KEY_LINE, key));
}

static void
teardown(void)
{
    secret_freep(&seed);
}

static const char *
fault_of(const char *armour, size_t length)
{
    return sshsig_fault(key, NAMESPACE, MESSAGE, strlen(MESSAGE), armour, length);
}

START_TEST(a_key_is_written_as_ssh_keygen_writes_it)
{
    unsigned char of_seed[SEAL_PUBLIC_BYTES];

    seal_public(seed, of_seed);
    ck_assert_mem_eq(of_seed, key, sizeof key);
    ck_assert_str_eq(sshsig_key(scratch_arena, key), KEY_LINE);
}
END_TEST

START_TEST(a_signature_is_byte_for_byte_that_of_ssh_keygen)
{
    ck_assert_str_eq(sshsig_make(scratch_arena, seed, NAMESPACE, MESSAGE, strlen(MESSAGE)), by_sha512);
}
END_TEST

START_TEST(signatures_of_ssh_keygen_verify_with_either_hash)
{
    ck_assert_ptr_null(fault_of(by_sha512, strlen(by_sha512)));
    ck_assert_ptr_null(fault_of(by_sha256, strlen(by_sha256)));
    ck_assert_ptr_null(fault_of(by_sha512, strlen(by_sha512) - 1)); /* without the last newline */
}
END_TEST

START_TEST(what_does_not_belong_together_is_told)
{
    unsigned char other[SEAL_PUBLIC_BYTES] = { 1 };
    const size_t length = strlen(by_sha512);

    ck_assert_str_eq(sshsig_fault(key, NAMESPACE, "hellO\n", 6, by_sha512, length), "does not verify");
    ck_assert_str_eq(sshsig_fault(key, "file", MESSAGE, strlen(MESSAGE), by_sha512, length),
                     "is for another namespace");
    ck_assert_str_eq(sshsig_fault(other, NAMESPACE, MESSAGE, strlen(MESSAGE), by_sha512, length), "is by another key");
    ck_assert_str_eq(fault_of("", 0), "is not a signature in OpenSSH's form");
    ck_assert_str_eq(fault_of(by_sha512, 40), "is not a signature in OpenSSH's form");
}
END_TEST

/* Every changed byte and every cut: told, and nothing is read behind the end (sanitizers look). */
START_TEST(no_changed_or_cut_signature_verifies)
{
    const size_t length = strlen(by_sha512);

    for (size_t i = 0; i < length - 1; i++)
    {
        char *copy = arena_strndup(scratch_arena, by_sha512, length);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(fault_of(copy, length) != NULL, "byte %zu", i);
        char *cut = mem_alloc(i + 1);
        memcpy(cut, by_sha512, i);
        ck_assert_msg(fault_of(cut, i) != NULL, "cut to %zu", i);
        mem_free(cut);
    }
}
END_TEST

START_TEST(keys_of_other_kinds_and_halves_of_keys_are_refused)
{
    static const char *const wrong[] = {
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-rsa AAAAB3NzaC1yc2E=",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAVPcLQ/s3zI",
        "ssh-ed25519 !!!",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAVPcLQ/s3zIDgSgPqXSVZJBWi6qcVQ4QiwN7U6mjDY2AAAA",
        "ssh-ed25519  AAAAC3NzaC1lZDI1NTE5AAAAIAVPcLQ/s3zIDgSgPqXSVZJBWi6qcVQ4QiwN7U6mjDY2",
    };
    unsigned char out[SEAL_PUBLIC_BYTES];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!sshsig_key_parse(wrong[i], out), "%s", wrong[i]);
    ck_assert(sshsig_key_parse(KEY_LINE " jane@auditor.example", out));
}
END_TEST

int
main(void)
{
    TCase *tests = tcase_create("sshsig");

    tcase_add_test(tests, a_key_is_written_as_ssh_keygen_writes_it);
    tcase_add_test(tests, a_signature_is_byte_for_byte_that_of_ssh_keygen);
    tcase_add_test(tests, signatures_of_ssh_keygen_verify_with_either_hash);
    tcase_add_test(tests, what_does_not_belong_together_is_told);
    tcase_add_test(tests, no_changed_or_cut_signature_verifies);
    tcase_add_test(tests, keys_of_other_kinds_and_halves_of_keys_are_refused);
    return scratch_run(tests, "sshsig", setup, teardown);
}
