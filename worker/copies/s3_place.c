/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/s3_place.h"

#include "base/fault.h"
#include "base/text.h"
#include "copies/s3_private.h"
#include "wrap/file.h"
#include "wrap/seal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES ((int64_t)8 << 20) /* S3 wants 5 MiB at least, but for the last */
#define PARTS_MAX 10000               /* S3's own limit; larger files get larger parts */
#define READ_BYTES ((int64_t)8 << 20)

/* One file on its way. */
typedef struct Freight
{
    S3 *s3;
    Arena *scratch; /* for one request */
    const char *key;
    File *file;
    int64_t size;
    char *buffer; /* of a part */
    int64_t part_bytes;
    SealSha256 sha256;
} Freight;

static void
end_freight(Freight *f)
{
    file_close(f->file);
    mem_free(f->buffer);
    arena_free(f->scratch);
}

static const char *
key_of(const CopyStore *store, const char *name, const char *file)
{
    const char *prefix = store->rule->prefix == NULL ? "" : store->rule->prefix;
    return arena_printf(store->arena, "%s%s/%s", prefix, name, file);
}

static Err
no_one_lives(void *context, const CopyCase *about, const char *const *keys, size_t count, bool *ret_lives)
{
    (void)context, (void)about, (void)keys;
    memset(ret_lives, 0, count * sizeof *ret_lives);
    return OK;
}

static Err
no_hold_comes(void *context)
{
    (void)context;
    return OK;
}

/* A snapshot is removed as a subject's objects are: its name stands for the key. */
static CopyStore
as_copies(const CopyStore *store, StoreRule *rule)
{
    CopyStore copies = *store;

    *rule = *store->rule;
    rule->prefix = key_of(store, "${key}", "");
    copies.rule = rule;
    copies.living = no_one_lives;
    copies.judge_again = no_hold_comes;
    return copies;
}

/* -- up ------------------------------------------------------------------------------------------------------------ */

static Err
read_part(Freight *f, int64_t offset, size_t *ret_length)
{
    const int64_t left = f->size - offset;
    const size_t length = (size_t)(left < f->part_bytes ? left : f->part_bytes);

    TRY(file_read_at(f->file, offset, f->buffer, length));
    seal_sha256_add(&f->sha256, f->buffer, length);
    *ret_length = length;
    return OK;
}

static Err
send_bytes(Freight *f, const char *query, size_t length, S3Answer *ret_answer)
{
    const S3Call call = { .method = "PUT",
                          .key = f->key,
                          .query = query,
                          .body = f->buffer,
                          .body_length = length,
                          .type = "application/octet-stream",
                          .doing = "write a snapshot to" };

    return s3_demand(f->s3, f->scratch, &call, ret_answer);
}

static Err
begin_parts(const Freight *f, const char **ret_id)
{
    const S3Call call = { .method = "POST",
                          .key = f->key,
                          .query = "uploads=",
                          .root = "InitiateMultipartUploadResult",
                          .doing = "begin an upload to" };
    S3Answer answer;

    TRY(s3_demand(f->s3, f->scratch, &call, &answer));
    if (text_blank(xml_text(answer.root, "UploadId")))
        return err_new(ERR_IO, "it began an upload without an id");
    *ret_id = arena_strdup(f->s3->store->arena, xml_text(answer.root, "UploadId"));
    return OK;
}

static Err
send_parts(Freight *f, const char *id, Text *done)
{
    const char *escaped = http_escape(f->s3->store->arena, id);
    int number = 1;

    for (int64_t offset = 0; offset < f->size; offset += f->part_bytes, number++)
    {
        S3Answer answer;
        size_t length;
        arena_reset(f->scratch);
        TRY(read_part(f, offset, &length));
        TRY(send_bytes(f, arena_printf(f->scratch, "partNumber=%d&uploadId=%s", number, escaped), length, &answer));
        fault_point("s3.part");
        if (text_blank(answer.etag))
            return err_new(ERR_IO, "it took a part of an upload without an ETag");
        text_addf(done, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", number,
                  xml_escape(f->scratch, answer.etag));
    }
    return OK;
}

