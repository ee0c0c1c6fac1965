/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/conf.h"

#include "base/text.h"
#include "wrap/file.h"
#include "wrap/seal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define END "end = true;\n"

static char path[64];
static Arena *arena;

static void
setup(void)
{
    strcpy(path, "/tmp/expunge-test-conf-XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    ck_assert_int_eq(seal_init(), OK);
    arena = arena_new();
}

static void
teardown(void)
{
    ck_assert_int_eq(file_remove(path), OK);
    arena_freep(&arena);
}

static Err
load_bytes(const char *bytes, size_t length, Conf **ret_conf)
{
    ck_assert_int_eq(file_save(path, bytes, length, 0600), OK);
    return conf_load(arena, path, ret_conf);
}

static Conf *
load(const char *text)
{
    Conf *conf = NULL;
    const Err e = load_bytes(text, strlen(text), &conf);

    ck_assert_msg(e == OK, "%s", err_joined());
    return conf;
}

static const char example[] = "# a comment; with (brackets {\n"
                              "worker: {\n"
                              "  name = \"nightly\";   // 99999999999\n"
                              "  batch = 1000;\n"
                              "};\n"
                              "/* 99999999999 \" @include\n"
                              "*/ policies = (\n"
                              "  { table = \"a\\\"b\"; days = -5; ratio = 1.5; on = true; },\n"
                              "  { exempt = ( { where = \"one \"\n"
                              "     \"two\"; } ); }\n"
                              ");\n"
                              "hours = [1, 2, 3]; empty = []; nothing = ();\n" END;

START_TEST(a_file_becomes_a_tree_with_paths_and_lines)
{
    const Conf *conf = load(example);
    const ConfNode *policies = conf_child(conf->root, "policies");
    const ConfNode *worker = conf_child(conf->root, "worker");

    ck_assert_str_eq(conf->path, path);
    ck_assert_int_eq(conf->root->type, CONF_GROUP);
    ck_assert_uint_eq(conf->root->count, 5); /* "end" is left out */
    ck_assert_ptr_null(conf->root->name);
    ck_assert_str_eq(conf->root->path, "");
    ck_assert_int_eq(worker->type, CONF_GROUP);
    ck_assert_str_eq(conf_child(worker, "name")->string, "nightly");
    ck_assert_str_eq(conf_child(worker, "name")->path, "worker.name");
    ck_assert_int_eq(conf_child(worker, "batch")->line, 4);
    ck_assert_int_eq(conf_child(worker, "batch")->integer, 1000);
    ck_assert_int_eq(policies->type, CONF_LIST);
    ck_assert_uint_eq(policies->count, 2);
    ck_assert_ptr_null(policies->children[0]->name);
    ck_assert_str_eq(policies->children[0]->path, "policies[0]");
    const ConfNode *exempt = conf_child(policies->children[1], "exempt");
    const ConfNode *where = conf_child(exempt->children[0], "where");
    ck_assert_str_eq(where->path, "policies[1].exempt[0].where");
    ck_assert_str_eq(where->string, "one two");
    ck_assert_int_eq(where->line, 9);
}
END_TEST

START_TEST(values_keep_their_types)
{
    const Conf *conf = load(example);
    const ConfNode *policy = conf_child(conf->root, "policies")->children[0];
    const ConfNode *hours = conf_child(conf->root, "hours");

    ck_assert_str_eq(conf_child(policy, "table")->string, "a\"b");
    ck_assert_int_eq(conf_child(policy, "days")->type, CONF_INTEGER);
    ck_assert_int_eq(conf_child(policy, "days")->integer, -5);
    ck_assert_double_eq(conf_child(policy, "days")->number, -5.0);
    ck_assert_int_eq(conf_child(policy, "ratio")->type, CONF_FLOAT);
    ck_assert_double_eq(conf_child(policy, "ratio")->number, 1.5);
    ck_assert_int_eq(conf_child(policy, "on")->type, CONF_BOOLEAN);
    ck_assert(conf_child(policy, "on")->boolean);
    ck_assert_int_eq(hours->type, CONF_ARRAY);
    ck_assert_uint_eq(hours->count, 3);
    ck_assert_int_eq(hours->children[2]->integer, 3);
    ck_assert_str_eq(hours->children[2]->path, "hours[2]");
    ck_assert_uint_eq(conf_child(conf->root, "empty")->count, 0);
    ck_assert_uint_eq(conf_child(conf->root, "nothing")->count, 0);
    ck_assert_ptr_null(conf_child(conf->root, "days"));
    ck_assert_ptr_null(conf_child(conf->root, "end"));
}
END_TEST

START_TEST(the_digest_is_that_of_the_bytes)
{
    unsigned char wanted[32];
    const Conf *conf = load(example);

    seal_sha256(example, strlen(example), wanted);
    ck_assert_mem_eq(conf->sha256, wanted, sizeof wanted);
}
END_TEST

static const struct
{
    const char *text;
    const char *told; /* after FILE */
} refused[] = {
    { "a = 4294967297;\n" END, ":1: number 4294967297 is too large; the largest is 2147483647" },
    { "\na = ( 1,\n 2147483648 );\n" END, ":3: number 2147483648 is too large; the largest is 2147483647" },
    { "a = -2147483649;\n" END, ":1: number -2147483649 is too small; the smallest is -2147483648" },
    { "a = +2147483648;\n" END, ":1: number +2147483648 is too large; the largest is 2147483647" },
    { "a = 5000000000L;\n" END, ":1: number 5000000000L is too large; the largest is 2147483647" },
    { "a = 0xFFFFFFFF;\n" END, ":1: number 0xFFFFFFFF is too large; the largest is 2147483647" },
    { "a = 18446744073709551617;\n" END, ":1: number 18446744073709551617 is too large; the largest is 2147483647" },
    { "a = 1e999;\n" END, ":1: the number of \"a\" is too large; the largest is about 1.8e308" },
    { "a = 1; /* open\n" END, ":1: a comment never ends; close it with \"*/\"" },
    { "a = 1;\n/* open *\n/\n" END, ":2: a comment never ends; close it with \"*/\"" },
    { "a = 1; /*/ " END, ":1: a comment never ends; close it with \"*/\"" },
    { "a = \"open;\nb = 1;\n" END, ":1: a string never ends; close it with '\"'" },
    { "a = \"x\\\";\n" END, ":1: a string never ends; close it with '\"'" },
    { "a = \"x\\", ":1: a string never ends; close it with '\"'" },
    { "a = \"x\n\\x00\";\n" END, ":2: \"\\x00\" in a string would end it; leave it out" },
    { "a = 1;\n@include \"other.conf\"\n" END, ":2: \"@include\" is not allowed; a configuration is one file" },
    { "a = 1;\n  @include \"other.conf\"\n" END, ":2: \"@include\" is not allowed; a configuration is one file" },
    { "a = 1;\n\na = 2;\n" END, ":3: duplicate setting name; each name may stand once in its group" },
    { "a = 1;\nb = ;\n" END, ":2: syntax error; a setting is written NAME = VALUE; and each bracket is closed" },
    { "a = { b = 1;\n" END, "syntax error; a setting is written NAME = VALUE; and each bracket is closed" },
    { "a = [ 1, \"b\" ];\n" END,
      ":1: mismatched element type in array; the values of an array [ … ] are all of one type; a list ( … ) takes any" },
    { "a = 1;\n", ": the last setting \"end = true;\" is missing; was the file cut, or a comment left open?" },
    { "", ": the last setting \"end = true;\" is missing; was the file cut, or a comment left open?" },
    { "a = { end = true; };\n",
      ": the last setting \"end = true;\" is missing; was the file cut, or a comment left open?" },
    { "# " END, ": the last setting \"end = true;\" is missing; was the file cut, or a comment left open?" },
    { "\nend = false;\n", ":2: \"end\" is not true; the last setting is \"end = true;\"" },
    { "\nend = 1;\n", ":2: \"end\" is not true; the last setting is \"end = true;\"" },
    { "\n" END "a = 1;\n", ":2: settings follow \"end = true;\"; it must be the last one" },
};

START_TEST(what_libconfig_lets_pass_is_refused_by_file_and_line)
{
    for (size_t i = 0; i < COUNT(refused); i++)
    {
        Conf *conf = NULL;
        const Err e = load_bytes(refused[i].text, strlen(refused[i].text), &conf);

        ck_assert_msg(e == ERR_CONFIG, "%s", refused[i].text);
        ck_assert_ptr_null(conf);
        ck_assert_uint_eq(err_lines(), 1);
        ck_assert(text_starts(err_line(0), path));
        ck_assert_ptr_nonnull(strstr(err_line(0), refused[i].told));
    }
}
END_TEST

START_TEST(a_nul_byte_is_refused_by_its_line)
{
    static const char bytes[] = "a = 1;\nb = \0002;\n" END;
    Conf *conf = NULL;

    ck_assert_int_eq(load_bytes(bytes, sizeof bytes - 1, &conf), ERR_CONFIG);
    ck_assert_ptr_null(conf);
    ck_assert_ptr_nonnull(strstr(err_joined(), ":2: a NUL byte"));
}
END_TEST

static const struct
{
    const char *text;
    ConfType type;
    double number;
} numbers[] = {
    { "2147483647", CONF_INTEGER, 2147483647.0 },
    { "-2147483648", CONF_INTEGER, -2147483648.0 },
    { "+5", CONF_INTEGER, 5 },
    { "0x7FFFFFFF", CONF_INTEGER, 2147483647.0 },
    { "0x1f", CONF_INTEGER, 31 },
    { "5L", CONF_INTEGER, 5 },
    { "-7LL", CONF_INTEGER, -7 },
    { "007", CONF_INTEGER, 7 },
    { "0000000000000000000000000000012", CONF_INTEGER, 12 },
    { "4294967297.0", CONF_FLOAT, 4294967297.0 },
    { "99999999999.", CONF_FLOAT, 99999999999.0 },
    { ".99999999999", CONF_FLOAT, .99999999999 },
    { "-.5", CONF_FLOAT, -.5 },
    { "1e12", CONF_FLOAT, 1e12 },
    { "1.5E-3", CONF_FLOAT, 1.5e-3 },
};

START_TEST(numbers_in_range_are_read_as_written)
{
    for (size_t i = 0; i < COUNT(numbers); i++)
    {
        const Conf *conf = load(arena_printf(arena, "a = %s;\n" END, numbers[i].text));
        const ConfNode *a = conf_child(conf->root, "a");

        ck_assert_msg(a->type == numbers[i].type, "%s", numbers[i].text);
        ck_assert_double_eq(a->number, numbers[i].number);
        ck_assert_int_eq(a->integer, a->type == CONF_INTEGER ? (int64_t)numbers[i].number : 0);
    }
}
END_TEST

static const char *const harmless[] = {
    "a = \"99999999999 /* # // @include\";\n" END,
    "a99999999999 = 1; b-99999999999 = 2; *99999999999 = 3;\n" END,
    "# 99999999999 \" /*\n" END,
    "// \" /*\n" END,
    "/* \" # // **/ " END,
    "a = \"\\\\\"; /* \" */\n" END,
    "end : TRUE",
    "end = true # no semicolon\n",
};

START_TEST(strings_names_and_comments_hold_what_they_like)
{
    for (size_t i = 0; i < COUNT(harmless); i++)
        ck_assert_ptr_nonnull(load(harmless[i])->root);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    Conf *conf = NULL;
    Text text = TEXT_INIT(arena);

    text_add(&text, "a = ");
    for (int i = 0; i < 5000; i++)
        text_add(&text, "(");
    ck_assert_int_eq(load_bytes(text_done(&text), text.length, &conf), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), ":1: brackets within brackets"));
    ck_assert_ptr_null(conf);
}
END_TEST

