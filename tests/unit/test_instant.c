/* SPDX-License-Identifier: Apache-2.0 */
#include "base/instant.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct
{
    const char *text;
    const char *same; /* as instant_format() writes it */
} parsed[] = {
    { "1970-01-01", "1970-01-01T00:00:00Z" },
    { "2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z" },
    { "2026-01-31 23:59:59Z", "2026-01-31T23:59:59Z" },
    { "2026-01-31T23:59:59.5Z", "2026-01-31T23:59:59.500000Z" },
    { "2026-01-31T23:59:59.123456Z", "2026-01-31T23:59:59.123456Z" },
    { "2026-01-31T23:59:59.000000Z", "2026-01-31T23:59:59Z" },
    { "2026-01-31 23:59:59.000001+00", "2026-01-31T23:59:59.000001Z" },
    { "2026-01-31T23:59:59+01:30", "2026-01-31T22:29:59Z" },
    { "2026-01-31T23:59:59-01:30", "2026-02-01T01:29:59Z" },
    { "2026-01-31 00:00:00+02", "2026-01-30T22:00:00Z" },
    { "2024-02-29", "2024-02-29T00:00:00Z" },
    { "2000-02-29", "2000-02-29T00:00:00Z" },
    { "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z" },
    { "0001-01-01", "0001-01-01T00:00:00Z" },
    { "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
    { "2026-12-31T23:59:59-00:01", "2027-01-01T00:00:59Z" },
};

START_TEST(what_is_read_is_written_in_utc)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(parsed); i++)
    {
        Instant at = 0, again = 0;

        ck_assert_msg(instant_parse(parsed[i].text, &at), "%s", parsed[i].text);
        ck_assert_str_eq(instant_format(arena, at), parsed[i].same);
        ck_assert(instant_parse(parsed[i].same, &again));
        ck_assert_int_eq(at, again);
        ck_assert_mem_eq(instant_format_day(arena, at), parsed[i].same, 10);
        ck_assert_uint_eq(strlen(instant_format_day(arena, at)), 10);
    }
}
END_TEST

static const char *const refused[] = {
    "",
    "2026",
    "2026-1-31",
    "2026-01-31 ",
    " 2026-01-31",
    "2026-02-29",
    "1900-02-29",
    "2026-04-31",
    "2026-00-10",
    "2026-13-10",
    "2026-01-00",
    "0000-01-01",
    "10000-01-01",
    "-001-01-01",
    "26-01-31",
    "2026-01-31T",
    "2026-01-31T23:59",
    "2026-01-31T23:59Z",
    "2026-01-31T23:59:59",
    "2026-01-31T24:00:00Z",
    "2026-01-31T23:60:00Z",
    "2026-01-31T23:59:60Z",
    "2026-01-31T23:59:59.Z",
    "2026-01-31T23:59:59.1234567Z",
    "2026-01-31T23:59:59z",
    "2026-01-31t23:59:59Z",
    "2026-01-31T23:59:59Z ",
    "2026-01-31T23:59:59ZZ",
    "2026-01-31T23:59:59+1",
    "2026-01-31T23:59:59+01:",
    "2026-01-31T23:59:59+01:6",
    "2026-01-31T23:59:59+01:60",
    "2026-01-31T23:59:59+24",
    "2026-01-31T23:59:59+0130",
    "2026-01-31T23:59:59 +01",
    "2026-01-31Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "now",
    "infinity",
};

START_TEST(what_is_no_point_in_time_is_refused_and_leaves_the_result)
{
    for (size_t i = 0; i < COUNT(refused); i++)
    {
        Instant at = 42;

        ck_assert_msg(!instant_parse(refused[i], &at), "\"%s\"", refused[i]);
        ck_assert_int_eq(at, 42);
    }
}
END_TEST

START_TEST(each_day_of_the_calendar_agrees_with_the_c_library)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    for (int64_t day = -719162; day <= 2932896; day += 97) /* 0001-01-01 to 9999-12-31 */
    {
        const time_t seconds = (time_t)(day * 86400);
        struct tm broken;
        Instant back = 0;

        ck_assert_ptr_nonnull(gmtime_r(&seconds, &broken));
        const char *text = instant_format_day(arena, day * INSTANT_DAY);
        ck_assert_msg(atoi(text) == broken.tm_year + 1900 && atoi(text + 5) == broken.tm_mon + 1 &&
                          atoi(text + 8) == broken.tm_mday,
                      "%s", text);
        ck_assert_msg(instant_parse(text, &back) && back == day * INSTANT_DAY, "%s", text);
        if (day % 100 == 0)
            arena_reset(arena);
    }
}
END_TEST

START_TEST(no_instant_is_a_dash)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    ck_assert_str_eq(instant_format(arena, INSTANT_NONE), "-");
    ck_assert_str_eq(instant_format_day(arena, INSTANT_NONE), "-");
}
END_TEST

static const struct
{
    int64_t microseconds;
    const char *age;
} ages[] = {
    { 0, "0 s" },
    { 999999, "0 s" },
    { 5 * INSTANT_SECOND, "5 s" },
    { 59 * INSTANT_SECOND + 999999, "59 s" },
    { INSTANT_MINUTE, "1 min" },
    { 12 * INSTANT_MINUTE + 59 * INSTANT_SECOND, "12 min" },
    { INSTANT_HOUR, "1 h" },
    { 23 * INSTANT_HOUR + 59 * INSTANT_MINUTE, "23 h" },
    { INSTANT_DAY, "1 day" },
    { 2 * INSTANT_DAY - 1, "1 day" },
    { 3 * INSTANT_DAY, "3 days" },
    { 400 * INSTANT_DAY, "400 days" },
    { -4 * INSTANT_HOUR, "-4 h" },
    { -1, "0 s" },
    { INT64_MAX, "106751991 days" },
    { INT64_MIN, "-106751991 days" },
};

START_TEST(an_age_is_told_in_its_largest_unit)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(ages); i++)
        ck_assert_str_eq(instant_format_age(arena, ages[i].microseconds), ages[i].age);
}
END_TEST

START_TEST(the_clocks_run)
{
    const int64_t before = instant_monotonic();
    const Instant now = instant_now();

    ck_assert_int_le(llabs(now / INSTANT_SECOND - (int64_t)time(NULL)), 1);
    while (instant_monotonic() == before)
        continue;
    ck_assert_int_gt(instant_monotonic(), before);
    ck_assert_int_ge(instant_now(), now);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("instant");
    TCase *cases = tcase_create("instant");

    tcase_add_test(cases, what_is_read_is_written_in_utc);
    tcase_add_test(cases, what_is_no_point_in_time_is_refused_and_leaves_the_result);
    tcase_add_test(cases, each_day_of_the_calendar_agrees_with_the_c_library);
    tcase_add_test(cases, no_instant_is_a_dash);
    tcase_add_test(cases, an_age_is_told_in_its_largest_unit);
    tcase_add_test(cases, the_clocks_run);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
