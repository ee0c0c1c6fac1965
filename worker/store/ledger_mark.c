/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_mark.h"

#include "store/ledger_private.h"

#include <inttypes.h>
#include <string.h>

#define WINDOW_BYTES (64 << 10) /* the first look back; each further one goes sixteen times as far */

typedef struct Place
{
    int64_t offset;
    size_t length; /* 0: there is none */
} Place;

typedef struct Newest
{
    Place entry;    /* about the installation */
    Place disposal; /* about one of its disposals, since the last replay */
    bool replayed;  /* what is in front of that was settled */
} Newest;

static bool
has(const Line *line, const char *needle)
{
    return memmem(line->bytes, line->length, needle, strlen(needle)) != NULL;
}

/* The lines from there on; the first one may be cut. */
static Err
look_from(File *file, int64_t from, int64_t size, const char *installation, Newest *ret_newest)
{
    CLEANUP(ledger_lines_freep) Lines *lines = ledger_lines_new(file, size);

    ledger_lines_seek(lines, from);
    for (bool cut = from > 0;; cut = false)
    {
        Line line;
        TRY(ledger_lines_next(lines, &line));
        if (line.bytes == NULL || !line.is_whole)
            return OK;
        if (cut || !has(&line, installation))
            continue;
        ret_newest->entry = (Place){ line.offset, line.length };
        if (has(&line, "\"event\":\"replayed\""))
            *ret_newest = (Newest){ .entry = ret_newest->entry, .replayed = true };
        if (has(&line, "\"disposal\":"))
            ret_newest->disposal = ret_newest->entry;
    }
}

static Err
read_place(Arena *arena, File *file, const Place *place, JsonDoc **ret_entry)
{
    char *line = arena_alloc(arena, place->length + 1, 1);

    TRY(file_read_at(file, place->offset, line, place->length));
    const Err e = jsondoc_parse(line, place->length, ret_entry);
    return e == OK ? OK : err_note(e, "an entry of \"%s\" cannot be read", file_path(file));
}

static Err
read_entry(Arena *arena, File *file, const Place *place, LedgerMark *mark)
{
    CLEANUP(jsondoc_freep) JsonDoc *entry = NULL;

    TRY(read_place(arena, file, place, &entry));
    const char *time = jsondoc_get_string(entry, "time"), *system = jsondoc_get_string(entry, "system");
    mark->seq = jsondoc_get_integer(entry, "seq", 0);
    mark->system = system == NULL ? NULL : arena_strdup(arena, system);
    mark->timeline = jsondoc_get_integer(entry, "timeline", 0);
    mark->wal = jsondoc_get_integer(entry, "wal", 0);
    if (mark->seq < 1 || time == NULL || !instant_parse(time, &mark->time))
        return err_new(ERR_EVIDENCE, "an entry of \"%s\" is none of a ledger", file_path(file));
    return OK;
}

static Err
read_disposal(Arena *arena, File *file, const Place *place, LedgerMark *mark)
{
    CLEANUP(jsondoc_freep) JsonDoc *entry = NULL;

    TRY(read_place(arena, file, place, &entry));
    const char *id = jsondoc_get_string(entry, "id");
    mark->disposal = jsondoc_get_integer(entry, "disposal", 0);
    mark->disposal_seq = jsondoc_get_integer(entry, "seq", 0);
    mark->disposal_entry = id == NULL ? "" : arena_strdup(arena, id);
    return OK;
}

Err
ledger_mark(Arena *arena, const char *path, const char *installation, LedgerMark *ret_mark)
{
    CLEANUP(file_closep) File *file = NULL;
    const char *needle = arena_printf(arena, "\"installation\":\"%s\"", installation);
    LedgerMark mark = { .time = INSTANT_NONE };
    Newest newest = { 0 };
    int64_t size = 0, from = 1;

    TRY(ledger_open_locked(path, FILE_READ, &file));
    TRY(file_size(file, &size));
    for (int64_t window = WINDOW_BYTES; newest.disposal.length == 0 && !newest.replayed && from > 0; window *= 16)
    {
        from = size > window ? size - window : 0;
        TRY(look_from(file, from, size, needle, &newest));
    }
    if (newest.entry.length > 0)
        TRY(read_entry(arena, file, &newest.entry, &mark));
    if (newest.disposal.length > 0)
        TRY(read_disposal(arena, file, &newest.disposal, &mark));
    *ret_mark = mark;
    return OK;
}
