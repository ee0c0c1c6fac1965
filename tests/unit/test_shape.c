/* SPDX-License-Identifier: Apache-2.0 */
#include "model/shape.h"

#include <check.h>
#include <stdlib.h>
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

/* wrong NULL: the text is well written; otherwise words of what is said about it */
static void
assert_said(const char *said, const char *wrong, const char *text)
{
    if (wrong == NULL)
        ck_assert_msg(said == NULL, "\"%s\" %s", text, said);
    else
        ck_assert_msg(said != NULL && strstr(said, wrong) != NULL, "\"%s\": said \"%s\", expected \"%s\"", text,
                      said == NULL ? "nothing" : said, wrong);
}

typedef struct Case
{
    const char *text;
    const char *wrong;
} Case;

static const Case texts[] = {
    { "operate the service", NULL },
    { "GDPR Art. 6(1)(f) – größer", NULL },
    { "\xf0\x9f\x97\x91", NULL },
    { "\xef\xbf\xbf", NULL },
    { "", "blank" },
    { " \t ", "blank" },
    { "a\nb", "control" },
    { "a\tb", "control" },
    { "a\x7f", "control" },
    { "a\x1b[0m", "control" },
    { "\xff", "UTF-8" },
    { "caf\xe9", "UTF-8" },
    { "\xc0\xaf", "UTF-8" },
    { "\xe0\x80\xaf", "UTF-8" },
    { "\xf0\x80\x80\xaf", "UTF-8" },
    { "\xed\xa0\x80", "UTF-8" },
    { "\xf4\x90\x80\x80", "UTF-8" },
    { "\xe2\x82", "UTF-8" },
    { "\x80", "UTF-8" },
    { "\xf8\x88\x80\x80\x80", "UTF-8" },
};

START_TEST(a_text_is_one_line_of_utf8)
{
    assert_said(shape_text(texts[_i].text), texts[_i].wrong, texts[_i].text);
}
END_TEST

static const Case names[] = {
    { "eu", NULL },
    { "usage-events", NULL },
    { "a.b_c-2", NULL },
    { "2026", NULL },
    { "123456789012345678901234567890123456789012345678901234567890123", NULL },
    { "1234567890123456789012345678901234567890123456789012345678901234", "longer" },
    { "", "blank" },
    { " ", "blank" },
    { "-a", "begin" },
    { ".a", "begin" },
    { "_a", "begin" },
    { " eu", "begin" },
    { "eu ", "character" },
    { "e/u", "character" },
    { "e*", "character" },
    { "e\"u", "character" },
    { "größe", "character" },
};

START_TEST(a_name_fits_into_file_names_and_labels)
{
    assert_said(shape_name(names[_i].text), names[_i].wrong, names[_i].text);
}
END_TEST

static const Case paths[] = {
    { "/var/lib/expunge", NULL }, { "/", NULL },         { "/a.b/..c/...", NULL }, { "/a b/", NULL },
    { "var", "absolute" },        { "./a", "absolute" }, { "~/a", "absolute" },    { "", "blank" },
    { "/a/../b", "through" },     { "/a/.", "through" }, { "/..", "through" },     { "/a\nb", "control" },
};

START_TEST(a_path_is_absolute_and_leads_straight_there)
{
    assert_said(shape_path(paths[_i].text), paths[_i].wrong, paths[_i].text);
}
END_TEST

static const Case secrets[] = {
    { "credential:expunge-master", NULL },
    { "file:/etc/expunge/key", NULL },
    { "", "blank" },
    { "credential:", "blank" },
    { "credential:../key", "begin" },
    { "credential:a/b", "character" },
    { "file:", "blank" },
    { "file:key", "absolute" },
    { "file:/a/../key", "through" },
    { "/etc/key", "neither" },
    { "env:KEY", "neither" },
    { "File:/etc/key", "neither" },
    { "hunter2", "neither" },
    { "credential:.hidden", "begin" },
};

START_TEST(a_secret_is_named_and_never_written_down)
{
    assert_said(shape_secret(secrets[_i].text), secrets[_i].wrong, secrets[_i].text);
}
END_TEST

