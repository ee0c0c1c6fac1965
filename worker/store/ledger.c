/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "store/hex.h"
#include "wrap/seal.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define ID_BYTES 16

static atomic_long appended;

struct Ledger
{
    char *path;
};

/* Where the next line goes. */
typedef struct Tail
{
    LedgerHead head;
    Instant time;       /* of the last entry; INSTANT_NONE when there is none */
    int64_t end;        /* of the last whole line */
    int64_t torn_bytes; /* behind it: a line that was never finished */
} Tail;

void
ledger_digest(const char *line, size_t length, char ret_digest[65])
{
    unsigned char digest[SEAL_HASH_BYTES];

    seal_sha256(line, length, digest);
    hex_put(digest, sizeof digest, ret_digest);
}

Err
ledger_open_locked(const char *path, FileMode mode, File **ret_file)
{
    CLEANUP(file_closep) File *file = NULL;

    if (!file_exists(path))
        return err_new(ERR_EVIDENCE, "there is no ledger at \"%s\": was the state directory moved?", path);
    TRY(file_open(path, mode, &file));
    TRY(file_lock(file, true));
    *ret_file = file;
    file = NULL;
    return OK;
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

static Ledger *
new_ledger(const char *path)
{
    Ledger *ledger = mem_alloc(sizeof *ledger);
    ledger->path = mem_alloc(strlen(path) + 1);
    memcpy(ledger->path, path, strlen(path) + 1);
    return ledger;
}

Err
ledger_open(const char *path, bool must_exist, Ledger **ret_ledger)
{
    CLEANUP(file_closep) File *file = NULL;

    if (must_exist)
        TRY(ledger_open_locked(path, FILE_UPDATE, &file));
    else
    {
        TRY(file_open(path, FILE_OPEN_OR_CREATE, &file));
        TRY(sync_parent(path));
    }
    *ret_ledger = new_ledger(path);
    return OK;
}

Err
ledger_look(const char *path, Ledger **ret_ledger)
{
    CLEANUP(file_closep) File *file = NULL;

    TRY(ledger_open_locked(path, FILE_READ, &file));
    *ret_ledger = new_ledger(path);
    return OK;
}

void
ledger_close(Ledger *ledger)
{
    if (ledger == NULL)
        return;
    mem_free(ledger->path);
    mem_free(ledger);
}

void
ledger_closep(Ledger **ledger)
{
    ledger_close(*ledger);
    *ledger = NULL;
}

const char *
ledger_path(const Ledger *ledger)
{
    return ledger->path;
}

/* The end */

static Err
read_tail(File *file, Tail *ret_tail)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(jsondoc_freep) JsonDoc *last = NULL;
    Tail tail = { .time = INSTANT_NONE };
    const char *line = NULL;
    const char *time = NULL;
    size_t length = 0;

    memcpy(tail.head.digest, LEDGER_NO_DIGEST, sizeof LEDGER_NO_DIGEST);
    TRY(ledger_lines_last(arena, file, &tail.end, &tail.torn_bytes, &line, &length));
    if (line != NULL)
    {
        const Err e = jsondoc_parse(line, length, &last);
        if (e != OK)
            return err_note(e, "the last line of \"%s\" is damaged", file_path(file));
        tail.head.seq = jsondoc_get_integer(last, "seq", 0);
        time = jsondoc_get_string(last, "time");
        if (tail.head.seq < 1 || time == NULL || !instant_parse(time, &tail.time))
            return err_new(ERR_EVIDENCE, "the last line of \"%s\" is no entry of a ledger", file_path(file));
        ledger_digest(line, length, tail.head.digest);
    }
    *ret_tail = tail;
    return OK;
}

Err
ledger_head(Ledger *ledger, LedgerHead *ret_head)
{
    CLEANUP(file_closep) File *file = NULL;
    Tail tail;

    TRY(ledger_open_locked(ledger->path, FILE_READ, &file));
    TRY(read_tail(file, &tail));
    *ret_head = tail.head;
    return OK;
}

/* Appending */

int64_t
ledger_appended(void)
{
    return atomic_load(&appended);
}

static Err
write_line(File *file, int64_t offset, const char *line, size_t length)
{
#ifdef EXPUNGE_FAULTS
    TRY(file_write_at(file, offset, line, length / 2));
    fault_point("ledger.half");
    return file_write_at(file, offset + (int64_t)(length / 2), line + length / 2, length - length / 2);
#else
    return file_write_at(file, offset, line, length);
#endif
}

/* A torn tail is written over, then cut: at no point is it gone without the line that tells of it. */
static Err
append_entry(File *file, const char *event, const char *id, JsonDoc *entry, Tail *tail)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const Instant now = instant_now();

    if (tail->time != INSTANT_NONE && now < tail->time - LEDGER_CLOCK_SLACK)
        return err_new(ERR_RAIL, "this machine's clock is %s behind the last entry of \"%s\"",
                       instant_format_age(arena, tail->time - now), file_path(file));
    jsondoc_set_integer(entry, "v", LEDGER_VERSION);
    jsondoc_set_integer(entry, "seq", tail->head.seq + 1);
    jsondoc_set_string(entry, "prev", tail->head.digest);
    jsondoc_set_instant(entry, "time", now);
    jsondoc_set_string(entry, "event", event);
    jsondoc_set_string(entry, "id", id);

    const char *line = arena_printf(arena, "%s\n", jsondoc_canonical(arena, entry));
    const size_t length = strlen(line);
    if (length > LEDGER_LINE_MAX)
        return err_new(ERR_INTERNAL, "an entry \"%s\" is longer than a ledger's line may be", event);
    TRY(write_line(file, tail->end, line, length));
    if (tail->torn_bytes > (int64_t)length)
        TRY(file_truncate(file, tail->end + (int64_t)length));
    fault_point("ledger.appended");
    TRY(file_sync(file));
    fault_point("ledger.synced");

    atomic_fetch_add(&appended, 1);
    tail->head.seq++;
    ledger_digest(line, length - 1, tail->head.digest);
    tail->time = now;
    tail->end += (int64_t)length;
    tail->torn_bytes = 0;
    return OK;
}

