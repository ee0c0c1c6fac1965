/* SPDX-License-Identifier: Apache-2.0 */
/* layout.h -- columns and points in time as people read them.  Pure. */
#ifndef EXPUNGE_LAYOUT_H
#define EXPUNGE_LAYOUT_H

#include "base/instant.h"
#include "base/text.h"

/* Cells in rows; each column is as wide as its widest cell (in characters, not bytes). */
typedef struct Grid
{
    Arena *arena;
    const char *columns; /* a letter for each: 'l' left, 'r' right */
    size_t width;        /* number of columns */
    const char **cells;
    size_t count;
    size_t room;
} Grid;

Grid layout_grid(Arena *arena, const char *columns);
/* As many cells as there are columns; NULL is an empty one. */
void layout_row(Grid *grid, const char *const *cells);
#define LAYOUT_ROW(grid, ...) layout_row((grid), (const char *const[]){ __VA_ARGS__ })
/* Two spaces between columns, none at the end of a line. */
void layout_print(const Grid *grid, const char *indent, Text *text);

/* "2026-12-01 02:14:07 UTC", rounded down to the second; INSTANT_NONE → "-" */
char *layout_moment(Arena *arena, Instant at);
/* "in 9 days", "3 days ago", "now" */
char *layout_away(Arena *arena, Instant now, Instant at);
/* One "row", two "rows" */
char *layout_count(Arena *arena, int64_t number, const char *one, const char *many);

#endif
