/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct
{
    Err code;
    int exit_status;
    const char *name;
} codes[] = {
    { OK, 0, "ok" },
    { ERR_HELD, 10, "held" },
    { ERR_RAIL, 11, "rail" },
    { ERR_PARTLY, 12, "partly" },
    { ERR_IDLE, 13, "idle" },
    { ERR_EVIDENCE, 14, "evidence" },
    { ERR_RESTORED, 15, "restored" },
    { ERR_USAGE, 64, "usage" },
    { ERR_DATABASE, 69, "database" },
    { ERR_INTERNAL, 70, "internal" },
    { ERR_IO, 74, "io" },
    { ERR_AGAIN, 75, "again" },
    { ERR_PERMISSION, 77, "permission" },
    { ERR_CONFIG, 78, "config" },
};

START_TEST(each_code_has_its_status_name_and_meaning)
{
    ck_assert_uint_eq(sizeof codes / sizeof codes[0], ERR_COUNT);
    for (size_t i = 0; i < ERR_COUNT; i++)
    {
        ck_assert_uint_eq(codes[i].code, i);
        ck_assert_int_eq(err_exit_status(codes[i].code), codes[i].exit_status);
        ck_assert_uint_gt(strlen(err_meaning(codes[i].code)), 4);
    }
    for (size_t i = 0; i < ERR_COUNT; i++)
        ck_assert_str_eq(err_name(codes[i].code), codes[i].name);
}
END_TEST

START_TEST(names_of_two_codes_can_be_held_at_once)
{
    const char *held = err_name(ERR_HELD);
    const char *rail = err_name(ERR_RAIL);

    ck_assert_str_eq(held, "held");
    ck_assert_str_eq(rail, "rail");
}
END_TEST

START_TEST(a_story_reads_from_the_outermost_line_inwards)
{
    ck_assert_int_eq(err_new(ERR_IO, "disk %d is full", 7), ERR_IO);
    ck_assert_int_eq(err_note(ERR_DATABASE, "while copying \"%s\"", "orders"), ERR_DATABASE);
    ck_assert_uint_eq(err_lines(), 2);
    ck_assert_str_eq(err_line(0), "while copying \"orders\"");
    ck_assert_str_eq(err_line(1), "disk 7 is full");
    ck_assert_str_eq(err_joined(), "while copying \"orders\": disk 7 is full");
}
END_TEST

START_TEST(a_new_story_drops_the_old_one)
{
    (void)!err_new(ERR_IO, "first");
    (void)!err_note(ERR_IO, "note");
    (void)!err_new(ERR_IO, "second");
    ck_assert_uint_eq(err_lines(), 1);
    ck_assert_str_eq(err_line(0), "second");
}
END_TEST

START_TEST(a_cleared_story_is_empty)
{
    (void)!err_new(ERR_IO, "handled");
    err_clear();
    ck_assert_uint_eq(err_lines(), 0);
    ck_assert_str_eq(err_joined(), "");
}
END_TEST

START_TEST(a_new_story_may_quote_the_old_one)
{
    (void)!err_new(ERR_IO, "inner");
    (void)!err_note(ERR_IO, "outer");
    (void)!err_new(ERR_PARTLY, "the last attempt failed: %s", err_joined());
    ck_assert_str_eq(err_line(0), "the last attempt failed: outer: inner");
    (void)!err_new(ERR_PARTLY, "again: %s", err_line(0));
    ck_assert_str_eq(err_line(0), "again: the last attempt failed: outer: inner");
}
END_TEST

START_TEST(a_long_line_ends_in_an_ellipsis_on_a_whole_character)
{
    char text[2000];

    for (size_t shift = 0; shift < 4; shift++)
    {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "ä", 2);
        text[sizeof text - 2] = '\0';
        (void)!err_new(ERR_IO, "%s", text);
        const char *line = err_line(0);
        const size_t length = strlen(line);

        ck_assert_uint_lt(length, 512);
        ck_assert_uint_gt(length, 500);
        ck_assert_str_eq(line + length - 3, "…");
        ck_assert_uint_eq((length - 3 - shift) % 2, 0);
        ck_assert_mem_eq(line + length - 5, "ä", 2);
    }
}
END_TEST

