/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/processors.h"

#include "base/text.h"
#include "copies/template.h"
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define ANSWER_BYTES_MAX (1 << 20)
#define HEADERS_MAX 32
#define OWN_HEADERS 4
#define RECEIPT_MAX 128
#define TELLING_BYTES 3 /* a value shorter than this may stand in a receipt by chance */
#define SEAL_CONTEXT "expunge values 1 "

/* -- sealed values ------------------------------------------------------------------------------------------------- */

char *
processors_seal(Arena *arena, const Secret *key, const char *message_id, const JsonDoc *values)
{
    const char *plain = jsondoc_canonical(arena, values);
    const char *ad = arena_printf(arena, SEAL_CONTEXT "%s", message_id);
    const size_t length = seal_frame_size(strlen(plain));
    char *sealed = arena_alloc(arena, length, 1);

    seal_frame(key, ad, strlen(ad), plain, strlen(plain), sealed);
    return text_hex(arena, sealed, length);
}

Err
processors_unseal(Arena *arena, const Secret *key, const Task *task, JsonDoc **ret_values)
{
    const char *ad = arena_printf(arena, SEAL_CONTEXT "%s", task->message_id);
    const size_t length = task->sealed == NULL ? 0 : strlen(task->sealed) / 2, overhead = seal_frame_size(0);
    char *sealed = arena_alloc(arena, length + 1, 1);

    if (length <= overhead || !text_unhex(task->sealed, sealed, length))
        return err_new(ERR_EVIDENCE, "the sealed values of the message are not there");
    size_t plain_length = length - overhead; /* or less, where it takes several pieces */
    while (plain_length > 0 && seal_frame_size(plain_length) > length)
        plain_length--;
    char *plain = arena_alloc(arena, plain_length + 1, 1);
    TRY(seal_frame_open(key, ad, strlen(ad), sealed, length, plain, plain_length));
    return jsondoc_parse(plain, plain_length, ret_values);
}

static bool
text_needs_values(Arena *arena, const char *text)
{
    Template t;

    if (text == NULL || template_parse(arena, text, &t) != NULL)
        return false;
    for (size_t i = 0; i < t.count; i++)
    {
        bool own = t.parts[i].name == NULL || t.parts[i].is_credential;
        for (size_t w = 0; !own && template_words[w] != NULL; w++)
            own = strcmp(template_words[w], t.parts[i].name) == 0;
        if (!own)
            return true;
    }
    return false;
}

bool
processors_need_values(Arena *arena, const ProcessorRule *rule, int64_t call)
{
    for (size_t c = (size_t)call; c < rule->call_count; c++)
    {
        if (text_needs_values(arena, rule->calls[c]->url) || text_needs_values(arena, rule->calls[c]->body))
            return true;
        for (size_t h = 0; h < rule->calls[c]->header_count; h++)
            if (text_needs_values(arena, rule->calls[c]->headers[h]))
                return true;
    }
    return false;
}

/* -- filling in ---------------------------------------------------------------------------------------------------- */

typedef struct Filling
{
    Arena *arena;
    const ProcessorMessage *message;
} Filling;

static const char *
value_of(void *context, const char *name)
{
    const Filling *filling = context;
    const ProcessorMessage *m = filling->message;
    const Task *t = m->task;

    if (strcmp(name, "message_id") == 0)
        return t->message_id;
    if (strcmp(name, "idempotency_key") ==
        0) /* the same over all attempts of this request, another one for each request */
        return arena_printf(filling->arena, "%s-%" PRId64 "-%" PRId64, t->message_id, t->round, t->call);
    if (strcmp(name, TEMPLATE_RECEIPT) == 0)
        return t->receipt;
    if (strcmp(name, "disposal") == 0)
        return m->disposal;
    if (strcmp(name, "kind") == 0)
        return t->kind;
    if (strcmp(name, "begun_at") == 0)
        return instant_format(filling->arena, t->made_at);
    if (strcmp(name, "erased_at") == 0)
        return instant_format(filling->arena, t->erased_at);
    return m->values == NULL ? NULL : jsondoc_get_string(m->values, name);
}

static Err
credential_of(void *context, const char *name, SecretText *ret_secret)
{
    const ProcessorMessage *m = ((const Filling *)context)->message;
    return m->credential(m->credential_context, name, ret_secret);
}

