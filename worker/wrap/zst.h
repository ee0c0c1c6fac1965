/* SPDX-License-Identifier: Apache-2.0 */
/* zst.h -- zstd frames through libzstd.  The only file that knows libzstd.  Frame checksum on; on reading the window
 * is limited to 8 MiB (ZSTD_d_windowLogMax 23). */
#ifndef EXPUNGE_ZST_H
#define EXPUNGE_ZST_H

#include "base/arena.h"

typedef struct ZstWriter ZstWriter;
typedef struct ZstReader ZstReader;

ZstWriter *zst_writer_new(int level);                /* 1 to 19 */
void zst_writer_level(ZstWriter *writer, int level); /* from the next frame on */
void zst_writer_freep(ZstWriter **writer);
ZstReader *zst_reader_new(void);
void zst_reader_freep(ZstReader **reader);

size_t zst_bound(size_t plain_length);
/* One whole frame with its content size; ret has room for zst_bound(plain_length). */
NODISCARD Err zst_compress(ZstWriter *writer, const void *plain, size_t plain_length, void *ret, size_t room,
                           size_t *ret_length);
/* One whole frame of exactly plain_length bytes, nothing after it: ERR_EVIDENCE otherwise. */
NODISCARD Err zst_decompress(ZstReader *reader, const void *packed, size_t packed_length, void *ret_plain,
                             size_t plain_length);

#endif
