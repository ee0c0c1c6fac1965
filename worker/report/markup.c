/* SPDX-License-Identifier: Apache-2.0 */
#include "report/markup.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the character at bytes; 0 when it is none (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). */
static size_t
character(const unsigned char *bytes, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const size_t length = bytes[0] < 0x80             ? 1
                          : (bytes[0] & 0xe0) == 0xc0 ? 2
                          : (bytes[0] & 0xf0) == 0xe0 ? 3
                          : (bytes[0] & 0xf8) == 0xf0 ? 4
                                                      : 0;
    if (length < 2)
    {
        *ret = bytes[0];
        return length;
    }
    uint32_t code = bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
    {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = (code << 6) | (bytes[i] & 0x3f);
    }
    *ret = code;
    return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : length;
}

static bool
is_allowed(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n' || code == '\r';
    return code != 0x7f && (code < 0x80 || code > 0x9f) && code != 0xfffe && code != 0xffff;
}

static const char *
reference(char c)
{
    switch (c)
    {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void
markup_add(Text *text, const char *value)
{
    for (const char *at = value; *at != '\0';)
    {
        uint32_t code = 0;
        const size_t length = character((const unsigned char *)at, &code);
        const char *other = length == 0 || !is_allowed(code) ? REPLACEMENT : length == 1 ? reference(*at) : NULL;
        if (other != NULL)
            text_add(text, other);
        else
            text_add_bytes(text, at, length);
        at += length == 0 ? 1 : length;
    }
}

char *
markup_escape(Arena *arena, const char *value)
{
    Text text = TEXT_INIT(arena);
    markup_add(&text, value);
    return text_done(&text);
}

char *
markup_isolate(Arena *arena, const char *value)
{
    return arena_printf(arena, "<bdi>%s</bdi>", markup_escape(arena, value));
}
