/* SPDX-License-Identifier: Apache-2.0 */
/* The pure part of db.h: names, literals, templates. */
#include "wrap/db.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

static void
add_quoted(Text *text, const char *name)
{
    text_add(text, "\"");
    for (; *name != '\0'; name++)
    {
        if (*name == '"')
            text_add(text, "\"");
        text_add_bytes(text, name, 1);
    }
    text_add(text, "\"");
}

Ident
db_ident(Arena *arena, const char *name)
{
    Text text = TEXT_INIT(arena);

    add_quoted(&text, name);
    return (Ident){ .quoted = text_done(&text) };
}

Ident
db_ident2(Arena *arena, const char *schema, const char *name)
{
    Text text = TEXT_INIT(arena);

    add_quoted(&text, schema);
    text_add(&text, ".");
    add_quoted(&text, name);
    return (Ident){ .quoted = text_done(&text) };
}

const char *
db_literal(Arena *arena, const char *value)
{
    Text text = TEXT_INIT(arena);

    text_add(&text, strchr(value, '\\') != NULL ? "E'" : "'");
    for (; *value != '\0'; value++)
    {
        if (*value == '\'' || *value == '\\')
            text_add_bytes(&text, value, 1);
        text_add_bytes(&text, value, 1);
    }
    text_add(&text, "'");
    return text_done(&text);
}

char *
db_template(Arena *arena, const char *sql, const char *const *pieces, size_t count)
{
    Text text = TEXT_INIT(arena);

    while (*sql != '\0')
        if (sql[0] == '{' && sql[1] >= '0' && sql[1] <= '9' && sql[2] == '}')
        {
            const size_t slot = (size_t)(sql[1] - '0');

            assert(slot < count && pieces[slot] != NULL);
            text_add(&text, slot < count ? pieces[slot] : "");
            sql += 3;
        }
        else
            text_add_bytes(&text, sql++, 1);
    return text_done(&text);
}
