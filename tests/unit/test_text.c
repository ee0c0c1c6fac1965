/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define UNTOUCHED INT64_C(-77)

static const struct
{
    const char *text;
    int64_t min, max;
    bool good;
    int64_t number;
} integers[] = {
    { "0", 0, 10, true, 0 },
    { "-0", 0, 10, true, 0 },
    { "+7", 0, 10, true, 7 },
    { "10", 0, 10, true, 10 },
    { "007", 0, 10, true, 7 },
    { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
    { "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
    { "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
    { "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
    { "99999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
    { "11", 0, 10, false, 0 },
    { "-1", 0, 10, false, 0 },
    { "", 0, 10, false, 0 },
    { "-", -10, 10, false, 0 },
    { "+-1", -10, 10, false, 0 },
    { " 1", 0, 10, false, 0 },
    { "1 ", 0, 10, false, 0 },
    { "1.0", 0, 10, false, 0 },
    { "0x1", 0, 10, false, 0 },
    { "1e1", 0, 10, false, 0 },
};

START_TEST(integers_are_read_strictly)
{
    for (size_t i = 0; i < COUNT(integers); i++)
    {
        int64_t number = UNTOUCHED;
        const bool good = text_int64(integers[i].text, integers[i].min, integers[i].max, &number);

        ck_assert_msg(good == integers[i].good, "\"%s\"", integers[i].text);
        ck_assert_int_eq(number, good ? integers[i].number : UNTOUCHED);
    }
}
END_TEST

static const struct
{
    const char *text;
    int64_t bytes; /* -1: refused */
} sizes[] = {
    { "0", 0 },
    { "512", 512 },
    { "512B", 512 },
    { "64MB", INT64_C(64) << 20 },
    { "10 kB", 10240 },
    { "1GB", INT64_C(1) << 30 },
    { "2 TB", INT64_C(2) << 40 },
    { "8388607TB", INT64_C(8388607) << 40 },
    { "8388608TB", -1 },
    { "9223372036854775807", INT64_MAX },
    { "9223372036854775808", -1 },
    { "", -1 },
    { "MB", -1 },
    { "-1MB", -1 },
    { "+1MB", -1 },
    { "1.5GB", -1 },
    { "1mb", -1 },
    { "1 MB ", -1 },
    { "1  MB", -1 },
    { " 1MB", -1 },
    { "1 ", -1 },
    { "1MiB", -1 },
    { "1PB", -1 },
};

START_TEST(sizes_are_read_strictly)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
    {
        int64_t bytes = UNTOUCHED;
        const bool good = text_size(sizes[i].text, &bytes);

        ck_assert_msg(good == (sizes[i].bytes >= 0), "\"%s\"", sizes[i].text);
        ck_assert_int_eq(bytes, good ? sizes[i].bytes : UNTOUCHED);
    }
}
END_TEST

static const struct
{
    int64_t number;
    const char *thousands;
    const char *bytes;
} shown[] = {
    { 0, "0", "0 B" },
    { 999, "999", "999 B" },
    { 1000, "1,000", "1000 B" },
    { 1023, "1,023", "1023 B" },
    { 1024, "1,024", "1 kB" },
    { 1536, "1,536", "1.5 kB" },
    { 1234567, "1,234,567", "1.1 MB" },
    { 1048575, "1,048,575", "1023.9 kB" },
    { -1536, "-1,536", "-1.5 kB" },
    { -100, "-100", "-100 B" },
    { INT64_MAX, "9,223,372,036,854,775,807", "7.9 EB" },
    { INT64_MIN, "-9,223,372,036,854,775,808", "-8 EB" },
};

START_TEST(numbers_are_shown_for_people)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(shown); i++)
    {
        ck_assert_str_eq(text_thousands(arena, shown[i].number), shown[i].thousands);
        ck_assert_str_eq(text_bytes(arena, shown[i].number), shown[i].bytes);
    }
}
END_TEST

static const char *const names[] = { "retention", "exempt", "pause", "limit_rows", "where" };
static const struct
{
    const char *word;
    int nearest;
} misspelt[] = {
    { "retention", 0 }, { "retentoin", 0 },  { "retentions", 0 }, { "rtntn", -1 }, { "exmpt", 1 },
    { "pauses", 2 },    { "limit-rows", 3 }, { "limitrow", 3 },   { "were", 4 },   { "there", 4 },
    { "", -1 },         { "x", -1 },         { "something", -1 },
};

START_TEST(a_misspelt_word_finds_its_nearest_candidate)
{
    char endless[200] = "";

    for (size_t i = 0; i < COUNT(misspelt); i++)
        ck_assert_msg(text_nearest(misspelt[i].word, names, COUNT(names)) == misspelt[i].nearest, "\"%s\"",
                      misspelt[i].word);
    memset(endless, 'x', sizeof endless - 1);
    const char *const odd[] = { endless, "pause" };
    ck_assert_int_eq(text_nearest(endless, names, COUNT(names)), -1);
    ck_assert_int_eq(text_nearest("pausa", odd, COUNT(odd)), 1);
    ck_assert_int_eq(text_nearest("pause", NULL, 0), -1);
}
END_TEST

START_TEST(the_first_of_two_equally_near_candidates_wins)
{
    static const char *const twins[] = { "day", "may" };

    ck_assert_int_eq(text_nearest("way", twins, 2), 0);
    ck_assert_int_eq(text_nearest("may", twins, 2), 1);
}
END_TEST

START_TEST(a_text_grows_by_its_pieces)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Text text = TEXT_INIT(arena);

    for (int i = 0; i < 1000; i++)
    {
        text_add(&text, "ab");
        text_add_bytes(&text, "cd", 1);
        text_addf(&text, "%d,", i % 10);
    }
    const char *done = text_done(&text);
    ck_assert_uint_eq(strlen(done), 5000);
    ck_assert_uint_eq(text.length, 5000);
    ck_assert_mem_eq(done + 4995, "abc9,", 6);
    text_add(&text, "more");
    ck_assert_str_eq(text_done(&text) + 5000, "more");
}
END_TEST

START_TEST(an_empty_text_is_an_empty_string)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Text text = TEXT_INIT(arena);

    ck_assert_str_eq(text_done(&text), "");
    text_add_bytes(&text, NULL, 0);
    text_add(&text, "");
    text_addf(&text, "%s", "");
    ck_assert_str_eq(text_done(&text), "");
}
END_TEST

