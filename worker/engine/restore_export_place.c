/* SPDX-License-Identifier: Apache-2.0 */
/* export_place.c -- the part of export that writes: a directory beside the wanted one, files row by row. */
#include "engine/restore_export_private.h"

#include "base/fault.h"
#include "engine/stop.h"
#include "store/hex.h"
#include "wrap/file.h"
#include "wrap/seal.h"

#include <ctype.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)256 << 10)
#define NAME_BYTES 120

typedef struct Sheet
{
    File *file; /* NULL: no row came yet */
    const char *path;
    char *buffer;
    size_t length;
    int64_t written;
    SealSha256 sha256;
} Sheet;

static void
sheet_closep(Sheet *sheet)
{
    file_closep(&sheet->file);
    mem_free(sheet->buffer);
    sheet->buffer = NULL;
}

/* -- the directory ------------------------------------------------------------------------------------------------- */

static const char *
parent_of(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static const char *
partial_of(Arena *arena, const char *directory)
{
    return arena_printf(arena, "%s.partial", directory);
}

Err
export_judge_place(Arena *arena, const char *directory)
{
    const char *parent = parent_of(arena, directory), *partial = partial_of(arena, directory);

    if (file_exists(directory))
        return err_new(ERR_USAGE, "\"%s\" is there already: nothing is overwritten", directory);
    if (file_exists(partial))
        return err_new(
            ERR_USAGE,
            "\"%s\" is there already: another export is under way, or one was killed; remove it, or name another "
            "directory",
            partial);
    if (!file_exists(parent))
        return err_new(ERR_USAGE, "there is no directory \"%s\" to make \"%s\" in", parent, directory);
    return OK;
}

Err
export_place_make(Arena *arena, const char *directory, ExportPlace *ret_place)
{
    ExportPlace place = { .directory = directory, .partial = partial_of(arena, directory) };

    TRY(export_judge_place(arena, directory));
    TRY(file_make_dir(place.partial, 0700));
    place.tables = jsondoc_array();
    *ret_place = place;
    return OK;
}

Err
export_place_end(Arena *arena, ExportPlace *place, Err result)
{
    jsondoc_freep(&place->tables);
    if (result == OK || place->partial == NULL)
        return result;
    const char *story = arena_strdup(arena, err_joined());
    if (file_remove_tree(place->partial) == OK)
        return err_new(result, "%s", story);
    return err_note(err_new(result, "%s", story), "personal data is left in \"%s\": it could not be removed",
                    place->partial);
}

/* -- a file -------------------------------------------------------------------------------------------------------- */

static Err
sheet_flush(Sheet *sheet)
{
    TRY(stop_judge());
    if (sheet->length == 0)
        return OK;
    if (sheet->file == NULL)
        TRY(file_open(sheet->path, FILE_CREATE, &sheet->file));
    TRY(file_write_at(sheet->file, sheet->written, sheet->buffer, sheet->length));
    seal_sha256_add(&sheet->sha256, sheet->buffer, sheet->length);
    sheet->written += (int64_t)sheet->length;
    sheet->length = 0;
    return OK;
}

static Err
sheet_add(void *context, const char *row, size_t length)
{
    Sheet *sheet = context;

    while (length > 0)
    {
        const size_t room = BUFFER_BYTES - sheet->length, piece = length < room ? length : room;
        memcpy(sheet->buffer + sheet->length, row, piece);
        sheet->length += piece;
        row += piece;
        length -= piece;
        if (sheet->length == BUFFER_BYTES)
            TRY(sheet_flush(sheet));
    }
    return OK;
}

/* "0001-schema.table.jsonl": names may hold anything, file names what everybody can read. */
static const char *
name_file(Arena *arena, size_t number, const char *table, bool csv)
{
    char *name = arena_printf(arena, "%04zu-%.*s.%s", number, NAME_BYTES, table, csv ? "csv" : "jsonl");
    for (char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
            *c = '_';
    return name;
}

Err
export_place_copy(Arena *arena, ExportPlace *place, Db *db, const char *sql, bool csv, ExportFile *file,
                  char ret_sha256[65])
{
    CLEANUP(sheet_closep) Sheet sheet = { .buffer = mem_alloc(BUFFER_BYTES) };
    unsigned char digest[SEAL_HASH_BYTES];
    const char *name = name_file(arena, place->files + 1, file->table, csv);

    sheet.path = arena_printf(arena, "%s/%s", place->partial, name);
    seal_sha256_init(&sheet.sha256);
    TRY(db_copy_out(db, sql, sheet_add, &sheet, &file->rows));
    if (file->rows == 0) /* a header alone is no file */
        return sheet.file == NULL ? OK
                                  : err_new(ERR_INTERNAL, "rows of \"%s\" came, and none was counted", file->table);
    TRY(sheet_flush(&sheet));
    TRY(file_sync(sheet.file));
    fault_point("export.file");
    seal_sha256_done(&sheet.sha256, digest);
    hex_put(digest, sizeof digest, ret_sha256);
    file->name = name;
    file->bytes = sheet.written;
    place->files++;
    return OK;
}

Err
export_place_seal(Arena *arena, ExportPlace *place, JsonDoc *manifest, char ret_sha256[65])
{
    unsigned char digest[SEAL_HASH_BYTES];
    const char *text = arena_printf(arena, "%s\n", jsondoc_pretty(arena, manifest));

    TRY(file_save(arena_printf(arena, "%s/manifest.json", place->partial), text, strlen(text), 0600));
    seal_sha256(text, strlen(text), digest);
    hex_put(digest, sizeof digest, ret_sha256);
    return file_sync_dir(place->partial);
}
