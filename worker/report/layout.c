/* SPDX-License-Identifier: Apache-2.0 */
#include "report/layout.h"

#include <string.h>

/* -- columns ------------------------------------------------------------------------------------------------------- */

Grid
layout_grid(Arena *arena, const char *columns)
{
    return (Grid){ .arena = arena, .columns = columns, .width = strlen(columns) };
}

void
layout_row(Grid *grid, const char *const *cells)
{
    for (size_t i = 0; i < grid->width; i++)
        ARENA_PUSH(grid->arena, grid->cells, grid->count, grid->room, cells[i] == NULL ? "" : cells[i]);
}

/* Characters of UTF-8: all bytes but those that continue one. */
static size_t
characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    return count;
}

static void
add_spaces(Text *text, size_t count)
{
    while (count-- > 0)
        text_add_bytes(text, " ", 1);
}

void
layout_print(const Grid *grid, const char *indent, Text *text)
{
    size_t *widths = ARENA_ARRAY(grid->arena, size_t, grid->width + 1);

    for (size_t i = 0; i < grid->count; i++)
        if (characters(grid->cells[i]) > widths[i % grid->width])
            widths[i % grid->width] = characters(grid->cells[i]);
    for (size_t i = 0; i < grid->count; i += grid->width)
    {
        size_t owed = 0; /* spaces that are only written when something follows */
        text_add(text, indent);
        for (size_t c = 0; c < grid->width; c++)
        {
            const char *cell = grid->cells[i + c];
            const size_t gap = widths[c] - characters(cell);
            if (cell[0] != '\0')
            {
                add_spaces(text, owed + (grid->columns[c] == 'r' ? gap : 0));
                text_add(text, cell);
                owed = grid->columns[c] == 'r' ? 0 : gap;
            }
            else
                owed += gap;
            owed += widths[c] > 0 ? 2 : 0;
        }
        text_add(text, "\n");
    }
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

char *
layout_moment(Arena *arena, Instant at)
{
    if (at == INSTANT_NONE)
        return arena_strdup(arena, "-");
    const int64_t part = at % INSTANT_SECOND;
    char *text = instant_format(arena, at - part - (part < 0 ? INSTANT_SECOND : 0));
    char *letter = strchr(text, 'T');
    if (letter != NULL)
        *letter = ' ';
    if (text[strlen(text) - 1] != 'Z')
        return text;
    return arena_printf(arena, "%.*s UTC", (int)strlen(text) - 1, text);
}

char *
layout_away(Arena *arena, Instant now, Instant at)
{
    const int64_t away = at - now;
    if (away > -INSTANT_SECOND && away < INSTANT_SECOND)
        return arena_strdup(arena, "now");
    if (away > 0)
        return arena_printf(arena, "in %s", instant_format_age(arena, away));
    return arena_printf(arena, "%s ago", instant_format_age(arena, -away));
}

char *
layout_count(Arena *arena, int64_t number, const char *one, const char *many)
{
    return arena_printf(arena, "%s %s", text_thousands(arena, number), number == 1 ? one : many);
}
