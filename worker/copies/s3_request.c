/* SPDX-License-Identifier: Apache-2.0 */
/* s3_request.c -- the part of s3.h that signs a request, sends it, and reads what is wrong with the answer. */
#include "copies/s3_private.h"

#include "base/md5.h"
#include "base/text.h"
#include "wrap/seal.h"

#include <string.h>

#define ANSWER_BYTES_MAX ((int64_t)16 << 20) /* a page of 1,000 keys of 1,024 bytes, each escaped: 3 MB */
#define TRIES 4
#define FIRST_PAUSE_US INT64_C(200000) /* then three times as long, and again */
#define LONGEST_PAUSE_S 5              /* a service that wants to be left alone longer is asked in another run */
#define LONGEST_WAIT_S (24 * 3600)
#define WORD_BYTES_MAX ((size_t)64)

/* -- open and close ------------------------------------------------------------------------------------------------ */

static Err
load(const CopyStore *store, const char *setting, const char *secret, SecretText **ret_text)
{
    SecretText *text = secret_text_new();
    const Err e = store->secret(secret, text);

    if (e == OK)
        *ret_text = text;
    else
        secret_text_free(text);
    return e == OK ? OK : err_note(e, "\"%s\"", setting);
}

Err
s3_open(CopyStore *store, S3 *ret_s3)
{
    const StoreRule *rule = store->rule;
    size_t length = strlen(rule->endpoint);

    *ret_s3 = (S3){ .store = store, .rule = rule };
    while (length > 0 && rule->endpoint[length - 1] == '/')
        length--;
    ret_s3->endpoint = arena_strndup(store->arena, rule->endpoint, length);
    ret_s3->scope = arena_printf(store->arena, "aws:amz:%s:s3", rule->signing_region);
    TRY(load(store, "access_key", rule->access_key, &ret_s3->access));
    TRY(load(store, "secret_key", rule->secret_key, &ret_s3->secret));
    return http_open(&ret_s3->http);
}

void
s3_closep(S3 *s3)
{
    http_close(s3->http);
    secret_text_free(s3->access);
    secret_text_free(s3->secret);
}

/* -- one request --------------------------------------------------------------------------------------------------- */

/* A key's slashes stay as they are; everything else is escaped: libcurl signs the path as it is written. */
static void
add_path(Text *url, Arena *arena, const char *key)
{
    for (;;)
    {
        const size_t length = strcspn(key, "/");
        text_add(url, http_escape(arena, arena_strndup(arena, key, length)));
        if (key[length] == '\0')
            return;
        text_add(url, "/");
        key += length + 1;
    }
}

static const char *
url_of(const S3 *s3, Arena *arena, const S3Call *call)
{
    Text url = TEXT_INIT(arena);

    text_addf(&url, "%s/%s", s3->endpoint, http_escape(arena, s3->rule->bucket));
    if (call->key != NULL)
    {
        text_add(&url, "/");
        add_path(&url, arena, call->key);
    }
    if (call->query != NULL)
        text_addf(&url, "?%s", call->query);
    return text_done(&url);
}

/* The five rules of http.h. */
static Err
send_once(S3 *s3, Arena *arena, const S3Call *call, HttpResponse *ret_response)
{
    const char *body = call->body == NULL ? "" : call->body;
    unsigned char digest[SEAL_HASH_BYTES], md5[MD5_BYTES];
    const char *headers[4];
    size_t count = 0;

    seal_sha256(body, call->body_length, digest);
    headers[count++] = arena_printf(arena, "x-amz-content-sha256: %s", text_hex(arena, digest, sizeof digest));
    if (call->body != NULL)
    {
        md5_digest(body, call->body_length, md5);
        headers[count++] = arena_printf(arena, "Content-Type: %s", call->type == NULL ? "application/xml" : call->type);
        headers[count++] = arena_printf(arena, "Content-MD5: %s", seal_base64(arena, md5, sizeof md5));
    }
    if (call->range != NULL)
        headers[count++] = arena_printf(arena, "Range: %s", call->range);
    const HttpRequest request = { .method = call->method,
                                  .url = url_of(s3, arena, call),
                                  .headers = headers,
                                  .header_count = count,
                                  .body = call->body,
                                  .body_length = call->body_length,
                                  .private_hosts = s3->rule->private_hosts,
                                  .private_count = s3->rule->private_count,
                                  .ca_file = s3->rule->ca_file,
                                  .aws_scope = s3->scope,
                                  .aws_access = secret_text_string(s3->access),
                                  .aws_secret = secret_text_string(s3->secret),
                                  .total_ms = s3->store->time_limit_us / 1000,
                                  .limit_bytes = ANSWER_BYTES_MAX,
                                  .is_stopped = s3->store->is_stopped };
    return http_send(s3->http, arena, &request, ret_response);
}

/* -- the answer ---------------------------------------------------------------------------------------------------- */

const char *
s3_word(const char *word)
{
    const size_t length = word == NULL
                              ? 0
                              : strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:");
    return length == 0 || length > WORD_BYTES_MAX || word[length] != '\0' ? NULL : word;
}

