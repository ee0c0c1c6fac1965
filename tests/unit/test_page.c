/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include "report/chart.h"
#include "report/markup.h"
#include "wrap/seal.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NOON (INT64_C(1795348800) * INSTANT_SECOND) /* 2026-11-22T12:00:00Z, a Sunday */

static const PageColumn columns[] = { { "name", "Name", PAGE_TEXT, false },
                                      { "rows", "rows", PAGE_NUMBER, false },
                                      { "at", "on", PAGE_DAY, false },
                                      { "digest", NULL, PAGE_CODE, false } };
static const PageColumn others[] = { { "rows", "rows", PAGE_NUMBER, false }, { "why", "why", PAGE_TEXT, true } };

static Arena *arena;
static Page page;

static void
setup(void)
{
    arena = arena_new();
    page = (Page){ .arena = arena, .title = "A page" };
}

static void
teardown(void)
{
    arena_freep(&arena);
}

static void
add_named(const char *name)
{
    PageTable *table = page_table(&page, &(PageTable){ .section = "one", .caption = "First", PAGE_COLUMNS(columns) });
    PAGE_ROW(&page, table, page_text(name), page_number(1234567), page_time(NOON), page_text("00ff"));
}

/* -- text that becomes markup -------------------------------------------------------------------------------------- */

