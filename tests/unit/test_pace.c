/* SPDX-License-Identifier: Apache-2.0 */
/* How batches grow and shrink, and the caps of a run. */
#include "model/cap.h"
#include "model/pace.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_slow_batch_makes_the_next_one_smaller_a_fast_one_larger)
{
    Pace pace = pace_new(5, 50000, 1.0);
    const int64_t first = pace.rows;
    pace_adapt(&pace, pace.rows, 20000);
    ck_assert_int_eq(pace.rows, first / 2);
    pace_adapt(&pace, pace.rows, 1000);
    ck_assert_int_eq(pace.rows, first);
}
END_TEST

START_TEST(batches_stay_within_their_limits)
{
    Pace pace = pace_new(5, 50000, 1.0);
    for (int i = 0; i < 40; i++)
        pace_adapt(&pace, pace.rows, 1);
    ck_assert_int_eq(pace.rows, 50000);
    for (int i = 0; i < 40; i++)
        pace_adapt(&pace, pace.rows, 100 * INSTANT_SECOND);
    ck_assert_int_eq(pace.rows, 500);
    Pace tiny = pace_new(5, 1, 1.0);
    ck_assert_int_eq(tiny.rows, 1);
    pace_adapt(&tiny, 1, 1);
    ck_assert_int_eq(tiny.rows, 1);
}
END_TEST

START_TEST(the_last_short_batch_says_nothing)
{
    Pace pace = pace_new(5, 50000, 1.0);
    const int64_t rows = pace.rows;
    pace_adapt(&pace, rows - 1, 1);
    pace_adapt(&pace, rows, 0);
    ck_assert_int_eq(pace.rows, rows);
}
END_TEST

START_TEST(half_duty_rests_as_long_as_it_worked)
{
    const Pace half = pace_new(5, 50000, 0.5), full = pace_new(5, 50000, 1.0), tenth = pace_new(5, 50000, 0.1);
    ck_assert_int_eq(pace_rest(&half, 4000), 4000);
    ck_assert_int_eq(pace_rest(&full, 4000), 0);
    ck_assert_int_eq(pace_rest(&tenth, 4000), 36000);
    ck_assert_int_eq(pace_rest(&tenth, 10 * INSTANT_SECOND), INSTANT_SECOND);
}
END_TEST

static const CapLimits limits = { .max_rows = 1000, .max_share = 0.2, .max_subjects = 2 };

START_TEST(what_is_within_the_caps_may_go)
{
    const CapTable tables[] = { { "eu", "a.b", 200, 1000 }, { "eu", "a.c", 800, 4000 } };
    ck_assert_int_eq(cap_judge(&limits, tables, 2, 2), OK);
    const CapTable small[] = { { "eu", "a.b", 900, 999 } }; /* half of a small table is no alarm */
    ck_assert_int_eq(cap_judge(&limits, small, 1, 0), OK);
}
END_TEST

START_TEST(each_cap_stops_the_run_and_is_named)
{
    const CapTable share[] = { { "eu", "a.b", 201, 1000 } };
    ck_assert_int_eq(cap_judge(&limits, share, 1, 0), ERR_RAIL);
    ck_assert_ptr_nonnull(strstr(err_joined(), "a.b"));
    ck_assert_ptr_nonnull(strstr(err_joined(), "max_share"));
    const CapTable rows[] = { { "eu", "a.b", 501, 10000 }, { "us", "a.b", 500, 10000 } };
    ck_assert_int_eq(cap_judge(&limits, rows, 2, 0), ERR_RAIL);
    ck_assert_ptr_nonnull(strstr(err_joined(), "max_rows"));
    ck_assert_int_eq(cap_judge(&limits, NULL, 0, 3), ERR_RAIL);
    ck_assert_ptr_nonnull(strstr(err_joined(), "max_subjects"));
    ck_assert_ptr_nonnull(strstr(err_joined(), "--allow-large"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("pace and caps");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, a_slow_batch_makes_the_next_one_smaller_a_fast_one_larger);
    tcase_add_test(tests, batches_stay_within_their_limits);
    tcase_add_test(tests, the_last_short_batch_says_nothing);
    tcase_add_test(tests, half_duty_rests_as_long_as_it_worked);
    tcase_add_test(tests, what_is_within_the_caps_may_go);
    tcase_add_test(tests, each_cap_stops_the_run_and_is_named);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
