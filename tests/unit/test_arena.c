/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = { 0, 1, 15, 16, 17, 8191, 8192, 8193, 100000, 3000000 };

START_TEST(allocations_are_zeroed_aligned_and_apart)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    unsigned char *before = NULL;

    for (size_t round = 0; round < 50; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        {
            unsigned char *memory = arena_alloc(arena, sizes[i], 1);

            ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
            ck_assert_ptr_ne(memory, before);
            for (size_t byte = 0; byte<sizes[i]; byte += sizes[i]> 4096 ? 997 : 1)
                ck_assert_uint_eq(memory[byte], 0);
            memset(memory, 0xA5, sizes[i]);
            before = memory;
            if (round % 10 == 9 && i == 5)
                arena_reset(arena);
        }
}
END_TEST

START_TEST(a_later_allocation_leaves_earlier_ones_alone)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    uint64_t *numbers[1000];

    for (size_t i = 0; i < 1000; i++)
    {
        numbers[i] = ARENA_ARRAY(arena, uint64_t, 1 + i % 7 * 50);
        numbers[i][0] = i;
    }
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(numbers[i][0], i);
}
END_TEST

START_TEST(a_reset_keeps_the_largest_block_for_reuse)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    char *large = arena_alloc(arena, 500000, 1);

    (void)arena_alloc(arena, 3000, 1);
    arena_reset(arena);
    ck_assert_ptr_eq(arena_alloc(arena, 400000, 1), large);
}
END_TEST

START_TEST(a_fresh_arena_can_be_reset_and_null_can_be_freed)
{
    Arena *arena = arena_new();

    arena_reset(arena);
    arena_reset(arena);
    ck_assert_str_eq(arena_strdup(arena, "alive"), "alive");
    arena_freep(&arena);
    ck_assert_ptr_null(arena);
    arena_freep(&arena);
    arena_free(NULL);
}
END_TEST

START_TEST(strings_are_copied)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    char original[] = "original";
    char *copy = arena_strdup(arena, original);

    original[0] = 'X';
    ck_assert_str_eq(copy, "original");
    ck_assert_str_eq(arena_strndup(arena, "original", 4), "orig");
    ck_assert_str_eq(arena_strndup(arena, "or", 4), "or");
    ck_assert_str_eq(arena_strndup(arena, "original", 0), "");
    ck_assert_str_eq(arena_strdup(arena, ""), "");
}
END_TEST

START_TEST(printf_takes_any_length)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    ck_assert_str_eq(arena_printf(arena, "%s-%d", "a", 5), "a-5");
    ck_assert_str_eq(arena_printf(arena, "%s", ""), "");
    const char *wide = arena_printf(arena, "%50000d", 1);
    ck_assert_uint_eq(strlen(wide), 50000);
    ck_assert_int_eq(wide[49999], '1');
}
END_TEST

START_TEST(an_array_grows_by_pushing)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    int *numbers = NULL;
    size_t count = 0, room = 0;

    for (int i = 0; i < 10000; i++)
        ARENA_PUSH(arena, numbers, count, room, i * 3);
    ck_assert_uint_eq(count, 10000);
    ck_assert_uint_le(room, 20000);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(numbers[i], i * 3);
}
END_TEST

START_TEST(memory_outside_arenas_is_zeroed)
{
    unsigned char *memory = mem_alloc(1000);

    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(memory[i], 0);
    mem_free(memory);
    mem_free(mem_alloc(0));
    mem_free(NULL);
}
END_TEST

START_TEST(a_product_that_overflows_ends_the_process)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    volatile size_t count = SIZE_MAX / 2; /* the compiler must not see it coming */

    (void)!freopen("/dev/null", "w", stderr); /* its last words are expected */
    (void)arena_alloc(arena, count, 3);
}
END_TEST

START_TEST(a_size_that_overflows_when_aligned_ends_the_process)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    volatile size_t count = SIZE_MAX;

    (void)!freopen("/dev/null", "w", stderr); /* its last words are expected */
    (void)arena_alloc(arena, count, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("arena");
    TCase *cases = tcase_create("arena");

    tcase_add_test(cases, allocations_are_zeroed_aligned_and_apart);
    tcase_add_test(cases, a_later_allocation_leaves_earlier_ones_alone);
    tcase_add_test(cases, a_reset_keeps_the_largest_block_for_reuse);
    tcase_add_test(cases, a_fresh_arena_can_be_reset_and_null_can_be_freed);
    tcase_add_test(cases, strings_are_copied);
    tcase_add_test(cases, printf_takes_any_length);
    tcase_add_test(cases, an_array_grows_by_pushing);
    tcase_add_test(cases, memory_outside_arenas_is_zeroed);
    tcase_add_test_raise_signal(cases, a_product_that_overflows_ends_the_process, SIGABRT);
    tcase_add_test_raise_signal(cases, a_size_that_overflows_when_aligned_ends_the_process, SIGABRT);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
