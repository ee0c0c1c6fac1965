/* SPDX-License-Identifier: Apache-2.0 */
/* frames.h -- one table's file in a snapshot: a series of frames, each a zstd frame of COPY text, sealed.
 *
 * File: frames back to back.  A frame: 32 bytes header (magic "XPF1", u32 number of the frame from 0, u64 plain bytes,
 * u64 rows, u64 sealed bytes; little endian), then the sealed bytes (seal_frame of the zstd frame).  Bound as additional
 * data: snapshot id (16 bytes), file number (u32) and the 32 header bytes: a frame moved to another place, file or
 * snapshot does not open.  The zstd frame's compressed length is sealed bytes minus what sealing adds.
 *
 * The writer: the caller adds rows (it never compresses); a thread of its own compresses (zst), seals, hashes and
 * writes; a second one syncs and reads back.  At most three buffers of FRAME_BYTES are under way: memory is constant,
 * whatever the rows. */
#ifndef EXPUNGE_FRAMES_H
#define EXPUNGE_FRAMES_H

#include "wrap/seal.h"
#include <stdbool.h>

#define FRAME_BYTES (1 << 20) /* a frame is closed when it holds this much; one larger row makes one larger frame */

typedef struct FrameWriter FrameWriter;

/* Where a file stands: what is committed in the database with the rows, and in the manifest at the end. */
typedef struct FrameMark
{
    int64_t bytes; /* end offset in the file */
    int64_t frames;
    int64_t rows;
    int64_t plain_bytes;
} FrameMark;

typedef struct FrameFile
{
    const char *path;
    const Secret *key;
    unsigned char snapshot_id[16];
    uint32_t number;
    int level; /* zstd, 1 to 19; 0: 3 where that makes the file's first large frame a tenth smaller than 1, otherwise 1 */
} FrameFile;

/* Start at mark (all zero: a new file).  A longer file is cut back to mark.bytes (what was not committed is gone, its
 * rows are still in the table); a shorter one is ERR_EVIDENCE.  What is there up to mark is read back and verified. */
NODISCARD Err frames_writer_open(const FrameFile *file, const FrameMark *mark, FrameWriter **ret_writer);
void frames_writer_close(FrameWriter *writer); /* what is not synced may be lost */
void frames_writer_closep(FrameWriter **writer);
/* One row of COPY text with its newline.  May wait for the thread.  Returns the thread's error (disk full, …). */
NODISCARD Err frames_add(FrameWriter *writer, const char *row, size_t length);
/* Close the open frame and hand it over; do not wait: the thread compresses, writes, syncs, and with read_back reads
 * back, opens and compares what was written since the last cut.  Rows may be added at once.  Every cut must be waited
 * for in turn with frames_wait(). */
NODISCARD Err frames_cut(FrameWriter *writer, bool read_back);
/* Wait for the oldest cut that was not waited for: everything up to it is on the disk (and read back). */
NODISCARD Err frames_wait(FrameWriter *writer, FrameMark *ret_mark);
/* frames_wait() would not wait. */
bool frames_is_ready(FrameWriter *writer);
/* Forget what came after mark (a batch that was rolled back): the file is cut back.  All cuts must have been waited for,
 * or failed. */
NODISCARD Err frames_rewind(FrameWriter *writer, const FrameMark *mark);

/* What reading a whole file tells. */
typedef struct FrameDigest
{
    FrameMark mark;
    char sha256[65]; /* of the file's bytes, as sha256sum prints it */
    char rows[65];   /* order-independent digest of the plain rows, multiplicity included: the sum modulo 2^256
                         (little endian) of the BLAKE2b-256 of each row's bytes with its newline */
} FrameDigest;

/* FrameDigest.rows of rows that come from elsewhere, in any order and any cut between rows. */
#define FRAME_SUM_WORDS (SEAL_HASH_BYTES / sizeof(uint64_t))
typedef struct FrameSum
{
    uint64_t words[FRAME_SUM_WORDS]; /* least significant first; all zero: no row yet */
    int64_t rows;
} FrameSum;
void frames_sum_add(FrameSum *sum, const char *row, size_t length); /* one row with its newline */
void frames_sum_text(const FrameSum *sum, char ret_rows[65]);

/* What frames_read() would tell of the file up to mark, without reading it again: false when not all of it was read back,
 * by its cuts or at the opening.  mark: of the last cut that was waited for. */
bool frames_writer_digest(FrameWriter *writer, const FrameMark *mark, FrameDigest *ret_digest);

/* Read, open, check everything up to limit_bytes (-1: the whole file, which must end with a frame); sink (may be NULL)
 * gets the plain bytes, a frame at a time.  ERR_EVIDENCE names the file and the frame's number.
 * level and path of file as above (level unused). */
typedef Err (*FrameSink)(void *context, const char *plain, size_t length);
NODISCARD Err frames_read(const FrameFile *file, int64_t limit_bytes, FrameSink sink, void *context,
                          FrameDigest *ret_digest);

#endif
