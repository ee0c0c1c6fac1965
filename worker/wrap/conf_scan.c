/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/conf_scan.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 32

typedef struct Scan
{
    const char *path;
    const char *at;
    const char *end;
    int line;
    int depth;
} Scan;

/* '\0' at the end: a raw NUL was refused before. */
static char
peek(const Scan *scan, size_t ahead)
{
    return (size_t)(scan->end - scan->at) > ahead ? scan->at[ahead] : '\0';
}

static void
advance(Scan *scan, size_t count)
{
    for (; count > 0 && scan->at < scan->end; count--, scan->at++)
        if (*scan->at == '\n')
            scan->line++;
}

static Err
refuse_nul(const char *path, const char *bytes, size_t length)
{
    const char *nul = memchr(bytes, '\0', length);
    int line = 1;

    if (nul == NULL)
        return OK;
    for (const char *at = bytes; at < nul; at++)
        line += *at == '\n';
    return err_new(ERR_CONFIG, "%s:%d: a NUL byte; a configuration is plain text", path, line);
}

static void
skip_line(Scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n')
        scan->at++;
}

static Err
skip_comment(Scan *scan)
{
    const int first_line = scan->line;

    advance(scan, 2);
    while (scan->at < scan->end && !(peek(scan, 0) == '*' && peek(scan, 1) == '/'))
        advance(scan, 1);
    if (scan->at == scan->end)
        return err_new(ERR_CONFIG, "%s:%d: a comment never ends; close it with \"*/\"", scan->path, first_line);
    advance(scan, 2);
    return OK;
}

static bool
is_nul_escape(const Scan *scan)
{
    return (peek(scan, 1) == 'x' || peek(scan, 1) == 'X') && peek(scan, 2) == '0' && peek(scan, 3) == '0';
}

static Err
skip_string(Scan *scan)
{
    const int first_line = scan->line;

    advance(scan, 1);
    while (scan->at < scan->end && *scan->at != '"')
    {
        const bool is_escape = *scan->at == '\\';

        if (is_escape && is_nul_escape(scan))
            return err_new(ERR_CONFIG, "%s:%d: \"\\x00\" in a string would end it; leave it out", scan->path,
                           scan->line);
        advance(scan, is_escape ? 2 : 1);
    }
    if (scan->at == scan->end)
        return err_new(ERR_CONFIG, "%s:%d: a string never ends; close it with '\"'", scan->path, first_line);
    advance(scan, 1);
    return OK;
}

static bool
is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '*';
}

static bool
is_name_part(char c)
{
    return isalnum((unsigned char)c) || c == '*' || c == '_' || c == '-';
}

static size_t
digits_at(const char *text, const char *end, int base)
{
    size_t count = 0;

    while (text + count < end &&
           (base == 16 ? isxdigit((unsigned char)text[count]) : isdigit((unsigned char)text[count])))
        count++;
    return count;
}

/* Saturates: what is too large stays too large. */
static uint64_t
value_of(const char *digits, size_t count, int base)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++)
    {
        const char c = digits[i];
        const unsigned digit = (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);

        if (value < UINT64_C(1) << 40)
            value = value * (unsigned)base + digit;
    }
    return value;
}

static Err
judge_number(const Scan *scan, const char *text, size_t length, bool is_negative, uint64_t value)
{
    const int shown = length < 40 ? (int)length : 40;

    if (!is_negative && value > INT32_MAX)
        return err_new(ERR_CONFIG, "%s:%d: number %.*s is too large; the largest is 2147483647", scan->path, scan->line,
                       shown, text);
    if (is_negative && value > UINT64_C(2147483648))
        return err_new(ERR_CONFIG, "%s:%d: number %.*s is too small; the smallest is -2147483648", scan->path,
                       scan->line, shown, text);
    return OK;
}

/* libconfig's tokens: [-+]?[0-9]+L{0,2}, 0x[0-9a-f]+L{0,2}, and floats, which have a point or an exponent. */
static Err
skip_number(Scan *scan)
{
    const char *const start = scan->at;
    const bool is_signed = *start == '-' || *start == '+';
    const char *digits = start + is_signed;
    const bool is_hex = !is_signed && *digits == '0' && (peek(scan, 1) == 'x' || peek(scan, 1) == 'X');
    const int base = is_hex ? 16 : 10;

    digits += is_hex ? 2 : 0;
    const size_t count = digits_at(digits, scan->end, base);
    scan->at = digits + count;
    const bool is_float = !is_hex && strchr(".eE", peek(scan, 0)) != NULL && peek(scan, 0) != '\0';
    if (is_float)
    {
        while (isalnum((unsigned char)peek(scan, 0)) || strchr(".+-", peek(scan, 0)) != NULL)
        {
            if (scan->at == scan->end)
                break;
            scan->at++;
        }
        return OK;
    }
    while (peek(scan, 0) == 'L')
        scan->at++;
    return judge_number(scan, start, (size_t)(scan->at - start), *start == '-', value_of(digits, count, base));
}

static Err
follow_bracket(Scan *scan)
{
    const char bracket = *scan->at;

    scan->depth += strchr("{([", bracket) != NULL ? 1 : -1;
    if (scan->depth > DEPTH_MAX)
        return err_new(ERR_CONFIG, "%s:%d: brackets within brackets, deeper than the %d that are allowed", scan->path,
                       scan->line, DEPTH_MAX);
    advance(scan, 1);
    return OK;
}

static Err
skip_token(Scan *scan)
{
    const char c = *scan->at;
    const char next = peek(scan, 1);

    if (c == '#' || (c == '/' && next == '/'))
        skip_line(scan);
    else if (c == '/' && next == '*')
        return skip_comment(scan);
    else if (c == '"')
        return skip_string(scan);
    else if (c == '@')
        return err_new(ERR_CONFIG, "%s:%d: \"@include\" is not allowed; a configuration is one file", scan->path,
                       scan->line);
    else if (is_name_start(c))
        while (is_name_part(peek(scan, 0)))
            scan->at++;
    else if (isdigit((unsigned char)c) || c == '.' || ((c == '-' || c == '+') && isdigit((unsigned char)next)))
        return skip_number(scan);
    else if (strchr("{}()[]", c) != NULL)
        return follow_bracket(scan);
    else
        advance(scan, 1);
    return OK;
}

Err
conf_scan(const char *path, const char *bytes, size_t length)
{
    Scan scan = { .path = path, .at = bytes, .end = bytes + length, .line = 1 };

    TRY(refuse_nul(path, bytes, length));
    while (scan.at < scan.end)
        TRY(skip_token(&scan));
    return OK;
}
