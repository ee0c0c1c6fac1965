/* SPDX-License-Identifier: Apache-2.0 */
/* P5: nothing of a snapshot is lost or changed unseen.  P19: nobody reads it without its key. */
#include "scratch.h"

#include "store/frames.h"
#include <inttypes.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#define HEADER 32

static FrameFile file;
static Secret *key;
static FrameWriter *writer;
static const FrameMark nothing;

static void
setup(void)
{
    key = secret_random();
    file = (FrameFile){ .path = scratch_path("0001.xpf"), .key = key, .number = 1, .level = 3 };
    memset(file.snapshot_id, 0x5a, sizeof file.snapshot_id);
}

static void
teardown(void)
{
    frames_writer_closep(&writer);
    secret_freep(&key);
}

static bool
same_mark(const FrameMark *a, const FrameMark *b)
{
    return a->bytes == b->bytes && a->frames == b->frames && a->rows == b->rows && a->plain_bytes == b->plain_bytes;
}

static void
open_at(const FrameMark *mark)
{
    frames_writer_closep(&writer);
    GOOD(frames_writer_open(&file, mark, &writer));
}

static void
add(const char *row)
{
    GOOD(frames_add(writer, row, strlen(row)));
}

static FrameMark
cut(void)
{
    FrameMark mark;

    GOOD(frames_cut(writer, true));
    GOOD(frames_wait(writer, &mark));
    return mark;
}

/* Each row a frame of its own. */
static FrameMark
write_rows(const char *path, size_t count, const char *const *rows)
{
    FrameMark mark = nothing;

    file.path = path;
    open_at(&nothing);
    for (size_t i = 0; i < count; i++)
    {
        add(rows[i]);
        mark = cut();
    }
    frames_writer_closep(&writer);
    return mark;
}

static FrameDigest
digest_of(const FrameFile *of)
{
    FrameDigest digest;

    GOOD(frames_read(of, -1, NULL, NULL, &digest));
    return digest;
}

static Err
add_text(void *context, const char *plain, size_t length)
{
    text_add_bytes(context, plain, length);
    return OK;
}

static const char *
content(void)
{
    Text text = TEXT_INIT(scratch_arena);
    FrameDigest digest;

    GOOD(frames_read(&file, -1, add_text, &text, &digest));
    return text_done(&text);
}

static const char *const three_rows[] = { "1\tfirst\n", "2\tsecond, and longer\n", "3\t\\N\n" };

