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
frames_prove(FrameWriter *writer, const FrameMark *mark, const FrameTally *tally)
{
    FrameProof *proof = &writer->proofs[writer->proof_count++ % FRAME_PROOFS];

    *proof = (FrameProof){ .mark = *mark, .holds = tally != NULL };
    if (tally != NULL)
        memcpy(proof->tally, tally, sizeof proof->tally);
}

bool
frames_proven(const FrameWriter *writer, const FrameMark *mark, FrameTally *ret_tally)
{
    for (size_t i = 0; i < FRAME_PROOFS && i < writer->proof_count; i++)
    {
        const FrameProof *proof = &writer->proofs[(writer->proof_count - 1 - i) % FRAME_PROOFS];

        if (!frames_same_mark(&proof->mark, mark))
            continue;
        if (proof->holds)
            memcpy(ret_tally, proof->tally, sizeof *ret_tally);
        return proof->holds;
    }
    return false;
}

/* What the disk gives since the last cut must be, byte by byte, what was given to it; and then each frame must open, and
 * hold what zstd's checksum of its rows says. */
static Err
read_back(FrameWriter *writer, const unsigned char written[SEAL_HASH_BYTES])
{
    SealBlake2b hash;
    FrameTally tally;
    unsigned char found[SEAL_HASH_BYTES];
    FrameMark at = writer->cut;
    const bool is_proven = frames_proven(writer, &at, &tally);

    file_forget_cache(writer->handle);
    seal_blake2b_init(&hash);
    while (at.bytes < writer->at.bytes)
    {
        FrameView view;

        TRY(frames_reader_next(writer->reader, writer->at.bytes, &at, &view));
        seal_blake2b_add(&hash, view.raw, view.raw_bytes);
        if (is_proven)
            frames_tally_add(&tally, &view);
    }
    seal_blake2b_done(&hash, found);
    if (!frames_same_mark(&at, &writer->at) || memcmp(found, written, sizeof found) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" does not give back what was written to it", writer->path);
    fault_point("frame.readback");
    pthread_mutex_lock(&writer->mutex);
    frames_prove(writer, &at, is_proven ? &tally : NULL);
    pthread_mutex_unlock(&writer->mutex);
    return OK;
}

static Err
finish_cut(FrameWriter *writer, bool with_read_back, SealBlake2b *written)
{
    unsigned char hash[SEAL_HASH_BYTES];

    TRY(file_sync_data(writer->handle));
    fault_point("frame.synced");
    seal_blake2b_done(written, hash);
    seal_blake2b_init(written);
    if (with_read_back)
        TRY(read_back(writer, hash));
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
    SealBlake2b written; /* hash of the frames since the last cut */
    FrameJob job;

    seal_blake2b_init(&written);
    while (take_job(writer, &job))
    {
        const Err e = job.frame != NULL ? write_frame(writer, job.frame, &written)
                                        : finish_cut(writer, job.read_back, &written);
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
