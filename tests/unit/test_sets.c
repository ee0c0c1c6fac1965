/* SPDX-License-Identifier: Apache-2.0 */
/* What backup sets and WAL hold of an erasure (P3, facts.md "Backups"): a row in a table of LSNs is one decision. */
#include "copies/sets.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BARRIER INT64_C(0x3000028)
#define ERASED (INT64_C(1000000) * INSTANT_SECOND)
#define SECONDS INT64_C(1000000)
#define DAY INT64_C(86400)

static Arena *arena;
static BackupSets sets;
static BackupRepository *repository;

static void
setup(void)
{
    const BackupRepository one = { .key = 1 };

    arena = arena_new();
    sets = (BackupSets){ .arena = arena, .system = 77 };
    ARENA_PUSH(arena, sets.repositories, sets.repository_count, sets.repository_room, one);
    repository = &sets.repositories[0];
}

static void
teardown(void)
{
    arena_free(arena);
}

/* Sets take an hour. */
static void
add(const char *label, bool full, int64_t lsn, int64_t started, const char *wal)
{
    const BackupSet set = { .label = label,
                            .repository = 1,
                            .full = full,
                            .start_lsn = lsn,
                            .started = started,
                            .stopped = started + 3600,
                            .first_wal = wal };
    sets_add(&sets, &set);
}

static CopyCase
judged(void)
{
    CopyCase about = { .erased_at = ERASED, .barrier_lsn = BARRIER, .system = "77" };

    sets_judge(&sets, &about);
    return about;
}

/* ---- one set ---- */

static const struct
{
    int64_t lsn;
    int64_t started;
    int64_t barrier;
    bool clean;
} edges[] = {
    { BARRIER, SECONDS, BARRIER, true },
    { BARRIER - 1, SECONDS, BARRIER, false },
    { BARRIER + 1, SECONDS, BARRIER, true },
    { BARRIER + 1, SECONDS - 1, BARRIER, false }, /* an LSN of another timeline */
    { 0, SECONDS + 9, BARRIER, false },           /* cannot be judged */
    { BARRIER + 1, SECONDS + 9, 0, false },       /* no barrier: nothing is clean */
    { INT64_C(0x100000000), SECONDS, INT64_C(0xFFFFFFFF), true },
};

START_TEST(a_set_is_clean_from_the_barrier_on_and_not_a_byte_before_it)
{
    const BackupSet set = { .start_lsn = edges[_i].lsn, .started = edges[_i].started };

    ck_assert_int_eq(sets_is_clean(&set, edges[_i].barrier, ERASED), edges[_i].clean);
}
END_TEST

static const struct
{
    const char *text;
    int64_t lsn; /* 0: none */
} lsns[] = {
    { "0/3000028", 0x3000028 },
    { "16/B374D848", INT64_C(0x16B374D848) },
    { "7FFFFFFF/FFFFFFFF", INT64_MAX },
    { "FFFFFFFF/FFFFFFFF", 0 },
    { "0/0", 0 },
    { "", 0 },
    { NULL, 0 },
    { "3000028", 0 },
    { "0/3000028 ", 0 },
    { "0/123456789", 0 },
};

START_TEST(an_lsn_is_read_whole_or_not_at_all)
{
    int64_t lsn = 0;
    const bool good = sets_lsn(lsns[_i].text, &lsn);

    ck_assert_int_eq(good, lsns[_i].lsn != 0);
    if (good)
        ck_assert_int_eq(lsn, lsns[_i].lsn);
}
END_TEST

START_TEST(a_segment_has_a_name_of_24_hexadecimal_digits)
{
    ck_assert(sets_is_wal("00000001000000000000000A"));
    ck_assert(!sets_is_wal("00000001000000000000000a"));
    ck_assert(!sets_is_wal("00000001000000000000000A.partial"));
    ck_assert(!sets_is_wal("00000002.history"));
    ck_assert(!sets_is_wal(NULL));
}
END_TEST

/* ---- what stands on others ---- */

START_TEST(a_dependent_is_only_as_clean_as_what_it_stands_on)
{
    BackupSet set = { .label = "D", .repository = 1, .start_lsn = BARRIER + 9, .started = SECONDS + 9 };

    add("F", true, BARRIER - 1, SECONDS + 5, "000000010000000000000002");
    sets_stand_on(&sets, &set, "F");
    ck_assert_int_eq(set.start_lsn, BARRIER - 1);
    ck_assert_int_eq(set.started, SECONDS + 5);
    ck_assert(!sets_is_clean(&set, BARRIER, ERASED));
}
END_TEST