static Err
end_parts(const Freight *f, const char *id, const char *parts)
{
    const char *body = arena_printf(f->scratch,
                                    "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s"
                                    "</CompleteMultipartUpload>",
                                    parts);
    const S3Call call = { .method = "POST",
                          .key = f->key,
                          .query = arena_printf(f->scratch, "uploadId=%s", http_escape(f->scratch, id)),
                          .body = body,
                          .body_length = strlen(body),
                          .root = "CompleteMultipartUploadResult",
                          .doing = "end an upload to" };
    S3Answer answer;

    return s3_demand(f->s3, f->scratch, &call, &answer);
}

/* As far as it can be: what stays goes with the next attempt, or with the snapshot. */
static Err
abort_parts(const Freight *f, const char *id, Err failed)
{
    const S3Call call = { .method = "DELETE",
                          .key = f->key,
                          .query = arena_printf(f->s3->store->arena, "uploadId=%s",
                                                http_escape(f->s3->store->arena, id)),
                          .doing = "abort an upload to" };
    const char *story = arena_strdup(f->s3->store->arena, err_joined());
    S3Answer answer;

    if (s3_ask(f->s3, f->scratch, &call, &answer) != OK)
        err_clear();
    return err_new(failed, "%s", story);
}

static Err
send_file(Freight *f)
{
    Text parts = TEXT_INIT(f->s3->store->arena);
    S3Answer answer;
    const char *id = "";
    size_t length;

    if (f->size <= f->part_bytes)
    {
        TRY(read_part(f, 0, &length));
        return send_bytes(f, NULL, length, &answer);
    }
    TRY(begin_parts(f, &id));
    fault_point("s3.upload_begun");
    Err e = send_parts(f, id, &parts);
    if (e == OK)
        e = end_parts(f, id, text_done(&parts));
    return e == OK ? OK : abort_parts(f, id, e);
}

/* -- down ---------------------------------------------------------------------------------------------------------- */

typedef Err (*Take)(void *context, int64_t offset, const char *bytes, size_t length);

static Err
read_back(S3 *s3, Arena *scratch, const char *key, Take take, void *context)
{
    for (int64_t offset = 0;; offset += READ_BYTES)
    {
        const S3Call call = { .method = "GET",
                              .key = key,
                              .range = arena_printf(s3->store->arena, "bytes=%" PRId64 "-%" PRId64, offset,
                                                    offset + READ_BYTES - 1),
                              .is_raw = true,
                              .doing = "read a snapshot from" };
        S3Answer answer;
        arena_reset(scratch);
        TRY(s3_ask(s3, scratch, &call, &answer));
        if (text_equal(answer.code, "InvalidRange")) /* the end, to the byte */
            return OK;
        if (answer.code != NULL)
            return s3_refusal(s3, &call, &answer);
        if (answer.status != 206 && (offset > 0 || (int64_t)answer.body_length > READ_BYTES))
            return err_new(ERR_IO, "asked for a part of a file, it answered with all of it");
        TRY(take(context, offset, answer.body, answer.body_length));
        if ((int64_t)answer.body_length < READ_BYTES || answer.status != 206)
            return OK;
    }
}

typedef struct Compared
{
    SealSha256 sha256;
    int64_t bytes;
} Compared;

static Err
compare(void *context, int64_t offset, const char *bytes, size_t length)
{
    Compared *c = context;

    (void)offset;
    seal_sha256_add(&c->sha256, bytes, length);
    c->bytes += (int64_t)length;
    return OK;
}

static Err
judge_copy(Freight *f)
{
    unsigned char sent[SEAL_HASH_BYTES], found[SEAL_HASH_BYTES];
    Compared c = { .bytes = 0 };

    seal_sha256_init(&c.sha256);
    TRY(read_back(f->s3, f->scratch, f->key, compare, &c));
    seal_sha256_done(&f->sha256, sent);
    seal_sha256_done(&c.sha256, found);
    if (c.bytes != f->size || memcmp(sent, found, sizeof sent) != 0)
        return err_new(ERR_EVIDENCE,
                       "a file of the snapshot, read back from bucket \"%s\", is not what was written there",
                       f->s3->rule->bucket);
    return OK;
}

