/* SPDX-License-Identifier: Apache-2.0 */
#include "model/window.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const struct
{
    const char *text;
    int from_minute;
    int to_minute;
} good[] = {
    { "01:00-05:00", 60, 300 }, { "22:30-04:00", 1350, 240 }, { "00:00-23:59", 0, 1439 },
    { "23:59-00:00", 1439, 0 }, { "00:00-00:01", 0, 1 },      { "09:08-19:07", 548, 1147 },
};

START_TEST(a_window_of_hours_is_read)
{
    Window window = { .always = true, .from_minute = -1, .to_minute = -1 };

    ck_assert_msg(window_parse(good[_i].text, &window), "%s", good[_i].text);
    ck_assert(!window.always);
    ck_assert_int_eq(window.from_minute, good[_i].from_minute);
    ck_assert_int_eq(window.to_minute, good[_i].to_minute);
}
END_TEST

static const char *const bad[] = {
    NULL,           "",
    "always",       "01:00",
    "01:00-",       "-05:00",
    "01:00-05:0",   "1:00-5:00",
    "01:00-5:000",  "01:00-05:000",
    " 01:00-05:00", "01:00-05:00 ",
    "01:00 - 5:00", "01:00_05:00",
    "01.00-05.00",  "24:00-05:00",
    "01:00-24:00",  "01:60-05:00",
    "01:00-05:60",  "01:00-99:99",
    "aa:bb-cc:dd",  "01:00-01:00",
    "00:00-00:00",  "-1:00-05:00",
    "+1:00-05:00",  "01:00-05:00Z",
    "01:00–05:00",  "01:00-05:0\t",
    "0100-0500  ",
};

START_TEST(what_is_no_window_is_refused_and_leaves_the_result_alone)
{
    Window window = { .from_minute = 7, .to_minute = 9 };

    ck_assert_msg(!window_parse(bad[_i], &window), "\"%s\" was taken", bad[_i]);
    ck_assert(!window.always);
    ck_assert_int_eq(window.from_minute, 7);
    ck_assert_int_eq(window.to_minute, 9);
}
END_TEST

static const struct
{
    const char *window;
    const char *at;
    bool open;
} moments[] = {
    { "01:00-05:00", "2026-01-31T00:59:59.999999Z", false }, { "01:00-05:00", "2026-01-31T01:00:00Z", true },
    { "01:00-05:00", "2026-01-31T04:59:59.999999Z", true },  { "01:00-05:00", "2026-01-31T05:00:00Z", false },
    { "01:00-05:00", "2026-01-31T23:00:00Z", false },        { "22:30-04:00", "2026-01-31T22:29:59Z", false },
    { "22:30-04:00", "2026-01-31T22:30:00Z", true },         { "22:30-04:00", "2026-01-31T23:59:59Z", true },
    { "22:30-04:00", "2026-02-01T00:00:00Z", true },         { "22:30-04:00", "2026-02-01T03:59:59Z", true },
    { "22:30-04:00", "2026-02-01T04:00:00Z", false },        { "22:30-04:00", "2026-02-01T12:00:00Z", false },
    { "22:00-00:00", "2026-02-01T23:59:59Z", true },         { "22:00-00:00", "2026-02-02T00:00:00Z", false },
    { "01:00-05:00", "1969-12-31T01:00:00Z", true },         { "01:00-05:00", "1969-12-31T00:59:59Z", false },
    { "01:00-05:00", "1965-03-04T04:59:59.999999Z", true },  { "01:00-05:00", "1965-03-04T05:00:00Z", false },
    { "01:00-05:00", "2026-01-31T03:00:00+02:00", true },    { "01:00-05:00", "2026-01-31T06:30:00+02:00", true },
    { "01:00-05:00", "2026-01-31T01:00:00+02:00", false },
};

START_TEST(a_window_is_open_from_its_first_minute_to_before_its_last)
{
    Window window = { 0 };
    Instant at = INSTANT_NONE;

    ck_assert(window_parse(moments[_i].window, &window));
    ck_assert(instant_parse(moments[_i].at, &at));
    ck_assert_msg(window_is_open(&window, at) == moments[_i].open, "%s at %s", moments[_i].window, moments[_i].at);
}
END_TEST

START_TEST(every_minute_of_a_day_is_in_a_window_or_in_the_one_beside_it)
{
    const Window night = { .from_minute = 22 * 60 + 30, .to_minute = 4 * 60 };
    const Window day = { .from_minute = 4 * 60, .to_minute = 22 * 60 + 30 };
    int open = 0;

    for (int minute = -1440; minute < 1440; minute++)
    {
        const Instant at = minute * INSTANT_MINUTE;

        ck_assert_int_ne(window_is_open(&night, at), window_is_open(&day, at));
        open += window_is_open(&night, at);
    }
    ck_assert_int_eq(open, 2 * (5 * 60 + 30));
}
END_TEST

START_TEST(without_a_window_it_is_always_open)
{
    ck_assert(window_is_open(&window_always, 0));
    ck_assert(window_is_open(&window_always, -INSTANT_DAY));
    ck_assert(window_is_open(&window_always, INT64_MAX));
}
END_TEST

START_TEST(a_window_is_closed_when_nobody_knows_the_time)
{
    const Window all_but_a_minute = { .from_minute = 1, .to_minute = 0 };

    ck_assert(!window_is_open(&all_but_a_minute, INSTANT_NONE));
    ck_assert(window_is_open(&all_but_a_minute, INSTANT_MINUTE));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
    Suite *suite = suite_create("window");
    TCase *cases = tcase_create("window");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, cases);
    tcase_add_loop_test(cases, a_window_of_hours_is_read, 0, COUNT(good));
    tcase_add_loop_test(cases, what_is_no_window_is_refused_and_leaves_the_result_alone, 0, COUNT(bad));
    tcase_add_loop_test(cases, a_window_is_open_from_its_first_minute_to_before_its_last, 0, COUNT(moments));
    tcase_add_test(cases, every_minute_of_a_day_is_in_a_window_or_in_the_one_beside_it);
    tcase_add_test(cases, without_a_window_it_is_always_open);
    tcase_add_test(cases, a_window_is_closed_when_nobody_knows_the_time);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
