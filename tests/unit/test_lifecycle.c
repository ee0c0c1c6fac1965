/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a disposal: what comes next in every situation, and which transitions there are. */
#include "model/lifecycle.h"

#include <check.h>
#include <stdlib.h>

#define NOW (1000 * INSTANT_DAY)

typedef struct Case
{
    const char *story;
    Situation situation;
    Step step;
} Case;

static const Case cases[] = {
    { "erased, and processors have still to answer: nothing",
      { STATE_ERASED, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, false, true },
      STEP_NOTHING },
    { "erased, held, and processors have still to answer: held",
      { STATE_ERASED, true, false, false, true, true, false, NOW, NOW - 1, INSTANT_NONE, false, true },
      STEP_HELD },
    { "a subject in grace is archived first",
      { STATE_OPEN, true, false, true, false, true, false, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_ARCHIVE },
    { "a hold forbids no copy",
      { STATE_OPEN, true, false, true, true, true, false, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_ARCHIVE },
    { "an immediate one makes no snapshot",
      { STATE_OPEN, true, true, true, false, true, false, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_BEGIN },
    { "past its grace without a snapshot: erased",
      { STATE_OPEN, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_BEGIN },
    { "in grace: nothing",
      { STATE_ARCHIVED, true, false, false, false, true, false, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_NOTHING },
    { "the last microsecond of grace counts",
      { STATE_ARCHIVED, true, false, false, false, true, false, NOW, NOW, INSTANT_NONE, false, false },
      STEP_BEGIN },
    { "a hold stops the erasure",
      { STATE_ARCHIVED, true, false, false, true, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_HELD },
    { "back in grace: withdrawn",
      { STATE_ARCHIVED, true, false, false, false, false, false, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_WITHDRAW },
    { "back after grace, before the erasure: withdrawn",
      { STATE_ARCHIVED, true, false, false, false, false, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_WITHDRAW },
    { "back before the copy: withdrawn",
      { STATE_OPEN, true, false, true, false, false, false, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_WITHDRAW },
    { "back, but rows are gone: a person must look",
      { STATE_ARCHIVED, true, false, false, false, false, true, NOW, NOW + 1, INSTANT_NONE, false, false },
      STEP_REFUSE },
    { "back in mid erasure: a person must look",
      { STATE_ERASING, true, false, false, false, false, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_REFUSE },
    { "held in mid erasure",
      { STATE_ERASING, true, false, false, true, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_HELD },
    { "erasing goes on",
      { STATE_ERASING, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_ERASE },
    { "erased: its snapshot goes",
      { STATE_ERASED, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_CLEAR },
    { "erased, held: its snapshot stays",
      { STATE_ERASED, true, false, false, true, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_HELD },
    { "cleared is final",
      { STATE_CLEARED, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_NOTHING },
    { "withdrawn is final",
      { STATE_WITHDRAWN, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, false, false },
      STEP_NOTHING },
    { "restored in mid erasure: only the snapshot is left to end",
      { STATE_ERASING, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, true, false },
      STEP_WITHDRAW },
    { "restored after the erasure, and held: its end is tried, and the hold forbids the key's",
      { STATE_ERASED, true, false, false, true, true, false, NOW, NOW - 1, INSTANT_NONE, true, false },
      STEP_WITHDRAW },
    { "a policy's rows restored",
      { STATE_ARCHIVED, false, false, false, false, true, false, NOW, NOW + 1, INSTANT_NONE, true, false },
      STEP_WITHDRAW },
    { "restored, and ended",
      { STATE_WITHDRAWN, true, false, false, false, true, false, NOW, NOW - 1, INSTANT_NONE, true, false },
      STEP_NOTHING },
    { "a failure waits for its next attempt",
      { STATE_ERASING, true, false, false, false, true, false, NOW, NOW - 1, NOW + 1, false, false },
      STEP_NOTHING },
    { "and then goes on",
      { STATE_ERASING, true, false, false, false, true, false, NOW, NOW - 1, NOW, false, false },
      STEP_ERASE },
    { "a policy with grace moves",
      { STATE_OPEN, false, false, true, false, true, false, NOW, INSTANT_NONE, INSTANT_NONE, false, false },
      STEP_ARCHIVE },
    { "a policy without grace erases",
      { STATE_OPEN, false, false, false, false, true, false, NOW, INSTANT_NONE, INSTANT_NONE, false, false },
      STEP_BEGIN },
};

START_TEST(every_situation_has_its_step)
{
    const Case *c = &cases[_i];
    ck_assert_msg(lifecycle_next(&c->situation) == c->step, "%s: %s, not %s", c->story,
                  lifecycle_step_name(lifecycle_next(&c->situation)), lifecycle_step_name(c->step));
}
END_TEST

START_TEST(only_the_transitions_of_the_design_are_allowed)
{
    static const State allowed[][2] = { { STATE_OPEN, STATE_ARCHIVED },      { STATE_OPEN, STATE_ERASING },
                                        { STATE_OPEN, STATE_WITHDRAWN },     { STATE_ARCHIVED, STATE_ERASING },
                                        { STATE_ARCHIVED, STATE_WITHDRAWN }, { STATE_ERASING, STATE_ERASED },
                                        { STATE_ERASED, STATE_CLEARED },     { STATE_ERASING, STATE_WITHDRAWN },
                                        { STATE_ERASED, STATE_WITHDRAWN } };
    for (int from = 0; from < STATE_COUNT; from++)
        for (int to = 0; to < STATE_COUNT; to++)
        {
            bool wanted = false;
            for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                wanted = wanted || (allowed[i][0] == (State)from && allowed[i][1] == (State)to);
            ck_assert_int_eq(lifecycle_allows((State)from, (State)to), wanted);
        }
}
END_TEST

START_TEST(state_names_are_read_back)
{
    for (int i = 0; i < STATE_COUNT; i++)
    {
        State state;
        ck_assert(lifecycle_state_parse(lifecycle_state_name((State)i), &state));
        ck_assert_int_eq(state, i);
    }
    State untouched = STATE_ERASED;
    ck_assert(!lifecycle_state_parse("held", &untouched));
    ck_assert_int_eq(untouched, STATE_ERASED);
}
END_TEST

START_TEST(back_off_grows_and_ends_at_six_hours)
{
    ck_assert_int_eq(lifecycle_backoff(0), 0);
    ck_assert_int_eq(lifecycle_backoff(1), INSTANT_MINUTE);
    for (int i = 1; i < 20; i++)
        ck_assert_int_le(lifecycle_backoff(i), lifecycle_backoff(i + 1));
    ck_assert_int_eq(lifecycle_backoff(1000), 6 * INSTANT_HOUR);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("lifecycle");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, every_situation_has_its_step, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tests, only_the_transitions_of_the_design_are_allowed);
    tcase_add_test(tests, state_names_are_read_back);
    tcase_add_test(tests, back_off_grows_and_ends_at_six_hours);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
