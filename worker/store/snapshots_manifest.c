/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshots_private.h"

#include "base/text.h"
#include <string.h>

#define FORMAT "expunge snapshot 1"

/* Writing */

static JsonDoc *
file_doc(Arena *arena, const SnapshotFile *file)
{
    JsonDoc *doc = jsondoc_object();
    JsonDoc *columns = jsondoc_array();

    for (size_t i = 0; i < file->column_count; i++)
    {
        JsonDoc *column = jsondoc_object();

        jsondoc_set_string(column, "name", file->columns[i].name);
        jsondoc_set_string(column, "type", file->columns[i].type);
        if (file->columns[i].becomes != NULL)
            jsondoc_set_string(column, "becomes", file->columns[i].becomes);
        jsondoc_push(columns, column);
    }
    jsondoc_set_integer(doc, "number", file->number);
    jsondoc_set_string(doc, "name", arena_printf(arena, SNAPSHOT_FILE_NAME, file->number));
    jsondoc_set_string(doc, "schema", file->schema);
    jsondoc_set_string(doc, "table", file->table);
    jsondoc_set_string(doc, "role", file->role);
    jsondoc_set(doc, "columns", columns);
    jsondoc_set_integer(doc, "rows", file->digest.mark.rows);
    jsondoc_set_integer(doc, "frames", file->digest.mark.frames);
    jsondoc_set_integer(doc, "plain_bytes", file->digest.mark.plain_bytes);
    jsondoc_set_integer(doc, "file_bytes", file->digest.mark.bytes);
    jsondoc_set_string(doc, "sha256", file->digest.sha256);
    jsondoc_set_string(doc, "rows_digest", file->digest.rows);
    return doc;
}

char *
snapshots_manifest_text(Arena *arena, const Snapshot *snapshot)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    JsonDoc *files = jsondoc_array();

    for (size_t i = 0; i < snapshot->file_count; i++)
        jsondoc_push(files, file_doc(arena, &snapshot->files[i]));
    jsondoc_set_string(doc, "format", FORMAT);
    jsondoc_set_string(doc, "id", text_hex(arena, snapshot->id, sizeof snapshot->id));
    jsondoc_set_string(doc, "database", snapshot->database);
    jsondoc_set_integer(doc, "disposal", snapshot->disposal_id);
    jsondoc_set_string(doc, "kind", snapshot->kind);
    jsondoc_set_string(doc, "commitment", snapshot->commitment);
    jsondoc_set_string(doc, "key", snapshot->key_id);
    jsondoc_set_instant(doc, "made_at", snapshot->made_at);
    jsondoc_set_string(doc, "fingerprint", snapshot->fingerprint);
    jsondoc_set(doc, "files", files);
    return arena_printf(arena, "%s\n", jsondoc_pretty(arena, doc));
}

/* Reading */

typedef struct Field
{
    const char *name;
    const char **ret; /* NULL ends a list of them */
} Field;

/* The name of the field that is no string, or NULL. */
static const char *
get_strings(Arena *arena, const JsonDoc *doc, const Field *fields)
{
    for (const Field *field = fields; field->ret != NULL; field++)
    {
        const char *text = jsondoc_get_string(doc, field->name);

        if (text == NULL)
            return field->name;
        *field->ret = arena_strdup(arena, text);
    }
    return NULL;
}

static bool
get_digest(const JsonDoc *doc, const char *name, char ret_digest[65])
{
    unsigned char bytes[SEAL_HASH_BYTES];
    const char *text = jsondoc_get_string(doc, name);

    if (text == NULL || strlen(text) != 2 * sizeof bytes || !text_unhex(text, bytes, sizeof bytes))
        return false;
    memcpy(ret_digest, text, 2 * sizeof bytes + 1);
    return true;
}

static const char *
get_columns(Arena *arena, const JsonDoc *columns, SnapshotFile *file)
{
    if (!jsondoc_is_array(columns))
        return "columns";
    file->column_count = jsondoc_count(columns);
    file->columns = ARENA_ARRAY(arena, SnapshotColumn, file->column_count);
    for (size_t i = 0; i < file->column_count; i++)
    {
        SnapshotColumn *column = &file->columns[i];
        const Field fields[] = { { "name", &column->name }, { "type", &column->type }, { NULL, NULL } };

        if (get_strings(arena, jsondoc_at(columns, i), fields) != NULL)
            return "columns";
        const char *becomes = jsondoc_get_string(jsondoc_at(columns, i), "becomes");
        column->becomes = becomes == NULL ? NULL : arena_strdup(arena, becomes);
    }
    return NULL;
}

