/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/zst.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define LENGTH ((size_t)100000)

typedef struct Pack
{
    Arena *arena;
    ZstWriter *writer;
    ZstReader *reader;
    char *plain, *packed, *back;
    size_t packed_length;
} Pack;

static Pack
packed_rows(int level)
{
    Pack pack = { .arena = arena_new(), .writer = zst_writer_new(level), .reader = zst_reader_new() };

    pack.plain = arena_alloc(pack.arena, LENGTH, 1);
    pack.packed = arena_alloc(pack.arena, zst_bound(LENGTH) + 1, 1);
    pack.back = arena_alloc(pack.arena, LENGTH, 1);
    for (size_t i = 0; i < LENGTH; i++)
        pack.plain[i] = (char)('a' + i * i / 7 % 19);
    ck_assert_int_eq(zst_compress(pack.writer, pack.plain, LENGTH, pack.packed, zst_bound(LENGTH), &pack.packed_length),
                     OK);
    return pack;
}

static void
pack_free(Pack *pack)
{
    zst_writer_freep(&pack->writer);
    zst_reader_freep(&pack->reader);
    ck_assert_ptr_null(pack->writer);
    ck_assert_ptr_null(pack->reader);
    arena_freep(&pack->arena);
}

static const int levels[] = { 1, 3, 6, 19 };

START_TEST(rows_come_back_at_each_level)
{
    for (size_t i = 0; i < COUNT(levels); i++)
    {
        CLEANUP(pack_free) Pack pack = packed_rows(levels[i]);

        ck_assert_uint_lt(pack.packed_length, LENGTH / 2);
        for (int round = 0; round < 2; round++) /* a reader is used again */
        {
            ck_assert_int_eq(zst_decompress(pack.reader, pack.packed, pack.packed_length, pack.back, LENGTH), OK);
            ck_assert_mem_eq(pack.back, pack.plain, LENGTH);
        }
    }
}
END_TEST

START_TEST(a_frame_carries_a_checksum)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);

    ck_assert_uint_eq((unsigned char)pack.packed[4] & 4U, 4); /* Content_Checksum_flag, RFC 8878 3.1.1.1.1 */
}
END_TEST

START_TEST(an_empty_frame_comes_back)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);

    ck_assert_int_eq(zst_compress(pack.writer, NULL, 0, pack.packed, zst_bound(0), &pack.packed_length), OK);
    ck_assert_int_eq(zst_decompress(pack.reader, pack.packed, pack.packed_length, pack.back, 0), OK);
}
END_TEST

START_TEST(too_little_room_is_an_error_and_leaves_the_length)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);
    size_t length = 4242;

    ck_assert_int_eq(zst_compress(pack.writer, pack.plain, LENGTH, pack.packed, 20, &length), ERR_INTERNAL);
    ck_assert_uint_eq(length, 4242);
    ck_assert_ptr_nonnull(strstr(err_joined(), "could not compress 100000 bytes"));
    ck_assert_int_eq(zst_compress(pack.writer, pack.plain, LENGTH, pack.packed, zst_bound(LENGTH), &length), OK);
}
END_TEST

START_TEST(a_cut_or_extended_frame_is_refused)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);
    const size_t all = pack.packed_length;
    const size_t lengths[] = { 0, 1, 3, 4, 5, 6, 9, all / 2, all - 4, all - 1, all + 1 };

    for (size_t i = 0; i < COUNT(lengths); i++)
    {
        ck_assert_int_eq(zst_decompress(pack.reader, pack.packed, lengths[i], pack.back, LENGTH), ERR_EVIDENCE);
        ck_assert_ptr_nonnull(strstr(err_joined(), "zstd frame"));
    }
}
END_TEST

START_TEST(a_frame_of_another_length_is_refused)
{
    static const size_t lengths[] = { 0, 1, LENGTH - 1, LENGTH + 1, (size_t)-1, (size_t)-2 };
    CLEANUP(pack_free) Pack pack = packed_rows(3);

    for (size_t i = 0; i < COUNT(lengths); i++)
        ck_assert_int_eq(zst_decompress(pack.reader, pack.packed, pack.packed_length, pack.back, lengths[i]),
                         ERR_EVIDENCE);
}
END_TEST