static void
random_id(char ret_id[LEDGER_ID_DIGITS + 1])
{
    unsigned char bytes[ID_BYTES];

    seal_random(bytes, sizeof bytes);
    hex_put(bytes, sizeof bytes, ret_id);
}

static Err
append_tail_cut(File *file, Tail *tail)
{
    CLEANUP(jsondoc_freep) JsonDoc *entry = jsondoc_object();
    char id[LEDGER_ID_DIGITS + 1];

    random_id(id);
    jsondoc_set_integer(entry, "bytes", tail->torn_bytes);
    return append_entry(file, "tail_cut", id, entry, tail);
}

bool
ledger_is_id(const char *text)
{
    return text != NULL && strlen(text) == LEDGER_ID_DIGITS && strspn(text, "0123456789abcdef") == LEDGER_ID_DIGITS;
}

/* Is line the entry with that id?  The bytes are looked at first: parsing every line of a ledger is slow. */
static Err
line_has_id(File *file, const Line *line, const char *id, const char *event, bool *ret_has, LedgerHead *ret_head)
{
    CLEANUP(jsondoc_freep) JsonDoc *entry = NULL;
    char needle[sizeof "\"id\":\"\"" + LEDGER_ID_DIGITS];
    const int needle_length = snprintf(needle, sizeof needle, "\"id\":\"%s\"", id);

    *ret_has = false;
    if (memmem(line->bytes, line->length, needle, (size_t)needle_length) == NULL)
        return OK;
    const Err e = jsondoc_parse(line->bytes, line->length, &entry);
    if (e != OK)
        return err_note(e, "line %" PRId64 " of \"%s\" is damaged", line->number, file_path(file));
    if (!text_equal(jsondoc_get_string(entry, "id"), id))
        return OK; /* it was a name inside another one */
    if (!text_equal(jsondoc_get_string(entry, "event"), event))
        return err_new(ERR_INTERNAL,
                       "the id of a new entry \"%s\" is that of another event, in line %" PRId64 " of \"%s\"", event,
                       line->number, file_path(file));
    ret_head->seq = jsondoc_get_integer(entry, "seq", 0);
    ledger_digest(line->bytes, line->length, ret_head->digest);
    *ret_has = true;
    return OK;
}

/* An earlier try may have written the entry and died, or failed, before it was synced.  After a failure the kernel
 * calls the page clean: only what is written again is synced again. */
static Err
find_entry(File *file, const char *id, const char *event, bool *ret_found, LedgerHead *ret_head)
{
    CLEANUP(ledger_lines_freep) Lines *lines = NULL;
    Line line = { 0 };
    int64_t size = 0;

    *ret_found = false;
    TRY(file_size(file, &size));
    lines = ledger_lines_new(file, size);
    for (;;)
    {
        TRY(ledger_lines_next(lines, &line));
        if (line.bytes == NULL || !line.is_whole)
            return OK;
        TRY(line_has_id(file, &line, id, event, ret_found, ret_head));
        if (*ret_found)
        {
            TRY(file_write_at(file, line.offset, line.bytes, line.length));
            return file_sync(file);
        }
    }
}

static Err
check_fields(const JsonDoc *fields, const char *event, const char *id)
{
    static const char *const reserved[] = { "v", "seq", "prev", "time", "event", "id" };

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (jsondoc_get(fields, reserved[i]) != NULL)
            return err_new(ERR_INTERNAL, "an entry \"%s\" brings its own \"%s\"", event, reserved[i]);
    if (id != NULL && !ledger_is_id(id))
        return err_new(ERR_INTERNAL, "the id of an entry \"%s\" is not 32 hexadecimal digits in lower case", event);
    return OK;
}

static Err
append_unless_there(Ledger *ledger, const char *event, const char *id, bool look, JsonDoc *fields, LedgerHead *ret_head)
{
    CLEANUP(jsondoc_freep) JsonDoc *entry = fields != NULL ? fields : jsondoc_object();
    CLEANUP(file_closep) File *file = NULL;
    char fresh_id[LEDGER_ID_DIGITS + 1];
    LedgerHead head;
    Tail tail;
    bool found = false;

    TRY(check_fields(entry, event, id));
    TRY(ledger_open_locked(ledger->path, FILE_UPDATE, &file));
    if (look)
        TRY(find_entry(file, id, event, &found, &head));
    if (!found)
    {
        random_id(fresh_id);
        TRY(read_tail(file, &tail));
        if (tail.torn_bytes > 0)
            TRY(append_tail_cut(file, &tail));
        TRY(append_entry(file, event, id != NULL ? id : fresh_id, entry, &tail));
        head = tail.head;
    }
    if (ret_head != NULL)
        *ret_head = head;
    return OK;
}

Err
ledger_append(Ledger *ledger, const char *event, const char *id, JsonDoc *fields, LedgerHead *ret_head)
{
    return append_unless_there(ledger, event, id, id != NULL, fields, ret_head);
}

Err
ledger_append_fresh(Ledger *ledger, const char *event, const char *id, JsonDoc *fields, LedgerHead *ret_head)
{
    return append_unless_there(ledger, event, id, false, fields, ret_head);
}