START_TEST(a_dependent_of_a_set_that_is_not_there_cannot_be_judged)
{
    BackupSet set = { .label = "D", .repository = 1, .start_lsn = BARRIER + 9, .started = SECONDS + 9 };

    add("F", true, BARRIER, SECONDS, "000000010000000000000003");
    sets.list[0].repository = 2; /* the same name, elsewhere */
    sets_stand_on(&sets, &set, "F");
    ck_assert_int_eq(set.start_lsn, 0);
}
END_TEST

/* ---- a repository ---- */

START_TEST(without_a_clean_full_set_nothing_is_gone)
{
    ck_assert_int_eq(judged().state, COPY_DATED); /* what was not archived yet may come still */
    add("I", false, BARRIER + 1, SECONDS, "000000010000000000000004");
    const CopyCase about = judged();
    ck_assert_int_eq(about.state, COPY_DATED);
    ck_assert_int_eq(about.items, 1);
    ck_assert_str_eq(about.detail, "no full set from after the erasure yet");
}
END_TEST

START_TEST(wal_is_clean_from_where_a_clean_full_set_begins)
{
    add("F", true, BARRIER, SECONDS, "000000010000000000000003");
    sets_add_wal(&sets, repository, "000000010000000000000003", NULL);
    ck_assert_int_eq(judged().state, COPY_GONE);
    sets_add_wal(&sets, repository, "000000010000000000000002", "streaming");
    const CopyCase about = judged();
    ck_assert_int_eq(about.state, COPY_DATED);
    ck_assert_str_eq(about.detail, "WAL from 000000010000000000000002 on (in \"streaming\")");
    sets_add_wal(&sets, repository, "000000010000000000000009", NULL);
    ck_assert_str_eq(judged().detail, about.detail);
}
END_TEST

START_TEST(half_made_sets_and_former_wal_are_copies)
{
    add("F", true, BARRIER, SECONDS, "000000010000000000000003");
    repository->half_made = 2;
    CopyCase about = judged();
    ck_assert_int_eq(about.items, 2);
    ck_assert_str_eq(about.detail, "2 half-made");
    repository->half_made = 0;
    repository->former_wal = true;
    ck_assert_int_eq(judged().state, COPY_DATED);
}
END_TEST

START_TEST(one_repository_of_two_is_enough_to_hold_the_rows)
{
    const BackupRepository other = { .key = 2, .half_made = 1 };

    add("F", true, BARRIER, SECONDS, "000000010000000000000003");
    ck_assert_int_eq(judged().state, COPY_GONE);
    ARENA_PUSH(arena, sets.repositories, sets.repository_count, sets.repository_room, other);
    ck_assert_int_eq(judged().items, 2); /* and no full set there */
}
END_TEST

/* ---- until when ---- */

/* A full set each day; the third is clean. */
static void
add_days(int64_t dirty, int64_t clean)
{
    for (int64_t i = 0; i < dirty + clean; i++)
        add(arena_printf(arena, "F%d", (int)i), true, i < dirty ? 1 : BARRIER, SECONDS + i * DAY,
            "000000010000000000000001");
}

static const struct
{
    int64_t keep;
    bool days;
    int64_t least;
    int64_t dirty;
    int64_t clean;
    int64_t until; /* days after the start of the first, and an hour; -1: nobody knows */
} retentions[] = {
    { 0, false, 0, 2, 1, -1 }, /* no retention is known */
    { 3, false, 0, 1, 0, -1 }, /* nor how often sets are made */
    { 3, false, 0, 2, 1, 4 },  /* two more are missing */
    { 2, false, 0, 2, 3, 5 },  /* overdue: with the next one at the latest */
    { 2, false, 5, 2, 1, 6 },  /* minimum_redundancy counts more */
    { 7, true, 0, 2, 1, 9 },   /* a week after the first clean one ended */
    { 7, true, 0, 2, 0, 9 },   /* which comes in a day */
    { 1, true, 4, 2, 1, 5 },   /* so many have to be there as well */
    { 7, true, 0, 0, 1, 7 },   /* WAL alone, one set: its term is known nevertheless */
};

START_TEST(retention_and_pace_tell_when_the_last_one_goes)
{
    repository->keep = retentions[_i].keep;
    repository->keep_days = retentions[_i].days;
    repository->least = retentions[_i].least;
    repository->former_wal = true; /* something is left, whatever sets there are */
    add_days(retentions[_i].dirty, retentions[_i].clean);
    const CopyCase about = judged();
    if (retentions[_i].until < 0)
        ck_assert_int_eq(about.until, INSTANT_NONE);
    else
        ck_assert_int_eq(about.until, (SECONDS + retentions[_i].until * DAY + 3600) * INSTANT_SECOND);
}
END_TEST