static const Case intervals[] = {
    { "90 days", NULL },
    { "1 year 6 months", NULL },
    { "36 hours", NULL },
    { "5 minutes", NULL },
    { "30 seconds", NULL },
    { "90days", NULL },
    { "1year 6months", NULL },
    { " 1  day ", NULL },
    { "1.5 hours", NULL },
    { "0.5 days", NULL },
    { "2 WEEKS", NULL },
    { "1 y 2 mons 3 w 4 d 5 h 6 min 7 s", NULL },
    { "1000 years", NULL },
    { "0 days 1 second", NULL },
    { "P30D", NULL },
    { "P1Y6M", NULL },
    { "P1Y2M3W4DT5H6M7.5S", NULL },
    { "PT36H", NULL },
    { "PT5M", NULL },
    { "P5M", NULL },
    { "", "blank" },
    { "  ", "blank" },
    { "-3 days", "negative" },
    { "1 year -3 days", "negative" },
    { "3 days ago", "negative" },
    { "3 days AGO", "negative" },
    { "P-30D", "negative" },
    { "+3 days", "sign" },
    { "P+3D", "sign" },
    { "90", "no unit" },
    { "90 90", "no unit" },
    { "1 year 6", "no unit" },
    { "0", "no unit" },
    { "1.5", "no unit" },
    { "days", "number" },
    { "ninety days", "number" },
    { ".5 days", "number" },
    { "3 dyas", "unknown unit \"dyas\"" },
    { "3 m", "minutes or months" },
    { "3 M", "minutes or months" },
    { "3 fortnights", "unknown unit" },
    { "3 daysx", "unknown unit" },
    { "1 day 2 days", "days twice" },
    { "1 hour 1 h", "hours twice" },
    { "01:30:00", "not a list" },
    { "1year6months", "space" },
    { "1 day, 2 hours", "space" },
    { "1. days", "not a list" },
    { "P1.D", "ISO" },
    { "1.5 s 7 ms", "seconds twice" },
    { "500 ms", NULL },
    { "1 min 5 ms", NULL },
    { "1-6", "not a list" },
    { "1e3 days", "unknown unit" },
    { "@ 1 day", "number" },
    { "infinity", "number" },
    { "0 days", "zero" },
    { "0.0 hours", "zero" },
    { "P0D", "zero" },
    { "1001 years", "longer" },
    { "999999999999999999999999999999 days", "longer" },
    { "12001 months", NULL },
    { "P", "ISO" },
    { "PT", "ISO" },
    { "P1YT", "ISO" },
    { "P30", "ISO" },
    { "P30X", "ISO" },
    { "P1D1Y", "ISO" },
    { "P1H", "ISO" },
    { "PT1D", "ISO" },
    { "P1DT2D", "ISO" },
    { "PTT1H", "ISO" },
    { "P1D2D", "twice" },
    { "P1D ", "ISO" },
    { "p30d", "number" },
    { "1\nday", "control" },
};

START_TEST(an_interval_is_a_length_that_nobody_misreads)
{
    assert_said(shape_interval(arena, intervals[_i].text, false), intervals[_i].wrong, intervals[_i].text);
}
END_TEST

START_TEST(an_interval_may_be_zero_where_that_makes_sense)
{
    assert_said(shape_interval(arena, "0 days", true), NULL, "0 days");
    assert_said(shape_interval(arena, "PT0S", true), NULL, "PT0S");
    assert_said(shape_interval(arena, "-1 days", true), "negative", "-1 days");
}
END_TEST

