/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_private.h"

#include <inttypes.h>
#include <string.h>

#define ROOM_FIRST (256 << 10)
#define STEP_BACK (16 << 10)

struct Lines
{
    File *file;
    int64_t size;   /* of the part that is read */
    int64_t offset; /* of bytes[0] in the file */
    int64_t number; /* of the last line told */
    char *bytes;
    size_t room;
    size_t start; /* of the next line in bytes */
    size_t end;   /* of what was read */
};

Lines *
ledger_lines_behind(File *file, int64_t size_bytes, const LedgerPlace *place)
{
    Lines *lines = mem_alloc(sizeof *lines);

    lines->file = file;
    lines->size = size_bytes;
    lines->offset = place->bytes;
    lines->number = place->size;
    lines->room = ROOM_FIRST;
    lines->bytes = mem_alloc(lines->room);
    return lines;
}

Lines *
ledger_lines_new(File *file, int64_t size_bytes)
{
    return ledger_lines_behind(file, size_bytes, &(LedgerPlace){ .size = 0 });
}

void
ledger_lines_seek(Lines *lines, int64_t offset)
{
    lines->offset = offset;
    lines->start = lines->end = 0;
}

void
ledger_lines_freep(Lines **lines)
{
    if (*lines != NULL)
        mem_free((*lines)->bytes);
    mem_free(*lines);
    *lines = NULL;
}

/* Make place behind the part of a line that is there, and read on. */
static Err
read_on(Lines *lines)
{
    if (lines->start > 0)
    {
        memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
        lines->offset += (int64_t)lines->start;
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end == lines->room)
    {
        if (lines->room >= LEDGER_LINE_MAX)
            return err_new(ERR_EVIDENCE, "line %" PRId64 " of \"%s\" is longer than %d bytes", lines->number + 1,
                           file_path(lines->file), LEDGER_LINE_MAX);
        char *larger = mem_alloc(2 * lines->room);

        memcpy(larger, lines->bytes, lines->end);
        mem_free(lines->bytes);
        lines->bytes = larger;
        lines->room *= 2;
    }
    const int64_t at = lines->offset + (int64_t)lines->end;
    const int64_t left = lines->size - at;
    const size_t count = left < (int64_t)(lines->room - lines->end) ? (size_t)left : lines->room - lines->end;

    TRY(file_read_at(lines->file, at, lines->bytes + lines->end, count));
    lines->end += count;
    return OK;
}

Err
ledger_lines_next(Lines *lines, Line *ret_line)
{
    const char *newline = NULL;

    for (size_t known = 0;;)
    {
        const size_t length = lines->end - lines->start;

        if (length > known)
            newline = memchr(lines->bytes + lines->start + known, '\n', length - known);
        if (newline != NULL || lines->offset + (int64_t)lines->end == lines->size)
            break;
        known = length;
        TRY(read_on(lines));
    }
    const char *start = lines->bytes + lines->start;
    const size_t length = newline != NULL ? (size_t)(newline - start) : lines->end - lines->start;
    const bool is_there = newline != NULL || length > 0;

    *ret_line = (Line){ .bytes = is_there ? start : NULL,
                        .length = length,
                        .offset = lines->offset + (int64_t)lines->start,
                        .number = lines->number + 1,
                        .is_whole = newline != NULL };
    lines->number += is_there;
    lines->start += length + (newline != NULL);
    return OK;
}

/* Where the line that ends at end starts: behind the last newline in front of it. */
static Err
find_start(File *file, int64_t end, int64_t *ret_start)
{
    char bytes[STEP_BACK];

    for (int64_t at = end; at > 0;)
    {
        const size_t count = at < STEP_BACK ? (size_t)at : STEP_BACK;

        at -= (int64_t)count;
        TRY(file_read_at(file, at, bytes, count));
        const char *newline = memrchr(bytes, '\n', count);
        if (newline != NULL)
        {
            *ret_start = at + (newline - bytes) + 1;
            return OK;
        }
    }
    *ret_start = 0;
    return OK;
}

Err
ledger_lines_last(Arena *arena, File *file, int64_t *ret_end, int64_t *ret_torn_bytes, const char **ret_line,
                  size_t *ret_length)
{
    int64_t size = 0;
    int64_t start = 0;
    int64_t end = 0;
    char *line = NULL;

    TRY(file_size(file, &size));
    TRY(find_start(file, size, &end));
    if (end > 0)
    {
        TRY(find_start(file, end - 1, &start));
        if (end - start > LEDGER_LINE_MAX)
            return err_new(ERR_EVIDENCE, "the last line of \"%s\" is longer than %d bytes", file_path(file),
                           LEDGER_LINE_MAX);
        line = arena_alloc(arena, (size_t)(end - start), 1);
        TRY(file_read_at(file, start, line, (size_t)(end - start - 1)));
    }
    *ret_end = end;
    *ret_torn_bytes = size - end;
    *ret_line = line;
    *ret_length = line != NULL ? (size_t)(end - start - 1) : 0;
    return OK;
}
