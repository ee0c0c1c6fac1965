/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames_private.h"

#include "base/fault.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static Err
write_frame(FrameWriter *writer, const FrameBuffer *buffer, SealBlake2b *plain_hash)
{
    unsigned char bound[FRAME_BOUND_BYTES];
    size_t packed_bytes = 0;

    frames_room(&writer->packed, zst_bound(buffer->length));
    TRY(zst_compress(writer->zst, buffer->room.bytes, buffer->length, writer->packed.bytes, writer->packed.size_bytes,
                     &packed_bytes));
    seal_blake2b_add(plain_hash, buffer->room.bytes, buffer->length);

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

/* What the disk gives since the last cut must be, frame by frame, what the caller gave. */
static Err
read_back(FrameWriter *writer, const unsigned char written[SEAL_HASH_BYTES])
{
    SealBlake2b hash;
    unsigned char found[SEAL_HASH_BYTES];
    FrameMark at = writer->cut;
    int64_t size = 0;

    TRY(file_size(writer->handle, &size));
    if (size != writer->at.bytes)
        return err_new(ERR_EVIDENCE, "\"%s\" has %" PRId64 " bytes, %" PRId64 " were written to it", writer->path, size,
                       writer->at.bytes);
    file_forget_cache(writer->handle);
    seal_blake2b_init(&hash);
    while (at.bytes < writer->at.bytes)
    {
        FrameView view;

        TRY(frames_reader_next(writer->reader, writer->at.bytes, &at, &view));
        seal_blake2b_add(&hash, view.plain, view.plain_bytes);
    }
    seal_blake2b_done(&hash, found);
    if (!frames_same_mark(&at, &writer->at) || memcmp(found, written, sizeof found) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" does not give back what was written to it", writer->path);
    fault_point("frame.readback");
    return OK;
}

static Err
finish_cut(FrameWriter *writer, bool with_read_back, SealBlake2b *plain_hash)
{
    unsigned char written[SEAL_HASH_BYTES];

    TRY(file_sync_data(writer->handle));
    fault_point("frame.synced");
    seal_blake2b_done(plain_hash, written);
    seal_blake2b_init(plain_hash);
    if (with_read_back)
        TRY(read_back(writer, written));
    writer->cut = writer->at;
    return OK;
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
    (void)snprintf(writer->story, sizeof writer->story, "%s", err_joined());
    writer->failed = result;
}

Err
frames_tell_failure(const FrameWriter *writer)
{
    return err_new(writer->failed, "%s", writer->story);
}

/* After a failure nothing more is taken: the caller sees it at its next step. */
static void
end_job(FrameWriter *writer, const FrameJob *job, Err result)
{
    pthread_mutex_lock(&writer->mutex);
    if (result != OK)
    {
        frames_note_failure(writer, result);
        writer->stopping = true;
    }
    else if (job->frame != NULL)
        frames_make_idle(writer, job->frame);
    else
        writer->cuts[writer->cuts_done++ % FRAME_CUTS_MAX] = writer->cut;
    pthread_cond_signal(&writer->progress);
    pthread_mutex_unlock(&writer->mutex);
}

static void *
thread_main(void *argument)
{
    FrameWriter *writer = argument;
    SealBlake2b plain_hash; /* of the frames since the last cut */
    FrameJob job;

    seal_blake2b_init(&plain_hash);
    while (take_job(writer, &job))
    {
        const Err e = job.frame != NULL ? write_frame(writer, job.frame, &plain_hash)
                                        : finish_cut(writer, job.read_back, &plain_hash);
        end_job(writer, &job, e);
    }
    return NULL;
}

/* Signals are the caller's: SIGTERM must interrupt what it waits for. */
Err
frames_start_thread(FrameWriter *writer)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&writer->thread, NULL, thread_main, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return err_new(ERR_INTERNAL, "could not start a thread: %s", strerrordesc_np(error));
    writer->has_thread = true;
    return OK;
}

void
frames_stop_thread(FrameWriter *writer)
{
    if (!writer->has_thread)
        return;
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    writer->has_thread = false;
}
