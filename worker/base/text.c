/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_ROOM 64
#define NEAREST_MAX 64 /* longer words are no misspelt names */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Room for length more bytes and a terminator. */
static void
reserve(Text *text, size_t length)
{
    assert(length < SIZE_MAX / 4 && text->length < SIZE_MAX / 4);
    const size_t needed = text->length + length + 1;

    if (needed <= text->room)
        return;
    size_t room = text->room > 0 ? text->room : FIRST_ROOM;
    while (room < needed)
        room *= 2;
    char *bytes = arena_alloc(text->arena, room, 1);
    if (text->length > 0)
        memcpy(bytes, text->bytes, text->length);
    text->bytes = bytes;
    text->room = room;
}

void
text_add(Text *text, const char *piece)
{
    text_add_bytes(text, piece, strlen(piece));
}

void
text_add_bytes(Text *text, const void *bytes, size_t length)
{
    reserve(text, length);
    if (length > 0)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void
text_addf(Text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    reserve(text, (size_t)length);
    va_start(args, format);
    (void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

char *
text_done(Text *text)
{
    reserve(text, 0);
    text->bytes[text->length] = '\0';
    return text->bytes;
}

bool
text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool
text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
text_ends(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

bool
text_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\n\v\f\r")] == '\0';
}

char *
text_hex(Arena *arena, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;

    assert(length < SIZE_MAX / 2);
    char *hex = arena_alloc(arena, 2 * length + 1, 1);
    for (size_t i = 0; i < length; i++)
    {
        hex[2 * i] = digits[from[i] >> 4];
        hex[2 * i + 1] = digits[from[i] & 15];
    }
    return hex;
}

static int
hex_value(char digit)
{
    if (is_digit(digit))
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool
text_unhex(const char *hex, void *ret, size_t length)
{
    unsigned char *to = ret;

    for (size_t i = 0; i < length; i++)
    {
        const int high = hex_value(hex[2 * i]);
        const int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]); /* never past the terminator */

        if (low < 0)
            return false;
        to[i] = (unsigned char)(high * 16 + low);
    }
    return hex[2 * length] == '\0';
}

bool
text_int64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    const bool negative = *text == '-';
    int64_t number = 0;

    if (*text == '-' || *text == '+')
        text++;
    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, negative ? '0' - *text : *text - '0', &number))
            return false;
    if (*text != '\0' || number < min || number > max)
        return false;
    *ret = number;
    return true;
}

bool
text_size(const char *text, int64_t *ret_bytes)
{
    static const struct
    {
        const char *name;
        int shift;
    } units[] = { { "", 0 }, { "B", 0 }, { "kB", 10 }, { "MB", 20 }, { "GB", 30 }, { "TB", 40 } };
    int64_t number = 0;

    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++)
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number))
            return false;
    if (*text == ' ' && text[1] != '\0')
        text++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text, units[i].name) == 0)
        {
            if (number > INT64_MAX >> units[i].shift)
                return false;
            *ret_bytes = number << units[i].shift;
            return true;
        }
    return false;
}

static uint64_t
magnitude(int64_t number)
{
    return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

char *
text_thousands(Arena *arena, int64_t number)
{
    char digits[24];
    Text text = TEXT_INIT(arena);
    const int length = snprintf(digits, sizeof digits, "%" PRIu64, magnitude(number));

    if (number < 0)
        text_add(&text, "-");
    for (int i = 0; i < length; i++)
    {
        if (i > 0 && (length - i) % 3 == 0)
            text_add(&text, ",");
        text_add_bytes(&text, &digits[i], 1);
    }
    return text_done(&text);
}

char *
text_bytes(Arena *arena, int64_t bytes)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
    const uint64_t size = magnitude(bytes);
    const char *const sign = bytes < 0 ? "-" : "";
    unsigned unit = 0;

    while (unit + 1 < sizeof units / sizeof units[0] && size >> (10 * (unit + 1)) > 0)
        unit++;
    const unsigned shift = 10 * unit;
    const uint64_t whole = size >> shift;
    const uint64_t rest = size - (whole << shift);
    /* rest < 2^60 in EB, where * 10 fits in 64 bits */
    const uint64_t tenth = (rest * 10) >> shift;

    if (tenth == 0)
        return arena_printf(arena, "%s%" PRIu64 " %s", sign, whole, units[unit]);
    return arena_printf(arena, "%s%" PRIu64 ".%" PRIu64 " %s", sign, whole, tenth, units[unit]);
}

/* Levenshtein's distance, one row of the table at a time; both lengths are at most NEAREST_MAX. */
static size_t
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[NEAREST_MAX + 1];

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++)
    {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++)
        {
            const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            const size_t inserted = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = replaced < inserted ? replaced : inserted;
        }
    }
    return row[b_length];
}

int
text_nearest(const char *word, const char *const *candidates, size_t count)
{
    const size_t length = strlen(word);
    size_t best = 2 + length / 3; /* one more than is near enough */
    int nearest = -1;

    if (length > NEAREST_MAX)
        return -1;
    for (size_t i = 0; i < count; i++)
    {
        const size_t candidate_length = strlen(candidates[i]);

        if (candidate_length > NEAREST_MAX)
            continue;
        const size_t apart = distance(word, length, candidates[i], candidate_length);
        if (apart < best)
        {
            best = apart;
            nearest = (int)i;
        }
    }
    return nearest;
}
