/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/jsondoc.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

START_TEST(an_object_is_written_canonical_and_pretty)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    JsonDoc *list = jsondoc_array();

    jsondoc_set_string(doc, "zone", "EU \"west\" ä");
    jsondoc_set_integer(doc, "count", INT64_MAX);
    jsondoc_set_bool(doc, "done", true);
    jsondoc_set_bool(doc, "late", false);
    jsondoc_set_null(doc, "none");
    jsondoc_set_string(doc, "nothing", NULL);
    jsondoc_set_instant(doc, "at", INT64_C(1769903999) * INSTANT_SECOND);
    jsondoc_set_instant(doc, "never", INSTANT_NONE);
    jsondoc_set_real(doc, "ratio", 0.1);
    jsondoc_push_string(list, "b");
    jsondoc_push(list, jsondoc_integer(-1));
    jsondoc_set(doc, "list", list);
    ck_assert_str_eq(jsondoc_canonical(arena, doc),
                     "{\"at\":\"2026-01-31T23:59:59Z\",\"count\":9223372036854775807,\"done\":true,\"late\":false,"
                     "\"list\":[\"b\",-1],\"never\":null,\"none\":null,\"nothing\":null,"
                     "\"ratio\":0.10000000000000001,\"zone\":\"EU \\\"west\\\" ä\"}");
    ck_assert_str_eq(jsondoc_pretty(arena, doc), "{\n"
                                                 "  \"zone\": \"EU \\\"west\\\" ä\",\n"
                                                 "  \"count\": 9223372036854775807,\n"
                                                 "  \"done\": true,\n"
                                                 "  \"late\": false,\n"
                                                 "  \"none\": null,\n"
                                                 "  \"nothing\": null,\n"
                                                 "  \"at\": \"2026-01-31T23:59:59Z\",\n"
                                                 "  \"never\": null,\n"
                                                 "  \"ratio\": 0.1,\n"
                                                 "  \"list\": [\n"
                                                 "    \"b\",\n"
                                                 "    -1\n"
                                                 "  ]\n"
                                                 "}");
}
END_TEST

START_TEST(the_canonical_form_does_not_depend_on_the_order_of_setting)
{
    CLEANUP(jsondoc_freep) JsonDoc *one = jsondoc_object();
    CLEANUP(jsondoc_freep) JsonDoc *two = jsondoc_object();

    jsondoc_set_integer(one, "a", 1);
    jsondoc_set_integer(one, "b", 2);
    jsondoc_set_integer(two, "b", 7);
    jsondoc_set_integer(two, "a", 1);
    jsondoc_set_integer(two, "b", 2); /* replaces */
    ck_assert_str_eq(jsondoc_canonical(arena, one), "{\"a\":1,\"b\":2}");
    ck_assert_str_eq(jsondoc_canonical(arena, two), "{\"a\":1,\"b\":2}");
}
END_TEST

static const struct
{
    const char *given;
    const char *written;
} strings[] = {
    { "plain", "\"plain\"" },
    { "", "\"\"" },
    { "tab\tline\nquote\"back\\", "\"tab\\tline\\nquote\\\"back\\\\\"" },
    { "\x01", "\"\\u0001\"" },
    { "€ 😀", "\"€ 😀\"" },
    { "a\xFFz", "\"a\uFFFDz\"" },
    { "\xC3", "\"\uFFFD\"" },
    { "\xE2\x82", "\"\uFFFD\uFFFD\"" },
    { "\xC0\x80", "\"\uFFFD\uFFFD\"" },
    { "\xED\xA0\x80", "\"\uFFFD\uFFFD\uFFFD\"" },
    { "ä\xE4ö", "\"ä\uFFFDö\"" },
};

