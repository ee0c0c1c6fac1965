/* SPDX-License-Identifier: Apache-2.0 */
#include "model/keyed.h"

#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

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

static const struct
{
    const char *template;
    const char *wrong; /* NULL: nothing */
} templates[] = {
    { "workspace-${key}-*.zst", NULL },
    { "${database}/${kind}/${key}/", NULL },
    { "*.zst", "has no \"${key}\"" },
    { "", "has no \"${key}\"" },
    { "${key}-${key}", "has more than one \"${key}\"" },
    { "${key}-${day}", "has an unknown \"${day}\"" },
    { "${key}-$HOME", "has an unknown \"$\"" },
    { "${KEY}", "has an unknown \"${KEY}\"" },
    { "${key", "has an unknown \"${key\"" },
    { "$${key}", "has an unknown \"$\"" },
    { "a-*${key}", "has a \"*\" beside ${key}" },
    { "${key}*.zst", "has a \"*\" beside ${key}" },
};

START_TEST(only_what_is_known_may_stand_in_a_template)
{
    const char *wrong = keyed_wrong(arena, templates[_i].template);

    if (templates[_i].wrong == NULL)
        ck_assert_ptr_null(wrong);
    else
    {
        ck_assert_ptr_nonnull(wrong);
        ck_assert_msg(text_starts(wrong, templates[_i].wrong), "%s", wrong);
    }
}
END_TEST

START_TEST(a_template_is_filled_in_once_and_what_it_gets_is_not_read_again)
{
    const KeyedNames names = { .key = "${kind}*", .kind = "workspace", .database = "eu" };

    ck_assert_str_eq(keyed_fill(arena, "${database}/${kind}=${key}", &names), "eu/workspace=${kind}*");
}
END_TEST

static const struct
{
    const char *pattern;
    const char *key;
    const char *name;
    bool matches;
} names[] = {
    { "workspace-${key}-*.zst", "42", "workspace-42-2026.zst", true },
    { "workspace-${key}-*.zst", "42", "workspace-42-.zst", true },
    { "workspace-${key}-*.zst", "4", "workspace-42-2026.zst", false },
    { "workspace-${key}-*.zst", "42", "workspace-420-2026.zst", false },
    { "workspace-${key}-*.zst", "42", "workspace-42-2026.zst.part", false },
    { "workspace-${key}-*.zst", "42", "a-workspace-42-2026.zst", false },
    { "workspace-${key}-*.zst", "42", "Workspace-42-2026.zst", false },
    { "${key}", "42", "42", true },
    { "${key}", "42", "420", false },
    { "${key}-?", "*", "*-1", true },
    { "${key}-?", "*", "42-1", false },
    { "${key}-?", "?", "4-1", false },
    { "${key}-?", "[a]", "a-1", false },
    { "${key}-?", "[a]", "[a]-1", true },
    { "${key}-?", "\\", "\\-1", true },
    { "${key}-?", "4", "4-12", false },
    { "${key}", "${key}", "${key}", true },
    { "*-${key}", "x", ".-x", false }, /* hidden: temporary names of other programs */
    { ".*-${key}", "x", ".a-x", true },
    { "${kind}-${database}-${key}", "1", "workspace-eu-1", true },
    { "${kind}-${database}-${key}", "1", "account-eu-1", false },
    { "${key}-**", "1", "1-", true },
    { "*a*b-${key}", "1", "xaxbxab-1", true },
};

START_TEST(a_pattern_fits_a_name_as_a_whole_and_a_key_stands_for_itself)
{
    const KeyedNames of = { .key = names[_i].key, .kind = "workspace", .database = "eu" };

    ck_assert_msg(keyed_matches(names[_i].pattern, &of, names[_i].name) == names[_i].matches,
                  "\"%s\" with key \"%s\": \"%s\"", names[_i].pattern, names[_i].key, names[_i].name);
}
END_TEST

static bool
is_candidate(const char *pattern, const char *name, const char *key, size_t *ret_count)
{
    const KeyedNames of = { .kind = "workspace", .database = "eu" };
    const char **keys;
    bool found = false;

    keyed_candidates(arena, pattern, &of, name, &keys, ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        found = found || strcmp(keys[i], key) == 0;
    return found;
}

START_TEST(every_key_that_a_name_could_hold_is_told)
{
    size_t count;

    ck_assert(is_candidate("workspace-${key}-*.zst", "workspace-acme-corp-2026.zst", "acme", &count));
    ck_assert_uint_eq(count, 2);
    ck_assert(is_candidate("workspace-${key}-*.zst", "workspace-acme-corp-2026.zst", "acme-corp", &count));
    ck_assert(!is_candidate("workspace-${key}-*.zst", "account-acme-2026.zst", "acme", &count));
    ck_assert_uint_eq(count, 0);
    ck_assert(is_candidate("w=${key}", "w=a b", "a b", &count));
    ck_assert_uint_eq(count, 1);
    ck_assert(!is_candidate("w=${key}", "w=", "", &count)); /* an empty key is nobody's */
    ck_assert(is_candidate("*-${key}", "a-b-c", "b-c", &count));
    ck_assert(is_candidate("*-${key}", "a-b-c", "c", &count));
}
END_TEST

START_TEST(many_stars_against_a_long_name_end)
{
    char name[256];
    const KeyedNames of = { .key = "x", .kind = "k", .database = "d" };

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert(!keyed_matches("*a*a*a*a*a*a*a*a*a*a*a*a*${key}b", &of, name));
}
END_TEST

START_TEST(some_keys_are_no_part_of_a_name)
{
    ck_assert(keyed_is_no_name(""));
    ck_assert(keyed_is_no_name("a/b"));
    ck_assert(keyed_is_no_name("../x"));
    ck_assert(keyed_is_no_name("a\nb"));
    ck_assert(!keyed_is_no_name("a b*?[.]"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("keyed");
    TCase *cases = tcase_create("keyed");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, only_what_is_known_may_stand_in_a_template, 0, COUNT(templates));
    tcase_add_test(cases, a_template_is_filled_in_once_and_what_it_gets_is_not_read_again);
    tcase_add_loop_test(cases, a_pattern_fits_a_name_as_a_whole_and_a_key_stands_for_itself, 0, COUNT(names));
    tcase_add_test(cases, every_key_that_a_name_could_hold_is_told);
    tcase_add_test(cases, many_stars_against_a_long_name_end);
    tcase_add_test(cases, some_keys_are_no_part_of_a_name);
    suite_add_tcase(suite, cases);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