static const Case expressions[] = {
    { "occurred_at", NULL },
    { "status = 'cancelled'", NULL },
    { "coalesce(a, b) is not null", NULL },
    { "name ~ 'a;b--c/*d' and x in (1, 2)", NULL },
    { "'it''s; fine'", NULL },
    { "\"odd;\"\"name\" = 1", NULL },
    { "(array[1, 2])[1]", NULL },
    { "E'it\\'s; fine'", NULL },
    { "e'\\\\' || 'x'", NULL },
    { "a - -1", NULL },
    { "a\n  and b", NULL },
    { "price$ > 1", NULL },
    { "case when a then b else c end", NULL },
    { "tab('e''')", NULL },
    { "", "blank" },
    { "a; drop table b", "semicolon" },
    { "a;", "semicolon" },
    { "';'; ", "semicolon" },
    { "somee'\\'; x'", "semicolon" },
    { "a -- b", "comment" },
    { "a--1", "comment" },
    { "a /* b */", "comment" },
    { "'a", "unclosed" },
    { "'a''", "unclosed" },
    { "a = \"b", "unclosed" },
    { "E'a\\'", "unclosed" },
    { "'a\\''", "unclosed" },
    { "(a", "unbalanced" },
    { "a)", "unbalanced" },
    { ")a(", "unbalanced" },
    { "(a]", "unbalanced" },
    { "[a)", "unbalanced" },
    { "a, b", "comma" },
    { "null, admin = true", "comma" },
    { "(a), (b)", "comma" },
    { "$1", "parameter" },
    { "a = $2", "parameter" },
    { "$$a$$", "dollar" },
    { "$tag$;$tag$", "dollar" },
    { "a\x01", "control" },
    { "'\xff'", "UTF-8" },
    { "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a", "deep" },
};

START_TEST(a_piece_of_sql_is_one_expression)
{
    assert_said(shape_sql(expressions[_i].text), expressions[_i].wrong, expressions[_i].text);
}
END_TEST

static const struct
{
    const char *text;
    const char *wrong;
    const char *schema;
    const char *table;
} tables[] = {
    { "cloud.workspace", NULL, "cloud", "workspace" },
    { "Cloud.WorkSpace", NULL, "cloud", "workspace" },
    { "\"My Schema\".\"T\"", NULL, "My Schema", "T" },
    { "cloud.\"a\"\"b\"", NULL, "cloud", "a\"b" },
    { "\"a.b\".\"c(d)\"", NULL, "a.b", "c(d)" },
    { "\"\"\"\".x", NULL, "\"", "x" },
    { "_a.b_1$", NULL, "_a", "b_1$" },
    { "größe.täglich", NULL, "größe", "täglich" },
    { "workspace", "no schema", NULL, NULL },
    { "\"cloud.workspace\"", "no schema", NULL, NULL },
    { "a.b.c", "two parts", NULL, NULL },
    { "a.", "lacks", NULL, NULL },
    { ".b", "lacks", NULL, NULL },
    { ".", "lacks", NULL, NULL },
    { "", "blank", NULL, NULL },
    { "\"\".b", "lacks", NULL, NULL },
    { "a.\"b", "unclosed", NULL, NULL },
    { "a.\"b\"\"", "unclosed", NULL, NULL },
    { "a.b c", "behind", NULL, NULL },
    { "a.b ", "behind", NULL, NULL },
    { " a.b", "lacks", NULL, NULL },
    { "a. b", "lacks", NULL, NULL },
    { "a .b", "no schema", NULL, NULL },
    { "a.b;", "behind", NULL, NULL },
    { "a.b(c)", "behind", NULL, NULL },
    { "a.2b", "double quotes", NULL, NULL },
    { "my-schema.b", "no schema", NULL, NULL },
    { "a.*", "double quotes", NULL, NULL },
    { "a.\"b\"c", "behind", NULL, NULL },
    { "a.\"b\nc\"", "control", NULL, NULL },
    { "a.b234567890123456789012345678901234567890123456789012345678901234", "63 bytes", NULL, NULL },
    { "pg_catalog.pg_class", "PostgreSQL itself", NULL, NULL },
    { "PG_TOAST.x", "PostgreSQL itself", NULL, NULL },
    { "information_schema.tables", "PostgreSQL itself", NULL, NULL },
    { "expunge.disposal", "expunge itself", NULL, NULL },
};

START_TEST(a_table_has_a_schema_and_sqls_rules_for_names)
{
    TableName table = { .schema = "untouched", .table = "untouched" };
    const char *said = shape_table(arena, tables[_i].text, &table);

    assert_said(said, tables[_i].wrong, tables[_i].text);
    ck_assert_str_eq(table.schema, said == NULL ? tables[_i].schema : "untouched");
    ck_assert_str_eq(table.table, said == NULL ? tables[_i].table : "untouched");
}
END_TEST

