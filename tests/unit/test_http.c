/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that no request may go to, URLs that are refused, and escaping.  What a server does is tried in tests/copies. */
#include "wrap/http.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>

static Arena *arena;

static void
setup(void)
{
    arena = arena_new();
}

static void
teardown(void)
{
    arena_free(arena);
}

static bool
is_private(const char *text)
{
    unsigned char bytes[16];
    const int family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;

    ck_assert_msg(inet_pton(family, text, bytes) == 1, "%s", text);
    return http_is_private(bytes, family == AF_INET ? 4 : 16);
}

START_TEST(special_addresses_are_private)
{
    static const char *const special[] = {
        "0.0.0.0",         "10.1.2.3",        "100.64.0.1",     "100.127.255.255", "127.0.0.1",   "127.255.1.1",
        "169.254.169.254", "172.16.0.1",      "172.31.255.255", "192.0.0.8",       "192.168.1.1", "198.18.0.1",
        "203.0.113.7",     "224.0.0.1",       "240.0.0.1",      "255.255.255.255", "::",          "::1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1",         "2001:db8::1", "fc00::1",
        "fdff::1",         "fe80::1",         "ff02::1",        "100::1",          "3fff::1",
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        ck_assert_msg(is_private(special[i]), "%s", special[i]);
}
END_TEST

START_TEST(public_addresses_are_not)
{
    static const char *const fit[] = {
        "1.1.1.1",          "9.255.255.255", "11.0.0.1",          "100.63.255.255",
        "100.128.0.1",      "126.1.1.1",     "128.0.0.1",         "172.15.0.1",
        "172.32.0.1",       "192.167.1.1",   "198.17.255.255",    "198.20.0.1",
        "223.255.255.255",  "2606:4700::1",  "2a00:1450:4001::1", "::ffff:93.184.215.14",
        "64:ff9b::101:101",
    };
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        ck_assert_msg(!is_private(fit[i]), "%s", fit[i]);
    ck_assert(http_is_private((const unsigned char *)"abc", 3));
}
END_TEST

static bool
is_loopback(const char *text)
{
    unsigned char bytes[16];
    const int family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;

    ck_assert_int_eq(inet_pton(family, text, bytes), 1);
    return http_is_loopback(bytes, family == AF_INET ? 4 : 16);
}

START_TEST(loopback_is_told_from_private)
{
    ck_assert(is_loopback("127.0.0.1") && is_loopback("127.3.2.1") && is_loopback("::1"));
    ck_assert(!is_loopback("10.0.0.1") && !is_loopback("::") && !is_loopback("fe80::1"));
}
END_TEST

START_TEST(urls_that_may_not_be_used_are_refused)
{
    static const char *const inner[] = { "Erase.Internal", "127.0.0.1" };
    static const struct
    {
        const char *url;
        const char *wrong;
    } cases[] = {
        { "https://api.example/v1/x?y=z", NULL },
        { "https://erase.internal:8443/", NULL },
        { "http://127.0.0.1:8080/", NULL },
        { "http://erase.internal/", NULL },
        { "http://api.example/", "is not https" },
        { "ftp://127.0.0.1/", "is not https" },
        { "file:///etc/passwd", "is no URL" },
        { "https://user:secret@api.example/", "holds a user's name or a password" },
        { "https://user@api.example/", "holds a user's name or a password" },
        { "", "is no URL" },
        { "api.example/x", "is no URL" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        const char *wrong = http_judge_url(arena, cases[i].url, inner, 2);
        if (cases[i].wrong == NULL)
            ck_assert_msg(wrong == NULL, "%s %s", cases[i].url, wrong);
        else
            ck_assert_msg(wrong != NULL && strcmp(wrong, cases[i].wrong) == 0, "%s %s", cases[i].url, wrong);
    }
}
END_TEST

START_TEST(everything_that_is_not_unreserved_is_escaped)
{
    ck_assert_str_eq(http_escape(arena, "aZ09-._~"), "aZ09-._~");
    ck_assert_str_eq(http_escape(arena, "a/b?c=d&e f%\xc3\xa9+"), "a%2Fb%3Fc%3Dd%26e%20f%25%C3%A9%2B");
    ck_assert_str_eq(http_escape(arena, ""), "");
}
END_TEST

START_TEST(a_header_is_found_whatever_its_case)
{
    const char *headers[] = { "Content-Type: text/plain", "ETag:\t\"x\"", "X: 1" };
    const HttpResponse response = { .headers = headers, .header_count = 3 };

    ck_assert_str_eq(http_header(&response, "etag"), "\"x\"");
    ck_assert_str_eq(http_header(&response, "content-type"), "text/plain");
    ck_assert_ptr_null(http_header(&response, "content"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, special_addresses_are_private);
    tcase_add_test(all, public_addresses_are_not);
    tcase_add_test(all, loopback_is_told_from_private);
    tcase_add_test(all, urls_that_may_not_be_used_are_refused);
    tcase_add_test(all, everything_that_is_not_unreserved_is_escaped);
    tcase_add_test(all, a_header_is_found_whatever_its_case);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