/* What is sent: all of it may hold secrets or a person's data. */
typedef struct Outgoing
{
    SecretText *url;
    SecretText *body; /* NULL: none */
    SecretText *headers[HEADERS_MAX];
    size_t header_count;
} Outgoing;

static void
outgoing_end(Outgoing *out)
{
    secret_text_free(out->url);
    secret_text_free(out->body);
    for (size_t i = 0; i < out->header_count; i++)
        secret_text_free(out->headers[i]);
}

static Err
fill(const Filling *filling, const char *text, TemplatePlace place, SecretText **ret_text)
{
    const TemplateSource source = { .context = (void *)(uintptr_t)filling,
                                    .value = value_of,
                                    .credential = credential_of };
    CLEANUP(secret_text_freep) SecretText *filled = secret_text_new();
    Template t;
    const char *wrong = template_parse(filling->arena, text, &t);

    if (wrong != NULL)
        return err_new(ERR_CONFIG, "a text of the request %s", wrong);
    TRY(template_expand(filling->arena, &t, place, &source, filled));
    *ret_text = filled;
    filled = NULL;
    return OK;
}

static void
add_own_header(Outgoing *out, const char *name, const char *value)
{
    SecretText *line = secret_text_new();

    secret_text_add(line, name);
    secret_text_add(line, value);
    out->headers[out->header_count++] = line;
}

/* Standard Webhooks 1.0.0: the signature is over "id.timestamp.body". */
static Err
sign(const Filling *filling, Outgoing *out)
{
    const ProcessorMessage *m = filling->message;
    CLEANUP(secret_text_freep) SecretText *secret = secret_text_new();
    CLEANUP(secret_text_freep) SecretText *signed_text = secret_text_new();
    CLEANUP(secret_text_freep) SecretText *signature = secret_text_new();
    const char *stamp = arena_printf(filling->arena, "%" PRId64, instant_now() / INSTANT_SECOND);

    TRY(m->credential(m->credential_context, m->rule->signing_secret, secret));
    secret_text_add(signed_text, m->task->message_id);
    secret_text_add(signed_text, ".");
    secret_text_add(signed_text, stamp);
    secret_text_add(signed_text, ".");
    secret_text_add_bytes(signed_text, secret_text_string(out->body), secret_text_length(out->body));
    TRY(secret_text_sign(m->rule->signing, secret, signed_text, signature));
    add_own_header(out, "webhook-id: ", m->task->message_id);
    add_own_header(out, "webhook-timestamp: ", stamp);
    add_own_header(out, "webhook-signature: ", secret_text_string(signature));
    return OK;
}

static Err
fill_in(const Filling *filling, const ProcessorCall *call, Outgoing *out)
{
    const bool json = text_equal(call->content_type, "application/json");

    TRY(fill(filling, call->url, TEMPLATE_URL, &out->url));
    if (call->body != NULL)
    {
        TRY(fill(filling, call->body, json ? TEMPLATE_JSON : TEMPLATE_FORM, &out->body));
        add_own_header(out, "Content-Type: ", call->content_type);
    }
    if (call->header_count + OWN_HEADERS > HEADERS_MAX)
        return err_new(ERR_CONFIG, "the request has more than %d headers", HEADERS_MAX - OWN_HEADERS);
    for (size_t i = 0; i < call->header_count; i++)
    {
        TRY(fill(filling, call->headers[i], TEMPLATE_HEADER, &out->headers[out->header_count]));
        out->header_count++;
    }
    return filling->message->rule->signing != NULL && out->body != NULL ? sign(filling, out) : OK;
}

/* -- the answer ---------------------------------------------------------------------------------------------------- */

static bool
is_plain_id(const char *text)
{
    const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:+=/-");
    return length > 0 && length <= RECEIPT_MAX && text[length] == '\0';
}

static bool
repeats_value(const ProcessorMessage *m, const char *receipt)
{
    for (size_t i = 0; m->values != NULL && i < m->rule->value_count; i++)
    {
        const char *value = jsondoc_get_string(m->values, m->rule->values[i].name);
        if (value != NULL && strlen(value) >= TELLING_BYTES && strcasestr(receipt, value) != NULL)
            return true;
    }
    return false;
}

