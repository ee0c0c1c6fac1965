/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames_private.h"

#include <inttypes.h>
#include <string.h>

/* Opening and closing */

/* The writer stands at mark, and nothing is under way. */
static void
stand_at(FrameWriter *writer, const FrameMark *mark)
{
    writer->at = *mark;
    writer->cut = *mark;
    writer->current = NULL;
    writer->idle_count = 0;
    for (size_t i = 0; i < FRAME_BUFFERS; i++)
        frames_make_idle(writer, &writer->buffers[i]);
    writer->job_count = 0;
    writer->check_count = 0;
    writer->stopping = false;
    writer->cuts_asked = 0;
    writer->cuts_done = 0;
    writer->cuts_waited = 0;
    writer->failed = OK;
}

static FrameWriter *
new_writer(const FrameFile *file)
{
    FrameWriter *writer = mem_alloc(sizeof *writer);

    writer->path = mem_alloc(strlen(file->path) + 1);
    memcpy(writer->path, file->path, strlen(file->path) + 1);
    writer->file = *file;
    writer->file.path = writer->path;
    writer->level = file->level;
    writer->zst = zst_writer_new(file->level == 0 ? FRAME_LEVEL_HIGH : file->level);
    writer->packed.usual_bytes = zst_bound(FRAME_BYTES);
    writer->sealed.usual_bytes = FRAME_HEADER_BYTES + seal_frame_size(writer->packed.usual_bytes);
    for (size_t i = 0; i < FRAME_BUFFERS; i++)
    {
        writer->buffers[i].room.usual_bytes = FRAME_BYTES;
        frames_room(&writer->buffers[i].room, FRAME_BYTES);
    }
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->work, NULL);
    pthread_cond_init(&writer->check, NULL);
    pthread_cond_init(&writer->progress, NULL);
    return writer;
}

static Err
sync_parent(const char *path)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return file_sync_dir(".");
    return file_sync_dir(slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path)));
}

static Err
verify_to_mark(FrameWriter *writer, const FrameMark *mark)
{
    FrameMark found;
    FrameTally tally;

    TRY(frames_scan(&writer->file, mark->bytes, NULL, NULL, &found, &tally));
    if (!frames_same_mark(&found, mark))
        return err_new(ERR_EVIDENCE,
                       "\"%s\" holds %" PRId64 " rows in %" PRId64 " frames up to byte %" PRId64 ", %" PRId64
                       " rows in %" PRId64 " frames were committed",
                       writer->path, found.rows, found.frames, mark->bytes, mark->rows, mark->frames);
    frames_prove(writer, mark, &tally);
    return OK;
}

/* Verified first, cut after that: a wrong mark must not cost a frame. */
static Err
open_at(FrameWriter *writer, const FrameMark *mark)
{
    const char *path = writer->path;
    int64_t size = 0;

    if (mark->bytes > 0 && !file_exists(path))
        return err_new(ERR_EVIDENCE, "\"%s\" is not there, %" PRId64 " bytes of it were committed", path, mark->bytes);
    TRY(file_open(path, mark->bytes > 0 ? FILE_UPDATE : FILE_OPEN_OR_CREATE, &writer->handle));
    TRY(file_lock(writer->handle, false));
    TRY(verify_to_mark(writer, mark));
    TRY(file_size(writer->handle, &size));
    if (size > mark->bytes)
        TRY(file_truncate(writer->handle, mark->bytes));
    return sync_parent(path);
}

Err
frames_writer_open(const FrameFile *file, const FrameMark *mark, FrameWriter **ret_writer)
{
    CLEANUP(frames_writer_closep) FrameWriter *writer = new_writer(file);

    TRY(open_at(writer, mark));
    writer->reader = frames_reader_new(&writer->file, writer->handle);
    stand_at(writer, mark);
    TRY(frames_start_threads(writer));
    *ret_writer = writer;
    writer = NULL;
    return OK;
}

void
frames_writer_close(FrameWriter *writer)
{
    if (writer == NULL)
        return;
    frames_stop_threads(writer);
    pthread_cond_destroy(&writer->progress);
    pthread_cond_destroy(&writer->check);
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->mutex);
    frames_reader_freep(&writer->reader);
    zst_writer_freep(&writer->zst);
    for (size_t i = 0; i < FRAME_BUFFERS; i++)
        frames_room_free(&writer->buffers[i].room);
    frames_room_free(&writer->packed);
    frames_room_free(&writer->sealed);
    file_close(writer->handle);
    mem_free(writer->path);
    mem_free(writer);
}

void
frames_writer_closep(FrameWriter **writer)
{
    frames_writer_close(*writer);
    *writer = NULL;
}

/* The caller's side */

/* Under the mutex. */
static void
push_job(FrameWriter *writer, FrameJob job)
{
    writer->jobs[(writer->job_first + writer->job_count++) % FRAME_JOBS_MAX] = job;
    pthread_cond_signal(&writer->work);
}

