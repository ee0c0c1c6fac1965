/* SPDX-License-Identifier: Apache-2.0 */
/* s3_lock.c -- the part of s3.h that asks until when Object Lock keeps a version. */
#include "copies/s3_private.h"

#include "base/text.h"

#include <string.h>

/* What a service says where there is no lock: of the bucket, or of the version. */
static bool
says_none(const S3Answer *answer)
{
    static const char *const codes[] = { "ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration",
                                         "InvalidRequest" };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (text_equal(codes[i], answer->code))
            return true;
    return false;
}

Err
s3_lock_possible(S3 *s3, bool *ret_possible)
{
    const S3Call call = { .method = "GET",
                          .query = "object-lock=",
                          .root = "ObjectLockConfiguration",
                          .doing = "tell of the object lock of" };
    S3Answer answer;

    TRY(s3_ask(s3, s3->store->arena, &call, &answer));
    *ret_possible = answer.code == NULL || !says_none(&answer);
    return OK;
}

/* ret_root NULL: there is none. */
static Err
ask(S3 *s3, Arena *arena, const S3Item *item, const char *query, const char *root, const XmlNode **ret_root)
{
    const S3Call call = { .method = "GET",
                          .key = item->key,
                          .query = arena_printf(arena, "%s=&versionId=%s", query, http_escape(arena, item->id)),
                          .root = root,
                          .doing = "tell until when a version is locked in" };
    S3Answer answer;

    *ret_root = NULL;
    TRY(s3_ask(s3, arena, &call, &answer));
    if (answer.code != NULL)
        return says_none(&answer) || text_equal(answer.code, "NoSuchVersion") || text_equal(answer.code, "NoSuchKey")
                   ? OK
                   : s3_refusal(s3, &call, &answer);
    *ret_root = answer.root;
    return OK;
}

/* Some write nanoseconds. */
static bool
parse_date(Arena *arena, const char *text, Instant *ret)
{
    const char *point = strchr(text, '.');
    const size_t digits = point == NULL ? 0 : strspn(point + 1, "0123456789");

    if (digits > 6)
        text = arena_printf(arena, "%.*s%s", (int)(point + 7 - text), text, point + 1 + digits);
    return instant_parse(text, ret);
}

Err
s3_lock_of(S3 *s3, Arena *arena, const S3Item *item, S3Lock *ret_lock)
{
    S3Lock lock = { .until = INSTANT_NONE };
    const XmlNode *retention = NULL, *hold = NULL;

    if (item->is_upload || item->is_marker)
    {
        *ret_lock = lock;
        return OK;
    }
    TRY(ask(s3, arena, item, "retention", "Retention", &retention));
    TRY(ask(s3, arena, item, "legal-hold", "LegalHold", &hold));
    const char *mode = xml_text(retention, "Mode"), *until = xml_text(retention, "RetainUntilDate");
    if (until != NULL && !parse_date(arena, until, &lock.until))
        return err_new(ERR_IO, "it answered a date that cannot be read, asked until when a version is locked");
    lock.mode = text_equal(mode, "GOVERNANCE") ? "GOVERNANCE" : "COMPLIANCE";
    lock.is_held = text_equal(xml_text(hold, "Status"), "ON");
    *ret_lock = lock;
    return OK;
}
