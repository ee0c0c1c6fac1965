/* SPDX-License-Identifier: Apache-2.0 */
/* s3_listing.c -- the part of s3.h that reads listings: ListObjectVersions and ListMultipartUploads, page by page. */
#include "copies/s3_private.h"

#include "base/text.h"

#include <string.h>

#define PAGES_MAX ((size_t)1000000) /* a thousand million entries: a listing that has more does not end */

/* The two listings name the same things differently. */
typedef struct Words
{
    const char *root;
    const char *doing;
    const char *query;     /* prefix and markers come in between, in the alphabet's order */
    const char *id_marker; /* parameter */
    const char *next_id;
    const char *id;
} Words;

static const Words words[] = { { .root = "ListVersionsResult",
                                 .doing = "list the versions in",
                                 .query = "versions=",
                                 .id_marker = "version-id-marker",
                                 .next_id = "NextVersionIdMarker",
                                 .id = "VersionId" },
                               { .root = "ListMultipartUploadsResult",
                                 .doing = "list the unfinished uploads in",
                                 .query = "uploads=",
                                 .id_marker = "upload-id-marker",
                                 .next_id = "NextUploadIdMarker",
                                 .id = "UploadId" } };

/* -- reading ------------------------------------------------------------------------------------------------------- */

static Err
nonsense(const char *what)
{
    return err_new(ERR_IO, "its listing %s: it cannot be believed", what);
}

static int
digit_of(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF", *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* As encoding-type=url writes it: "+" is a blank.  NULL: it cannot be read. */
static char *
decode(Arena *arena, const char *text)
{
    Text decoded = TEXT_INIT(arena);

    for (; *text != '\0'; text++)
    {
        char c = *text == '+' ? ' ' : *text;
        if (*text == '%')
        {
            const int high = digit_of(text[1]), low = high < 0 ? -1 : digit_of(text[2]);
            c = low < 0 ? '\0' : (char)(16 * high + low);
            text += 2;
        }
        if (c == '\0')
            return NULL;
        text_add_bytes(&decoded, &c, 1);
    }
    return text_done(&decoded);
}

static Err
read_name(Arena *arena, const XmlNode *root, const char *text, const char **ret)
{
    const bool encoded = text_equal(xml_text(root, "EncodingType"), "url");

    if (text == NULL)
        return nonsense("has an entry without a key");
    *ret = encoded ? decode(arena, text) : text;
    return *ret == NULL ? nonsense("has a key that cannot be read") : OK;
}

/* Is it the answer to this question?  Services differ in whether they escape the prefix. */
static Err
judge_head(Arena *arena, const XmlNode *root, const char *bucket, const S3Listing *listing)
{
    const char *name = xml_text(root, listing->of_uploads ? "Bucket" : "Name");
    const char *prefix = xml_text(root, "Prefix");
    const char *plain = prefix == NULL ? "" : decode(arena, prefix);

    if (name != NULL && strcmp(name, bucket) != 0)
        return nonsense("is of another bucket");
    if (prefix == NULL && listing->of_uploads) /* not every service says it there */
        return OK;
    if (!text_equal(prefix == NULL ? "" : prefix, listing->prefix) && !text_equal(plain, listing->prefix))
        return nonsense("is of another prefix");
    return OK;
}

static Err
read_item(Arena *arena, const XmlNode *root, const XmlNode *entry, const S3Listing *listing, S3Page *page)
{
    const Words *w = &words[listing->of_uploads];
    S3Item item = { .id = xml_text(entry, w->id),
                    .is_upload = listing->of_uploads,
                    .is_marker = strcmp(entry->name, "DeleteMarker") == 0 };

    TRY(read_name(arena, root, xml_text(entry, "Key"), &item.key));
    if (text_blank(item.id))
        return nonsense("has an entry without an id");
    if (!text_starts(item.key, listing->prefix))
        return nonsense("has a key that is outside of what was asked for");
    ARENA_PUSH(arena, page->items, page->count, page->room, item);
    return OK;
}

static Err
read_markers(Arena *arena, const XmlNode *root, const S3Listing *listing, S3Page *page)
{
    const char *truncated = xml_text(root, "IsTruncated");

    if (text_equal(truncated, "false"))
    {
        page->is_last = true;
        return OK;
    }
    if (!text_equal(truncated, "true"))
        return nonsense("does not say whether it is complete");
    if (xml_child(root, "NextKeyMarker") == NULL)
        return nonsense("does not say where it goes on");
    TRY(read_name(arena, root, xml_text(root, "NextKeyMarker"), &page->next_key));
    page->next_id = xml_text(root, words[listing->of_uploads].next_id);
    return OK;
}

Err
s3_read_page(Arena *arena, const XmlNode *root, const char *bucket, const S3Listing *listing, S3Page *ret_page)
{
    S3Page page = { .items = NULL };

    TRY(judge_head(arena, root, bucket, listing));
    for (const XmlNode *entry = root->first; entry != NULL; entry = entry->next)
        if (listing->of_uploads ? strcmp(entry->name, "Upload") == 0
                                : strcmp(entry->name, "Version") == 0 || strcmp(entry->name, "DeleteMarker") == 0)
            TRY(read_item(arena, root, entry, listing, &page));
    TRY(read_markers(arena, root, listing, &page));
    *ret_page = page;
    return OK;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

static const char *
query_of(Arena *arena, const S3Listing *listing)
{
    const Words *w = &words[listing->of_uploads];
    Text query = TEXT_INIT(arena);

    text_add(&query, "encoding-type=url");
    if (listing->key != NULL)
        text_addf(&query, "&key-marker=%s", http_escape(arena, listing->key));
    text_addf(&query, "&prefix=%s", http_escape(arena, listing->prefix));
    if (listing->key != NULL && !text_blank(listing->id))
        text_addf(&query, "&%s=%s", w->id_marker, http_escape(arena, listing->id));
    text_addf(&query, "&%s", w->query);
    return text_done(&query);
}

static bool
is_same(const char *key, const char *id, const S3Page *page)
{
    return key != NULL && strcmp(key, page->next_key) == 0 &&
           strcmp(id == NULL ? "" : id, page->next_id == NULL ? "" : page->next_id) == 0;
}

/* Keys ascend; the versions of one have an order of their own, so a place that was seen before is looked for. */
static Err
advance(S3Listing *listing, const S3Page *page)
{
    if (is_same(listing->key, listing->id, page) || is_same(listing->seen_key, listing->seen_id, page) ||
        (listing->key != NULL && strcmp(listing->key, page->next_key) > 0) || listing->pages >= PAGES_MAX)
        return nonsense("does not come to an end");
    if ((listing->pages & (listing->pages - 1)) == 0) /* so that no circle is gone round for ever */
    {
        listing->seen_key = listing->key;
        listing->seen_id = listing->id;
    }
    listing->key = arena_strdup(listing->kept, page->next_key);
    listing->id = page->next_id == NULL ? NULL : arena_strdup(listing->kept, page->next_id);
    return OK;
}

Err
s3_page(S3 *s3, Arena *arena, S3Listing *listing, S3Page *ret_page)
{
    const Words *w = &words[listing->of_uploads];
    const S3Call call = { .method = "GET", .query = query_of(arena, listing), .root = w->root, .doing = w->doing };
    S3Answer answer;

    TRY(s3_demand(s3, arena, &call, &answer));
    TRY(s3_read_page(arena, answer.root, s3->rule->bucket, listing, ret_page));
    listing->pages++;
    return ret_page->is_last ? OK : advance(listing, ret_page);
}
