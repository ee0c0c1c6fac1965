/* SPDX-License-Identifier: Apache-2.0 */
/* What looks like a subject's key: names in all their spellings, types that can hold one, and what does not. */
#include "model/lookalike.h"

#include <check.h>
#include <stdlib.h>

static const struct
{
    const char *name;
    const char *stem;
    const char *key;
    LookalikeName looks;
} names[] = {
    { "workspace_id", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace_id", "workspaces", "id", LOOKALIKE_KEYED },
    { "workspaceid", "workspace", "id", LOOKALIKE_KEYED },
    { "workspaceId", "workspace", "id", LOOKALIKE_KEYED },
    { "WorkspaceID", "workspace", "id", LOOKALIKE_KEYED },
    { "Workspace Id", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace_uuid", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace", "workspace", "id", LOOKALIKE_BARE },
    { "workspaces_id", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace_ids", "workspace", "id", LOOKALIKE_KEYED },
    { "owner_workspace", "workspace", "id", LOOKALIKE_BARE },
    { "ownerWorkspaceId", "workspace", "id", LOOKALIKE_KEYED },
    { "id_workspace", "workspace", "id", LOOKALIKE_KEYED },
    { "fk_workspace_id", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace_id_old", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace_number", "workspace", "id", LOOKALIKE_KEYED },
    { "workspace_slug", "workspace", "slug", LOOKALIKE_KEYED },
    { "company_id", "companies", "id", LOOKALIKE_KEYED },
    { "box_id", "boxes", "id", LOOKALIKE_KEYED },
    { "address_id", "address", "id", LOOKALIKE_KEYED },
    { "user_account_id", "user_account", "id", LOOKALIKE_KEYED },
    { "userAccountId", "user_account", "id", LOOKALIKE_KEYED },
    { "workspace_id", "Workspace", "id", LOOKALIKE_KEYED },
    { "workspace_slug", "workspace", "id", LOOKALIKE_NO },
    { "workspace_name", "workspace", "id", LOOKALIKE_NO },
    { "workspace_settings", "workspace", "id", LOOKALIKE_NO },
    { "cart_id", "art", "id", LOOKALIKE_NO },
    { "id", "workspace", "id", LOOKALIKE_NO },
    { "account_id", "workspace", "id", LOOKALIKE_NO },
    { "workspacer_id", "workspace", "id", LOOKALIKE_NO },
    { "", "workspace", "id", LOOKALIKE_NO },
};

START_TEST(a_name_is_made_of_the_stem_and_a_word_for_a_key)
{
    ck_assert_msg(lookalike_name(names[_i].name, names[_i].stem, names[_i].key) == names[_i].looks, "%s of %s(%s)",
                  names[_i].name, names[_i].stem, names[_i].key);
}
END_TEST

START_TEST(a_name_that_any_table_gives_its_key_says_nothing)
{
    static const char *const general[] = { "id", "Id", "ID", "_id", "uuid", "Row_ID", "oid", "pk", "email" };
    static const char *const special[] = { "workspace_id", "customer_no", "ide", "kdnr", "id2", "", "x" };

    for (size_t i = 0; i < sizeof general / sizeof *general; i++)
        ck_assert_msg(lookalike_general(general[i]), "%s", general[i]);
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        ck_assert_msg(!lookalike_general(special[i]), "%s", special[i]);
}
END_TEST

static const struct
{
    const char *type;
    const char *key;
    LookalikeForm form;
} forms[] = {
    { "uuid", "uuid", LOOKALIKE_PLAIN },
    { "integer", "bigint", LOOKALIKE_PLAIN },
    { "numeric", "integer", LOOKALIKE_PLAIN },
    { "character varying", "text", LOOKALIKE_PLAIN },
    { "public.citext", "text", LOOKALIKE_PLAIN },
    { "text", "uuid", LOOKALIKE_SPELT },
    { "character varying", "bigint", LOOKALIKE_SPELT },
    { "uuid[]", "uuid", LOOKALIKE_LIST },
    { "text[]", "bigint", LOOKALIKE_LIST },
    { "jsonb", "uuid", LOOKALIKE_MEMBERS },
    { "json", "text", LOOKALIKE_MEMBERS },
    { "date", "date", LOOKALIKE_PLAIN },
    { "bigint", "uuid", LOOKALIKE_NEVER },
    { "uuid", "bigint", LOOKALIKE_NEVER },
    { "integer", "text", LOOKALIKE_NEVER },
    { "boolean", "bigint", LOOKALIKE_NEVER },
    { "timestamp with time zone", "bigint", LOOKALIKE_NEVER },
    { "date[]", "uuid", LOOKALIKE_NEVER },
    { "text", "date", LOOKALIKE_NEVER },
};

START_TEST(a_type_holds_the_key_or_it_does_not)
{
    ck_assert_msg(lookalike_form(forms[_i].type, forms[_i].key) == forms[_i].form, "%s for a key of %s", forms[_i].type,
                  forms[_i].key);
}
END_TEST

START_TEST(a_json_object_is_asked_for_the_usual_names)
{
    Arena *arena = arena_new();
    const char *const *members = lookalike_members(arena, "workspaces", true);

    ck_assert_str_eq(members[0], "workspace_id");
    ck_assert_str_eq(members[1], "workspaceId");
    ck_assert_str_eq(members[5], "workspaces_id");
    ck_assert_ptr_null(members[6]);
    members = lookalike_members(arena, "orders", false);
    ck_assert_str_eq(members[0], "order_id");
    for (size_t i = 0; members[i] != NULL; i++)
        ck_assert_str_ne(members[i], "order");
    ck_assert_str_eq(members[4], "orders_id");
    arena_free(arena);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("lookalike");
    TCase *cases = tcase_create("lookalike");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(cases, a_name_is_made_of_the_stem_and_a_word_for_a_key, 0, (int)(sizeof names / sizeof *names));
    tcase_add_test(cases, a_name_that_any_table_gives_its_key_says_nothing);
    tcase_add_loop_test(cases, a_type_holds_the_key_or_it_does_not, 0, (int)(sizeof forms / sizeof *forms));
    tcase_add_test(cases, a_json_object_is_asked_for_the_usual_names);
    suite_add_tcase(suite, cases);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
