/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rules.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(an_edge_action_has_the_name_that_the_configuration_uses)
{
    ck_assert_str_eq(edge_action_name(EDGE_DELETE), "delete");
    ck_assert_str_eq(edge_action_name(EDGE_SET_NULL), "set_null");
    ck_assert_str_eq(edge_action_name(EDGE_SET_DEFAULT), "set_default");
    ck_assert_str_eq(edge_action_name(EDGE_ANONYMISE), "anonymise");
    ck_assert_str_eq(edge_action_name(EDGE_KEEP), "keep");
}
END_TEST

/* stores: role and region of each, in a line; expected: index of the one taken, or -1.  P13 */
static const struct
{
    const char *region; /* the database's */
    const char *stores; /* "s:eu c:us s:-": s snapshots, c copies, b backups; "-" no region */
    int expected;
} residencies[] = {
    { "eu", "s:eu", 0 },      { "eu", "s:us", -1 },          { "eu", "s:us s:eu", 1 }, { "us", "s:us s:eu", 0 },
    { "eu", "s:-", 0 },       { "eu", "s:us s:-", 1 },       { "eu", "s:- s:eu", 1 },  { "eu", "c:eu b:eu", -1 },
    { "eu", "c:eu s:eu", 1 }, { "eu", "s:us c:eu b:-", -1 }, { "eu", "", -1 },         { NULL, "", -1 },
    { NULL, "s:eu", 0 },      { NULL, "s:eu s:-", 1 },       { NULL, "c:- s:us", 1 },  { NULL, "c:- b:-", -1 },
    { "eu", "s:EU", -1 },     { "eu", "s:eu s:eu", 0 },      { NULL, "s:us s:eu", 0 },
};

static size_t
read_stores(Arena *arena, const char *text, StoreRule *stores)
{
    size_t count = 0;

    for (char *rest = arena_strdup(arena, text), *word; (word = strsep(&rest, " ")) != NULL;)
    {
        if (word[0] == '\0')
            continue;
        stores[count].role = word[0] == 's' ? STORE_SNAPSHOTS : word[0] == 'c' ? STORE_COPIES : STORE_BACKUPS;
        stores[count++].region = strcmp(word + 2, "-") == 0 ? NULL : word + 2;
    }
    return count;
}

START_TEST(a_snapshot_goes_to_a_store_of_the_databases_region)
{
    Arena *arena = arena_new();
    StoreRule stores[4] = { 0 };
    const Rules rules = { .stores = stores, .store_count = read_stores(arena, residencies[_i].stores, stores) };
    const DatabaseRule database = { .name = "db", .region = residencies[_i].region };
    const StoreRule *found = rules_snapshot_store(&rules, &database);

    ck_assert_msg((found == NULL ? -1 : (int)(found - stores)) == residencies[_i].expected, "\"%s\" in \"%s\"",
                  database.region == NULL ? "-" : database.region, residencies[_i].stores);
    arena_free(arena);
}
END_TEST

START_TEST(a_rule_without_databases_applies_to_all)
{
    const PolicyRule policy = { .name = "p" };
    const SubjectRule subject = { .kind = "workspace" };

    ck_assert(rules_policy_applies(&policy, "eu"));
    ck_assert(rules_subject_applies(&subject, "eu"));
}
END_TEST

START_TEST(a_rule_with_databases_applies_to_these_alone)
{
    const char *databases[] = { "eu", "us" };
    const PolicyRule policy = { .databases = databases, .database_count = 2 };
    const SubjectRule subject = { .databases = databases, .database_count = 2 };

    ck_assert(rules_policy_applies(&policy, "eu"));
    ck_assert(rules_policy_applies(&policy, "us"));
    ck_assert(!rules_policy_applies(&policy, "asia"));
    ck_assert(!rules_policy_applies(&policy, "EU"));
    ck_assert(!rules_policy_applies(&policy, "e"));
    ck_assert(rules_subject_applies(&subject, "us"));
    ck_assert(!rules_subject_applies(&subject, "usa"));
}
END_TEST

START_TEST(a_rule_with_an_empty_list_of_databases_applies_to_none)
{
    const char *none[] = { NULL };
    const PolicyRule policy = { .databases = none, .database_count = 0 };

    ck_assert(!rules_policy_applies(&policy, "eu"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rules");
    TCase *cases = tcase_create("rules");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, cases);
    tcase_add_test(cases, an_edge_action_has_the_name_that_the_configuration_uses);
    tcase_add_loop_test(cases, a_snapshot_goes_to_a_store_of_the_databases_region, 0,
                        (int)(sizeof(residencies) / sizeof(residencies[0])));
    tcase_add_test(cases, a_rule_without_databases_applies_to_all);
    tcase_add_test(cases, a_rule_with_databases_applies_to_these_alone);
    tcase_add_test(cases, a_rule_with_an_empty_list_of_databases_applies_to_none);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
