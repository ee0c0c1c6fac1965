/* SPDX-License-Identifier: Apache-2.0 */
/* P1: a key for openssl, and time stamps that "openssl ts" asks for and answers. */
#include "scratch.h"

#include "store/asn1.h"

#define MESSAGE "hello\n"
#define NONCE "\x41\x02\x03\x04\x05\x06\x07\x08"

/* openssl ts -reply (OpenSSL 3.0): of MESSAGE's SHA-256, with that nonce, at 2026-11-28T03:57:43Z */
static const char reply_base64[] =
    "MIIBzzADAgEAMIIBxgYJKoZIhvcNAQcCoIIBtzCCAbMCAQMxDzANBglghkgBZQMEAgEFADBtBgsqhkiG9w0BCRABBKBeBFwwWgIB"
    "AQYEKgMEATAxMA0GCWCGSAFlAwQCAQUABCBYkbW1ItXfCG0P8LEQ+9nSG7T8cWOvNNCChqLoRva+AwIBAhgPMjAyNjExMjgwMzU3"
    "NDNaAghBAgMEBQYHCDGCASwwggEoAgEBMCQwDDEKMAgGA1UEAwwBYQIUVc8JLrivYYzS0CJD+1t1OzF7W5AwDQYJYIZIAWUDBAIB"
    "BQCggZgwGgYJKoZIhvcNAQkDMQ0GCyqGSIb3DQEJEAEEMBwGCSqGSIb3DQEJBTEPFw0yNjExMjgwMzU3NDNaMCsGCyqGSIb3DQEJ"
    "EAIMMRwwGjAYMBYEFDQQyBr96+MN7eSvhsErpX2cEGZiMC8GCSqGSIb3DQEJBDEiBCD2DRCUIriR7Lf2j/VlPZ/oQx41tUxJBDHL"
    "LFmJwmoPnzAKBggqhkjOPQQDAgRHMEUCIQCqc/P71q9Ukjsuz6e27rSiyTeuaLZZQRARHszpwAiYaQIgNag4yQeqgHGs5SNW3UYa"
    "tstR5ESN1jH2fluUQKaPwMw=";
static const char refusal_base64[] = "MDAwLgIBAjAlDCNCYWQgcmVxdWVzdCBmb3JtYXQgb3Igc3lzdGVtIGVycm9yLgMCAgQ=";

static unsigned char *reply;
static size_t reply_length;
static unsigned char digest[SEAL_HASH_BYTES];

static void
setup(void)
{
    ck_assert(seal_unbase64(scratch_arena, reply_base64, strlen(reply_base64), &reply, &reply_length));
    seal_sha256(MESSAGE, strlen(MESSAGE), digest);
}

static void
teardown(void)
{
}

static const char *
fault_of(const unsigned char *bytes, size_t length, const char *nonce, Instant *ret_time)
{
    return asn1_stamp_fault(bytes, length, digest, (const unsigned char *)nonce, ret_time);
}

START_TEST(a_public_key_is_written_as_openssl_writes_it)
{
    unsigned char key[SEAL_PUBLIC_BYTES];

    ck_assert(text_unhex("054f70b43fb37cc80e04a03ea5d25592415a2eaa715438422c0ded4ea68c3636", key, sizeof key));
    ck_assert_str_eq(asn1_public_pem(scratch_arena, key),
                     "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEABU9wtD+zfMgOBKA+pdJVkkFaLqpxVDhCLA3tTqaMNjY=\n"
                     "-----END PUBLIC KEY-----\n");
}
END_TEST

START_TEST(a_query_is_the_der_of_rfc_3161)
{
    size_t length;
    const unsigned char *query = asn1_stamp_query(scratch_arena, digest, (const unsigned char *)NONCE, &length);

    ck_assert_str_eq(text_hex(scratch_arena, query, length),
                     "3043020101"
                     "3031300d060960864801650304020105000420"
                     "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
                     "020841020304050607080101ff");
}
END_TEST

START_TEST(a_nonce_is_always_a_positive_number_of_eight_bytes)
{
    for (int first = 0; first < 256; first++)
    {
        unsigned char nonce[ASN1_NONCE_BYTES] = { (unsigned char)first };
        size_t length;
        const unsigned char *query = asn1_stamp_query(scratch_arena, digest, nonce, &length);
        ck_assert_uint_eq(length, 69);
        ck_assert_uint_eq(query[58] & 0xc0, 0x40);
    }
}
END_TEST

START_TEST(an_answer_of_openssl_is_read)
{
    Instant time = INSTANT_NONE;

    ck_assert_ptr_null(fault_of(reply, reply_length, NONCE, &time));
    ck_assert_str_eq(instant_format(scratch_arena, time), "2026-11-28T03:57:43Z");
    ck_assert_ptr_null(fault_of(reply, reply_length, NULL, &time));
}
END_TEST

START_TEST(an_answer_to_something_else_is_told)
{
    unsigned char *refusal;
    size_t length;
    Instant time;

    ck_assert_str_eq(fault_of(reply, reply_length, "\x41\x02\x03\x04\x05\x06\x07\x09", &time),
                     "is a time stamp that answers another query");
    digest[31] ^= 1;
    ck_assert_str_eq(fault_of(reply, reply_length, NONCE, &time), "is a time stamp of something else");
    ck_assert(seal_unbase64(scratch_arena, refusal_base64, strlen(refusal_base64), &refusal, &length));
    ck_assert_str_eq(fault_of(refusal, length, NONCE, &time), "says that the time stamp was refused");
    ck_assert_str_eq(fault_of((const unsigned char *)"<html>", 6, NONCE, &time),
                     "is not an answer to a time stamp query");
}
END_TEST

/* Whatever is changed or cut, nothing is read behind the end: sanitizers look. */
START_TEST(broken_answers_end_in_a_fault_or_are_still_of_that_digest)
{
    for (size_t i = 0; i < reply_length; i++)
    {
        Instant time;
        unsigned char *cut = mem_alloc(i + 1);
        memcpy(cut, reply, i);
        ck_assert_msg(fault_of(cut, i, NONCE, &time) != NULL, "cut to %zu", i);
        mem_free(cut);
        for (unsigned bit = 0; bit < 8; bit++)
        {
            unsigned char *copy = mem_alloc(reply_length);
            memcpy(copy, reply, reply_length);
            copy[i] ^= (unsigned char)(1U << bit);
            const char *fault = fault_of(copy, reply_length, NONCE, &time);
            ck_assert(fault == NULL || fault[0] != '\0');
            mem_free(copy);
        }
    }
}
END_TEST

int
main(void)
{
    TCase *tests = tcase_create("asn1");

    tcase_add_test(tests, a_public_key_is_written_as_openssl_writes_it);
    tcase_add_test(tests, a_query_is_the_der_of_rfc_3161);
    tcase_add_test(tests, a_nonce_is_always_a_positive_number_of_eight_bytes);
    tcase_add_test(tests, an_answer_of_openssl_is_read);
    tcase_add_test(tests, an_answer_to_something_else_is_told);
    tcase_add_test(tests, broken_answers_end_in_a_fault_or_are_still_of_that_digest);
    return scratch_run(tests, "asn1", setup, teardown);
}
