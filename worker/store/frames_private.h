/* SPDX-License-Identifier: Apache-2.0 */
/* frames_private.h -- what the files of frames share: a frame's header and binding, buffers, reading frame by frame, and
 * the writer with its thread. */
#ifndef EXPUNGE_FRAMES_PRIVATE_H
#define EXPUNGE_FRAMES_PRIVATE_H

#include "store/frames.h"
#include "wrap/file.h"
#include "wrap/zst.h"
#include <pthread.h>

/* ---- parts of a frame: frames_parts.c ---- */

#define FRAME_HEADER_BYTES 32
#define FRAME_BOUND_BYTES (16 + 4 + FRAME_HEADER_BYTES)
#define FRAME_PLAIN_MAX INT32_MAX /* no message of PostgreSQL, and so no row of a COPY, is longer */

typedef struct FrameHeader
{
    uint32_t number; /* from 0 */
    uint64_t plain_bytes;
    uint64_t rows;
    uint64_t sealed_bytes;
} FrameHeader;

void frames_encode_header(const FrameHeader *header, unsigned char ret_bytes[FRAME_HEADER_BYTES]);
/* false: these bytes start no frame */
bool frames_decode_header(const unsigned char bytes[FRAME_HEADER_BYTES], FrameHeader *ret_header);

/* The additional data of a frame: snapshot, file, header. */
void frames_bind(const FrameFile *file, const unsigned char header[FRAME_HEADER_BYTES],
                 unsigned char ret_bound[FRAME_BOUND_BYTES]);

/* The zstd frame's length in so many sealed bytes; false when no length is sealed into that. */
bool frames_unsealed_size(size_t sealed_bytes, size_t *ret_packed_bytes);

/* Memory for one frame at a time, in one of its forms.  frames_room() makes it at least bytes and at least
 * usual_bytes large; what it held is gone.  What an exceptionally large frame took goes back with the next usual one. */
typedef struct FrameRoom
{
    unsigned char *bytes;
    size_t size_bytes;
    size_t usual_bytes;
} FrameRoom;
void frames_room(FrameRoom *room, size_t bytes);
void frames_room_free(FrameRoom *room);

/* ---- reading frame by frame: frames_read.c ---- */

typedef struct FrameReader FrameReader;

/* A frame that was read and verified; valid until the next one is. */
typedef struct FrameView
{
    const unsigned char *raw; /* as in the file */
    size_t raw_bytes;
    const char *plain;
    size_t plain_bytes;
} FrameView;

/* file and handle are borrowed. */
FrameReader *frames_reader_new(const FrameFile *file, File *handle);
void frames_reader_freep(FrameReader **reader);

/* The frame at *at, which then stands behind it.  end_bytes: where the last frame must end.
 * Fails with ERR_EVIDENCE, which names the file and the frame. */
NODISCARD Err frames_reader_next(FrameReader *reader, int64_t end_bytes, FrameMark *at, FrameView *ret_view);

/* What the frames read so far come to; becomes a FrameDigest. */
typedef struct FrameTally
{
    SealSha256 sha256;
    FrameSum sum;
} FrameTally;
void frames_tally_init(FrameTally *ret_tally);
void frames_tally_add(FrameTally *tally, const FrameView *view);
void frames_tally_digest(const FrameTally *tally, const FrameMark *mark, FrameDigest *ret_digest);

/* frames_read(), and what it can be gone on from. */
NODISCARD Err frames_scan(const FrameFile *file, int64_t limit_bytes, FrameSink sink, void *context,
                          FrameMark *ret_mark, FrameTally *ret_tally);

/* ---- the writer: frames.c is the caller's side, frames_thread.c packs and writes, frames_check.c syncs and reads back */

#define FRAME_BUFFERS 3
#define FRAME_CUTS_MAX 16 /* that were not waited for */
#define FRAME_JOBS_MAX (FRAME_BUFFERS + FRAME_CUTS_MAX)
#define FRAME_LEVEL_HIGH 3
#define FRAME_LEVEL_LOW 1
#define FRAME_PROOFS 4 /* so many cuts can be taken back with their proof */

/* Plain rows on their way: filled by the caller, emptied by the thread. */
typedef struct FrameBuffer
{
    FrameRoom room;
    size_t length;
    int64_t rows;
} FrameBuffer;

typedef struct FrameJob
{
    FrameBuffer *frame; /* NULL: a cut */
    bool read_back;
} FrameJob;

/* A cut, on its way from one thread to the other. */
typedef struct FrameCheck
{
    FrameMark mark;
    unsigned char written[SEAL_HASH_BYTES]; /* hash of the frames since the cut before */
    bool read_back;
} FrameCheck;

/* A place where all frames before were read back, and what they came to. */
typedef struct FrameProof
{
    FrameMark mark;
    unsigned char tally[sizeof(FrameTally)]; /* as bytes: a writer's memory is aligned for less */
    bool holds;
} FrameProof;

struct FrameWriter
{
    FrameFile file; /* its path is the one below */
    char *path;
    File *handle;
    pthread_t threads[2];
    size_t thread_count;
    FrameBuffer buffers[FRAME_BUFFERS];
    FrameBuffer *current; /* the caller's alone, never a queued one */

    /* the first thread's alone; the caller's while there is none */
    FrameMark at; /* what is written */
    int level;    /* 0: not chosen yet */
    ZstWriter *zst;
    FrameRoom packed;
    FrameRoom sealed;

    /* the second thread's alone; the caller's while there is none, and under the mutex what it asks for */
    FrameMark cut;                   /* where the last cut was */
    FrameProof proofs[FRAME_PROOFS]; /* a ring: the cuts up to now, the newest at proof_count - 1 */
    size_t proof_count;
    FrameReader *reader;

    /* under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t work;     /* the first thread waits */
    pthread_cond_t check;    /* the second thread waits */
    pthread_cond_t progress; /* the caller waits */
    FrameBuffer *idle[FRAME_BUFFERS];
    size_t idle_count;
    FrameJob jobs[FRAME_JOBS_MAX]; /* a ring; it has room for all buffers and all cuts */
    size_t job_first;
    size_t job_count;
    FrameCheck checks[FRAME_CUTS_MAX]; /* a ring */
    size_t check_first;
    size_t check_count;
    bool stopping;
    FrameMark cuts[FRAME_CUTS_MAX]; /* a ring */
    uint64_t cuts_asked;
    uint64_t cuts_done;
    uint64_t cuts_waited;
    Err failed; /* of a thread; neither works any more then */
    char story[1024];
};

/* All before mark is proven by tally, or (NULL) nothing is. */
void frames_prove(FrameWriter *writer, const FrameMark *mark, const FrameTally *tally);
/* false when not all of it was read back */
bool frames_proven(const FrameWriter *writer, const FrameMark *mark, FrameTally *ret_tally);
bool frames_same_mark(const FrameMark *a, const FrameMark *b);
/* Under the mutex: buffer is empty, and the caller may take it. */
void frames_make_idle(FrameWriter *writer, FrameBuffer *buffer);
/* Stories are per thread: this thread's one is written down with result, the first one, to be told again in the
 * caller's.  frames_fail: and the threads end.  All under the mutex. */
void frames_note_failure(FrameWriter *writer, Err result);
void frames_fail(FrameWriter *writer, Err result);
NODISCARD Err frames_tell_failure(const FrameWriter *writer);
NODISCARD Err frames_start_threads(FrameWriter *writer);
void frames_stop_threads(FrameWriter *writer); /* in the middle of their jobs; fine when there are none */
void *frames_check_main(void *writer);         /* the second thread */

#endif
