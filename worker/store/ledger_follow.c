/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_follow.c -- the part of ledger.h that reads lines from a known place on. */
#include "store/ledger_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

LedgerPlace
ledger_beginning(void)
{
    LedgerPlace place = { .size = 0 };

    memcpy(place.head, LEDGER_NO_DIGEST, sizeof LEDGER_NO_DIGEST);
    return place;
}

/* A place at the very end has no line behind it that holds the digest of the one in front. */
static Err
judge_end(File *file, const LedgerPlace *from)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    char digest[65] = LEDGER_NO_DIGEST;
    int64_t end, torn_bytes;
    const char *line;
    size_t length;

    TRY(ledger_lines_last(arena, file, &end, &torn_bytes, &line, &length));
    if (line != NULL)
        ledger_digest(line, length, digest);
    if (end == from->bytes && memcmp(digest, from->head, sizeof digest) != 0)
        return err_new(ERR_EVIDENCE, "line %" PRId64 " of \"%s\" is another one than it was", from->size,
                       file_path(file));
    return OK;
}

static bool
holds(const Line *line, const char *piece, int length)
{
    return memmem(line->bytes, line->length, piece, (size_t)length) != NULL;
}

static Err
follow_line(File *file, const Line *line, LedgerPlace *place)
{
    char prev[80], seq[40];
    const int prev_length = snprintf(prev, sizeof prev, "\"prev\":\"%s\"", place->head);
    const int seq_length = snprintf(seq, sizeof seq, "\"seq\":%" PRId64 ",", place->size + 1);

    if (!holds(line, prev, prev_length))
        return err_new(ERR_EVIDENCE, "line %" PRId64 " of \"%s\" does not hold the digest of the line in front",
                       line->number, file_path(file));
    if (!holds(line, seq, seq_length))
        return err_new(ERR_EVIDENCE,
                       "line %" PRId64 " of \"%s\" has not the sequence number that follows the line in front",
                       line->number, file_path(file));
    place->size++;
    place->bytes = line->offset + (int64_t)line->length + 1;
    ledger_digest(line->bytes, line->length, place->head);
    return OK;
}

Err
ledger_follow(const char *path, const LedgerPlace *from, LedgerLineVisit visit, void *context, LedgerPlace *ret_end)
{
    CLEANUP(file_closep) File *file = NULL;
    CLEANUP(ledger_lines_freep) Lines *lines = NULL;
    LedgerPlace place = *from;
    Line line = { 0 };
    int64_t size = 0;

    TRY(ledger_settled_size(path, &size));
    TRY(file_open(path, FILE_READ, &file));
    if (size < from->bytes)
        return err_new(ERR_EVIDENCE, "\"%s\" ends in front of entry %" PRId64 ": its tail was cut", path, from->size);
    TRY(judge_end(file, from));
    lines = ledger_lines_behind(file, size, from);
    for (;;)
    {
        TRY(ledger_lines_next(lines, &line));
        if (line.bytes == NULL || !line.is_whole)
            break;
        TRY(follow_line(file, &line, &place));
        TRY(visit(context, &(LedgerLine){ .bytes = line.bytes, .length = line.length, .place = place }));
    }
    *ret_end = place;
    return OK;
}