static const struct
{
    const char *text;
    const char *wrong;
    const char *column;
} columns[] = {
    { "id", NULL, "id" },           { "Id", NULL, "id" },
    { "\"Id\"", NULL, "Id" },       { "\"a \"\" b\"", NULL, "a \" b" },
    { "a.b", "behind", NULL },      { "a, b", "behind", NULL },
    { "lower(a)", "behind", NULL }, { "", "blank", NULL },
    { "1", "double quotes", NULL }, { "\"\"", "lacks", NULL },
    { "\"a", "unclosed", NULL },
};

START_TEST(a_column_is_one_name)
{
    const char *column = "untouched";
    const char *said = shape_column(arena, columns[_i].text, &column);

    assert_said(said, columns[_i].wrong, columns[_i].text);
    ck_assert_str_eq(column, said == NULL ? columns[_i].column : "untouched");
}
END_TEST

static const struct
{
    const char *text;
    const char *wrong;
    const char *joined; /* schema|table|column|… */
} ends[] = {
    { "a.b(c)", NULL, "a|b|c" },
    { "a.b (c)", NULL, "a|b|c" },
    { "a.b( c , D )", NULL, "a|b|c|d" },
    { "\"A\".\"b(\"(\"c,d\",e)", NULL, "A|b(|c,d|e" },
    { "a.b", "no columns", NULL },
    { "b(c)", "no schema", NULL },
    { "a.b()", "lacks a name", NULL },
    { "a.b(c,)", "lacks a name", NULL },
    { "a.b(,c)", "lacks a name", NULL },
    { "a.b(c", "lacks a \",\" or \")\"", NULL },
    { "a.b(c d)", "lacks a \",\" or \")\"", NULL },
    { "a.b(c, c)", "twice", NULL },
    { "a.b(c, C)", "twice", NULL },
    { "a.b(c))", "behind", NULL },
    { "a.b(c) d", "behind", NULL },
    { "a.b(\"c)", "unclosed", NULL },
    { "a.b(c.d)", "lacks a \",\" or \")\"", NULL },
    { "", "blank", NULL },
    { "pg_catalog.pg_class(oid)", "PostgreSQL itself", NULL },
};

START_TEST(an_edge_end_is_a_table_with_columns)
{
    EdgeEnd end = { .column_count = 99 };
    const char *said = shape_edge_end(arena, ends[_i].text, &end);

    assert_said(said, ends[_i].wrong, ends[_i].text);
    if (said != NULL)
    {
        ck_assert_uint_eq(end.column_count, 99);
        return;
    }
    char *joined = arena_printf(arena, "%s|%s", end.table.schema, end.table.table);

    for (size_t i = 0; i < end.column_count; i++)
        joined = arena_printf(arena, "%s|%s", joined, end.columns[i]);
    ck_assert_str_eq(joined, ends[_i].joined);
    ck_assert_ptr_null(end.columns[end.column_count]);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
    Suite *suite = suite_create("shape");
    TCase *cases = tcase_create("shape");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, a_text_is_one_line_of_utf8, 0, COUNT(texts));
    tcase_add_loop_test(cases, a_name_fits_into_file_names_and_labels, 0, COUNT(names));
    tcase_add_loop_test(cases, a_path_is_absolute_and_leads_straight_there, 0, COUNT(paths));
    tcase_add_loop_test(cases, a_secret_is_named_and_never_written_down, 0, COUNT(secrets));
    tcase_add_loop_test(cases, an_interval_is_a_length_that_nobody_misreads, 0, COUNT(intervals));
    tcase_add_test(cases, an_interval_may_be_zero_where_that_makes_sense);
    tcase_add_loop_test(cases, a_piece_of_sql_is_one_expression, 0, COUNT(expressions));
    tcase_add_loop_test(cases, a_table_has_a_schema_and_sqls_rules_for_names, 0, COUNT(tables));
    tcase_add_loop_test(cases, a_column_is_one_name, 0, COUNT(columns));
    tcase_add_loop_test(cases, an_edge_end_is_a_table_with_columns, 0, COUNT(ends));
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