/* ---- what the store says ---- */

static Err
answer(StorePurge purge, CopyCase *about)
{
    const StoreRule rule = { .purge = purge };
    CopyCase *cases[] = { about };

    return sets_answer(&sets, &rule, "server \"main\"", cases, 1);
}

START_TEST(another_cluster_is_an_error_and_no_case_is_changed)
{
    CopyCase about = { .erased_at = ERASED, .barrier_lsn = BARRIER, .system = "78", .database = "eu", .items = 5 };

    ck_assert_int_eq(answer(STORE_EXPIRE, &about), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), "server \"main\" is of another cluster than database \"eu\""));
    ck_assert_int_eq(about.items, 5);
}
END_TEST

START_TEST(without_a_barrier_the_reason_is_the_problem_and_nothing_is_replaced)
{
    CopyCase about = { .erased_at = ERASED, .system = "77", .unclean = "a reader" };

    add("F", true, BARRIER, SECONDS, "000000010000000000000003");
    ck_assert_int_eq(answer(STORE_REPLACE, &about), OK);
    ck_assert_int_eq(about.state, COPY_DATED);
    ck_assert_str_eq(about.problem, "a reader");
}
END_TEST

START_TEST(what_is_pinned_is_a_problem_at_once_as_long_as_it_holds_rows)
{
    CopyCase about = { .erased_at = ERASED, .barrier_lsn = BARRIER, .system = "77" };

    repository->keep = 2;
    add_days(2, 1);
    ck_assert_int_eq(answer(STORE_EXPIRE, &about), OK);
    ck_assert_ptr_null(about.problem);
    ck_assert_int_ne(about.until, INSTANT_NONE);
    sets.list[2].pinned = true; /* a clean one may stay for ever */
    ck_assert_int_eq(answer(STORE_EXPIRE, &about), OK);
    ck_assert_ptr_null(about.problem);
    sets.list[0].pinned = true;
    ck_assert_int_eq(answer(STORE_EXPIRE, &about), OK);
    ck_assert_str_eq(about.problem, "backup \"F0\" is pinned, and stays until a person releases it");
    ck_assert_int_eq(about.until, INSTANT_NONE);
    ck_assert_int_eq(answer(STORE_REPLACE, &about), OK);
    ck_assert_int_eq(about.state, COPY_PRESENT);
}
END_TEST

START_TEST(the_last_barrier_of_all_counts)
{
    CopyCase one = { .barrier_lsn = 5, .erased_at = 9 }, two = { .barrier_lsn = 7, .erased_at = 3 };
    CopyCase *cases[] = { &one, &two };
    int64_t lsn;
    Instant at;

    sets_last(cases, 2, &lsn, &at);
    ck_assert_int_eq(lsn, 7);
    ck_assert_int_eq(at, 9);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sets");
    TCase *cases = tcase_create("sets");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, a_set_is_clean_from_the_barrier_on_and_not_a_byte_before_it, 0,
                        sizeof edges / sizeof *edges);
    tcase_add_loop_test(cases, an_lsn_is_read_whole_or_not_at_all, 0, sizeof lsns / sizeof *lsns);
    tcase_add_test(cases, a_segment_has_a_name_of_24_hexadecimal_digits);
    tcase_add_test(cases, a_dependent_is_only_as_clean_as_what_it_stands_on);
    tcase_add_test(cases, a_dependent_of_a_set_that_is_not_there_cannot_be_judged);
    tcase_add_test(cases, without_a_clean_full_set_nothing_is_gone);
    tcase_add_test(cases, wal_is_clean_from_where_a_clean_full_set_begins);
    tcase_add_test(cases, half_made_sets_and_former_wal_are_copies);
    tcase_add_test(cases, one_repository_of_two_is_enough_to_hold_the_rows);
    tcase_add_loop_test(cases, retention_and_pace_tell_when_the_last_one_goes, 0,
                        sizeof retentions / sizeof *retentions);
    tcase_add_test(cases, another_cluster_is_an_error_and_no_case_is_changed);
    tcase_add_test(cases, without_a_barrier_the_reason_is_the_problem_and_nothing_is_replaced);
    tcase_add_test(cases, what_is_pinned_is_a_problem_at_once_as_long_as_it_holds_rows);
    tcase_add_test(cases, the_last_barrier_of_all_counts);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
