/* SPDX-License-Identifier: Apache-2.0 */
/* The pure part of db.h; what needs a server is in tests/db. */
#include "wrap/db.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
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

static const struct
{
    const char *name;
    const char *quoted;
} names[] = {
    { "orders", "\"orders\"" }, { "Order Items", "\"Order Items\"" },
    { "select", "\"select\"" }, { "a\"b", "\"a\"\"b\"" },
    { "\"", "\"\"\"\"" },       { "x\"; drop table y; --", "\"x\"\"; drop table y; --\"" },
    { "a.b", "\"a.b\"" },       { "back\\slash'", "\"back\\slash'\"" },
    { "Größe", "\"Größe\"" },   { "{0}", "\"{0}\"" },
};

START_TEST(names_are_quoted)
{
    for (size_t i = 0; i < COUNT(names); i++)
    {
        ck_assert_str_eq(db_ident(arena, names[i].name).quoted, names[i].quoted);
        ck_assert_str_eq(db_ident2(arena, names[i].name, names[i].name).quoted,
                         arena_printf(arena, "%s.%s", names[i].quoted, names[i].quoted));
    }
    ck_assert_str_eq(db_ident2(arena, "public", "t").quoted, "\"public\".\"t\"");
}
END_TEST

static const struct
{
    const char *value;
    const char *literal;
} values[] = {
    { "", "''" },
    { "text", "'text'" },
    { "O'Brien", "'O''Brien'" },
    { "''", "''''''" },
    { "a\\b", "E'a\\\\b'" },
    { "\\'; drop table y; --", "E'\\\\''; drop table y; --'" },
    { "line\nbreak", "'line\nbreak'" },
    { "ä\"", "'ä\"'" },
};

START_TEST(values_are_quoted)
{
    for (size_t i = 0; i < COUNT(values); i++)
        ck_assert_str_eq(db_literal(arena, values[i].value), values[i].literal);
}
END_TEST

static const char *const pieces[] = { "\"a\"", "{0}", "", "long piece with {1} in it" };
static const struct
{
    const char *sql;
    const char *filled;
} templates[] = {
    { "", "" },
    { "select 1", "select 1" },
    { "delete from {0}", "delete from \"a\"" },
    { "{0}{0} {2}.", "\"a\"\"a\" ." },
    { "{1} {3}", "{0} long piece with {1} in it" }, /* a piece is not looked through again */
    { "'{}' '{1,2}' {x} {10} { 0} {0", "'{}' '{1,2}' {x} {10} { 0} {0" },
    { "{{0}}", "{\"a\"}" },
    { "$1 %s \\ {0}", "$1 %s \\ \"a\"" },
};

START_TEST(slots_are_filled_once)
{
    for (size_t i = 0; i < COUNT(templates); i++)
        ck_assert_str_eq(db_template(arena, templates[i].sql, pieces, COUNT(pieces)), templates[i].filled);
}
END_TEST

START_TEST(a_slot_without_a_piece_is_a_programming_mistake)
{
    (void)!freopen("/dev/null", "w", stderr); /* its last words are expected */
    (void)db_template(arena, "delete from {4}", pieces, COUNT(pieces));
}
END_TEST

static const struct
{
    const char *conninfo;
    const char *told;
} unreadable[] = {
    { "host=localhost password=my hidden dbname=x", "cannot be read" },
    { "hidden = 'unclosed", "cannot be read" },
    { "postgresql://user:hid%zzden@localhost/x", "cannot be read" },
    { "postgresql://user:pass@hidden@localhost/x", "write \"%40\"" },
};

START_TEST(a_connection_string_that_cannot_be_right_is_refused_without_being_told)
{
    for (size_t i = 0; i < COUNT(unreadable); i++)
    {
        Db *db = NULL;

        ck_assert_int_eq(db_open(unreadable[i].conninfo, NULL, "test", &db), ERR_DATABASE);
        ck_assert_ptr_null(db);
        ck_assert_ptr_nonnull(strstr(err_joined(), unreadable[i].told));
        ck_assert_ptr_null(strstr(err_joined(), "hid"));
    }
}
END_TEST

START_TEST(a_server_that_is_not_there_is_named)
{
    Db *db = NULL;

    ck_assert_int_eq(db_open("host=/nowhere/at/all dbname=x password=hidden", NULL, "test", &db), ERR_DATABASE);
    ck_assert_ptr_null(db);
    ck_assert_ptr_nonnull(strstr(err_joined(), "could not connect to the database"));
    ck_assert_ptr_nonnull(strstr(err_joined(), "/nowhere/at/all"));
    ck_assert_ptr_null(strstr(err_joined(), "hidden"));
}
END_TEST

START_TEST(ending_what_never_began_is_nothing)
{
    DbTx tx = { 0 };
    Db *db = NULL;
    DbResult *result = NULL;

    db_rollback(&tx);
    db_tx_endp(&tx);
    db_close(NULL);
    db_closep(&db);
    db_result_freep(&result);
    ck_assert_ptr_null(tx.db);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("db");
    TCase *cases = tcase_create("db");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, names_are_quoted);
    tcase_add_test(cases, values_are_quoted);
    tcase_add_test(cases, slots_are_filled_once);
    tcase_add_test_raise_signal(cases, a_slot_without_a_piece_is_a_programming_mistake, SIGABRT);
    tcase_add_test(cases, a_connection_string_that_cannot_be_right_is_refused_without_being_told);
    tcase_add_test(cases, a_server_that_is_not_there_is_named);
    tcase_add_test(cases, ending_what_never_began_is_nothing);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