/* An <Error> may come with status 200 as well. */
static Err
read_answer(Arena *arena, const char *bucket, const S3Call *call, const HttpResponse *response, S3Answer *ret)
{
    const bool good = response->status >= 200 && response->status < 300;
    const XmlNode *root = NULL;

    *ret = (S3Answer){ .status = response->status,
                       .retry_after_s = response->retry_after_s,
                       .etag = http_header(response, "ETag") };
    if (good && call->is_raw)
    {
        ret->body = response->body;
        ret->body_length = response->length;
        return OK;
    }
    if (response->length > 0 && xml_parse(arena, response->body, response->length, &root) != OK)
    {
        if (good && call->root != NULL)
            return err_note(ERR_IO, "asked to %s bucket \"%s\", it answered what cannot be read", call->doing, bucket);
        err_clear();
    }
    const bool is_error = root != NULL && strcmp(root->name, "Error") == 0;
    if (good && !is_error)
    {
        if (call->root != NULL && (root == NULL || strcmp(root->name, call->root) != 0))
            return err_new(ERR_IO, "asked to %s bucket \"%s\", it answered without a %s", call->doing, bucket,
                           call->root);
        ret->root = root;
        return OK;
    }
    const char *code = is_error ? s3_word(xml_text(root, "Code")) : NULL;
    ret->code = code == NULL ? "" : code;
    ret->region = s3_word(http_header(response, "x-amz-bucket-region"));
    if (ret->region == NULL && is_error)
        ret->region = s3_word(xml_text(root, "Region"));
    return OK;
}

static bool
is_busy(const S3Answer *answer)
{
    static const char *const codes[] = { "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout",
                                         "OperationAborted" };

    for (size_t i = 0; answer->code != NULL && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(answer->code, codes[i]) == 0)
            return true;
    return answer->status == 429 || (answer->status >= 500 && answer->status != 501);
}

Err
s3_ask(S3 *s3, Arena *arena, const S3Call *call, S3Answer *ret_answer)
{
    int64_t pause_us = FIRST_PAUSE_US;

    for (int try = 1;; try++, pause_us *= 3)
    {
        HttpResponse response;
        TRY(send_once(s3, arena, call, &response));
        TRY(read_answer(arena, s3->rule->bucket, call, &response, ret_answer));
        if (!is_busy(ret_answer))
            return OK;
        const int64_t asked_s = ret_answer->retry_after_s;
        if (try == TRIES || asked_s > LONGEST_PAUSE_S)
            return OK;
        s3->store->sleep(asked_s > 0 ? asked_s * INSTANT_SECOND : pause_us);
        if (s3->store->is_stopped())
            return err_new(ERR_PARTLY, "asked to stop while the store was busy");
    }
}

/* -- refusals ------------------------------------------------------------------------------------------------------ */

static const struct
{
    const char *code;
    Err err;
    const char *remedy;
} refusals[] = {
    { "AccessDenied", ERR_PERMISSION, ": the access key has no right to do so" },
    { "InvalidAccessKeyId", ERR_CONFIG, ": it does not know the access key" },
    { "SignatureDoesNotMatch", ERR_CONFIG, ": the secret key is not the access key's" },
    { "RequestTimeTooSkewed", ERR_CONFIG, ": this machine's clock is wrong, or the service's" },
    { "NoSuchBucket", ERR_CONFIG, ": there is no such bucket" },
    { "NotImplemented", ERR_CONFIG, ": the service cannot do so, and its copies cannot be found without" },
    { "MethodNotAllowed", ERR_CONFIG, ": the service cannot do so, and its copies cannot be found without" },
};

static bool
is_elsewhere(const S3Answer *answer)
{
    return (answer->status >= 300 && answer->status < 400) ||
           text_equal(answer->code, "AuthorizationHeaderMalformed") || text_equal(answer->code, "PermanentRedirect") ||
           text_equal(answer->code, "IllegalLocationConstraintException");
}

static Err
busy_refusal(S3 *s3, const S3Call *call, const S3Answer *answer)
{
    const int64_t wait_s = answer->retry_after_s < LONGEST_WAIT_S ? answer->retry_after_s : LONGEST_WAIT_S;

    if (s3->store->asked_us < wait_s * INSTANT_SECOND)
        s3->store->asked_us = wait_s * INSTANT_SECOND;
    return err_new(ERR_AGAIN, "it is busy, and did not %s bucket \"%s\" (%s, status %ld)%s", call->doing,
                   s3->rule->bucket, text_blank(answer->code) ? "no reason given" : answer->code, answer->status,
                   wait_s > 0 ? arena_printf(s3->store->arena, "; it wants to be left alone for %s",
                                             instant_format_age(s3->store->arena, wait_s * INSTANT_SECOND))
                              : "");
}

Err
s3_refusal(S3 *s3, const S3Call *call, const S3Answer *answer)
{
    const char *remedy = "";
    Err e = ERR_IO;

    if (is_elsewhere(answer))
        return err_new(ERR_CONFIG, "the bucket \"%s\" is elsewhere (status %ld%s%s)%s%s%s: no redirect is followed",
                       s3->rule->bucket, answer->status, text_blank(answer->code) ? "" : ", ", answer->code,
                       answer->region == NULL ? "; ask for its endpoint and its \"signing_region\""
                                              : ": must have signing_region \"",
                       answer->region == NULL ? "" : answer->region,
                       answer->region == NULL ? "" : "\" and that region's endpoint");
    if (is_busy(answer))
        return busy_refusal(s3, call, answer);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (text_equal(refusals[i].code, answer->code))
        {
            remedy = refusals[i].remedy;
            e = refusals[i].err;
        }
    return err_new(e, "it refused to %s bucket \"%s\" (%s, status %ld)%s", call->doing, s3->rule->bucket,
                   text_blank(answer->code) ? "no reason given" : answer->code, answer->status, remedy);
}

Err
s3_demand(S3 *s3, Arena *arena, const S3Call *call, S3Answer *ret_answer)
{
    TRY(s3_ask(s3, arena, call, ret_answer));
    return ret_answer->code == NULL ? OK : s3_refusal(s3, call, ret_answer);
}
