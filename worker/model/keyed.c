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

typedef struct Match
{
    const KeyedNames *names;
    void (*found)(void *context, const char *from, size_t length); /* NULL: the key is names->key */
    void *context;
    const char *key; /* where it stands, while the rest is matched */
    size_t key_length;
    size_t steps; /* left: a pattern of many stars against a long name must not take for ever */
} Match;

static bool match_here(Match *m, const char *pattern, const char *name);

static bool
match_text(Match *m, const char *text, const char *pattern, const char *name)
{
    return text_starts(name, text) && match_here(m, pattern, name + strlen(text));
}

/* Every end that the key could have. */
static bool
match_any_key(Match *m, const char *pattern, const char *name)
{
    for (size_t length = 1; length <= strlen(name); length++)
    {
        m->key = name;
        m->key_length = length;
        if (match_here(m, pattern, name + length))
            m->found(m->context, name, length);
    }
    return false;
}

static bool
match_star(Match *m, const char *pattern, const char *name)
{
    for (;; name++)
    {
        if (match_here(m, pattern, name))
            return true;
        if (*name == '\0')
            return false;
    }
}

static bool
match_here(Match *m, const char *pattern, const char *name)
{
    size_t length;
    const Piece piece = next_piece(pattern, &length);

    if (m->steps == 0)
        return false;
    m->steps--;
    if (piece == PIECE_END)
        return *name == '\0';
    if (piece == PIECE_KEY && m->found != NULL)
        return match_any_key(m, pattern + length, name);
    if (piece == PIECE_KEY || piece == PIECE_KIND || piece == PIECE_DATABASE)
        return match_text(m, value_of(piece, m->names), pattern + length, name);
    if (*pattern == '*')
        return match_star(m, pattern + 1, name);
    return *name != '\0' && (*pattern == '?' || *pattern == *name) && match_here(m, pattern + 1, name + 1);
}

#define STEPS_MAX ((size_t)1000000)

bool
keyed_matches(const char *component, const KeyedNames *names, const char *name)
{
    Match m = { .names = names, .steps = STEPS_MAX };

    if (name[0] == '.' && component[0] != '.')
        return false;
    return match_here(&m, component, name);
}

typedef struct Candidates
{
    Arena *arena;
    const char **keys;
    size_t count;
    size_t room;
} Candidates;

static void
add_candidate(void *context, const char *from, size_t length)
{
    Candidates *list = context;

    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->keys[i]) == length && memcmp(list->keys[i], from, length) == 0)
            return;
    ARENA_PUSH(list->arena, list->keys, list->count, list->room, arena_strndup(list->arena, from, length));
}

void
keyed_candidates(Arena *arena, const char *component, const KeyedNames *names, const char *name, const char ***ret_keys,
                 size_t *ret_count)
{
    Candidates list = { .arena = arena };
    Match m = { .names = names, .found = add_candidate, .context = &list, .steps = STEPS_MAX };

    if (name[0] != '.' || component[0] == '.')
        (void)match_here(&m, component, name);
    *ret_keys = list.keys;
    *ret_count = list.count;
}
