/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/template.h"

#include "base/md5.h"
#include "base/text.h"
#include "wrap/http.h"
#include "wrap/jsondoc.h"
#include "wrap/seal.h"
#include <string.h>

#define CREDENTIAL "credential:"

const char *const template_words[] = { "message_id", "idempotency_key", TEMPLATE_RECEIPT, "disposal",
                                       "kind",       "begun_at",        "erased_at",      NULL };

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool
is_name(const char *text)
{
    size_t length = 0;

    while ((text[length] >= 'a' && text[length] <= 'z') || (text[length] >= 'A' && text[length] <= 'Z') ||
           (text[length] >= '0' && text[length] <= '9') ||
           (length > 0 && strchr("_-.", text[length]) != NULL && text[length] != '\0'))
        length++;
    return length > 0 && length <= 63 && text[length] == '\0';
}

static const char *
read_filter(Arena *arena, const char *word, TemplatePart *part)
{
    static const char *const filters[] = { "lower", "md5", "sha256" };

    if (part->filter_count == TEMPLATE_FILTERS_MAX)
        return "has too many filters";
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strcmp(filters[i], word) == 0)
        {
            part->filters[part->filter_count++] = (TemplateFilter)i;
            return NULL;
        }
    return arena_printf(arena, "has an unknown filter in \"${%s}\"", part->name);
}

static const char *
read_placeholder(Arena *arena, char *inside, TemplatePart *part)
{
    char *filter = strchr(inside, '|');

    part->is_credential = text_starts(inside, CREDENTIAL);
    part->name = part->is_credential ? inside + strlen(CREDENTIAL) : inside;
    if (filter != NULL)
        *filter++ = '\0';
    if (!is_name(part->name))
        return "has a placeholder without a name";
    if (filter != NULL && part->is_credential)
        return arena_printf(arena, "passes credential \"%s\" through a filter", part->name);
    while (filter != NULL)
    {
        char *next = strchr(filter, '|');
        if (next != NULL)
            *next++ = '\0';
        const char *wrong = read_filter(arena, filter, part);
        if (wrong != NULL)
            return wrong;
        filter = next;
    }
    return NULL;
}

const char *
template_parse(Arena *arena, const char *text, Template *ret_template)
{
    Template t = { .parts = NULL };
    size_t room = 0;

    for (const char *at = text;;)
    {
        TemplatePart part = { .name = NULL };
        const char *begin = strstr(at, "${");
        if (begin == NULL)
        {
            part.text = at;
            ARENA_PUSH(arena, t.parts, t.count, room, part);
            break;
        }
        const char *end = strchr(begin, '}');
        if (end == NULL)
            return "has a placeholder without an end";
        part.text = arena_strndup(arena, at, (size_t)(begin - at));
        const char *wrong = read_placeholder(arena, arena_strndup(arena, begin + 2, (size_t)(end - begin - 2)), &part);
        if (wrong != NULL)
            return wrong;
        ARENA_PUSH(arena, t.parts, t.count, room, part);
        at = end + 1;
    }
    *ret_template = t;
    return NULL;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static char *
lower(Arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);

    for (char *c = copy; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return copy;
}

static const char *
pass_filters(Arena *arena, const TemplatePart *part, const char *value)
{
    for (size_t i = 0; i < part->filter_count; i++)
    {
        unsigned char digest[SEAL_HASH_BYTES];

        if (part->filters[i] == FILTER_LOWER)
            value = lower(arena, value);
        else if (part->filters[i] == FILTER_MD5)
        {
            md5_digest(value, strlen(value), digest);
            value = text_hex(arena, digest, MD5_BYTES);
        }
        else
        {
            seal_sha256(value, strlen(value), digest);
            value = text_hex(arena, digest, sizeof digest);
        }
    }
    return value;
}

static bool
has_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c < ' ' || *c == 0x7f)
            return true;
    return false;
}

/* What jansson writes between the quotes. */
static void
add_json(Arena *arena, const char *value, SecretText *text)
{
    CLEANUP(jsondoc_freep) JsonDoc *string = jsondoc_string(value);
    const char *quoted = jsondoc_canonical(arena, string);

    secret_text_add_bytes(text, quoted + 1, strlen(quoted) - 2);
}

static Err
add_escaped(Arena *arena, TemplatePlace place, const char *name, const char *value, SecretText *text)
{
    if (place != TEMPLATE_JSON && has_control(value))
        return err_new(ERR_CONFIG, "the value of \"${%s}\" holds a control character", name);
    if (place == TEMPLATE_URL && (value[0] == '\0' || strcmp(value, ".") == 0 || strcmp(value, "..") == 0))
        return err_new(ERR_CONFIG, "the value of \"${%s}\" is empty or dots: the address would name something else",
                       name);
    if (place == TEMPLATE_JSON)
        add_json(arena, value, text);
    else
        secret_text_add(text, place == TEMPLATE_HEADER ? value : http_escape(arena, value));
    return OK;
}

static Err
add_credential(Arena *arena, TemplatePlace place, const TemplatePart *part, const TemplateSource *source,
               SecretText *text)
{
    CLEANUP(secret_text_freep) SecretText *secret = secret_text_new();

    TRY(source->credential(source->context, part->name, secret));
    if (place == TEMPLATE_HEADER) /* the usual place: it stays out of the arena */
        secret_text_add(text, secret_text_string(secret));
    else
        TRY(add_escaped(arena, place, part->name, secret_text_string(secret), text));
    return OK;
}

Err
template_expand(Arena *arena, const Template *template, TemplatePlace place, const TemplateSource *source,
                SecretText *ret_text)
{
    for (size_t i = 0; i < template->count; i++)
    {
        const TemplatePart *part = &template->parts[i];

        secret_text_add(ret_text, part->text);
        if (part->name == NULL)
            continue;
        if (part->is_credential)
        {
            TRY(add_credential(arena, place, part, source, ret_text));
            continue;
        }
        const char *value = source->value(source->context, part->name);
        if (value == NULL)
            return err_new(ERR_CONFIG, "there is no value for \"${%s}\"", part->name);
        TRY(add_escaped(arena, place, part->name, pass_filters(arena, part, value), ret_text));
    }
    return OK;
}

char *
template_sketch(Arena *arena, const Template *template, const char *word)
{
    Text text = TEXT_INIT(arena);

    for (size_t i = 0; i < template->count; i++)
    {
        text_add(&text, template->parts[i].text);
        if (template->parts[i].name != NULL)
            text_add(&text, word);
    }
    return text_done(&text);
}
