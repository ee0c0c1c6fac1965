/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/jsondoc.h"

#include "base/text.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* A JsonDoc is a json_t under a name of our own. */
static json_t *
js(const JsonDoc *doc)
{
    return (json_t *)(uintptr_t)doc; /* jansson's getters take no const */
}

static JsonDoc *
doc_of(json_t *value)
{
    if (value == NULL)
    {
        (void)fputs("expunge: out of memory for JSON\n", stderr);
        abort();
    }
    return (JsonDoc *)value;
}

static void
must(int status)
{
    assert(status == 0);
    if (status != 0)
        abort();
}

/* jansson is the judge of what is UTF-8: a database in SQL_ASCII may hold anything. */
static bool
is_utf8(const char *bytes, size_t length)
{
    json_t *string = json_stringn(bytes, length);

    json_decref(string);
    return string != NULL;
}

/* text with each byte that is no part of a UTF-8 sequence replaced */
static const char *
cleaned(Arena *arena, const char *text)
{
    const size_t length = strlen(text);
    Text clean = TEXT_INIT(arena);

    if (is_utf8(text, length))
        return text;
    for (size_t at = 0; at < length;)
    {
        size_t taken = 1;

        while (taken <= 4 && at + taken <= length && !is_utf8(text + at, taken))
            taken++;
        if (taken > 4 || at + taken > length)
        {
            text_add(&clean, REPLACEMENT);
            at++;
            continue;
        }
        text_add_bytes(&clean, text + at, taken);
        at += taken;
    }
    return text_done(&clean);
}

JsonDoc *
jsondoc_object(void)
{
    return doc_of(json_object());
}

JsonDoc *
jsondoc_array(void)
{
    return doc_of(json_array());
}

JsonDoc *
jsondoc_string(const char *text)
{
    if (text == NULL)
        return doc_of(json_null());
    json_t *string = json_string(text);
    if (string != NULL)
        return doc_of(string);
    CLEANUP(arena_freep) Arena *arena = arena_new();
    return doc_of(json_string(cleaned(arena, text)));
}

JsonDoc *
jsondoc_integer(int64_t number)
{
    return doc_of(json_integer(number));
}

void
jsondoc_freep(JsonDoc **doc)
{
    json_decref(js(*doc));
    *doc = NULL;
}

void
jsondoc_set(JsonDoc *object, const char *name, JsonDoc *value)
{
    assert(json_is_object(js(object)) && value != NULL);
    if (json_object_set(js(object), name, js(value)) != 0)
    {
        CLEANUP(arena_freep) Arena *arena = arena_new();

        must(json_object_set(js(object), cleaned(arena, name), js(value)));
    }
    json_decref(js(value)); /* the object has its own reference */
}

void
jsondoc_set_string(JsonDoc *object, const char *name, const char *text)
{
    jsondoc_set(object, name, jsondoc_string(text));
}

void
jsondoc_set_integer(JsonDoc *object, const char *name, int64_t number)
{
    jsondoc_set(object, name, jsondoc_integer(number));
}

void
jsondoc_set_real(JsonDoc *object, const char *name, double number)
{
    json_t *real = json_real(number);

    jsondoc_set(object, name, doc_of(real != NULL ? real : json_null())); /* JSON has no infinity and no NaN */
}

void
jsondoc_set_bool(JsonDoc *object, const char *name, bool truth)
{
    jsondoc_set(object, name, doc_of(json_boolean(truth)));
}

void
jsondoc_set_instant(JsonDoc *object, const char *name, Instant at)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    jsondoc_set_string(object, name, at == INSTANT_NONE ? NULL : instant_format(arena, at));
}

void
jsondoc_set_null(JsonDoc *object, const char *name)
{
    jsondoc_set(object, name, doc_of(json_null()));
}

void
jsondoc_push(JsonDoc *array, JsonDoc *value)
{
    assert(json_is_array(js(array)) && value != NULL);
    must(json_array_append_new(js(array), js(value)));
}

void
jsondoc_push_string(JsonDoc *array, const char *text)
{
    jsondoc_push(array, jsondoc_string(text));
}

const JsonDoc *
jsondoc_get(const JsonDoc *object, const char *name)
{
    return (const JsonDoc *)json_object_get(js(object), name);
}

const char *
jsondoc_get_string(const JsonDoc *object, const char *name)
{
    return jsondoc_text(jsondoc_get(object, name));
}