START_TEST(rows_come_back_as_they_were_written)
{
    const FrameMark mark = write_rows(file.path, 3, three_rows);
    const FrameDigest digest = digest_of(&file);
    const Bytes bytes = scratch_load(file.path);
    unsigned char sha256[32];
    struct stat about;

    ck_assert_str_eq(content(), "1\tfirst\n2\tsecond, and longer\n3\t\\N\n");
    ck_assert(same_mark(&digest.mark, &mark));
    ck_assert_int_eq(mark.rows, 3);
    ck_assert_int_eq(mark.frames, 3);
    ck_assert_int_eq(mark.plain_bytes, (int64_t)strlen(content()));
    ck_assert_uint_eq((size_t)mark.bytes, bytes.length);
    seal_sha256(bytes.at, bytes.length, sha256);
    ck_assert_str_eq(digest.sha256, text_hex(scratch_arena, sha256, sizeof sha256));
    ck_assert_ptr_null(memmem(bytes.at, bytes.length, "second", 6)); /* sealed */
    ck_assert_int_eq(stat(file.path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_frames_header_is_as_the_format_says)
{
    (void)write_rows(file.path, 3, three_rows);
    const Bytes bytes = scratch_load(file.path);
    const unsigned char *at = (const unsigned char *)bytes.at;

    for (uint32_t i = 0; i < 3; i++)
    {
        uint32_t number;
        uint64_t sizes[3];

        ck_assert_mem_eq(at, "XPF1", 4);
        memcpy(&number, at + 4, sizeof number);
        memcpy(sizes, at + 8, sizeof sizes);
        ck_assert_uint_eq(le32toh(number), i);
        ck_assert_uint_eq(le64toh(sizes[0]), strlen(three_rows[i]));
        ck_assert_uint_eq(le64toh(sizes[1]), 1);
        at += HEADER + le64toh(sizes[2]);
    }
    ck_assert_ptr_eq(at, bytes.at + bytes.length);
}
END_TEST

START_TEST(each_flipped_byte_is_noticed)
{
    static const unsigned char bits[] = { 0x01, 0x80, 0xff };

    (void)write_rows(file.path, 3, three_rows);
    const size_t length = scratch_load(file.path).length;
    for (size_t at = 0; at < length; at++)
        for (size_t i = 0; i < sizeof bits; i++)
        {
            FrameDigest digest = { .mark = { .bytes = -1 } };

            scratch_flip(file.path, at, bits[i]);
            BAD(frames_read(&file, -1, NULL, NULL, &digest), ERR_EVIDENCE, file.path);
            scratch_flip(file.path, at, bits[i]);
            ck_assert_int_eq(digest.mark.bytes, -1);
        }
}
END_TEST

START_TEST(a_cut_at_each_length_is_noticed)
{
    const FrameMark mark = write_rows(file.path, 3, three_rows);
    const Bytes bytes = scratch_load(file.path);
    const FrameDigest whole = digest_of(&file);
    int at_an_edge = 0;

    for (size_t length = bytes.length; length-- > 0;)
    {
        FrameDigest digest = whole;

        ck_assert_int_eq(truncate(file.path, (off_t)length), 0);
        BAD(frames_read(&file, mark.bytes, NULL, NULL, &digest), ERR_EVIDENCE, file.path);
        const Err e = frames_read(&file, -1, NULL, NULL, &digest);
        ck_assert(e == OK || e == ERR_EVIDENCE);
        at_an_edge += e == OK;
        ck_assert(e != OK || !same_mark(&digest.mark, &mark)); /* the mark tells what the file alone cannot */
        BAD(frames_writer_open(&file, &mark, &writer), ERR_EVIDENCE, file.path);
        ck_assert_ptr_null(writer);
    }
    ck_assert_int_eq(at_an_edge, 3);
    ck_assert_int_eq(unlink(file.path), 0);
    BAD(frames_writer_open(&file, &mark, &writer), ERR_EVIDENCE, file.path);
}
END_TEST

START_TEST(a_limit_inside_a_frame_is_an_error)
{
    const FrameMark mark = write_rows(file.path, 3, three_rows);
    int good = 0;

    for (int64_t limit = 0; limit <= mark.bytes; limit++)
    {
        FrameDigest digest;
        const Err e = frames_read(&file, limit, NULL, NULL, &digest);

        ck_assert(e == OK || e == ERR_EVIDENCE);
        good += e == OK;
        ck_assert(e != OK || digest.mark.bytes == limit);
    }
    ck_assert_int_eq(good, 4);
}
END_TEST

/* The three frames of a file, put together anew: "021", "001", "0112", … */
static void
rearrange(const Bytes *bytes, const char *order)
{
    size_t start[4] = { 0 };
    Text text = TEXT_INIT(scratch_arena);

    for (size_t i = 0; i < 3; i++)
    {
        uint64_t sealed;

        memcpy(&sealed, bytes->at + start[i] + 24, sizeof sealed);
        start[i + 1] = start[i] + HEADER + le64toh(sealed);
    }
    for (const char *at = order; *at != '\0'; at++)
        text_add_bytes(&text, bytes->at + start[*at - '0'], start[*at - '0' + 1] - start[*at - '0']);
    scratch_save(file.path, text_done(&text), text.length);
}

START_TEST(a_moved_doubled_or_dropped_frame_is_noticed)
{
    static const char *const orders[] = { "021", "102", "210", "0012", "0112", "0122", "12", "02", "1", "0121" };
    static const char *const equal[] = { "1\tequal\n", "1\tequal\n", "1\tequal\n" };

    for (int round = 0; round < 2; round++)
    {
        (void)write_rows(file.path, 3, round == 0 ? three_rows : equal);
        const Bytes bytes = scratch_load(file.path);

        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        {
            FrameDigest digest;

            rearrange(&bytes, orders[i]);
            BAD(frames_read(&file, -1, NULL, NULL, &digest), ERR_EVIDENCE, file.path);
        }
        rearrange(&bytes, "012");
        ck_assert_int_eq(digest_of(&file).mark.rows, 3);
        /* A frame with its number rewritten is bound to the old one. */
        rearrange(&bytes, "1");
        scratch_flip(file.path, 4, 1);
        FrameDigest digest;
        BAD(frames_read(&file, -1, NULL, NULL, &digest), ERR_EVIDENCE, "does not open");
    }
}
END_TEST

START_TEST(a_file_of_another_snapshot_key_or_number_does_not_open)
{
    CLEANUP(secret_freep) Secret *other_key = secret_random();
    FrameDigest digest;

    (void)write_rows(file.path, 3, three_rows);
    FrameFile other = file;
    other.snapshot_id[15] ^= 1;
    BAD(frames_read(&other, -1, NULL, NULL, &digest), ERR_EVIDENCE, file.path);
    other = file;
    other.number = 2;
    BAD(frames_read(&other, -1, NULL, NULL, &digest), ERR_EVIDENCE, file.path);
    other = file;
    other.key = other_key;
    BAD(frames_read(&other, -1, NULL, NULL, &digest), ERR_EVIDENCE, file.path);
    GOOD(frames_read(&file, -1, NULL, NULL, &digest));
}
END_TEST

START_TEST(files_swapped_between_two_snapshots_are_noticed)
{
    FrameFile second = file;
    FrameDigest digest;

    (void)write_rows(scratch_path("a.xpf"), 3, three_rows);
    const FrameFile first = file;
    memset(file.snapshot_id, 0x77, sizeof file.snapshot_id);
    (void)write_rows(scratch_path("b.xpf"), 3, three_rows);
    second = file;
    const Bytes a = scratch_load(first.path);
    const Bytes b = scratch_load(second.path);
    scratch_save(first.path, b.at, b.length);
    scratch_save(second.path, a.at, a.length);
    BAD(frames_read(&first, -1, NULL, NULL, &digest), ERR_EVIDENCE, "a.xpf");
    BAD(frames_read(&second, -1, NULL, NULL, &digest), ERR_EVIDENCE, "b.xpf");
}
END_TEST

START_TEST(what_a_crash_left_behind_the_mark_is_cut_off)
{
    static const char *const first_rows[] = { "1\tfirst\n" };
    FrameMark mark;

    open_at(&nothing);
    add("1\tfirst\n");
    mark = cut();
    add("2\tnever committed\n");
    (void)cut();
    frames_writer_closep(&writer);
    scratch_save(scratch_path("kept"), first_rows[0], 1);

    open_at(&mark);
    ck_assert_uint_eq(scratch_load(file.path).length, (size_t)mark.bytes);
    add("3\tagain\n");
    mark = cut();
    ck_assert_int_eq(mark.rows, 2);
    ck_assert_int_eq(mark.frames, 2);
    ck_assert_str_eq(content(), "1\tfirst\n3\tagain\n");

    open_at(&nothing); /* nothing was committed at all */
    ck_assert_uint_eq(scratch_load(file.path).length, 0);
}
END_TEST

START_TEST(a_wrong_mark_is_refused_and_costs_nothing)
{
    const FrameMark mark = write_rows(file.path, 3, three_rows);
    const FrameMark wrong[] = {
        { mark.bytes, mark.frames, mark.rows + 1, mark.plain_bytes },
        { mark.bytes, mark.frames, mark.rows - 1, mark.plain_bytes },
        { mark.bytes, mark.frames + 1, mark.rows, mark.plain_bytes },
        { mark.bytes, mark.frames, mark.rows, mark.plain_bytes - 1 },
        { mark.bytes - 1, mark.frames, mark.rows, mark.plain_bytes },
        { mark.bytes + 1, mark.frames, mark.rows, mark.plain_bytes },
        { 10, 1, 1, 1 },
        { 0, 0, 1, 0 },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    {
        BAD(frames_writer_open(&file, &wrong[i], &writer), ERR_EVIDENCE, file.path);
        ck_assert_ptr_null(writer);
        ck_assert_uint_eq(scratch_load(file.path).length, (size_t)mark.bytes);
    }
    scratch_flip(file.path, 40, 1);
    BAD(frames_writer_open(&file, &mark, &writer), ERR_EVIDENCE, "frame 0");
}
END_TEST

START_TEST(a_second_writer_of_one_file_is_refused)
{
    FrameWriter *second = NULL;

    open_at(&nothing);
    BAD(frames_writer_open(&file, &nothing, &second), ERR_AGAIN, file.path);
    ck_assert_ptr_null(second);
}
END_TEST

/* The sum of the rows' digests modulo 2^256, byte by byte. */
static const char *
expected_digest(size_t count, const char *const *rows)
{
    unsigned char sum[32] = { 0 };

    for (size_t i = 0; i < count; i++)
    {
        unsigned char digest[32];
        unsigned carry = 0;

        seal_blake2b(rows[i], strlen(rows[i]), digest);
        for (size_t n = 0; n < 32; n++)
        {
            carry += (unsigned)sum[n] + digest[n];
            sum[n] = (unsigned char)carry;
            carry >>= 8;
        }
    }
    return text_hex(scratch_arena, sum, sizeof sum);
}

START_TEST(the_rows_digest_knows_no_order_but_how_often)
{
    static const char *const rows[] = { "1\ta\n", "2\tb\n", "\n", "3\tc\n", "1\ta\n" };
    static const char *const other_order[] = { "1\ta\n", "3\tc\n", "1\ta\n", "\n", "2\tb\n" };
    static const char *const once[] = { "1\ta\n", "2\tb\n", "\n", "3\tc\n" };
    static const char *const joined[] = { "1\ta2\tb\n", "\n", "3\tc\n", "1\ta\n" };
    static const char *const twice_another[] = { "1\ta\n", "2\tb\n", "\n", "3\tc\n", "2\tb\n" };

    (void)write_rows(file.path, 5, rows);
    const FrameDigest digest = digest_of(&file);
    ck_assert_str_eq(digest.rows, expected_digest(5, rows));

    FrameSum sum = { .rows = 0 }; /* of rows that come from elsewhere */
    char sum_text[65];
    for (size_t i = 0; i < 5; i++)
        frames_sum_add(&sum, other_order[i], strlen(other_order[i]));
    frames_sum_text(&sum, sum_text);
    ck_assert_str_eq(sum_text, digest.rows);
    ck_assert_int_eq(sum.rows, 5);

    (void)write_rows(file.path, 5, other_order);
    ck_assert_str_eq(digest_of(&file).rows, digest.rows);
    ck_assert_str_ne(digest_of(&file).sha256, digest.sha256);

    open_at(&nothing); /* in one frame: the frames make no difference either */
    for (size_t i = 0; i < 5; i++)
        add(rows[i]);
    (void)cut();
    ck_assert_str_eq(digest_of(&file).rows, digest.rows);

    (void)write_rows(file.path, 4, once);
    ck_assert_str_ne(digest_of(&file).rows, digest.rows);
    (void)write_rows(file.path, 4, joined);
    ck_assert_str_ne(digest_of(&file).rows, digest.rows);
    (void)write_rows(file.path, 5, twice_another);
    ck_assert_str_ne(digest_of(&file).rows, digest.rows);
}
END_TEST

START_TEST(a_file_without_rows_is_fine)
{
    FrameMark mark = { .bytes = -1 };

    open_at(&nothing);
    GOOD(frames_cut(writer, true));
    GOOD(frames_wait(writer, &mark));
    ck_assert(same_mark(&mark, &nothing));
    const FrameDigest digest = digest_of(&file);
    ck_assert(same_mark(&digest.mark, &nothing));
    ck_assert_str_eq(digest.rows, expected_digest(0, NULL));
    ck_assert_str_eq(digest.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

static size_t
event_row(char *ret_row, size_t room, int64_t n)
{
    return (size_t)snprintf(ret_row, room,
                            "%" PRId64 "\t%" PRId64 "\t2026-01-%02d %02d:%02d:%02d.%06d+00\tpage_view\t/app/%" PRIx64
                            "\t{\"ms\": %d}\n",
                            n, n % 977, 1 + (int)(n % 28), (int)(n % 24), (int)(n % 60), (int)(n % 59),
                            (int)(n % 999983), (uint64_t)n * UINT64_C(0x9e3779b97f4a7c15), (int)(n % 1709));
}

static Err
hash_plain(void *context, const char *plain, size_t length)
{
    seal_blake2b_add(context, plain, length);
    return OK;
}

START_TEST(two_hundred_thousand_rows_in_cuts_that_overlap_the_next_batch)
{
    SealBlake2b given;
    SealBlake2b got;
    unsigned char digests[2][32];
    FrameMark marks[20];
    FrameDigest digest;
    size_t waited = 0;
    int64_t plain_bytes = 0;

    seal_blake2b_init(&given);
    seal_blake2b_init(&got);
    open_at(&nothing);
    for (int64_t n = 1; n <= 200000; n++)
    {
        char row[256];
        const size_t length = event_row(row, sizeof row, n);

        GOOD(frames_add(writer, row, length));
        seal_blake2b_add(&given, row, length);
        plain_bytes += (int64_t)length;
        if (n % 10000 != 0)
            continue;
        GOOD(frames_cut(writer, n % 20000 == 0));
        if (n > 10000) /* the cut before this one: a batch is read from the server while the last one is synced */
            GOOD(frames_wait(writer, &marks[waited++]));
    }
    GOOD(frames_wait(writer, &marks[waited++]));
    ck_assert_uint_eq(waited, 20);
    ck_assert_int_eq(marks[19].plain_bytes, plain_bytes);
    GOOD(frames_read(&file, -1, hash_plain, &got, &digest));
    ck_assert(same_mark(&digest.mark, &marks[19]));
    seal_blake2b_done(&given, digests[0]);
    seal_blake2b_done(&got, digests[1]);
    ck_assert_mem_eq(digests[0], digests[1], 32);
    for (size_t i = 3; i < waited; i += 4)
    {
        ck_assert_int_eq(marks[i].rows, (int64_t)(i + 1) * 10000);
        GOOD(frames_read(&file, marks[i].bytes, NULL, NULL, &digest));
        ck_assert(same_mark(&digest.mark, &marks[i]));
    }
}
END_TEST

START_TEST(a_frame_holds_no_more_than_its_buffer_unless_one_row_does)
{
    static const size_t sizes[] = {
        10, 5000000, 20, FRAME_BYTES, FRAME_BYTES - 1, 1, FRAME_BYTES + 1, 30, 3000000, 40
    };
    const int64_t frames_expected = 9; /* FRAME_BYTES - 1 and 1 share a frame, all others are alone */
    Text text = TEXT_INIT(scratch_arena);

    open_at(&nothing);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    {
        char *row = arena_alloc(scratch_arena, sizes[i], 1);

        memset(row, 'a' + (int)i, sizes[i]);
        row[sizes[i] - 1] = '\n';
        GOOD(frames_add(writer, row, sizes[i]));
        text_add_bytes(&text, row, sizes[i]);
    }
    const FrameMark mark = cut();
    ck_assert_int_eq(mark.rows, 10);
    ck_assert_int_eq(mark.frames, frames_expected);
    ck_assert_int_eq(mark.plain_bytes, (int64_t)text.length);
    ck_assert_str_eq(content(), text_done(&text));
}
END_TEST

START_TEST(a_buffer_that_was_made_larger_takes_no_more_rows_for_it)
{
    static const size_t sizes[] = { 5000000, 5000000, 5000000, 5000000, FRAME_BYTES + 1, 30, 40 };
    FrameMark mark;

    open_at(&nothing);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) /* all three buffers are large when the fifth row comes */
    {
        char *row = arena_alloc(scratch_arena, sizes[i], 1);

        memset(row, 'a', sizes[i]);
        row[sizes[i] - 1] = '\n';
        GOOD(frames_add(writer, row, sizes[i]));
    }
    mark = cut();
    ck_assert_int_eq(mark.rows, 7);
    ck_assert_int_eq(mark.frames, 6); /* the two short ones share the last */
}
END_TEST

START_TEST(a_file_may_lie_in_the_working_directory)
{
    ck_assert_int_eq(chdir(scratch_dir), 0);
    (void)write_rows("here.xpf", 3, three_rows);
    ck_assert_int_eq(digest_of(&file).mark.rows, 3);
}
END_TEST

START_TEST(every_level_can_be_read)
{
    for (int level = 1; level <= 19; level++)
    {
        file.level = level;
        (void)write_rows(file.path, 3, three_rows);
        ck_assert_int_eq(digest_of(&file).mark.rows, 3);
    }
}
END_TEST

START_TEST(a_rewind_forgets_what_came_after_the_mark)
{
    open_at(&nothing);
    add("1\tkept\n");
    const FrameMark mark = cut();
    for (int round = 0; round < 3; round++)
    {
        add("2\trolled back\n");
        if (round > 0)
            (void)cut();
        if (round > 1)
            add("3\tnot even cut\n");
        GOOD(frames_rewind(writer, &mark));
        ck_assert_uint_eq(scratch_load(file.path).length, (size_t)mark.bytes);
    }
    add("4\tafter\n");
    const FrameMark end = cut();
    ck_assert_int_eq(end.rows, 2);
    ck_assert_str_eq(content(), "1\tkept\n4\tafter\n");
    GOOD(frames_rewind(writer, &nothing));
    add("5\tanew\n");
    (void)cut();
    ck_assert_str_eq(content(), "5\tanew\n");
}
END_TEST

START_TEST(a_rewind_drops_cuts_that_nobody_waited_for)
{
    FrameMark mark;

    open_at(&nothing);
    for (int i = 0; i < 5; i++)
    {
        add("1\tdropped\n");
        GOOD(frames_cut(writer, true));
    }
    GOOD(frames_rewind(writer, &nothing));
    BAD(frames_wait(writer, &mark), ERR_INTERNAL, "no cut");
    add("2\tkept\n");
    mark = cut();
    ck_assert_int_eq(mark.rows, 1);
    ck_assert_str_eq(content(), "2\tkept\n");
}
END_TEST

START_TEST(a_rewind_beyond_the_end_is_refused_and_ends_the_writer)
{
    const FrameMark beyond = { .bytes = 1000000, .frames = 1, .rows = 1, .plain_bytes = 1 };
    FrameMark mark;

    open_at(&nothing);
    add("1\trow\n");
    (void)cut();
    BAD(frames_rewind(writer, &beyond), ERR_EVIDENCE, file.path);
    BAD(frames_cut(writer, false), ERR_EVIDENCE, file.path);
    BAD(frames_wait(writer, &mark), ERR_EVIDENCE, file.path);
    GOOD(frames_rewind(writer, &nothing));
    add("2\trow\n");
    (void)cut();
}
END_TEST

START_TEST(misuse_is_an_error)
{
    FrameMark mark = { .bytes = -1 };

    open_at(&nothing);
    BAD(frames_wait(writer, &mark), ERR_INTERNAL, "no cut");
    BAD(frames_add(writer, "", 0), ERR_INTERNAL, "COPY text");
    BAD(frames_add(writer, "1\tno newline", 12), ERR_INTERNAL, "COPY text");
    for (int i = 0; i < 16; i++)
        GOOD(frames_cut(writer, false));
    BAD(frames_cut(writer, false), ERR_INTERNAL, "16 cuts");
    ck_assert_int_eq(mark.bytes, -1);
    for (int i = 0; i < 16; i++)
        GOOD(frames_wait(writer, &mark));
    ck_assert(same_mark(&mark, &nothing));
}
END_TEST

START_TEST(two_lines_given_as_one_row_are_noticed_by_the_read_back)
{
    FrameMark mark;

    open_at(&nothing);
    GOOD(frames_add(writer, "1\ta\n2\tb\n", 8));
    GOOD(frames_cut(writer, true));
    BAD(frames_wait(writer, &mark), ERR_EVIDENCE, "rows");
}
END_TEST

/* Rows that no compressor shortens: frames of the same length whatever the rows. */
static void
add_noise(size_t count)
{
    for (size_t i = 0; i < count; i++)
    {
        char row[1024];

        seal_random(row, sizeof row);
        for (size_t n = 0; n < sizeof row; n++)
            row[n] = row[n] == '\n' ? 'n' : row[n];
        row[sizeof row - 1] = '\n';
        GOOD(frames_add(writer, row, sizeof row));
    }
}

/* Until the first frame is in the file, whole. */
static void
wait_for_frame(void)
{
    for (int i = 0; i < 1000; i++)
    {
        const Bytes bytes = scratch_load(file.path);
        uint64_t sealed = 0;

        if (bytes.length > HEADER)
            memcpy(&sealed, bytes.at + 24, sizeof sealed);
        if (sealed > 0 && bytes.length == HEADER + le64toh(sealed))
            return;
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    ck_abort_msg("no frame was written");
}

START_TEST(the_read_back_notices_what_the_disk_changed)
{
    FrameMark mark = { .bytes = -1 };

    open_at(&nothing);
    add_noise(1500);
    wait_for_frame();
    scratch_flip(file.path, 5000, 0x04);
    GOOD(frames_cut(writer, true));
    BAD(frames_wait(writer, &mark), ERR_EVIDENCE, "frame 0");
    BAD(frames_cut(writer, true), ERR_EVIDENCE, file.path);
    ck_assert_int_eq(mark.bytes, -1);

    GOOD(frames_rewind(writer, &nothing)); /* and the batch may be tried again */
    add_noise(1500);
    wait_for_frame();
    scratch_save(file.path, "x", 1);
    GOOD(frames_cut(writer, true));
    BAD(frames_wait(writer, &mark), ERR_EVIDENCE, file.path);
    GOOD(frames_rewind(writer, &nothing));
    add_noise(10);
    ck_assert_int_eq(cut().rows, 10);
}
END_TEST

START_TEST(the_read_back_notices_a_true_frame_with_other_rows)
{
    FrameMark mark;

    file.path = scratch_path("other.xpf");
    open_at(&nothing);
    add_noise(1024);
    (void)cut();
    const Bytes other = scratch_load(file.path);
    file.path = scratch_path("0001.xpf");
    open_at(&nothing);
    add_noise(1500);
    wait_for_frame();
    Bytes bytes = scratch_load(file.path);
    ck_assert_uint_eq(bytes.length, other.length);
    scratch_save(file.path, other.at, other.length);
    GOOD(frames_cut(writer, true));
    BAD(frames_wait(writer, &mark), ERR_EVIDENCE, "does not give back what was written");
}
END_TEST

/* A file system of 4 MB, or where that is not allowed a limit on the size of a file.  Own processes only. */
static bool
make_small_disk(const char *dir)
{
    const struct rlimit limit = { 4 << 20, 4 << 20 };

    GOOD(file_make_dirs(dir, 0700));
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tmpfs", dir, "tmpfs", 0, "size=4m") == 0)
        return true;
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return false;
}

START_TEST(a_full_disk_is_told_with_its_path_and_the_batch_can_be_tried_again)
{
    const char *dir = scratch_path("small");
    const bool is_disk = make_small_disk(dir);
    FrameMark mark;
    Err e = OK;

    file.path = arena_printf(scratch_arena, "%s/0001.xpf", dir);
    open_at(&nothing);
    add_noise(100);
    const FrameMark before = cut();
    for (int i = 0; i < 20000 && e == OK; i++)
    {
        char row[1024];

        seal_random(row, sizeof row);
        row[sizeof row - 1] = '\n';
        e = frames_add(writer, row, sizeof row);
    }
    ck_assert_int_eq(e, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_joined(), file.path));
    ck_assert_ptr_nonnull(strstr(err_joined(), is_disk ? "No space left" : "File too large"));
    BAD(frames_cut(writer, true), ERR_IO, file.path);
    BAD(frames_wait(writer, &mark), ERR_IO, file.path);
    GOOD(frames_rewind(writer, &before));
    add_noise(200);
    ck_assert_int_eq(cut().rows, 300);
    frames_writer_closep(&writer);
    ck_assert_int_eq(digest_of(&file).mark.rows, 300);
    if (is_disk)
        ck_assert_int_eq(umount(dir), 0);
}
END_TEST

START_TEST(a_cut_that_succeeded_is_told_before_the_failure_behind_it)
{
    FrameMark mark = { .bytes = -1 };

    open_at(&nothing);
    add("1\tgood\n");
    GOOD(frames_cut(writer, true));
    GOOD(frames_add(writer, "2\ta\n3\tb\n", 8));
    GOOD(frames_cut(writer, true));
    (void)nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
    GOOD(frames_wait(writer, &mark));
    ck_assert_int_eq(mark.rows, 1);
    BAD(frames_wait(writer, &mark), ERR_EVIDENCE, "frame 1");
    ck_assert_int_eq(mark.rows, 1);
}
END_TEST

static Err
fail_at_second(void *context, const char *plain, size_t length)
{
    int *calls = context;

    ck_assert(plain[length - 1] == '\n');
    return ++*calls == 2 ? err_new(ERR_HELD, "the sink") : OK;
}

START_TEST(a_failing_sink_ends_the_reading)
{
    FrameDigest digest = { .mark = { .bytes = -1 } };
    int calls = 0;

    (void)write_rows(file.path, 3, three_rows);
    BAD(frames_read(&file, -1, fail_at_second, &calls, &digest), ERR_HELD, "the sink");
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(digest.mark.bytes, -1);
}
END_TEST

START_TEST(a_writer_closed_with_work_left_leaves_whole_cuts)
{
    FrameMark mark;

    open_at(&nothing);
    add_noise(10);
    mark = cut();
    add_noise(5000);
    GOOD(frames_cut(writer, true));
    frames_writer_closep(&writer);
    open_at(&mark);
    ck_assert_uint_eq(scratch_load(file.path).length, (size_t)mark.bytes);
}
END_TEST

#ifdef EXPUNGE_FAULTS
static FrameMark committed;

static void
write_more(void)
{
    open_at(&committed);
    add("2\tmore\n");
    (void)cut();
    frames_writer_closep(&writer);
}

START_TEST(after_a_crash_at_any_point_the_file_goes_back_to_the_mark)
{
    static const char *const points[] = { "frame.written", "frame.synced", "frame.readback" };

    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
    {
        committed = write_rows(file.path, 1, three_rows);
        ck_assert(scratch_killed_at(points[i], write_more));
        ck_assert_uint_gt(scratch_load(file.path).length, (size_t)committed.bytes);
        write_more();
        ck_assert_str_eq(content(), "1\tfirst\n2\tmore\n");
    }
}
END_TEST
#endif

int
main(void)
{
    TCase *tests = tcase_create("frames");

    tcase_add_test(tests, rows_come_back_as_they_were_written);
    tcase_add_test(tests, a_frames_header_is_as_the_format_says);
    tcase_add_test(tests, each_flipped_byte_is_noticed);
    tcase_add_test(tests, a_cut_at_each_length_is_noticed);
    tcase_add_test(tests, a_limit_inside_a_frame_is_an_error);
    tcase_add_test(tests, a_moved_doubled_or_dropped_frame_is_noticed);
    tcase_add_test(tests, a_file_of_another_snapshot_key_or_number_does_not_open);
    tcase_add_test(tests, files_swapped_between_two_snapshots_are_noticed);
    tcase_add_test(tests, what_a_crash_left_behind_the_mark_is_cut_off);
    tcase_add_test(tests, a_wrong_mark_is_refused_and_costs_nothing);
    tcase_add_test(tests, a_second_writer_of_one_file_is_refused);
    tcase_add_test(tests, the_rows_digest_knows_no_order_but_how_often);
    tcase_add_test(tests, a_file_without_rows_is_fine);
    tcase_add_test(tests, two_hundred_thousand_rows_in_cuts_that_overlap_the_next_batch);
    tcase_add_test(tests, a_frame_holds_no_more_than_its_buffer_unless_one_row_does);
    tcase_add_test(tests, a_buffer_that_was_made_larger_takes_no_more_rows_for_it);
    tcase_add_test(tests, a_file_may_lie_in_the_working_directory);
    tcase_add_test(tests, every_level_can_be_read);
    tcase_add_test(tests, a_rewind_forgets_what_came_after_the_mark);
    tcase_add_test(tests, a_rewind_drops_cuts_that_nobody_waited_for);
    tcase_add_test(tests, a_rewind_beyond_the_end_is_refused_and_ends_the_writer);
    tcase_add_test(tests, misuse_is_an_error);
    tcase_add_test(tests, two_lines_given_as_one_row_are_noticed_by_the_read_back);
    tcase_add_test(tests, the_read_back_notices_what_the_disk_changed);
    tcase_add_test(tests, the_read_back_notices_a_true_frame_with_other_rows);
    tcase_add_test(tests, a_full_disk_is_told_with_its_path_and_the_batch_can_be_tried_again);
    tcase_add_test(tests, a_cut_that_succeeded_is_told_before_the_failure_behind_it);
    tcase_add_test(tests, a_failing_sink_ends_the_reading);
    tcase_add_test(tests, a_writer_closed_with_work_left_leaves_whole_cuts);
#ifdef EXPUNGE_FAULTS
    tcase_add_test(tests, after_a_crash_at_any_point_the_file_goes_back_to_the_mark);
#endif
    return scratch_run(tests, "frames", setup, teardown);
}