START_TEST(any_bytes_become_a_valid_string)
{
    for (size_t i = 0; i < COUNT(strings); i++)
    {
        CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_string(strings[i].given);
        CLEANUP(jsondoc_freep) JsonDoc *back = NULL;
        const char *written = jsondoc_canonical(arena, doc);

        ck_assert_str_eq(written, strings[i].written);
        ck_assert_int_eq(jsondoc_parse(written, strlen(written), &back), OK);
        ck_assert_str_eq(jsondoc_text(back), jsondoc_text(doc));
    }
}
END_TEST

START_TEST(a_name_that_is_no_utf_8_is_kept_readable)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();

    jsondoc_set_integer(doc, "t\xE4g", 1);
    ck_assert_str_eq(jsondoc_canonical(arena, doc), "{\"t\uFFFDg\":1}");
}
END_TEST

START_TEST(what_json_has_no_number_for_is_null)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();

    jsondoc_set_real(doc, "nan", (double)NAN);
    jsondoc_set_real(doc, "inf", (double)INFINITY);
    ck_assert_str_eq(jsondoc_canonical(arena, doc), "{\"inf\":null,\"nan\":null}");
}
END_TEST

static JsonDoc *
parsed(const char *text)
{
    JsonDoc *doc = NULL;

    ck_assert_msg(jsondoc_parse(text, strlen(text), &doc) == OK, "%s", text);
    return doc;
}

START_TEST(getters_find_values_and_fall_back)
{
    CLEANUP(jsondoc_freep)
    JsonDoc *doc = parsed("{\"s\":\"text\",\"i\":9007199254740993,\"t\":true,\"f\":false,\"n\":null,\"r\":1.5,"
                          "\"a\":[\"x\",2],\"o\":{\"k\":1}}");
    const JsonDoc *list = jsondoc_get(doc, "a");

    ck_assert_uint_eq(jsondoc_count(doc), 8);
    ck_assert_str_eq(jsondoc_get_string(doc, "s"), "text");
    ck_assert_ptr_null(jsondoc_get_string(doc, "i"));
    ck_assert_ptr_null(jsondoc_get_string(doc, "n"));
    ck_assert_ptr_null(jsondoc_get_string(doc, "missing"));
    ck_assert_int_eq(jsondoc_get_integer(doc, "i", -7), INT64_C(9007199254740993)); /* 2^53 + 1 */
    ck_assert_int_eq(jsondoc_get_integer(doc, "r", -7), -7);
    ck_assert_int_eq(jsondoc_get_integer(doc, "s", -7), -7);
    ck_assert_int_eq(jsondoc_get_integer(doc, "missing", -7), -7);
    ck_assert(jsondoc_get_bool(doc, "t", false));
    ck_assert(!jsondoc_get_bool(doc, "f", true));
    ck_assert(jsondoc_get_bool(doc, "i", true));
    ck_assert(!jsondoc_get_bool(doc, "missing", false));
    ck_assert(jsondoc_is_object(doc) && !jsondoc_is_array(doc));
    ck_assert(jsondoc_is_array(list) && !jsondoc_is_object(list));
    ck_assert_uint_eq(jsondoc_count(list), 2);
    ck_assert_str_eq(jsondoc_text(jsondoc_at(list, 0)), "x");
    ck_assert_ptr_null(jsondoc_text(jsondoc_at(list, 1)));
    ck_assert_ptr_null(jsondoc_at(list, 2));
    ck_assert_int_eq(jsondoc_get_integer(jsondoc_get(doc, "o"), "k", 0), 1);
}
END_TEST

START_TEST(getters_take_null_and_other_types)
{
    CLEANUP(jsondoc_freep) JsonDoc *number = jsondoc_integer(5);

    ck_assert_ptr_null(jsondoc_get(NULL, "x"));
    ck_assert_ptr_null(jsondoc_get(number, "x"));
    ck_assert_ptr_null(jsondoc_get_string(NULL, "x"));
    ck_assert_int_eq(jsondoc_get_integer(NULL, "x", 3), 3);
    ck_assert_uint_eq(jsondoc_count(NULL), 0);
    ck_assert_uint_eq(jsondoc_count(number), 0);
    ck_assert_ptr_null(jsondoc_at(number, 0));
    ck_assert_ptr_null(jsondoc_text(NULL));
    ck_assert(!jsondoc_is_object(NULL) && !jsondoc_is_array(NULL));
}
END_TEST