static Err
put_file(S3 *s3, const char *key, const char *path)
{
    CLEANUP(end_freight) Freight f = { .s3 = s3, .key = key, .scratch = arena_new() };

    TRY(file_open(path, FILE_READ, &f.file));
    TRY(file_size(f.file, &f.size));
    f.part_bytes = f.size / (PARTS_MAX - 1) > PART_BYTES ? f.size / (PARTS_MAX - 1) : PART_BYTES;
    f.buffer = mem_alloc((size_t)f.part_bytes);
    seal_sha256_init(&f.sha256);
    TRY(send_file(&f));
    return judge_copy(&f);
}

Err
s3_place_put(CopyStore *store, const char *name, const char *directory)
{
    CLEANUP(s3_closep) S3 s3 = { .store = store };
    char **files;
    size_t count;

    TRY(s3_place_remove(store, name));
    TRY(s3_open(store, &s3));
    TRY(file_list(store->arena, directory, &files, &count));
    for (size_t i = 0; i < count; i++)
        TRY(put_file(&s3, key_of(store, name, files[i]), arena_printf(store->arena, "%s/%s", directory, files[i])));
    return OK;
}

static Err
write_bytes(void *context, int64_t offset, const char *bytes, size_t length)
{
    return file_write_at(context, offset, bytes, length);
}

static Err
get_file(S3 *s3, const char *key, const char *path)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(file_closep) File *file = NULL;

    TRY(file_open(path, FILE_CREATE, &file));
    TRY(read_back(s3, scratch, key, write_bytes, file));
    return file_sync(file);
}

/* A snapshot's files alone: manifest.json, 0001.xpf, … */
static bool
is_file_name(const char *name)
{
    return strcmp(name, "manifest.json") == 0 || (strlen(name) >= 8 && strspn(name, "0123456789") == strlen(name) - 4 &&
                                                  text_equal(strchr(name, '.'), ".xpf"));
}

Err
s3_place_get(CopyStore *store, const char *name, const char *directory)
{
    CLEANUP(s3_closep) S3 s3 = { .store = store };
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    S3Listing listing = { .prefix = key_of(store, name, ""), .kept = store->arena };
    S3Page page = { .is_last = false };
    const char *before = "";
    size_t found = 0;

    TRY(s3_open(store, &s3));
    while (!page.is_last)
    {
        arena_reset(scratch);
        TRY(s3_page(&s3, scratch, &listing, &page));
        for (size_t i = 0; i < page.count; i++)
        {
            const char *key = arena_strdup(store->arena, page.items[i].key), *file = key + strlen(listing.prefix);
            if (page.items[i].is_marker || !is_file_name(file) || strcmp(key, before) == 0)
                continue;
            before = key;
            found++;
            TRY(get_file(&s3, key, arena_printf(store->arena, "%s/%s", directory, file)));
        }
    }
    return found > 0 ? OK : err_new(ERR_EVIDENCE, "bucket \"%s\" does not have it", store->rule->bucket);
}

/* -- away ---------------------------------------------------------------------------------------------------------- */

Err
s3_place_count(CopyStore *store, const char *name, int64_t *ret_count)
{
    StoreRule rule;
    CopyStore copies = as_copies(store, &rule);
    CopyCase about = { .database = "", .kind = "", .key = name, .until = INSTANT_NONE };
    CopyCase *cases[] = { &about };

    TRY(s3_kind.list(&copies, cases, 1));
    *ret_count = about.items;
    return about.problem == NULL ? OK : err_new(ERR_INTERNAL, "\"%s\" is no name of a snapshot", name);
}

Err
s3_place_remove(CopyStore *store, const char *name)
{
    StoreRule rule;
    CopyStore copies = as_copies(store, &rule);
    CopyCase about = { .database = "", .kind = "", .key = name, .until = INSTANT_NONE };
    CopyCase *cases[] = { &about };

    TRY(s3_kind.purge(&copies, cases, 1));
    TRY(s3_kind.verify(&copies, cases, 1));
    if (about.state == COPY_GONE && about.problem == NULL)
        return OK;
    return err_new(about.state == COPY_DATED ? ERR_HELD : ERR_IO,
                   "%" PRId64 " object version(s) of the snapshot are still in bucket \"%s\": %s", about.items,
                   store->rule->bucket,
                   about.problem != NULL  ? about.problem
                   : about.detail != NULL ? about.detail
                                          : "they were to be deleted");
}
