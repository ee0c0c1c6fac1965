/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_private.h"

#include "base/text.h"
#include <inttypes.h>
#include <string.h>

/* The ids that were seen: open addressing, at most half full. */
typedef struct IdSet
{
    struct SeenId
    {
        char digits[LEDGER_ID_DIGITS];
    } * ids; /* no digits: free */
    size_t count;
    size_t room;
} IdSet;

static bool
ids_put(IdSet *set, const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: ids need not be random */

    for (size_t i = 0; i < LEDGER_ID_DIGITS; i++)
        hash = (hash ^ (unsigned char)id[i]) * UINT64_C(0x100000001b3);
    for (size_t at = (size_t)hash;; at++)
    {
        char *seen = set->ids[at & (set->room - 1)].digits;

        if (memcmp(seen, id, LEDGER_ID_DIGITS) == 0)
            return false;
        if (seen[0] != '\0')
            continue;
        memcpy(seen, id, LEDGER_ID_DIGITS);
        set->count++;
        return true;
    }
}

/* false: it was there */
static bool
ids_add(IdSet *set, const char *id)
{
    if (2 * set->count >= set->room)
    {
        IdSet larger = { .room = set->room == 0 ? 1024 : 2 * set->room };

        larger.ids = mem_alloc(larger.room * sizeof *larger.ids);
        for (size_t i = 0; i < set->room; i++)
            if (set->ids[i].digits[0] != '\0')
                (void)ids_put(&larger, set->ids[i].digits);
        mem_free(set->ids);
        *set = larger;
    }
    return ids_put(set, id);
}

typedef struct Walk
{
    const char *path;
    LedgerHead head; /* of the line in front */
    Instant time;
    IdSet ids;
} Walk;

static void
walk_endp(Walk *walk)
{
    mem_free(walk->ids.ids);
}

/* What is wrong with an entry that follows walk->head, or NULL. */
static const char *
find_fault(Walk *walk, Arena *arena, const Line *line, const JsonDoc *entry)
{
    if (!jsondoc_is_object(entry))
        return "is not an object";
    const char *canonical = jsondoc_canonical(arena, entry);
    if (strlen(canonical) != line->length || memcmp(canonical, line->bytes, line->length) != 0)
        return "is not in canonical form";
    if (jsondoc_get_integer(entry, "v", 0) != LEDGER_VERSION)
        return "is not of version 1";
    if (jsondoc_get_integer(entry, "seq", 0) != walk->head.seq + 1)
        return "has not the sequence number that follows the line in front";
    if (!text_equal(jsondoc_get_string(entry, "prev"), walk->head.digest))
        return "does not hold the digest of the line in front";
    if (text_blank(jsondoc_get_string(entry, "event")))
        return "names no event";

    const char *id = jsondoc_get_string(entry, "id");
    if (!ledger_is_id(id))
        return "has no id";
    if (!ids_add(&walk->ids, id))
        return "has the id of an earlier line";

    const char *text = jsondoc_get_string(entry, "time");
    Instant time = INSTANT_NONE;
    if (text == NULL || !instant_parse(text, &time))
        return "has no time";
    if (walk->time != INSTANT_NONE && time < walk->time - LEDGER_CLOCK_SLACK)
        return "is more than 5 minutes older than the line in front";
    walk->time = time;
    return NULL;
}

static Err
walk_line(Walk *walk, Arena *arena, const Line *line, LedgerVisit visit, void *context)
{
    CLEANUP(jsondoc_freep) JsonDoc *entry = NULL;

    if (!line->is_whole)
        return err_new(ERR_EVIDENCE,
                       "line %" PRId64 " of \"%s\" is incomplete: the writer was interrupted; the next run repairs it",
                       line->number, walk->path);
    const Err e = jsondoc_parse(line->bytes, line->length, &entry);
    if (e != OK)
        return err_note(e, "line %" PRId64 " of \"%s\" is damaged", line->number, walk->path);
    const char *fault = find_fault(walk, arena, line, entry);
    if (fault != NULL)
        return err_new(ERR_EVIDENCE, "line %" PRId64 " of \"%s\" %s", line->number, walk->path, fault);
    walk->head.seq++;
    ledger_digest(line->bytes, line->length, walk->head.digest);
    return visit == NULL ? OK : visit(context, entry, walk->head.digest);
}

/* The lock is not kept, so that a visit may append. */
Err
ledger_settled_size(const char *path, int64_t *ret_bytes)
{
    CLEANUP(file_closep) File *file = NULL;

    TRY(ledger_open_locked(path, FILE_READ, &file));
    return file_size(file, ret_bytes);
}

Err
ledger_walk(const char *path, LedgerVisit visit, void *context, LedgerHead *ret_head)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(file_closep) File *file = NULL;
    CLEANUP(ledger_lines_freep) Lines *lines = NULL;
    CLEANUP(walk_endp) Walk walk = { .path = path, .time = INSTANT_NONE };
    Line line = { 0 };
    int64_t size = 0;
    Err e = OK;

    memcpy(walk.head.digest, LEDGER_NO_DIGEST, sizeof LEDGER_NO_DIGEST);
    TRY(ledger_settled_size(path, &size));
    TRY(file_open(path, FILE_READ, &file));
    lines = ledger_lines_new(file, size);
    while (e == OK)
    {
        TRY(ledger_lines_next(lines, &line));
        if (line.bytes == NULL)
            break;
        e = walk_line(&walk, arena, &line, visit, context);
        arena_reset(arena);
    }
    if (e == OK)
        *ret_head = walk.head;
    return e;
}