/* An answer that names no receipt is one itself: its digest, with the message's own id, so that nothing can be guessed. */
static const char *
digest_receipt(Arena *arena, const ProcessorMessage *m, const HttpResponse *response)
{
    unsigned char digest[SEAL_HASH_BYTES];
    Text text = TEXT_INIT(arena);

    text_addf(&text, "%s %ld ", m->task->message_id, response->status);
    text_add_bytes(&text, response->body, response->length);
    seal_sha256(text_done(&text), text.length, digest);
    return arena_printf(arena, "sha256:%s", text_hex(arena, digest, sizeof digest));
}

static void
take_receipt(Arena *arena, const ProcessorMessage *m, const HttpResponse *response, const JsonDoc *body,
             ProcessorOutcome *outcome)
{
    const ProcessorCall *call = m->rule->calls[m->task->call];
    const char *receipt = NULL;

    if (outcome->verdict != VERDICT_DONE && outcome->verdict != VERDICT_ACCEPTED)
        return;
    if (call->receipt == NULL || response->status >= 300)
    {
        outcome->receipt = m->task->receipt == NULL ? digest_receipt(arena, m, response) : NULL;
        return;
    }
    receipt = jsondoc_word(arena, jsondoc_pointer(arena, body, call->receipt));
    const char *wrong = receipt == NULL             ? "holds no receipt"
                        : !is_plain_id(receipt)     ? "holds a receipt that is no plain id"
                        : repeats_value(m, receipt) ? "holds a receipt that repeats what it was sent"
                                                    : NULL;
    if (wrong == NULL)
        outcome->receipt = receipt;
    else
    {
        outcome->verdict = VERDICT_RETRY;
        outcome->why = arena_printf(arena, "its answer %s at \"%s\"", wrong, call->receipt);
    }
}

static void
judge(Arena *arena, const ProcessorMessage *m, const HttpResponse *response, ProcessorOutcome *ret)
{
    CLEANUP(jsondoc_freep) JsonDoc *body = NULL;
    const ProcessorCall *call = m->rule->calls[m->task->call];
    ProcessorAnswer answer = { .status = response->status };

    if ((call->pointer != NULL || call->receipt != NULL) &&
        jsondoc_parse(response->body, response->length, &body) != OK)
        err_clear();
    if (call->pointer != NULL)
        answer.word = jsondoc_word(arena, jsondoc_pointer(arena, body, call->pointer));
    *ret = (ProcessorOutcome){ .retry_after_s = response->retry_after_s };
    ret->verdict = processor_judge(arena, call, &answer, &ret->why);
    take_receipt(arena, m, response, body, ret);
}

Err
processors_send(Arena *arena, Http *http, const ProcessorMessage *message, ProcessorOutcome *ret_outcome)
{
    const ProcessorCall *call = message->rule->calls[message->task->call];
    const Filling filling = { .arena = arena, .message = message };
    CLEANUP(outgoing_end) Outgoing out = { .url = NULL };
    const char *headers[HEADERS_MAX];
    HttpResponse response;

    TRY(fill_in(&filling, call, &out));
    for (size_t i = 0; i < out.header_count; i++)
        headers[i] = secret_text_string(out.headers[i]);
    const HttpRequest request = { .method = call->method,
                                  .url = secret_text_string(out.url),
                                  .headers = headers,
                                  .header_count = out.header_count,
                                  .body = out.body == NULL ? NULL : secret_text_string(out.body),
                                  .body_length = out.body == NULL ? 0 : secret_text_length(out.body),
                                  .private_hosts = message->rule->private_hosts,
                                  .private_count = message->rule->private_count,
                                  .ca_file = message->rule->ca_file,
                                  .total_ms = message->timeout_ms,
                                  .limit_bytes = ANSWER_BYTES_MAX,
                                  .is_stopped = message->is_stopped };
    const Err e = http_send(http, arena, &request, &response);
    if (e == ERR_IO)
    {
        *ret_outcome = (ProcessorOutcome){ .verdict = VERDICT_RETRY, .why = arena_strdup(arena, err_joined()) };
        err_clear();
        return OK;
    }
    if (e == OK)
        judge(arena, message, &response, ret_outcome);
    return e;
}
