/* SPDX-License-Identifier: Apache-2.0 */
#include "model/keyed.h"

#include "base/text.h"

#include <string.h>

/* -- templates ----------------------------------------------------------------------------------------------------- */

typedef enum Piece
{
    PIECE_END,
    PIECE_CHARACTER,
    PIECE_KEY,
    PIECE_KIND,
    PIECE_DATABASE,
    PIECE_UNKNOWN
} Piece;

static Piece
next_piece(const char *at, size_t *ret_length)
{
    static const struct
    {
        const char *text;
        Piece piece;
    } names[] = { { "${key}", PIECE_KEY }, { "${kind}", PIECE_KIND }, { "${database}", PIECE_DATABASE } };

    *ret_length = *at == '\0' ? 0 : 1;
    if (*at == '\0')
        return PIECE_END;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_starts(at, names[i].text))
        {
            *ret_length = strlen(names[i].text);
            return names[i].piece;
        }
    return *at == '$' ? PIECE_UNKNOWN : PIECE_CHARACTER;
}

static const char *
value_of(Piece piece, const KeyedNames *names)
{
    return piece == PIECE_KEY ? names->key : piece == PIECE_KIND ? names->kind : names->database;
}

const char *
keyed_wrong(Arena *arena, const char *template)
{
    size_t length, keys = 0;
    Piece piece;

    for (const char *at = template; (piece = next_piece(at, &length)) != PIECE_END; at += length)
    {
        if (piece == PIECE_KEY && ((at > template && at[-1] == '*') || at[length] == '*'))
            return "has a \"*\" beside ${key}, and so would fit other keys as well";
        if (piece == PIECE_UNKNOWN)
        {
            const size_t name = at[1] == '{' ? strcspn(at, "}") + 1 : 1;
            return arena_printf(arena, "has an unknown \"%.*s\"", (int)(name > 40 ? 40 : name), at);
        }
        keys += piece == PIECE_KEY ? 1 : 0;
    }
    if (keys == 0)
        return "has no \"${key}\"";
    return keys > 1 ? "has more than one \"${key}\"" : NULL;
}

bool
keyed_holds(const char *template, const char *name)
{
    return strstr(template, name) != NULL;
}

char *
keyed_fill(Arena *arena, const char *template, const KeyedNames *names)
{
    Text text = TEXT_INIT(arena);
    size_t length;
    Piece piece;

    for (const char *at = template; (piece = next_piece(at, &length)) != PIECE_END; at += length)
        if (piece == PIECE_CHARACTER || piece == PIECE_UNKNOWN)
            text_add_bytes(&text, at, length);
        else
            text_add(&text, value_of(piece, names));
    return text_done(&text);
}

bool
keyed_is_no_name(const char *key)
{
    for (const char *c = key; *c != '\0'; c++)
        if (*c == '/' || (unsigned char)*c < 0x20 || *c == 0x7f)
            return true;
    return key[0] == '\0';
}

/* -- matching ------------------------------------------------------------------------------------------------------ */

typedef struct Span
{
    const char *at;
    const char *end;
} Span;

/* At a piece of the pattern that is no star: what it takes of the name; false when it does not fit. */
static bool
fits_piece(Piece piece, char letter, const KeyedNames *names, Span name, size_t *ret_taken)
{
    const size_t left = (size_t)(name.end - name.at);

    if (piece == PIECE_KEY || piece == PIECE_KIND || piece == PIECE_DATABASE)
    {
        const char *value = value_of(piece, names);
        *ret_taken = strlen(value);
        return *ret_taken <= left && memcmp(name.at, value, *ret_taken) == 0;
    }
    *ret_taken = 1;
    return left > 0 && (letter == '?' || letter == *name.at);
}

/* The whole name.  Only the last star is ever given more: what lies before it fits as it did. */
static bool
fits(Span pattern, const KeyedNames *names, Span name)
{
    const char *star = NULL, *star_name = NULL;

    while (pattern.at < pattern.end || name.at < name.end)
    {
        size_t length = 0, taken = 0;
        const Piece piece = pattern.at < pattern.end ? next_piece(pattern.at, &length) : PIECE_END;
        if (piece == PIECE_CHARACTER && *pattern.at == '*')
        {
            star = ++pattern.at;
            star_name = name.at;
        }
        else if (piece != PIECE_END && fits_piece(piece, *pattern.at, names, name, &taken))
        {
            pattern.at += length;
            name.at += taken;
        }
        else if (star != NULL && star_name < name.end)
        {
            pattern.at = star;
            name.at = ++star_name;
        }
        else
            return false;
    }
    return true;
}

static bool
is_hidden(const char *component, const char *name)
{
    return name[0] == '.' && component[0] != '.';
}

bool
keyed_matches(const char *component, const KeyedNames *names, const char *name)
{
    const Span pattern = { component, component + strlen(component) }, whole = { name, name + strlen(name) };

    return !is_hidden(component, name) && fits(pattern, names, whole);
}

void
keyed_candidates(Arena *arena, const char *component, const KeyedNames *names, const char *name, const char ***ret_keys,
                 size_t *ret_count)
{
    const char *key = strstr(component, "${key}");
    const size_t length = strlen(name);
    bool *ends = ARENA_ARRAY(arena, bool, length + 1);
    size_t room = 0;

    *ret_keys = NULL;
    *ret_count = 0;
    if (key == NULL || is_hidden(component, name))
        return;
    const Span before = { component, key }, behind = { key + strlen("${key}"), component + strlen(component) };
    for (size_t end = 1; end <= length; end++)
        ends[end] = fits(behind, names, (Span){ name + end, name + length });
    for (size_t start = 0; start < length; start++)
    {
        if (!fits(before, names, (Span){ name, name + start }))
            continue;
        for (size_t end = start + 1; end <= length; end++)
            if (ends[end])
                ARENA_PUSH(arena, *ret_keys, *ret_count, room, arena_strndup(arena, name + start, end - start));
    }
}
