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
    { "a subject in grace is archived first",
      { .state = STATE_OPEN,
        .is_subject = true,
        .archives = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_ARCHIVE },
    { "a hold forbids no copy",
      { .state = STATE_OPEN,
        .is_subject = true,
        .archives = true,
        .held = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_ARCHIVE },
    { "an immediate one makes no snapshot",
      { .state = STATE_OPEN,
        .is_subject = true,
        .immediate = true,
        .archives = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_BEGIN },
    { "past its grace without a snapshot: erased",
      { .state = STATE_OPEN,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_BEGIN },
    { "asked for at once, and approved, or in need of no approval: no snapshot, no grace",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .immediate = true,
        .ended = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW + 1 },
      STEP_BEGIN },
    { "asked for at once, not approved, and it has not ended: it waits for the second person",
      { .state = STATE_OPEN,
        .is_subject = true,
        .archives = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW + 1,
        .unapproved = true },
      STEP_APPROVE },
    { "not approved, but it has ended: archived like any other",
      { .state = STATE_OPEN,
        .is_subject = true,
        .archives = true,
        .ended = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW + 1,
        .unapproved = true },
      STEP_ARCHIVE },
    { "not approved, in its grace period: it waits for the second person",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW + 1,
        .unapproved = true },
      STEP_APPROVE },
    { "not approved, and past its grace period: it goes like any other",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW,
        .unapproved = true },
      STEP_BEGIN },
    { "a withdrawal ends it, whatever the root says",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW - 1,
        .withdrawal = true },
      STEP_WITHDRAW },
    { "a withdrawal goes before a hold: nothing is taken away",
      { .state = STATE_OPEN,
        .is_subject = true,
        .ended = true,
        .held = true,
        .immediate = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .withdrawal = true },
      STEP_WITHDRAW },
    { "a withdrawal that came too late is none",
      { .state = STATE_ERASING,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .next_attempt_at = INSTANT_NONE,
        .erase_after = NOW - 1,
        .withdrawal = true },
      STEP_ERASE },
    { "in grace: nothing",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_NOTHING },
    { "the last microsecond of grace counts",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW,
        .next_attempt_at = INSTANT_NONE },
      STEP_BEGIN },
    { "a hold stops the erasure",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .held = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_HELD },
    { "back in grace: withdrawn",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_WITHDRAW },
    { "back after grace, before the erasure: withdrawn",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_WITHDRAW },
    { "back before the copy: withdrawn",
      { .state = STATE_OPEN,
        .is_subject = true,
        .archives = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_WITHDRAW },
    { "back, but rows are gone: a person must look",
      { .state = STATE_ARCHIVED,
        .is_subject = true,
        .rows_removed = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_REFUSE },
    { "back in mid erasure: a person must look",
      { .state = STATE_ERASING,
        .is_subject = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_REFUSE },
    { "held in mid erasure",
      { .state = STATE_ERASING,
        .is_subject = true,
        .held = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_HELD },
    { "erasing goes on",
      { .state = STATE_ERASING,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_ERASE },
    { "erased: its snapshot goes",
      { .state = STATE_ERASED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_CLEAR },
    { "erased, held: its snapshot stays",
      { .state = STATE_ERASED,
        .is_subject = true,
        .held = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_HELD },
    { "cleared is final",
      { .state = STATE_CLEARED,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_NOTHING },
    { "withdrawn is final",
      { .state = STATE_WITHDRAWN,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE },
      STEP_NOTHING },
    { "restored in mid erasure: only the snapshot is left to end",
      { .state = STATE_ERASING,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE,
        .restored = true },
      STEP_WITHDRAW },
    { "restored after the erasure, and held: its end is tried, and the hold forbids the key's",
      { .state = STATE_ERASED,
        .is_subject = true,
        .held = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE,
        .restored = true },
      STEP_WITHDRAW },
    { "a policy's rows restored",
      { .state = STATE_ARCHIVED,
        .ended = true,
        .now = NOW,
        .erase_after = NOW + 1,
        .next_attempt_at = INSTANT_NONE,
        .restored = true },
      STEP_WITHDRAW },
    { "restored, and ended",
      { .state = STATE_WITHDRAWN,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = INSTANT_NONE,
        .restored = true },
      STEP_NOTHING },
    { "its rows leave with the archive: a hold forbids that",
      { .state = STATE_OPEN, .is_subject = true, .archives = true, .held = true, .ended = true, .now = NOW,
        .erase_after = NOW + 1, .next_attempt_at = INSTANT_NONE, .removes = true },
      STEP_HELD },
    { "its rows leave with the archive",
      { .state = STATE_OPEN, .is_subject = true, .archives = true, .ended = true, .now = NOW,
        .erase_after = NOW + 1, .next_attempt_at = INSTANT_NONE, .removes = true },
      STEP_ARCHIVE },
    { "its rows have left, and views still hold copies: the archive is not finished",
      { .state = STATE_ARCHIVED, .is_subject = true, .held = true, .ended = true, .rows_removed = true, .now = NOW,
        .erase_after = NOW + 1, .next_attempt_at = INSTANT_NONE, .unfinished = true },
      STEP_ARCHIVE },
    { "its rows have left: the grace period is waited for",
      { .state = STATE_ARCHIVED, .is_subject = true, .ended = true, .rows_removed = true, .now = NOW,
        .erase_after = NOW + 1, .next_attempt_at = INSTANT_NONE },
      STEP_NOTHING },
    { "a failure waits for its next attempt",
      { .state = STATE_ERASING,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = NOW + 1 },
      STEP_NOTHING },
    { "and then goes on",
      { .state = STATE_ERASING,
        .is_subject = true,
        .ended = true,
        .now = NOW,
        .erase_after = NOW - 1,
        .next_attempt_at = NOW },
      STEP_ERASE },
    { "a policy with grace moves",
      { .state = STATE_OPEN,
        .archives = true,
        .ended = true,
        .now = NOW,
        .erase_after = INSTANT_NONE,
        .next_attempt_at = INSTANT_NONE },
      STEP_ARCHIVE },
    { "a policy without grace erases",
      { .state = STATE_OPEN, .ended = true, .now = NOW, .erase_after = INSTANT_NONE, .next_attempt_at = INSTANT_NONE },
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