START_TEST(a_line_that_just_fits_is_whole)
{
    char text[512];

    memset(text, 'y', 511);
    text[511] = '\0';
    (void)!err_new(ERR_IO, "%s", text);
    ck_assert_str_eq(err_line(0), text);
}
END_TEST

START_TEST(a_line_never_holds_a_line_break)
{
    (void)!err_new(ERR_IO, "a\nb\tc\x7F"
                           "d");
    ck_assert_str_eq(err_line(0), "a b c d");
}
END_TEST

START_TEST(too_many_notes_keep_the_innermost_lines)
{
    (void)!err_new(ERR_IO, "innermost");
    for (int i = 1; i <= 40; i++)
        (void)!err_note(ERR_IO, "note %d", i);
    ck_assert_uint_eq(err_lines(), 16);
    ck_assert_str_eq(err_line(15), "innermost");
    ck_assert_str_eq(err_line(14), "note 1");
    ck_assert_str_eq(err_line(0), "note 40");
    ck_assert_uint_gt(strlen(err_joined()), 16 * 6);
}
END_TEST

static void *
fails_elsewhere(void *lines)
{
    (void)!err_new(ERR_IO, "in the other thread");
    *(size_t *)lines = err_lines();
    return NULL;
}

START_TEST(each_thread_has_a_story_of_its_own)
{
    pthread_t other;
    size_t lines = 0;

    (void)!err_new(ERR_IO, "in this thread");
    ck_assert_int_eq(pthread_create(&other, NULL, fails_elsewhere, &lines), 0);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert_uint_eq(lines, 1);
    ck_assert_str_eq(err_joined(), "in this thread");
}
END_TEST

static Err
tries(Err code, int *ret_reached)
{
    TRY(code);
    *ret_reached = 1;
    return OK;
}

START_TEST(try_returns_the_failure_and_goes_on_after_success)
{
    int reached = 0;

    ck_assert_int_eq(tries(ERR_AGAIN, &reached), ERR_AGAIN);
    ck_assert_int_eq(reached, 0);
    ck_assert_int_eq(tries(OK, &reached), OK);
    ck_assert_int_eq(reached, 1);
}
END_TEST

START_TEST(a_story_cannot_be_about_success)
{
    (void)!freopen("/dev/null", "w", stderr); /* its last words are expected */
    (void)!err_new(OK, "nothing happened");
}
END_TEST

START_TEST(a_line_beyond_the_story_is_a_programming_mistake)
{
    (void)!freopen("/dev/null", "w", stderr); /* its last words are expected */
    err_clear();
    ck_assert_ptr_null(err_line(0));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("err");
    TCase *cases = tcase_create("err");

    tcase_add_test(cases, each_code_has_its_status_name_and_meaning);
    tcase_add_test(cases, names_of_two_codes_can_be_held_at_once);
    tcase_add_test(cases, a_story_reads_from_the_outermost_line_inwards);
    tcase_add_test(cases, a_new_story_drops_the_old_one);
    tcase_add_test(cases, a_cleared_story_is_empty);
    tcase_add_test(cases, a_new_story_may_quote_the_old_one);
    tcase_add_test(cases, a_long_line_ends_in_an_ellipsis_on_a_whole_character);
    tcase_add_test(cases, a_line_that_just_fits_is_whole);
    tcase_add_test(cases, a_line_never_holds_a_line_break);
    tcase_add_test(cases, too_many_notes_keep_the_innermost_lines);
    tcase_add_test(cases, each_thread_has_a_story_of_its_own);
    tcase_add_test(cases, try_returns_the_failure_and_goes_on_after_success);
    tcase_add_test_raise_signal(cases, a_story_cannot_be_about_success, SIGABRT);
    tcase_add_test_raise_signal(cases, a_line_beyond_the_story_is_a_programming_mistake, SIGABRT);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