static const char *
get_file(Arena *arena, const JsonDoc *doc, SnapshotFile *file)
{
    FrameMark *mark = &file->digest.mark;
    const Field fields[] = {
        { "schema", &file->schema }, { "table", &file->table }, { "role", &file->role }, { NULL, NULL }
    };
    const struct
    {
        const char *name;
        int64_t *ret;
    } counts[] = { { "rows", &mark->rows },
                   { "frames", &mark->frames },
                   { "plain_bytes", &mark->plain_bytes },
                   { "file_bytes", &mark->bytes } };
    const int64_t number = jsondoc_get_integer(doc, "number", 0);

    if (number < 1 || number > UINT32_MAX)
        return "number";
    file->number = (uint32_t)number;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    {
        *counts[i].ret = jsondoc_get_integer(doc, counts[i].name, -1);
        if (*counts[i].ret < 0)
            return counts[i].name;
    }
    if (!get_digest(doc, "sha256", file->digest.sha256))
        return "sha256";
    if (!get_digest(doc, "rows_digest", file->digest.rows))
        return "rows_digest";
    const char *wrong = get_strings(arena, doc, fields);
    return wrong != NULL ? wrong : get_columns(arena, jsondoc_get(doc, "columns"), file);
}

static const char *
get_snapshot(Arena *arena, const JsonDoc *doc, Snapshot *snapshot)
{
    const char *id = NULL;
    const char *made_at = NULL;
    const Field fields[] = { { "id", &id },
                             { "database", &snapshot->database },
                             { "kind", &snapshot->kind },
                             { "key", &snapshot->key_id },
                             { "made_at", &made_at },
                             { "fingerprint", &snapshot->fingerprint },
                             { NULL, NULL } };
    const char *wrong = get_strings(arena, doc, fields);
    const char *commitment = jsondoc_get_string(doc, "commitment");
    const JsonDoc *files = jsondoc_get(doc, "files");

    if (wrong != NULL)
        return wrong;
    if (strlen(id) != 2 * sizeof snapshot->id || !text_unhex(id, snapshot->id, sizeof snapshot->id))
        return "id";
    if (!jsondoc_is_array(files))
        return "files";
    if (!instant_parse(made_at, &snapshot->made_at))
        return "made_at";
    snapshot->commitment = commitment != NULL ? arena_strdup(arena, commitment) : NULL;
    snapshot->disposal_id = jsondoc_get_integer(doc, "disposal", 0);
    snapshot->file_count = jsondoc_count(files);
    snapshot->files = ARENA_ARRAY(arena, SnapshotFile, snapshot->file_count);
    for (size_t i = 0; i < snapshot->file_count && wrong == NULL; i++)
        wrong = get_file(arena, jsondoc_at(files, i), &snapshot->files[i]);
    return wrong;
}

Err
snapshots_manifest_parse(Arena *arena, const char *path, const char *bytes, size_t length, Snapshot **ret_snapshot)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;
    Snapshot *snapshot = ARENA_NEW(arena, Snapshot);

    const Err e = jsondoc_parse(bytes, length, &doc);
    if (e != OK)
        return err_note(e, "the manifest \"%s\" is damaged", path);
    if (!text_equal(jsondoc_get_string(doc, "format"), FORMAT))
        return err_new(ERR_EVIDENCE, "the manifest \"%s\" is not of the format \"%s\"", path, FORMAT);
    const char *wrong = get_snapshot(arena, doc, snapshot);
    if (wrong != NULL)
        return err_new(ERR_EVIDENCE, "the manifest \"%s\" is damaged: \"%s\" is missing or wrong", path, wrong);
    const char *again = snapshots_manifest_text(arena, snapshot);
    if (strlen(again) != length || memcmp(again, bytes, length) != 0)
        return err_new(ERR_EVIDENCE, "the manifest \"%s\" is damaged: it holds more or less than a manifest does",
                       path);
    *ret_snapshot = snapshot;
    return OK;
}
