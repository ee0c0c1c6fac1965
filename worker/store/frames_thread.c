/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames_private.h"

#include "base/fault.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TRIAL_BYTES ((size_t)FRAME_BYTES / 4) /* less says too little about the frames to come */

static Err
pack(FrameWriter *writer, const FrameBuffer *buffer, size_t *ret_packed_bytes)
{
    return zst_compress(writer->zst, buffer->room.bytes, buffer->length, writer->packed.bytes,
                        writer->packed.size_bytes, ret_packed_bytes);
}

/* Rows of numbers and names come out as small at the low level as at the high one, at twice the speed; written text does
 * not (facts.md, "Speed"). */
static Err
choose_level(FrameWriter *writer, const FrameBuffer *buffer)
{
    size_t high_bytes = 0, low_bytes = 0;

    TRY(pack(writer, buffer, &high_bytes));
    zst_writer_level(writer->zst, FRAME_LEVEL_LOW);
    TRY(pack(writer, buffer, &low_bytes));
    writer->level = high_bytes < low_bytes / 10 * 9 ? FRAME_LEVEL_HIGH : FRAME_LEVEL_LOW;
    zst_writer_level(writer->zst, writer->level);
    return OK;
}

static Err
write_frame(FrameWriter *writer, const FrameBuffer *buffer, SealBlake2b *written)
{
    unsigned char bound[FRAME_BOUND_BYTES];
    size_t packed_bytes = 0;

    frames_room(&writer->packed, zst_bound(buffer->length));
    if (writer->level == 0 && buffer->length >= TRIAL_BYTES)
        TRY(choose_level(writer, buffer));
    TRY(pack(writer, buffer, &packed_bytes));

    const FrameHeader header = { .number = (uint32_t)writer->at.frames,
                                 .plain_bytes = buffer->length,
                                 .rows = (uint64_t)buffer->rows,
                                 .sealed_bytes = seal_frame_size(packed_bytes) };
    const size_t length = FRAME_HEADER_BYTES + (size_t)header.sealed_bytes;
    frames_room(&writer->sealed, length);
    frames_encode_header(&header, writer->sealed.bytes);
    frames_bind(&writer->file, writer->sealed.bytes, bound);
    seal_frame(writer->file.key, bound, sizeof bound, writer->packed.bytes, packed_bytes,
               writer->sealed.bytes + FRAME_HEADER_BYTES);
    seal_blake2b_add(written, writer->sealed.bytes, length);
    TRY(file_write_at(writer->handle, writer->at.bytes, writer->sealed.bytes, length));
    fault_point("frame.written");
    writer->at.bytes += (int64_t)length;
    writer->at.frames++;
    writer->at.rows += buffer->rows;
    writer->at.plain_bytes += (int64_t)buffer->length;
    return OK;
}

bool
frames_same_mark(const FrameMark *a, const FrameMark *b)
{
    return a->bytes == b->bytes && a->frames == b->frames && a->rows == b->rows && a->plain_bytes == b->plain_bytes;
}

void
frames_make_idle(FrameWriter *writer, FrameBuffer *buffer)
{
    buffer->length = 0;
    buffer->rows = 0;
    writer->idle[writer->idle_count++] = buffer;
}

/* false: the thread is to end */
static bool
take_job(FrameWriter *writer, FrameJob *ret_job)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->job_count == 0 && !writer->stopping)
        pthread_cond_wait(&writer->work, &writer->mutex);
    const bool is_there = !writer->stopping;
    if (is_there)
    {
        *ret_job = writer->jobs[writer->job_first];
        writer->job_first = (writer->job_first + 1) % FRAME_JOBS_MAX;
        writer->job_count--;
    }
    pthread_mutex_unlock(&writer->mutex);
    return is_there;
}

void
frames_note_failure(FrameWriter *writer, Err result)
{
    if (writer->failed != OK)
        return;
    (void)snprintf(writer->story, sizeof writer->story, "%s", err_joined());
    writer->failed = result;
}

Err
frames_tell_failure(const FrameWriter *writer)
{
    return err_new(writer->failed, "%s", writer->story);
}

void
frames_fail(FrameWriter *writer, Err result)
{
    frames_note_failure(writer, result);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_cond_signal(&writer->check);
}

static void
end_frame(FrameWriter *writer, FrameBuffer *frame, Err result)
{
    pthread_mutex_lock(&writer->mutex);
    if (result != OK)
        frames_fail(writer, result);
    else
        frames_make_idle(writer, frame);
    pthread_cond_signal(&writer->progress);
    pthread_mutex_unlock(&writer->mutex);
}

/* The other thread goes on with it. */
static void
hand_over_cut(FrameWriter *writer, bool with_read_back, SealBlake2b *written)
{
    FrameCheck check = { .mark = writer->at, .read_back = with_read_back };

    seal_blake2b_done(written, check.written);
    seal_blake2b_init(written);
    pthread_mutex_lock(&writer->mutex);
    writer->checks[(writer->check_first + writer->check_count++) % FRAME_CUTS_MAX] = check;
    pthread_cond_signal(&writer->check);
    pthread_mutex_unlock(&writer->mutex);
}

static void *
thread_main(void *argument)
{
    FrameWriter *writer = argument;
    SealBlake2b written; /* hash of the frames since the last cut */
    FrameJob job;

    seal_blake2b_init(&written);
    while (take_job(writer, &job))
        if (job.frame != NULL)
            end_frame(writer, job.frame, write_frame(writer, job.frame, &written));
        else
            hand_over_cut(writer, job.read_back, &written);
    return NULL;
}

/* Signals are the caller's: SIGTERM must interrupt what it waits for. */
static Err
start(FrameWriter *writer, void *(*function)(void *), pthread_t *ret_thread)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(ret_thread, NULL, function, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return err_new(ERR_INTERNAL, "could not start a thread: %s", strerrordesc_np(error));
    writer->thread_count++;
    return OK;
}

Err
frames_start_threads(FrameWriter *writer)
{
    TRY(start(writer, thread_main, &writer->threads[0]));
    return start(writer, frames_check_main, &writer->threads[1]);
}

void
frames_stop_threads(FrameWriter *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_cond_signal(&writer->check);
    pthread_mutex_unlock(&writer->mutex);
    while (writer->thread_count > 0)
        pthread_join(writer->threads[--writer->thread_count], NULL);
}
