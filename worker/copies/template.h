/* SPDX-License-Identifier: Apache-2.0 */
/* template.h -- ${placeholders} in what is sent to a processor, escaped as their place asks for.
 *
 *   ${NAME}               a value of the subject; or, of the message, one of template_words
 *   ${NAME|lower|md5}     a value passed through filters, from left to right: lower (ASCII), md5, sha256 (hexadecimal)
 *   ${credential:NAME}    a credential of the unit; in headers and bodies only */
#ifndef EXPUNGE_TEMPLATE_H
#define EXPUNGE_TEMPLATE_H

#include "wrap/seal_text.h"
#include <stdbool.h>

typedef enum TemplatePlace
{
    TEMPLATE_URL,    /* percent-encoded; never empty, "." or ".." */
    TEMPLATE_HEADER, /* no control character */
    TEMPLATE_JSON,   /* inside of a string */
    TEMPLATE_FORM    /* percent-encoded */
} TemplatePlace;

typedef enum TemplateFilter
{
    FILTER_LOWER,
    FILTER_MD5,
    FILTER_SHA256
} TemplateFilter;

#define TEMPLATE_FILTERS_MAX 4

typedef struct TemplatePart
{
    const char *text; /* before the placeholder, or to the end */
    const char *name; /* NULL: no placeholder follows */
    bool is_credential;
    TemplateFilter filters[TEMPLATE_FILTERS_MAX];
    size_t filter_count;
} TemplatePart;

typedef struct Template
{
    TemplatePart *parts;
    size_t count;
} Template;

/* Names that every message has: "message_id", "idempotency_key", "receipt", … ; NULL after the last. */
extern const char *const template_words[];
#define TEMPLATE_RECEIPT "receipt"

/* NULL, or what is wrong with it as the middle of a sentence, in the arena. */
const char *template_parse(Arena *arena, const char *text, Template *ret_template);

/* Where placeholders get their values. */
typedef struct TemplateSource
{
    void *context;
    const char *(*value)(void *context, const char *name); /* NULL: it has none */
    Err (*credential)(void *context, const char *name, SecretText *ret_secret);
} TemplateSource;

/* Adds to ret_text.  ERR_CONFIG when a value is missing or cannot stand in this place; it never says which value it is. */
NODISCARD Err template_expand(Arena *arena, const Template *template, TemplatePlace place, const TemplateSource *source,
                              SecretText *ret_text);
/* With word for each placeholder, unescaped: to judge what is around them. */
char *template_sketch(Arena *arena, const Template *template, const char *word);

#endif
