/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames_private.h"

#include "store/hex.h"
#include <endian.h>
#include <inttypes.h>
#include <string.h>

struct FrameReader
{
    const FrameFile *file;
    File *handle;
    ZstReader *zst;
    FrameRoom raw; /* header and sealed bytes, as in the file */
    FrameRoom packed;
    FrameRoom plain;
};

FrameReader *
frames_reader_new(const FrameFile *file, File *handle)
{
    FrameReader *reader = mem_alloc(sizeof *reader);

    reader->file = file;
    reader->handle = handle;
    reader->zst = zst_reader_new();
    reader->plain.usual_bytes = FRAME_BYTES;
    reader->packed.usual_bytes = zst_bound(FRAME_BYTES);
    reader->raw.usual_bytes = FRAME_HEADER_BYTES + seal_frame_size(reader->packed.usual_bytes);
    return reader;
}

void
frames_reader_freep(FrameReader **reader)
{
    if (*reader == NULL)
        return;
    zst_reader_freep(&(*reader)->zst);
    frames_room_free(&(*reader)->raw);
    frames_room_free(&(*reader)->packed);
    frames_room_free(&(*reader)->plain);
    mem_free(*reader);
    *reader = NULL;
}

static Err
bad_frame(const FrameReader *reader, const FrameMark *at, const char *what)
{
    return err_new(ERR_EVIDENCE, "frame %" PRId64 " of \"%s\" %s", at->frames, reader->file->path, what);
}

/* Header and sealed bytes into reader->raw; nothing in them is to be trusted yet but their place. */
static Err
read_raw(FrameReader *reader, int64_t end_bytes, const FrameMark *at, FrameHeader *ret_header)
{
    unsigned char header[FRAME_HEADER_BYTES];
    const int64_t left = end_bytes - at->bytes;

    if (left < FRAME_HEADER_BYTES)
        return bad_frame(reader, at, "is cut off");
    TRY(file_read_at(reader->handle, at->bytes, header, sizeof header));
    if (!frames_decode_header(header, ret_header))
        return bad_frame(reader, at, "has no header of a frame");
    if (ret_header->number != (uint64_t)at->frames)
        return bad_frame(reader, at, "is another one by its header");
    if (ret_header->sealed_bytes > (uint64_t)left - sizeof header)
        return bad_frame(reader, at, "is cut off");
    frames_room(&reader->raw, sizeof header + (size_t)ret_header->sealed_bytes);
    memcpy(reader->raw.bytes, header, sizeof header);
    return file_read_at(reader->handle, at->bytes + (int64_t)sizeof header, reader->raw.bytes + sizeof header,
                        (size_t)ret_header->sealed_bytes);
}

/* Opening proves the header as well: only then is memory taken on its word. */
static Err
open_raw(FrameReader *reader, const FrameMark *at, const FrameHeader *header)
{
    unsigned char bound[FRAME_BOUND_BYTES];
    size_t packed_bytes = 0;

    if (!frames_unsealed_size((size_t)header->sealed_bytes, &packed_bytes))
        return bad_frame(reader, at, "has a length that no frame has");
    frames_bind(reader->file, reader->raw.bytes, bound);
    frames_room(&reader->packed, packed_bytes);
    Err e = seal_frame_open(reader->file->key, bound, sizeof bound, reader->raw.bytes + FRAME_HEADER_BYTES,
                            (size_t)header->sealed_bytes, reader->packed.bytes, packed_bytes);
    if (e != OK)
        return err_note(e, "frame %" PRId64 " of \"%s\" does not open", at->frames, reader->file->path);
    frames_room(&reader->plain, (size_t)header->plain_bytes);
    e = zst_decompress(reader->zst, reader->packed.bytes, packed_bytes, reader->plain.bytes,
                       (size_t)header->plain_bytes);
    if (e != OK)
        return err_note(e, "frame %" PRId64 " of \"%s\" does not decompress", at->frames, reader->file->path);
    return OK;
}

