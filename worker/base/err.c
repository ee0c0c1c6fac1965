/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STORY_LINES 16
#define LINE_BYTES 512
#define ELLIPSIS "…"

typedef struct ErrRow
{
    int exit_status;
    const char *code;
    const char *meaning;
} ErrRow;

static const ErrRow err_table[] = {
#define X(code, status, meaning) { status, #code, meaning },
    ERR_TABLE(X)
#undef X
};

/* Innermost first: a note is an append. */
static _Thread_local char story[STORY_LINES][LINE_BYTES];
static _Thread_local size_t story_count;
static _Thread_local char joined[STORY_LINES * (LINE_BYTES + 2)];

/* Never cuts a UTF-8 sequence in two. */
static void
mark_as_cut(char line[LINE_BYTES])
{
    size_t end = LINE_BYTES - sizeof ELLIPSIS;

    while (end > 0 && ((unsigned char)line[end] & 0xC0U) == 0x80U)
        end--;
    memcpy(line + end, ELLIPSIS, sizeof ELLIPSIS);
}

/* A line is one line, whatever a server or a file name put into it. */
static void
flatten(char *line)
{
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
}

static void add_line(const char *format, va_list args) PRINTF_LIKE(1, 0);

/* By way of a copy: the arguments may point into the story itself. */
static void
add_line(const char *format, va_list args)
{
    char line[LINE_BYTES];
    const int length = vsnprintf(line, sizeof line, format, args);

    if (length < 0)
        (void)snprintf(line, sizeof line, "(a message that cannot be formatted)");
    else if ((size_t)length >= sizeof line)
        mark_as_cut(line);
    flatten(line);
    if (story_count == STORY_LINES)
        story_count--; /* the innermost lines tell most */
    memcpy(story[story_count++], line, sizeof line);
}

Err
err_new(Err code, const char *format, ...)
{
    char line[LINE_BYTES * 2];
    va_list args;

    assert(code != OK);
    va_start(args, format);
    const int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0)
        line[0] = '\0';
    err_clear();
    return err_note(code, "%s", line);
}

Err
err_note(Err code, const char *format, ...)
{
    va_list args;

    assert(code != OK);
    va_start(args, format);
    add_line(format, args);
    va_end(args);
    return code;
}

void
err_clear(void)
{
    story_count = 0;
}

size_t
err_lines(void)
{
    return story_count;
}

const char *
err_line(size_t line)
{
    assert(line < story_count);
    return story[story_count - 1 - line];
}

const char *
err_joined(void)
{
    size_t length = 0;

    joined[0] = '\0';
    for (size_t line = 0; line < story_count; line++)
    {
        const int added = snprintf(joined + length, sizeof joined - length, "%s%s", line > 0 ? ": " : "",
                                   err_line(line));

        assert(added >= 0);
        length += (size_t)added;
    }
    return joined;
}

int
err_exit_status(Err code)
{
    assert(code < ERR_COUNT);
    return err_table[code].exit_status;
}

const char *
err_name(Err code)
{
    static _Thread_local char names[ERR_COUNT][16];

    assert(code < ERR_COUNT);
    const char *from = err_table[code].code;
    char *name = names[code];

    if (strncmp(from, "ERR_", 4) == 0)
        from += 4;
    size_t length = 0;
    for (; length < sizeof names[code] - 1 && from[length] != '\0'; length++)
        name[length] = (char)(from[length] >= 'A' && from[length] <= 'Z' ? from[length] - 'A' + 'a' : from[length]);
    name[length] = '\0';
    return name;
}

const char *
err_meaning(Err code)
{
    assert(code < ERR_COUNT);
    return err_table[code].meaning;
}