START_TEST(more_than_a_mebibyte_is_refused)
{
    const size_t length = ((size_t)1 << 20) + 1;
    char *bytes = arena_alloc(arena, length, 1);
    Conf *conf = NULL;

    memset(bytes, '\n', length);
    memcpy(bytes, END, strlen(END));
    ck_assert_int_eq(load_bytes(bytes, length, &conf), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), "more than 1048576 bytes"));
    ck_assert_int_eq(load_bytes(bytes, length - 1, &conf), OK);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    Conf *conf = NULL;

    ck_assert_int_eq(conf_load(arena, "/nowhere/x.conf", &conf), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), "/nowhere/x.conf"));
    ck_assert_ptr_nonnull(strstr(err_joined(), "No such file"));
    ck_assert_ptr_null(conf);
}
END_TEST

START_TEST(each_type_has_a_name_for_people)
{
    for (int type = CONF_GROUP; type <= CONF_BOOLEAN; type++)
        ck_assert_uint_gt(strlen(conf_type_name((ConfType)type)), 4);
    ck_assert_str_eq(conf_type_name(CONF_STRING), "a string");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("conf");
    TCase *cases = tcase_create("conf");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_file_becomes_a_tree_with_paths_and_lines);
    tcase_add_test(cases, values_keep_their_types);
    tcase_add_test(cases, the_digest_is_that_of_the_bytes);
    tcase_add_test(cases, what_libconfig_lets_pass_is_refused_by_file_and_line);
    tcase_add_test(cases, a_nul_byte_is_refused_by_its_line);
    tcase_add_test(cases, numbers_in_range_are_read_as_written);
    tcase_add_test(cases, strings_names_and_comments_hold_what_they_like);
    tcase_add_test(cases, deep_nesting_is_refused);
    tcase_add_test(cases, more_than_a_mebibyte_is_refused);
    tcase_add_test(cases, a_missing_file_is_named);
    tcase_add_test(cases, each_type_has_a_name_for_people);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
