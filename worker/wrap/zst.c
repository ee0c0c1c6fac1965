/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/zst.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#define WINDOW_LOG_MAX 23

/* ZstWriter and ZstReader are zstd's contexts under names of our own. */
static ZSTD_CCtx *
cctx(ZstWriter *writer)
{
    return (ZSTD_CCtx *)writer;
}

static ZSTD_DCtx *
dctx(ZstReader *reader)
{
    return (ZSTD_DCtx *)reader;
}

static void
must_have(const void *context)
{
    if (context == NULL)
    {
        (void)fputs("expunge: out of memory for zstd\n", stderr);
        abort();
    }
}

static void
must(size_t status)
{
    assert(!ZSTD_isError(status));
    if (ZSTD_isError(status))
        abort();
}

ZstWriter *
zst_writer_new(int level)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();

    must_have(context);
    must(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1));
    must(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1));
    zst_writer_level((ZstWriter *)context, level);
    return (ZstWriter *)context;
}

void
zst_writer_level(ZstWriter *writer, int level)
{
    assert(level >= 1 && level <= 19);
    must(ZSTD_CCtx_setParameter(cctx(writer), ZSTD_c_compressionLevel, level));
}

void
zst_writer_freep(ZstWriter **writer)
{
    (void)ZSTD_freeCCtx(cctx(*writer));
    *writer = NULL;
}

ZstReader *
zst_reader_new(void)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();

    must_have(context);
    must(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX));
    return (ZstReader *)context;
}

void
zst_reader_freep(ZstReader **reader)
{
    (void)ZSTD_freeDCtx(dctx(*reader));
    *reader = NULL;
}

size_t
zst_bound(size_t plain_length)
{
    return ZSTD_compressBound(plain_length);
}

Err
zst_compress(ZstWriter *writer, const void *plain, size_t plain_length, void *ret, size_t room, size_t *ret_length)
{
    const size_t length = ZSTD_compress2(cctx(writer), ret, room, plain, plain_length);

    if (ZSTD_isError(length))
        return err_new(ERR_INTERNAL, "could not compress %zu bytes: %s", plain_length, ZSTD_getErrorName(length));
    *ret_length = length;
    return OK;
}

/* RFC 8878, 3.1.1.1: libzstd holds a caller to its window limit only where it must allocate the window itself. */
static bool
window_is_too_large(const unsigned char *packed, size_t packed_length)
{
    const bool is_single_segment = packed_length > 4 && (packed[4] & 0x20U) != 0;

    if (packed_length < 6 || is_single_segment)
        return false; /* without a window field, the content is the window, and the caller holds it anyway */
    return 10 + (packed[5] >> 3) > WINDOW_LOG_MAX || (packed[5] >> 3 == WINDOW_LOG_MAX - 10 && (packed[5] & 7U) != 0);
}

Err
zst_decompress(ZstReader *reader, const void *packed, size_t packed_length, void *ret_plain, size_t plain_length)
{
    static const unsigned char magic[4] = { 0x28, 0xB5, 0x2F, 0xFD }; /* a skippable frame has another */
    const unsigned char *from = packed;
    bool is_frame = packed_length >= sizeof magic;

    for (size_t i = 0; is_frame && i < sizeof magic; i++)
        is_frame = from[i] == magic[i];
    if (!is_frame)
        return err_new(ERR_EVIDENCE, "these %zu bytes are no zstd frame", packed_length);
    if (window_is_too_large(packed, packed_length))
        return err_new(ERR_EVIDENCE, "a zstd frame asks for a window of more than %d MiB", 1 << (WINDOW_LOG_MAX - 20));
    if (ZSTD_getFrameContentSize(packed, packed_length) != plain_length)
        return err_new(ERR_EVIDENCE, "a zstd frame does not hold the %zu bytes that it should", plain_length);
    if (ZSTD_findFrameCompressedSize(packed, packed_length) != packed_length)
        return err_new(ERR_EVIDENCE, "a zstd frame was cut, or something follows it");
    const size_t length = ZSTD_decompressDCtx(dctx(reader), ret_plain, plain_length, packed, packed_length);
    if (ZSTD_isError(length) || length != plain_length)
        return err_new(ERR_EVIDENCE, "a zstd frame of %zu bytes is damaged: %s", packed_length,
                       ZSTD_isError(length) ? ZSTD_getErrorName(length) : "its content is too short");
    return OK;
}
