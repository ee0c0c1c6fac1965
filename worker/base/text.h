/* SPDX-License-Identifier: Apache-2.0 */
/* text.h -- building and reading strings in an arena.  Pure. */
#ifndef EXPUNGE_TEXT_H
#define EXPUNGE_TEXT_H

#include "arena.h"
#include <stdbool.h>

/* A string that grows.  TEXT_INIT(arena), then add; text_done() gives the terminated string (never NULL). */
typedef struct Text
{
    Arena *arena;
    char *bytes;
    size_t length;
    size_t room;
} Text;
#define TEXT_INIT(a) ((Text){ .arena = (a) })

void text_add(Text *text, const char *piece);
void text_add_bytes(Text *text, const void *bytes, size_t length);
void text_addf(Text *text, const char *format, ...) PRINTF_LIKE(2, 3);
char *text_done(Text *text) __attribute__((returns_nonnull));

bool text_equal(const char *a, const char *b); /* NULL equals NULL only */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *ending);
bool text_blank(const char *text); /* NULL, empty, or white space only */

/* Lower-case hexadecimal. */
char *text_hex(Arena *arena, const void *bytes, size_t length);
/* Exactly length bytes from 2 * length hexadecimal digits (either case); false leaves ret undefined. */
bool text_unhex(const char *hex, void *ret, size_t length);

/* Decimal digits with an optional sign, nothing else, in [min, max]; false otherwise, *ret untouched. */
bool text_int64(const char *text, int64_t min, int64_t max, int64_t *ret);

/* "64MB", "10 kB", "1GB", "512": powers of 1024, whole numbers, no sign; false otherwise. */
bool text_size(const char *text, int64_t *ret_bytes);

/* 1234567 → "1,234,567" */
char *text_thousands(Arena *arena, int64_t number);
/* 1536 → "1.5 kB"; powers of 1024 */
char *text_bytes(Arena *arena, int64_t bytes);

/* Index of the candidate nearest to word (edit distance at most 1 + length / 3), or -1. */
int text_nearest(const char *word, const char *const *candidates, size_t count);

#endif
