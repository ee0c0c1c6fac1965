/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/xml.h"

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

static Err
parse(const char *text, const XmlNode **ret)
{
    return xml_parse(arena, text, strlen(text), ret);
}

START_TEST(a_tree_is_read_with_its_texts_and_without_namespaces)
{
    const XmlNode *root = NULL;

    ck_assert_int_eq(
        parse("<?xml version='1.0' encoding='UTF-8'?>\n<r xmlns='http://s3/' xmlns:x='u'><x:a i='1'>1 &amp; "
              "&#x41;<!-- no --></x:a><b><c/>two</b><a>3</a></r>",
              &root),
        OK);
    ck_assert_str_eq(root->name, "r");
    ck_assert_str_eq(xml_text(root, "a"), "1 & A");
    ck_assert_str_eq(xml_text(root, "b"), "two");
    ck_assert_str_eq(xml_text(xml_child(root, "b"), "c"), "");
    ck_assert_str_eq(xml_next(xml_child(root, "a"), "a")->text, "3");
    ck_assert_ptr_null(xml_next(xml_child(root, "b"), "b"));
    ck_assert_ptr_null(xml_child(root, "c"));
    ck_assert_ptr_null(xml_text(NULL, "c"));
}
END_TEST

static const char *const broken[] = {
    "",
    "no XML",
    "<r>",
    "<r><a></r></a>",
    "<r/><r/>",
    "<r>\xff</r>",
    "<r>&nobody;</r>",
    "<!DOCTYPE r><r/>",
    "<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><r>&b;</r>",
};

START_TEST(what_is_broken_cut_off_or_has_a_document_type_is_refused)
{
    const XmlNode *root = NULL;

    ck_assert_int_eq(parse(broken[_i], &root), ERR_IO);
    ck_assert_ptr_null(root);
}
END_TEST

START_TEST(too_many_levels_are_refused)
{
    const XmlNode *root = NULL;
    char text[1000] = "";

    for (int i = 0; i < 33; i++)
        strcat(text, "<a>");
    for (int i = 0; i < 33; i++)
        strcat(text, "</a>");
    ck_assert_int_eq(parse(text, &root), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_joined(), "too many levels"));
    text[strlen(text) - 4] = '\0';
    ck_assert_int_eq(parse(text + 3, &root), OK);
}
END_TEST

START_TEST(a_text_is_escaped_so_that_it_is_read_again)
{
    const char *const text = "a<b>&amp;\"' \xc3\xa9";
    const XmlNode *root = NULL;

    ck_assert_int_eq(parse(arena_printf(arena, "<r><k>%s</k></r>", xml_escape(arena, text)), &root), OK);
    ck_assert_str_eq(xml_text(root, "k"), text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("xml");
    TCase *cases = tcase_create("xml");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_tree_is_read_with_its_texts_and_without_namespaces);
    tcase_add_loop_test(cases, what_is_broken_cut_off_or_has_a_document_type_is_refused, 0,
                        (int)(sizeof broken / sizeof *broken));
    tcase_add_test(cases, too_many_levels_are_refused);
    tcase_add_test(cases, a_text_is_escaped_so_that_it_is_read_again);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