int64_t
jsondoc_get_integer(const JsonDoc *object, const char *name, int64_t otherwise)
{
    const json_t *value = js(jsondoc_get(object, name));

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool
jsondoc_get_bool(const JsonDoc *object, const char *name, bool otherwise)
{
    const json_t *value = js(jsondoc_get(object, name));

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

size_t
jsondoc_count(const JsonDoc *array_or_object)
{
    const json_t *value = js(array_or_object);

    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

const JsonDoc *
jsondoc_at(const JsonDoc *array, size_t index)
{
    return (const JsonDoc *)json_array_get(js(array), index);
}

const char *
jsondoc_text(const JsonDoc *string)
{
    return json_string_value(js(string)); /* NULL unless a string, NULL included */
}

/* "~1" is "/", "~0" is "~". */
static char *
pointer_token(Arena *arena, const char *begin, size_t length)
{
    char *token = arena_strndup(arena, begin, length);
    char *to = token;

    for (const char *from = token; *from != '\0'; from++)
    {
        const bool escaped = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = escaped ? (char)(from[1] == '0' ? '~' : '/') : *from;
        from += escaped ? 1 : 0;
    }
    *to = '\0';
    return token;
}

const JsonDoc *
jsondoc_pointer(Arena *arena, const JsonDoc *doc, const char *pointer)
{
    while (doc != NULL && *pointer == '/')
    {
        const size_t length = strcspn(pointer + 1, "/");
        const char *token = pointer_token(arena, pointer + 1, length);
        int64_t index = 0;

        if (jsondoc_is_object(doc))
            doc = jsondoc_get(doc, token);
        else if (jsondoc_is_array(doc) && text_int64(token, 0, INT32_MAX, &index) && (size_t)index < jsondoc_count(doc))
            doc = jsondoc_at(doc, (size_t)index);
        else
            doc = NULL;
        pointer += 1 + length;
    }
    return *pointer == '\0' ? doc : NULL;
}

const char *
jsondoc_word(Arena *arena, const JsonDoc *doc)
{
    const json_t *value = js(doc);

    if (json_is_string(value))
        return arena_strdup(arena, json_string_value(value));
    if (json_is_integer(value))
        return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return json_is_boolean(value) ? arena_strdup(arena, json_is_true(value) ? "true" : "false") : NULL;
}

bool
jsondoc_is_object(const JsonDoc *doc)
{
    return json_is_object(js(doc));
}

bool
jsondoc_is_array(const JsonDoc *doc)
{
    return json_is_array(js(doc));
}

/* jansson's own text repeats the input. */
static const char *
reason_of(const json_error_t *error)
{
    switch (json_error_code(error))
    {
    case json_error_premature_end_of_input: return "it ends too early";
    case json_error_end_of_input_expected: return "something follows its end";
    case json_error_duplicate_key: return "a name is set twice";
    case json_error_invalid_utf8: return "not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key: return "a NUL character";
    case json_error_numeric_overflow: return "a number out of range";
    case json_error_stack_overflow: return "nested too deeply";
    default: return "syntax error";
    }
}

Err
jsondoc_parse(const char *bytes, size_t length, JsonDoc **ret_doc)
{
    json_error_t error;
    json_t *value = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    if (value == NULL)
        return err_new(ERR_EVIDENCE, "cannot read JSON: %s, at byte %d (line %d, column %d)", reason_of(&error),
                       error.position, error.line, error.column);
    *ret_doc = (JsonDoc *)value;
    return OK;
}

static int
add_piece(const char *piece, size_t length, void *text)
{
    text_add_bytes(text, piece, length);
    return 0;
}

static char *
dump(Arena *arena, const JsonDoc *doc, size_t flags)
{
    Text text = TEXT_INIT(arena);

    must(json_dump_callback(js(doc), add_piece, &text, flags | JSON_ENCODE_ANY));
    return text_done(&text);
}

char *
jsondoc_canonical(Arena *arena, const JsonDoc *doc)
{
    return dump(arena, doc, JSON_SORT_KEYS | JSON_COMPACT);
}

char *
jsondoc_pretty(Arena *arena, const JsonDoc *doc)
{
    return dump(arena, doc, JSON_INDENT(2) | JSON_REAL_PRECISION(15)); /* 0.1, not 0.10000000000000001 */
}
