/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/program.h"

#include "base/instant.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
run_shell(const char *script, Program program, ProgramResult *ret)
{
    const char *argv[] = { "/bin/sh", "-c", script, NULL };

    program.argv = argv;
    program.output_limit = program.output_limit == 0 ? 65536 : program.output_limit;
    program.time_limit_us = program.time_limit_us == 0 ? 60 * INSTANT_SECOND : program.time_limit_us;
    return program_run(arena, &program, ret);
}

static ProgramResult
must(const char *script, Program program)
{
    ProgramResult result = { .status = -7 };
    const Err e = run_shell(script, program, &result);

    ck_assert_msg(e == OK, "%s", err_joined());
    return result;
}

START_TEST(what_it_says_and_its_exit_status_are_told)
{
    const ProgramResult result = must("printf 'a\\nb'; echo no >&2; exit 3", (Program){ .input = NULL });

    ck_assert_int_eq(result.status, 3);
    ck_assert_str_eq(result.output, "a\nb");
    ck_assert_uint_eq(result.output_bytes, 3);
    ck_assert_str_eq(result.complaint, "no\n");
}
END_TEST

START_TEST(it_reads_its_input_and_no_more)
{
    const char *text = "one\ntwo\n";

    ck_assert_str_eq(must("cat; cat", (Program){ .input = text, .input_bytes = 8 }).output, text);
    ck_assert_str_eq(must("cat", (Program){ .input = NULL }).output, "");
    ck_assert_str_eq(must("exit 0", (Program){ .input = text, .input_bytes = 8 }).output, "");
}
END_TEST

START_TEST(its_environment_is_clean)
{
    const char *settings[] = { "EXTRA=given", NULL };

    ck_assert_int_eq(setenv("EXPUNGE_SECRET", "leaked", 1), 0);
    ck_assert_int_eq(setenv("PGPASSWORD", "leaked", 1), 0);
    const ProgramResult result = must("env", (Program){ .settings = settings });
    ck_assert_ptr_eq(strstr(result.output, "leaked"), NULL);
    ck_assert_ptr_nonnull(strstr(result.output, "EXTRA=given\n"));
    ck_assert_ptr_nonnull(strstr(result.output, "LC_ALL=C.UTF-8\n"));
}
END_TEST

START_TEST(it_inherits_no_descriptor)
{
    const int fd = open("/dev/null", O_RDONLY); /* without close-on-exec */

    ck_assert_int_ge(fd, 3);
    const ProgramResult result = must("for i in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                                      "[ ! -e /proc/$$/fd/$i ] || echo $i; done",
                                      (Program){ .input = NULL });
    (void)close(fd);
    ck_assert_str_eq(result.output, "");
}
END_TEST

START_TEST(signals_that_are_ignored_here_are_not_there)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const ProgramResult result = must("grep SigIgn /proc/$$/status", (Program){ .input = NULL });
    (void)signal(SIGPIPE, SIG_DFL);
    ck_assert_str_eq(result.output, "SigIgn:\t0000000000000000\n");
}
END_TEST

START_TEST(one_that_does_not_end_in_time_is_stopped_with_all_it_started)
{
    ProgramResult result = { .status = -7 };
    const int64_t start = instant_monotonic();
    const Err e = run_shell("sleep 600 & echo $!; sleep 600", (Program){ .time_limit_us = 200000 }, &result);

    ck_assert_int_eq(e, ERR_AGAIN);
    ck_assert_ptr_nonnull(strstr(err_joined(), "\"/bin/sh\" did not end within"));
    ck_assert_int_eq(result.status, -7);
    ck_assert_int_lt(instant_monotonic() - start, 60 * INSTANT_SECOND);
}
END_TEST

START_TEST(one_that_hears_no_sigterm_is_killed)
{
    ProgramResult result = { .status = -7 };

    ck_assert_int_eq(run_shell("trap '' TERM; while :; do sleep 1; done", (Program){ .time_limit_us = 200000 }, &result),
                     ERR_AGAIN);
}
END_TEST

START_TEST(what_it_leaves_running_is_not_waited_for)
{
    const int64_t start = instant_monotonic();

    ck_assert_str_eq(must("sleep 600 & echo done", (Program){ .input = NULL }).output, "done\n");
    ck_assert_int_lt(instant_monotonic() - start, 60 * INSTANT_SECOND);
}
END_TEST

START_TEST(one_that_says_too_much_is_refused)
{
    ProgramResult result = { .status = -7 };

    ck_assert_int_eq(run_shell("yes", (Program){ .output_limit = 1000 }, &result), ERR_IO);
    ck_assert_str_eq(err_joined(), "\"/bin/sh\" said more than 1000 bytes");
    ck_assert_int_eq(result.status, -7);
    ck_assert_str_eq(must("printf 0123456789", (Program){ .output_limit = 10 }).output, "0123456789");
}
END_TEST

START_TEST(of_its_complaints_the_last_are_kept)
{
    const ProgramResult result = must("yes 0123456789 | head -n 10000 >&2; echo last >&2", (Program){ .input = NULL });

    ck_assert_uint_eq(strlen(result.complaint), 4096);
    ck_assert_str_eq(result.complaint + 4096 - 5, "last\n");
}
END_TEST

START_TEST(one_that_is_killed_is_a_failure)
{
    ProgramResult result = { .status = -7 };

    ck_assert_int_eq(run_shell("kill -9 $$", (Program){ .input = NULL }, &result), ERR_IO);
    ck_assert_str_eq(err_joined(), "\"/bin/sh\" was killed by signal 9");
}
END_TEST

START_TEST(one_that_is_not_there_is_named)
{
    const char *missing[] = { "/no/such/program", NULL }, *unknown[] = { "no-such-program-at-all", NULL };
    const char *no_program[] = { "/etc/passwd", NULL };
    ProgramResult result = { .status = -7 };
    Program program = { .argv = missing, .output_limit = 10, .time_limit_us = INSTANT_SECOND };

    ck_assert_int_eq(program_run(arena, &program, &result), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), "\"/no/such/program\": it is not there"));
    program.argv = unknown;
    ck_assert_int_eq(program_run(arena, &program, &result), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), "\"no-such-program-at-all\": it is not installed"));
    program.argv = no_program;
    ck_assert_int_eq(program_run(arena, &program, &result), ERR_CONFIG);
    ck_assert_int_eq(result.status, -7);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("program");
    TCase *tcase = tcase_create("program");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_it_says_and_its_exit_status_are_told);
    tcase_add_test(tcase, it_reads_its_input_and_no_more);
    tcase_add_test(tcase, its_environment_is_clean);
    tcase_add_test(tcase, it_inherits_no_descriptor);
    tcase_add_test(tcase, signals_that_are_ignored_here_are_not_there);
    tcase_add_test(tcase, one_that_does_not_end_in_time_is_stopped_with_all_it_started);
    tcase_add_test(tcase, one_that_hears_no_sigterm_is_killed);
    tcase_add_test(tcase, what_it_leaves_running_is_not_waited_for);
    tcase_add_test(tcase, one_that_says_too_much_is_refused);
    tcase_add_test(tcase, of_its_complaints_the_last_are_kept);
    tcase_add_test(tcase, one_that_is_killed_is_a_failure);
    tcase_add_test(tcase, one_that_is_not_there_is_named);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