START_TEST(two_frames_are_not_one)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);
    char *two = arena_alloc(pack.arena, 2 * pack.packed_length, 1);

    memcpy(two, pack.packed, pack.packed_length);
    memcpy(two + pack.packed_length, pack.packed, pack.packed_length);
    ck_assert_int_eq(zst_decompress(pack.reader, two, 2 * pack.packed_length, pack.back, LENGTH), ERR_EVIDENCE);
    ck_assert_int_eq(zst_decompress(pack.reader, two, 2 * pack.packed_length, pack.back, 2 * LENGTH), ERR_EVIDENCE);
}
END_TEST

START_TEST(a_changed_byte_never_changes_the_rows)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);
    size_t refused = 0;

    for (size_t i = 0; i < pack.packed_length; i++)
    {
        pack.packed[i] = (char)(pack.packed[i] ^ 0x10);
        if (zst_decompress(pack.reader, pack.packed, pack.packed_length, pack.back, LENGTH) == OK)
            ck_assert_mem_eq(pack.back, pack.plain, LENGTH);
        else
            refused++;
        pack.packed[i] = (char)(pack.packed[i] ^ 0x10);
    }
    ck_assert_uint_ge(refused, pack.packed_length - 2); /* one bit of the descriptor has no meaning */
}
END_TEST

/* Magic, descriptor (4 bytes of content size), window, content size 1, one raw last block of one byte. */
#define FRAME(window)                                                                                                  \
    {                                                                                                                  \
        0x28, 0xB5, 0x2F, 0xFD, 0x80, (window), 1, 0, 0, 0, 0x09, 0, 0, 'x'                                            \
    }

static const struct
{
    unsigned char frame[14];
    Err code;
} windows[] = {
    { FRAME(0x00), OK },           /* 1 KiB */
    { FRAME((23 - 10) << 3), OK }, /* 8 MiB */
    { FRAME(((23 - 10) << 3) | 1), ERR_EVIDENCE },
    { FRAME((24 - 10) << 3), ERR_EVIDENCE },
    { FRAME((31 - 10) << 3), ERR_EVIDENCE },
    { FRAME(0xFF), ERR_EVIDENCE },
};

START_TEST(a_window_beyond_8_mib_is_refused)
{
    CLEANUP(zst_reader_freep) ZstReader *reader = zst_reader_new();

    for (size_t i = 0; i < COUNT(windows); i++)
    {
        char back[1] = { '-' };

        ck_assert_int_eq(zst_decompress(reader, windows[i].frame, sizeof windows[i].frame, back, 1), windows[i].code);
        ck_assert_int_eq(back[0], windows[i].code == OK ? 'x' : '-');
    }
    ck_assert_ptr_nonnull(strstr(err_joined(), "8 MiB"));
}
END_TEST

static const unsigned char skippable[] = { 0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 'a', 'b', 'c', 'd' };

START_TEST(a_skippable_frame_behind_is_refused)
{
    CLEANUP(pack_free) Pack pack = packed_rows(3);
    char *two = arena_alloc(pack.arena, pack.packed_length + sizeof skippable, 1);

    memcpy(two, pack.packed, pack.packed_length);
    memcpy(two + pack.packed_length, skippable, sizeof skippable);
    ck_assert_int_eq(zst_decompress(pack.reader, two, pack.packed_length + sizeof skippable, pack.back, LENGTH),
                     ERR_EVIDENCE);
}
END_TEST

START_TEST(a_skippable_frame_is_no_frame)
{
    CLEANUP(zst_reader_freep) ZstReader *reader = zst_reader_new();
    char back[1];

    ck_assert_int_eq(zst_decompress(reader, skippable, sizeof skippable, back, 0), ERR_EVIDENCE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("zst");
    TCase *cases = tcase_create("zst");

    tcase_add_test(cases, rows_come_back_at_each_level);
    tcase_add_test(cases, a_frame_carries_a_checksum);
    tcase_add_test(cases, an_empty_frame_comes_back);
    tcase_add_test(cases, too_little_room_is_an_error_and_leaves_the_length);
    tcase_add_test(cases, a_cut_or_extended_frame_is_refused);
    tcase_add_test(cases, a_frame_of_another_length_is_refused);
    tcase_add_test(cases, two_frames_are_not_one);
    tcase_add_test(cases, a_changed_byte_never_changes_the_rows);
    tcase_add_test(cases, a_window_beyond_8_mib_is_refused);
    tcase_add_test(cases, a_skippable_frame_behind_is_refused);
    tcase_add_test(cases, a_skippable_frame_is_no_frame);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