static const struct
{
    const char *text;
    const char *told;
} refused[] = {
    { "{\"secret\":1,\"secret\":2}", "a name is set twice" },
    { "{\"a\":1} secret", "something follows its end" },
    { "{\"a\":1}{\"secret\":2}", "something follows its end" },
    { "{\"secret\":", "it ends too early" },
    { "", "JSON" },
    { "{\"a\":\"secret\xFF\"}", "not UTF-8" },
    { "{\"a\":\"secret\\u0000\"}", "a NUL character" },
    { "{\"a\":secret}", "syntax error" },
    { "{'secret':1}", "syntax error" },
    { "[1,]", "syntax error" },
    { "[01]", "syntax error" },
    { "[9223372036854775808]", "a number out of range" },
    { "[1e999]", "a number out of range" },
};

START_TEST(what_is_no_strict_json_is_refused_by_position_alone)
{
    for (size_t i = 0; i < COUNT(refused); i++)
    {
        JsonDoc *doc = NULL;

        ck_assert_msg(jsondoc_parse(refused[i].text, strlen(refused[i].text), &doc) == ERR_EVIDENCE, "%s",
                      refused[i].text);
        ck_assert_ptr_null(doc);
        ck_assert_msg(strstr(err_joined(), refused[i].told) != NULL, "%s: %s", refused[i].text, err_joined());
        ck_assert_ptr_nonnull(strstr(err_joined(), "at byte "));
        ck_assert_ptr_null(strstr(err_joined(), "secret"));
    }
}
END_TEST

START_TEST(endless_nesting_is_refused)
{
    char *deep = arena_alloc(arena, 100000, 1);
    JsonDoc *doc = NULL;

    memset(deep, '[', 100000);
    ck_assert_int_eq(jsondoc_parse(deep, 100000, &doc), ERR_EVIDENCE);
    ck_assert_ptr_nonnull(strstr(err_joined(), "nested too deeply"));
    ck_assert_ptr_null(doc);
}
END_TEST

START_TEST(the_length_bounds_what_is_read)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;

    ck_assert_int_eq(jsondoc_parse("[1]garbage", 3, &doc), OK);
    ck_assert_uint_eq(jsondoc_count(doc), 1);
}
END_TEST

START_TEST(canonical_text_is_a_fixed_point)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = parsed(" { \"b\" : [ 1 , { } , 0.1, -0.0 ] , \"a\" : \"\\u00e4\\/\" } ");
    const char *once = jsondoc_canonical(arena, doc);
    CLEANUP(jsondoc_freep) JsonDoc *again = parsed(once);

    ck_assert_str_eq(once, "{\"a\":\"ä/\",\"b\":[1,{},0.10000000000000001,-0.0]}");
    ck_assert_str_eq(jsondoc_canonical(arena, again), once);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("jsondoc");
    TCase *cases = tcase_create("jsondoc");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, an_object_is_written_canonical_and_pretty);
    tcase_add_test(cases, the_canonical_form_does_not_depend_on_the_order_of_setting);
    tcase_add_test(cases, any_bytes_become_a_valid_string);
    tcase_add_test(cases, a_name_that_is_no_utf_8_is_kept_readable);
    tcase_add_test(cases, what_json_has_no_number_for_is_null);
    tcase_add_test(cases, getters_find_values_and_fall_back);
    tcase_add_test(cases, getters_take_null_and_other_types);
    tcase_add_test(cases, what_is_no_strict_json_is_refused_by_position_alone);
    tcase_add_test(cases, endless_nesting_is_refused);
    tcase_add_test(cases, the_length_bounds_what_is_read);
    tcase_add_test(cases, canonical_text_is_a_fixed_point);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