/* COPY text writes a newline in a value as \n: each newline ends a row. */
static uint64_t
count_rows(const char *plain, size_t length)
{
    uint64_t rows = 0;
    const char *const end = plain + length;

    for (const char *at = plain; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        rows++;
    return rows;
}

Err
frames_reader_next(FrameReader *reader, int64_t end_bytes, FrameMark *at, FrameView *ret_view)
{
    FrameHeader header;

    TRY(read_raw(reader, end_bytes, at, &header));
    TRY(open_raw(reader, at, &header));
    const size_t length = (size_t)header.plain_bytes;
    const char *plain = (const char *)reader->plain.bytes;
    if (plain[length - 1] != '\n' || count_rows(plain, length) != header.rows)
        return bad_frame(reader, at, "does not hold the rows that its header tells");

    *ret_view = (FrameView){ .raw = reader->raw.bytes,
                             .raw_bytes = FRAME_HEADER_BYTES + (size_t)header.sealed_bytes,
                             .plain = plain,
                             .plain_bytes = length };
    at->bytes += (int64_t)ret_view->raw_bytes;
    at->frames++;
    at->rows += (int64_t)header.rows;
    at->plain_bytes += (int64_t)length;
    return OK;
}

void
frames_sum_add(FrameSum *sum, const char *row, size_t length)
{
    unsigned char digest[SEAL_HASH_BYTES];
    unsigned carry = 0;

    seal_blake2b(row, length, digest);
    for (size_t i = 0; i < FRAME_SUM_WORDS; i++)
    {
        uint64_t word;

        memcpy(&word, digest + i * sizeof word, sizeof word);
        const bool over_by_carry = __builtin_add_overflow(sum->words[i], carry, &sum->words[i]);
        const bool over_by_word = __builtin_add_overflow(sum->words[i], le64toh(word), &sum->words[i]);
        carry = over_by_carry || over_by_word;
    }
    sum->rows++;
}

void
frames_sum_text(const FrameSum *sum, char ret_rows[65])
{
    unsigned char digest[SEAL_HASH_BYTES];

    for (size_t i = 0; i < FRAME_SUM_WORDS; i++)
    {
        const uint64_t word = htole64(sum->words[i]);

        memcpy(digest + i * sizeof word, &word, sizeof word);
    }
    hex_put(digest, sizeof digest, ret_rows);
}

void
frames_tally_init(FrameTally *ret_tally)
{
    *ret_tally = (FrameTally){ .sum = { .rows = 0 } };
    seal_sha256_init(&ret_tally->sha256);
}

void
frames_tally_add(FrameTally *tally, const FrameView *view)
{
    const char *const end = view->plain + view->plain_bytes;

    seal_sha256_add(&tally->sha256, view->raw, view->raw_bytes);
    for (const char *row = view->plain; row < end;)
    {
        const char *next = (const char *)memchr(row, '\n', (size_t)(end - row)) + 1;

        frames_sum_add(&tally->sum, row, (size_t)(next - row));
        row = next;
    }
}

void
frames_tally_digest(const FrameTally *tally, const FrameMark *mark, FrameDigest *ret_digest)
{
    unsigned char digest[SEAL_HASH_BYTES];
    SealSha256 sha256 = tally->sha256;

    ret_digest->mark = *mark;
    seal_sha256_done(&sha256, digest);
    hex_put(digest, sizeof digest, ret_digest->sha256);
    frames_sum_text(&tally->sum, ret_digest->rows);
}

Err
frames_scan(const FrameFile *file, int64_t limit_bytes, FrameSink sink, void *context, FrameMark *ret_mark,
            FrameTally *ret_tally)
{
    CLEANUP(file_closep) File *handle = NULL;
    CLEANUP(frames_reader_freep) FrameReader *reader = NULL;
    FrameTally tally;
    FrameMark at = { 0 };
    int64_t size = 0;

    TRY(file_open(file->path, FILE_READ, &handle));
    TRY(file_size(handle, &size));
    const int64_t end = limit_bytes < 0 ? size : limit_bytes;
    if (size < end)
        return err_new(ERR_EVIDENCE, "\"%s\" holds %" PRId64 " bytes, %" PRId64 " were written", file->path, size, end);
    file_forget_cache(handle);
    reader = frames_reader_new(file, handle);
    frames_tally_init(&tally);
    while (at.bytes < end)
    {
        FrameView view;

        TRY(frames_reader_next(reader, end, &at, &view));
        frames_tally_add(&tally, &view);
        if (sink != NULL)
            TRY(sink(context, view.plain, view.plain_bytes));
    }
    *ret_mark = at;
    *ret_tally = tally;
    return OK;
}

Err
frames_read(const FrameFile *file, int64_t limit_bytes, FrameSink sink, void *context, FrameDigest *ret_digest)
{
    FrameTally tally;
    FrameMark mark;

    TRY(frames_scan(file, limit_bytes, sink, context, &mark, &tally));
    frames_tally_digest(&tally, &mark, ret_digest);
    return OK;
}
