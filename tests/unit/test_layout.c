/* SPDX-License-Identifier: Apache-2.0 */
#include "report/layout.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static Arena *arena;

static void
setup(void)
{
    arena = arena_new();
}

static void
teardown(void)
{
    arena_freep(&arena);
}

START_TEST(columns_are_as_wide_as_their_widest_cell)
{
    Grid grid = layout_grid(arena, "lrl");
    Text text = TEXT_INIT(arena);

    LAYOUT_ROW(&grid, "table", "rows", "why");
    LAYOUT_ROW(&grid, "cloud.message", "12,345", "tax");
    LAYOUT_ROW(&grid, "a", "7", NULL);
    layout_print(&grid, "  ", &text);
    ck_assert_str_eq(text_done(&text), "  table            rows  why\n"
                                       "  cloud.message  12,345  tax\n"
                                       "  a                   7\n");
}
END_TEST

START_TEST(a_character_counts_once_however_many_bytes_it_has)
{
    Grid grid = layout_grid(arena, "ll");
    Text text = TEXT_INIT(arena);

    LAYOUT_ROW(&grid, "Löschung", "x");
    LAYOUT_ROW(&grid, "eight888", "x");
    layout_print(&grid, "", &text);
    ck_assert_str_eq(text_done(&text), "Löschung  x\n"
                                       "eight888  x\n");
}
END_TEST

START_TEST(a_column_that_is_empty_everywhere_takes_no_room)
{
    Grid grid = layout_grid(arena, "lrl");
    Text text = TEXT_INIT(arena);

    LAYOUT_ROW(&grid, "a", "", "b");
    LAYOUT_ROW(&grid, "", NULL, "c");
    layout_print(&grid, "", &text);
    ck_assert_str_eq(text_done(&text), "a  b\n"
                                       "   c\n");
}
END_TEST

START_TEST(a_grid_without_rows_prints_nothing)
{
    const Grid grid = layout_grid(arena, "ll");
    Text text = TEXT_INIT(arena);

    layout_print(&grid, "  ", &text);
    ck_assert_str_eq(text_done(&text), "");
}
END_TEST

static const struct
{
    Instant at;
    const char *expected;
} moments[] = {
    { INSTANT_NONE, "-" },
    { 0, "1970-01-01 00:00:00 UTC" },
    { INT64_C(1769903999) * INSTANT_SECOND, "2026-01-31 23:59:59 UTC" },
    { INT64_C(1769903999) * INSTANT_SECOND + 999999, "2026-01-31 23:59:59 UTC" }, /* down: never a second too late */
    { -1, "1969-12-31 23:59:59 UTC" },
};

START_TEST(a_moment_is_told_to_the_second)
{
    ck_assert_str_eq(layout_moment(arena, moments[_i].at), moments[_i].expected);
}
END_TEST

static const struct
{
    Instant at;
    const char *expected;
} distances[] = {
    { 0, "now" },
    { INSTANT_SECOND - 1, "now" },
    { 9 * INSTANT_DAY, "in 9 days" },
    { -3 * INSTANT_DAY, "3 days ago" },
    { -INSTANT_HOUR, "1 h ago" },
    { 90 * INSTANT_SECOND, "in 1 min" },
};

START_TEST(a_distance_says_which_way)
{
    const Instant now = INT64_C(1769903999) * INSTANT_SECOND;
    ck_assert_str_eq(layout_away(arena, now, now + distances[_i].at), distances[_i].expected);
}
END_TEST

START_TEST(a_number_has_its_noun)
{
    ck_assert_str_eq(layout_count(arena, 0, "row", "rows"), "0 rows");
    ck_assert_str_eq(layout_count(arena, 1, "row", "rows"), "1 row");
    ck_assert_str_eq(layout_count(arena, 1234567, "row", "rows"), "1,234,567 rows");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("layout");
    TCase *cases = tcase_create("layout");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, columns_are_as_wide_as_their_widest_cell);
    tcase_add_test(cases, a_character_counts_once_however_many_bytes_it_has);
    tcase_add_test(cases, a_column_that_is_empty_everywhere_takes_no_room);
    tcase_add_test(cases, a_grid_without_rows_prints_nothing);
    tcase_add_loop_test(cases, a_moment_is_told_to_the_second, 0, (int)COUNT(moments));
    tcase_add_loop_test(cases, a_distance_says_which_way, 0, (int)COUNT(distances));
    tcase_add_test(cases, a_number_has_its_noun);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