/* The open frame goes to the thread, if it holds anything.  Under the mutex. */
static void
push_current(FrameWriter *writer)
{
    if (writer->current == NULL || writer->current->length == 0)
        return;
    push_job(writer, (FrameJob){ .frame = writer->current });
    writer->current = NULL;
}

/* A buffer with room for a row of that length as the current one. */
static Err
next_buffer(FrameWriter *writer, size_t length)
{
    Err e = OK;

    pthread_mutex_lock(&writer->mutex);
    if (writer->failed == OK)
        push_current(writer);
    while (writer->failed == OK && writer->current == NULL)
    {
        if (writer->idle_count > 0)
            writer->current = writer->idle[--writer->idle_count];
        else
            pthread_cond_wait(&writer->progress, &writer->mutex);
    }
    if (writer->failed != OK)
        e = frames_tell_failure(writer);
    pthread_mutex_unlock(&writer->mutex);
    if (e == OK)
        frames_room(&writer->current->room, length);
    return e;
}

Err
frames_add(FrameWriter *writer, const char *row, size_t length)
{
    if (length == 0 || length > FRAME_PLAIN_MAX || row[length - 1] != '\n')
        return err_new(ERR_INTERNAL, "a row for \"%s\" is not one line of COPY text", writer->path);
    /* Not its room: a buffer that a larger row made larger may be used again. */
    if (writer->current == NULL || writer->current->length + length > FRAME_BYTES)
        TRY(next_buffer(writer, length));

    FrameBuffer *buffer = writer->current;
    memcpy(buffer->room.bytes + buffer->length, row, length);
    buffer->length += length;
    buffer->rows++;
    return OK;
}

Err
frames_cut(FrameWriter *writer, bool with_read_back)
{
    Err e = OK;

    pthread_mutex_lock(&writer->mutex);
    if (writer->failed != OK)
        e = frames_tell_failure(writer);
    else if (writer->cuts_asked - writer->cuts_waited == FRAME_CUTS_MAX)
        e = err_new(ERR_INTERNAL, "%d cuts of \"%s\" were not waited for", FRAME_CUTS_MAX, writer->path);
    else
    {
        push_current(writer);
        push_job(writer, (FrameJob){ .read_back = with_read_back });
        writer->cuts_asked++;
    }
    pthread_mutex_unlock(&writer->mutex);
    return e;
}

Err
frames_wait(FrameWriter *writer, FrameMark *ret_mark)
{
    Err e = OK;

    pthread_mutex_lock(&writer->mutex);
    while (writer->cuts_done == writer->cuts_waited && writer->cuts_asked > writer->cuts_waited && writer->failed == OK)
        pthread_cond_wait(&writer->progress, &writer->mutex);
    if (writer->cuts_done > writer->cuts_waited)
        *ret_mark = writer->cuts[writer->cuts_waited++ % FRAME_CUTS_MAX];
    else if (writer->failed != OK)
        e = frames_tell_failure(writer);
    else
        e = err_new(ERR_INTERNAL, "no cut of \"%s\" is to be waited for", writer->path);
    pthread_mutex_unlock(&writer->mutex);
    return e;
}

bool
frames_is_ready(FrameWriter *writer)
{
    pthread_mutex_lock(&writer->mutex);
    const bool is_ready = writer->cuts_done > writer->cuts_waited || writer->cuts_asked == writer->cuts_waited ||
                          writer->failed != OK;
    pthread_mutex_unlock(&writer->mutex);
    return is_ready;
}

bool
frames_writer_digest(FrameWriter *writer, const FrameMark *mark, FrameDigest *ret_digest)
{
    FrameTally tally;

    pthread_mutex_lock(&writer->mutex);
    const bool is_proven = frames_proven(writer, mark, &tally);
    pthread_mutex_unlock(&writer->mutex);
    if (is_proven)
        frames_tally_digest(&tally, mark, ret_digest);
    return is_proven;
}

static Err
cut_back(FrameWriter *writer, const FrameMark *mark)
{
    int64_t size = 0;

    TRY(file_size(writer->handle, &size));
    if (size < mark->bytes)
        return err_new(ERR_EVIDENCE, "\"%s\" holds %" PRId64 " bytes, it cannot go back to %" PRId64, writer->path,
                       size, mark->bytes);
    return file_truncate(writer->handle, mark->bytes);
}

Err
frames_rewind(FrameWriter *writer, const FrameMark *mark)
{
    frames_stop_threads(writer);
    Err e = cut_back(writer, mark);
    if (e == OK)
    {
        FrameTally tally;
        const bool is_proven = frames_proven(writer, mark, &tally);
        stand_at(writer, mark);
        frames_prove(writer, mark, is_proven ? &tally : NULL);
        e = frames_start_threads(writer);
    }
    if (e != OK)
        frames_note_failure(writer, e); /* no thread, no more cuts: the next call must not wait for one */
    return e;
}
