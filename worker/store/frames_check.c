/* SPDX-License-Identifier: Apache-2.0 */
/* The part of frames.h that follows the writing: on the disk, and as it should be.  A thread of its own, so that the next
 * frames are compressed while the disk is waited for. */
#include "store/frames_private.h"

#include "base/fault.h"
#include <string.h>

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
read_back(FrameWriter *writer, const FrameCheck *check)
{
    SealBlake2b hash;
    FrameTally tally;
    unsigned char found[SEAL_HASH_BYTES];
    FrameMark at = writer->cut;
    const bool is_proven = frames_proven(writer, &at, &tally);

    file_forget_cache(writer->handle);
    seal_blake2b_init(&hash);
    while (at.bytes < check->mark.bytes)
    {
        FrameView view;

        TRY(frames_reader_next(writer->reader, check->mark.bytes, &at, &view));
        seal_blake2b_add(&hash, view.raw, view.raw_bytes);
        if (is_proven)
            frames_tally_add(&tally, &view);
    }
    seal_blake2b_done(&hash, found);
    if (!frames_same_mark(&at, &check->mark) || memcmp(found, check->written, sizeof found) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" does not give back what was written to it", writer->path);
    fault_point("frame.readback");
    pthread_mutex_lock(&writer->mutex);
    frames_prove(writer, &at, is_proven ? &tally : NULL);
    pthread_mutex_unlock(&writer->mutex);
    return OK;
}

static Err
finish_cut(FrameWriter *writer, const FrameCheck *check)
{
    TRY(file_sync_data(writer->handle));
    fault_point("frame.synced");
    if (check->read_back)
        TRY(read_back(writer, check));
    return OK;
}

/* false: the thread is to end */
static bool
take_check(FrameWriter *writer, FrameCheck *ret_check)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->check_count == 0 && !writer->stopping)
        pthread_cond_wait(&writer->check, &writer->mutex);
    const bool is_there = !writer->stopping;
    if (is_there)
    {
        *ret_check = writer->checks[writer->check_first];
        writer->check_first = (writer->check_first + 1) % FRAME_CUTS_MAX;
        writer->check_count--;
    }
    pthread_mutex_unlock(&writer->mutex);
    return is_there;
}

/* After a failure nothing more is taken: the caller sees it at its next step. */
static void
end_check(FrameWriter *writer, const FrameCheck *check, Err result)
{
    pthread_mutex_lock(&writer->mutex);
    if (result != OK)
        frames_fail(writer, result);
    else
    {
        writer->cut = check->mark;
        writer->cuts[writer->cuts_done++ % FRAME_CUTS_MAX] = check->mark;
    }
    pthread_cond_signal(&writer->progress);
    pthread_mutex_unlock(&writer->mutex);
}

void *
frames_check_main(void *argument)
{
    FrameWriter *writer = argument;
    FrameCheck check;

    while (take_check(writer, &check))
        end_check(writer, &check, finish_cut(writer, &check));
    return NULL;
}
