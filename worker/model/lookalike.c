/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lookalike.h"

#include "base/text.h"

#include <string.h>

#define NAME_ROOM 256 /* PostgreSQL's names have 63 bytes; those of the configuration 63 as well */

/* -- types --------------------------------------------------------------------------------------------------------- */

static bool
is_one_of(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

LookalikeKey
lookalike_key(const char *base_type)
{
    static const char *const numbers[] = { "smallint", "integer", "bigint", "numeric", NULL };
    static const char *const texts[] = { "text", "character varying", "character", "name", NULL };

    if (strcmp(base_type, "uuid") == 0)
        return LOOKALIKE_UUID;
    if (is_one_of(base_type, numbers))
        return LOOKALIKE_NUMBER;
    return is_one_of(base_type, texts) || text_ends(base_type, "citext") ? LOOKALIKE_TEXT : LOOKALIKE_OTHER;
}

const char *
lookalike_element(Arena *arena, const char *base_type)
{
    return text_ends(base_type, "[]") ? arena_strndup(arena, base_type, strlen(base_type) - 2) : base_type;
}

static LookalikeForm
single_form(const char *base_type, size_t length, const char *key_base_type)
{
    char type[NAME_ROOM];

    if (length >= sizeof type)
        return LOOKALIKE_NEVER;
    memcpy(type, base_type, length);
    type[length] = '\0';
    const LookalikeKey key = lookalike_key(key_base_type), own = lookalike_key(type);
    if (strcmp(type, key_base_type) == 0 || (own == key && key != LOOKALIKE_OTHER))
        return LOOKALIKE_PLAIN;
    return own == LOOKALIKE_TEXT && key != LOOKALIKE_OTHER ? LOOKALIKE_SPELT : LOOKALIKE_NEVER;
}

LookalikeForm
lookalike_form(const char *base_type, const char *key_base_type)
{
    const size_t length = strlen(base_type);

    if (strcmp(base_type, "json") == 0 || strcmp(base_type, "jsonb") == 0)
        return lookalike_key(key_base_type) == LOOKALIKE_OTHER ? LOOKALIKE_NEVER : LOOKALIKE_MEMBERS;
    if (text_ends(base_type, "[]"))
        return single_form(base_type, length - 2, key_base_type) == LOOKALIKE_NEVER ? LOOKALIKE_NEVER : LOOKALIKE_LIST;
    return single_form(base_type, length, key_base_type);
}

/* -- names --------------------------------------------------------------------------------------------------------- */

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_between(char c)
{
    return strchr("_-. ", c) != NULL;
}

/* In small letters, without what stands between words; starts[i]: a word begins there. */
typedef struct Flat
{
    char letters[NAME_ROOM];
    bool starts[NAME_ROOM];
    size_t length;
} Flat;

static void
flatten(const char *name, Flat *flat)
{
    bool start = true;

    flat->length = 0;
    for (const char *c = name; *c != '\0' && flat->length < NAME_ROOM - 1; c++)
    {
        if (is_between(*c))
        {
            start = true;
            continue;
        }
        const bool capital = is_upper(*c) && c > name && !is_upper(c[-1]);
        flat->starts[flat->length] = start || capital;
        flat->letters[flat->length++] = is_upper(*c) ? (char)(*c - 'A' + 'a') : *c;
        start = false;
    }
    flat->letters[flat->length] = '\0';
    flat->starts[flat->length] = true;
}

/* What stands behind the stem: nothing, or a word for a key, and perhaps which one of several. */
static LookalikeName
judge_ending(const Flat *name, size_t at, const char *key)
{
    static const char *const endings[] = { "id",   "ids",   "key", "keys", "uuid",   "uuids",
                                           "guid", "guids", "ref", "no",   "number", NULL };
    static const char *const which[] = { "old",    "new",    "previous", "prev", "from", "to", "original",
                                         "source", "target", "1",        "2",    "3",    NULL };
    const char *rest = name->letters + at;

    if (rest[0] == '\0' || strcmp(rest, "s") == 0)
        return LOOKALIKE_BARE;
    if (is_one_of(rest, endings) || strcmp(rest, key) == 0)
        return LOOKALIKE_KEYED;
    for (size_t i = 0; endings[i] != NULL; i++)
    {
        const size_t length = strlen(endings[i]);
        if (strncmp(rest, endings[i], length) == 0 && name->starts[at + length] && is_one_of(rest + length, which))
            return LOOKALIKE_KEYED;
    }
    return LOOKALIKE_NO;
}

static LookalikeName
judge_stem(const Flat *name, const char *stem, size_t length, const char *key)
{
    LookalikeName best = LOOKALIKE_NO;

    for (size_t at = 0; length > 0 && at + length <= name->length; at++)
    {
        if (!name->starts[at] || strncmp(name->letters + at, stem, length) != 0)
            continue;
        const size_t end = at + length;
        const bool plural = name->letters[end] == 's' && name->starts[end + 1];
        LookalikeName found = judge_ending(name, end, key);
        if (found == LOOKALIKE_NO && plural)
            found = judge_ending(name, end + 1, key);
        const bool named = at > 1 && strncmp(name->letters + at - 2, "id", 2) == 0 && name->starts[at - 2];
        if (found == LOOKALIKE_BARE && (named || (at > 1 && strncmp(name->letters + at - 2, "fk", 2) == 0)))
            found = LOOKALIKE_KEYED; /* id_workspace, fk_workspace */
        best = found > best ? found : best;
    }
    return best;
}

/* "companies" → "company", "boxes" → "box", "workspaces" → "workspace" */
static void
make_singular(const Flat *plural, Flat *singular)
{
    const size_t length = plural->length;
    const char *letters = plural->letters;

    *singular = *plural;
    if (length > 4 && text_ends(letters, "ies"))
    {
        singular->letters[length - 3] = 'y';
        singular->length = length - 2;
    }
    else if (length > 4 && (text_ends(letters, "sses") || text_ends(letters, "xes") || text_ends(letters, "ches")))
        singular->length = length - 2;
    else if (length > 2 && text_ends(letters, "s") && !text_ends(letters, "ss"))
        singular->length = length - 1;
    singular->letters[singular->length] = '\0';
}

LookalikeName
lookalike_name(const char *name, const char *stem, const char *key)
{
    Flat column, plural, singular, own;

    flatten(name, &column);
    flatten(stem, &plural);
    flatten(key, &own);
    make_singular(&plural, &singular);
    const LookalikeName one = judge_stem(&column, plural.letters, plural.length, own.letters);
    const LookalikeName other = judge_stem(&column, singular.letters, singular.length, own.letters);
    return one > other ? one : other;
}

const char *
lookalike_stem(Arena *arena, const char *table)
{
    Flat plural, singular;

    flatten(table, &plural);
    make_singular(&plural, &singular);
    return arena_strdup(arena, singular.letters);
}

const char *
lookalike_flat(Arena *arena, const char *name)
{
    Flat flat;

    flatten(name, &flat);
    return arena_strdup(arena, flat.letters);
}

bool
lookalike_general(const char *name)
{
    static const char *const words[] = { "id",   "ids", "uuid", "guid",   "uid", "oid",   "pk",   "key",   "code",
                                         "name", "no",  "nr",   "number", "ref", "rowid", "slug", "email", NULL };
    Flat own;

    flatten(name, &own);
    return is_one_of(own.letters, words);
}

const char *const *
lookalike_members(Arena *arena, const char *stem, bool bare)
{
    const char *word = lookalike_stem(arena, stem);
    const char **members = ARENA_ARRAY(arena, const char *, 7);
    members[0] = arena_printf(arena, "%s_id", word);
    members[1] = arena_printf(arena, "%sId", word);
    members[2] = arena_printf(arena, "%sid", word);
    members[3] = arena_printf(arena, "%s_uuid", word);
    size_t count = 4;
    if (bare)
        members[count++] = word;
    if (strcmp(stem, word) != 0)
        members[count] = arena_printf(arena, "%s_id", stem);
    return members;
}