static const struct
{
    const char *value;
    const char *written;
} escapes[] = {
    { "plain", "plain" },
    { "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;" },
    { "\"'&", "&quot;&#39;&amp;" },
    { "Grüße שלום 漢字 😀", "Grüße שלום 漢字 😀" },
    { "a\x01\x1b"
      "b",
      "a\xef\xbf\xbd\xef\xbf\xbd"
      "b" },                                          /* what XML does not allow */
    { "a\x7f\xc2\x85", "a\xef\xbf\xbd\xef\xbf\xbd" }, /* DEL and a C1 control */
    { "\xff"
      "a\xc3",
      "\xef\xbf\xbd"
      "a\xef\xbf\xbd" }, /* no UTF-8, cut short */
    { "\xc0\xbc"
      "b",
      "\xef\xbf\xbd\xef\xbf\xbd"
      "b" },                                                                    /* "<" in two bytes */
    { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },                 /* half a surrogate */
    { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* beyond U+10FFFF */
    { "\xef\xbf\xbf", "\xef\xbf\xbd" },                                         /* U+FFFF is no character */
    { "line\nbreak\ttab", "line\nbreak\ttab" },
};

START_TEST(every_value_is_text_in_markup)
{
    ck_assert_str_eq(markup_escape(arena, escapes[_i].value), escapes[_i].written);
}
END_TEST

START_TEST(a_hostile_name_is_text_wherever_it_stands)
{
    static const char hostile[] = "\"><script>alert('x')</script>";
    static const int64_t values[] = { 5 };
    const ChartSeries series = { .name = hostile, .values = values };

    page.title = page.side = hostile;
    page_section(&page, hostile);
    page_note(&page, PAGE_BAD, "%s", hostile);
    page_fact(&page, PAGE_TEXT, hostile, hostile);
    page_lines(&page, hostile);
    add_named(hostile);
    page_chart(&page, chart_weeks(arena, &(ChartWeeks){ .id = "c1",
                                                        .caption = hostile,
                                                        .first = chart_monday(NOON),
                                                        .count = 1,
                                                        .series = &series,
                                                        .series_count = 1 }));
    page_chart(&page, chart_spans(arena, "c2", hostile, &(ChartSpan){ .name = hostile, .all = 1 }, 1));
    page_chart(&page, chart_ages(arena, "c3", hostile, &(ChartPoint){ .at = NOON, .age = 5 }, 1));
    const char *html = page_print_html(&page);
    ck_assert_ptr_null(strstr(html, "<script"));
    ck_assert_ptr_null(strstr(html, "\"><s"));
    size_t found = 0;
    for (const char *at = html; (at = strstr(at, "&lt;script&gt;")) != NULL; at++)
        found++;
    ck_assert_uint_ge(found, 15);
}
END_TEST

START_TEST(a_page_forbids_all_that_is_not_inside_it)
{
    add_named("x");
    const char *html = page_print_html(&page);
    ck_assert_ptr_nonnull(strstr(html, "content=\"default-src 'none'; style-src 'sha256-"));
    ck_assert_ptr_nonnull(strstr(html, "name=\"viewport\" content=\"width=device-width, initial-scale=1\""));
    ck_assert_ptr_null(strstr(html, " style=\"")); /* the policy allows the one style sheet alone */
    ck_assert_ptr_null(strstr(html, "src="));
    ck_assert_ptr_null(strstr(html, "url("));
    ck_assert_ptr_null(strstr(html, "@import"));
}
END_TEST

START_TEST(rows_beyond_what_people_read_are_counted_and_programs_get_all)
{
    PageTable *table =
        page_table(&page, &(PageTable){ .section = "one", .caption = "First", .shown = 2, PAGE_COLUMNS(others) });
    for (int i = 0; i < 5; i++)
        PAGE_ROW(&page, table, page_number(700 + i), page_text(NULL));
    ck_assert_ptr_nonnull(strstr(page_print_text(&page), "\n  and 3 more: CSV and JSON have all of them\n"));
    ck_assert_ptr_null(strstr(page_print_text(&page), "702"));
    ck_assert_ptr_nonnull(strstr(page_print_html(&page), ">and 3 more: CSV"));
    ck_assert_ptr_nonnull(strstr(page_print_csv(&page), "one,704,\r\n"));
}
END_TEST

/* -- CSV ----------------------------------------------------------------------------------------------------------- */

START_TEST(all_sections_are_one_table_with_every_column)
{
    add_named("plain");
    PageTable *table = page_table(&page, &(PageTable){ .section = "two", PAGE_COLUMNS(others) });
    PAGE_ROW(&page, table, page_shown(page_number(7), "OVERDUE 7"), page_text("a, \"b\"\nc"));
    ck_assert_str_eq(page_print_csv(&page), "section,name,rows,at_utc,digest,why\r\n"
                                            "one,plain,1234567,2026-11-22 12:00:00,00ff,\r\n"
                                            "two,,7,,,\"a, \"\"b\"\"\nc\"\r\n");
}
END_TEST

static const struct
{
    const char *value;
    const char *written;
} formulas[] = {
    { "=HYPERLINK(\"http://x\")", "one,\"'=HYPERLINK(\"\"http://x\"\")\"," },
    { "+1", "one,\"'+1\"," },
    { "-1", "one,\"'-1\"," },
    { "@SUM(A1)", "one,\"'@SUM(A1)\"," },
    { "\t=1", "one,\"'\t=1\"," },
    { "\r=1", "one,\"'\r=1\"," },
    { "\n=1", "one,\"'\n=1\"," },
    { "\xef\xbc\x9d"
      "1",
      "one,\"'\xef\xbc\x9d"
      "1\"," },
    { "a=b", "one,a=b," },
};

START_TEST(no_text_is_a_formula_to_a_spreadsheet)
{
    add_named(formulas[_i].value);
    ck_assert_ptr_nonnull(strstr(page_print_csv(&page), formulas[_i].written));
}
END_TEST

START_TEST(a_byte_order_mark_stands_only_before_what_is_not_ascii)
{
    add_named("Grüße");
    ck_assert_int_eq(strncmp(page_print_csv(&page), "\xef\xbb\xbfsection,", 11), 0);
}
END_TEST

/* -- weeks --------------------------------------------------------------------------------------------------------- */

START_TEST(a_week_begins_on_monday)
{
    ck_assert_str_eq(instant_format_day(arena, chart_monday(NOON)), "2026-11-16");
    ck_assert_str_eq(instant_format_day(arena, chart_monday(NOON + INSTANT_DAY)), "2026-11-23");
    ck_assert_str_eq(instant_format_day(arena, chart_monday(0)), "1969-12-29");
    ck_assert_str_eq(instant_format_day(arena, chart_monday(-4 * INSTANT_DAY)), "1969-12-22");
    for (int64_t day = -30; day < 30; day++)
    {
        const Instant at = day * INSTANT_DAY + 1;
        const Instant monday = chart_monday(at);
        ck_assert(monday <= at && at < monday + CHART_WEEK && (monday / INSTANT_DAY + 3) % 7 == 0);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("page");
    TCase *cases = tcase_create("page");

    if (seal_init() != OK)
        return EXIT_FAILURE;
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, every_value_is_text_in_markup, 0, (int)COUNT(escapes));
    tcase_add_test(cases, a_hostile_name_is_text_wherever_it_stands);
    tcase_add_test(cases, a_page_forbids_all_that_is_not_inside_it);
    tcase_add_test(cases, rows_beyond_what_people_read_are_counted_and_programs_get_all);
    tcase_add_test(cases, all_sections_are_one_table_with_every_column);
    tcase_add_loop_test(cases, no_text_is_a_formula_to_a_spreadsheet, 0, (int)COUNT(formulas));
    tcase_add_test(cases, a_byte_order_mark_stands_only_before_what_is_not_ascii);
    tcase_add_test(cases, a_week_begins_on_monday);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
