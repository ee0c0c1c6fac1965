/* SPDX-License-Identifier: Apache-2.0 */
/* jsondoc.h -- JSON through jansson.  The only file that knows jansson.
 *
 * A JsonDoc is one value.  Adding a value to an object or array hands it over: never free what was added.
 * Getters return borrowed values and defaults where the name is missing or of another type. */
#ifndef EXPUNGE_JSONDOC_H
#define EXPUNGE_JSONDOC_H

#include "base/instant.h"
#include <stdbool.h>

typedef struct JsonDoc JsonDoc;

JsonDoc *jsondoc_object(void);
JsonDoc *jsondoc_array(void);
JsonDoc *jsondoc_string(const char *text);
JsonDoc *jsondoc_integer(int64_t number);
void jsondoc_freep(JsonDoc **doc);

/* Objects keep the order in which names are set.  A NULL text is JSON null; an INSTANT_NONE too. */
void jsondoc_set(JsonDoc *object, const char *name, JsonDoc *value);
void jsondoc_set_string(JsonDoc *object, const char *name, const char *text);
void jsondoc_set_integer(JsonDoc *object, const char *name, int64_t number);
void jsondoc_set_real(JsonDoc *object, const char *name, double number);
void jsondoc_set_bool(JsonDoc *object, const char *name, bool truth);
void jsondoc_set_instant(JsonDoc *object, const char *name, Instant at); /* RFC 3339 */
void jsondoc_set_null(JsonDoc *object, const char *name);
void jsondoc_push(JsonDoc *array, JsonDoc *value);
void jsondoc_push_string(JsonDoc *array, const char *text);

const JsonDoc *jsondoc_get(const JsonDoc *object, const char *name);     /* NULL when missing */
const char *jsondoc_get_string(const JsonDoc *object, const char *name); /* NULL when missing or not a string */
int64_t jsondoc_get_integer(const JsonDoc *object, const char *name, int64_t otherwise);
bool jsondoc_get_bool(const JsonDoc *object, const char *name, bool otherwise);
size_t jsondoc_count(const JsonDoc *array_or_object);
const JsonDoc *jsondoc_at(const JsonDoc *array, size_t index);
const char *jsondoc_text(const JsonDoc *string); /* NULL unless a string */
/* RFC 6901, "" being doc itself; NULL: nothing is there. */
const JsonDoc *jsondoc_pointer(Arena *arena, const JsonDoc *doc, const char *pointer);
/* A string, a whole number, true or false as a text; NULL for all else, and for NULL. */
const char *jsondoc_word(Arena *arena, const JsonDoc *doc);
bool jsondoc_is_object(const JsonDoc *doc);
bool jsondoc_is_array(const JsonDoc *doc);

/* Strict: doubled names, trailing bytes, bad UTF-8 refused.  ERR_EVIDENCE with the position, never the text. */
NODISCARD Err jsondoc_parse(const char *bytes, size_t length, JsonDoc **ret_doc);
/* Canonical: sorted names, compact, no newline; the form that is hashed.  Pretty: two spaces, order of setting. */
char *jsondoc_canonical(Arena *arena, const JsonDoc *doc);
char *jsondoc_pretty(Arena *arena, const JsonDoc *doc);

#endif