START_TEST(equality_takes_null)
{
    ck_assert(text_equal(NULL, NULL));
    ck_assert(text_equal("a", "a"));
    ck_assert(!text_equal("a", "A"));
    ck_assert(!text_equal(NULL, ""));
    ck_assert(!text_equal("", NULL));
}
END_TEST

START_TEST(a_prefix_is_the_start_of_a_text)
{
    ck_assert(text_starts("prefix", "pre"));
    ck_assert(text_starts("pre", "pre"));
    ck_assert(text_starts("pre", ""));
    ck_assert(!text_starts("pr", "pre"));
    ck_assert(!text_starts("", "pre"));
}
END_TEST

START_TEST(an_ending_is_the_end_of_a_text)
{
    ck_assert(text_ends("suffix", "fix"));
    ck_assert(text_ends("fix", "fix"));
    ck_assert(text_ends("fix", ""));
    ck_assert(!text_ends("ix", "fix"));
    ck_assert(!text_ends("fixes", "fix"));
}
END_TEST

START_TEST(blank_is_null_empty_or_white_space)
{
    ck_assert(text_blank(NULL));
    ck_assert(text_blank(""));
    ck_assert(text_blank(" \t\r\n"));
    ck_assert(!text_blank("  x"));
}
END_TEST

START_TEST(hexadecimal_goes_both_ways)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const unsigned char bytes[] = { 0x00, 0x7F, 0x80, 0xFF };
    unsigned char back[4];

    ck_assert_str_eq(text_hex(arena, bytes, 4), "007f80ff");
    ck_assert_str_eq(text_hex(arena, bytes, 0), "");
    ck_assert(text_unhex("007f80ff", back, 4));
    ck_assert_mem_eq(back, bytes, 4);
    ck_assert(text_unhex("007F80FF", back, 4));
    ck_assert_mem_eq(back, bytes, 4);
    ck_assert(text_unhex("", back, 0));
}
END_TEST

static const char *const not_hex[] = {
    "", "0", "007f80f", "007f80ff0", "007f80fg", "007f80 f", "g07f80ff", " 07f80ff"
};

START_TEST(what_is_no_hexadecimal_is_refused)
{
    unsigned char back[4];

    for (size_t i = 0; i < COUNT(not_hex); i++)
        ck_assert_msg(!text_unhex(not_hex[i], back, 4), "\"%s\"", not_hex[i]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("text");
    TCase *cases = tcase_create("text");

    tcase_add_test(cases, integers_are_read_strictly);
    tcase_add_test(cases, sizes_are_read_strictly);
    tcase_add_test(cases, numbers_are_shown_for_people);
    tcase_add_test(cases, a_misspelt_word_finds_its_nearest_candidate);
    tcase_add_test(cases, the_first_of_two_equally_near_candidates_wins);
    tcase_add_test(cases, a_text_grows_by_its_pieces);
    tcase_add_test(cases, an_empty_text_is_an_empty_string);
    tcase_add_test(cases, equality_takes_null);
    tcase_add_test(cases, a_prefix_is_the_start_of_a_text);
    tcase_add_test(cases, an_ending_is_the_end_of_a_text);
    tcase_add_test(cases, blank_is_null_empty_or_white_space);
    tcase_add_test(cases, hexadecimal_goes_both_ways);
    tcase_add_test(cases, what_is_no_hexadecimal_is_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
