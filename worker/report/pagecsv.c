/* SPDX-License-Identifier: Apache-2.0 */
/* pagecsv.c -- the part of page.h that a spreadsheet reads. */
#include "report/page.h"

#include <inttypes.h>
#include <string.h>

typedef struct Union
{
    const PageColumn **list;
    size_t count;
    size_t room;
} Union;

/* Quotes where RFC 4180 asks for them; an apostrophe in front of what a spreadsheet would calculate (OWASP, "CSV
 * injection"): = + - @, a tab, CR or LF at the beginning, and their full-width forms (U+FF0x, U+FF1D, U+FF20). */
static bool
is_formula(const char *text)
{
    static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0" };

    if (text[0] != '\0' && strchr("=+-@\t\r\n", text[0]) != NULL)
        return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (text_starts(text, wide[i]))
            return true;
    return false;
}

static void
add_field(Text *text, const char *value)
{
    const bool formula = is_formula(value);

    if (!formula && strpbrk(value, ",\"\r\n") == NULL)
    {
        text_add(text, value);
        return;
    }
    text_add(text, formula ? "\"'" : "\"");
    for (const char *at = value; *at != '\0'; at++)
        text_add_bytes(text, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    text_add(text, "\"");
}

static bool
is_time(const PageColumn *column)
{
    return column->type == PAGE_DAY || column->type == PAGE_MOMENT;
}

/* A point in time as every spreadsheet reads it; that it is UTC stands in the column's name. */
static const char *
value_of(Arena *arena, const PageColumn *column, const PageCell *cell)
{
    if (column->type == PAGE_TEXT || column->type == PAGE_WORD || column->type == PAGE_CODE)
        return cell->text == NULL ? "" : cell->text;
    if (!cell->known)
        return "";
    if (column->type == PAGE_NUMBER)
        return arena_printf(arena, "%" PRId64, cell->number);
    char *text = instant_format(arena, cell->number);
    if (strlen(text) < sizeof "2026-01-31T23:59:59" - 1)
        return text;
    text[10] = ' ';
    text[19] = '\0';
    return text;
}

static void
add_column(Arena *arena, Union *all, const PageColumn *column)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->list[i]->name, column->name) == 0)
            return;
    ARENA_PUSH(arena, all->list, all->count, all->room, column);
}

static void
add_header(Text *text, const Union *all)
{
    text_add(text, "section");
    for (size_t i = 0; i < all->count; i++)
    {
        text_add(text, ",");
        add_field(text, arena_printf(text->arena, "%s%s", all->list[i]->name, is_time(all->list[i]) ? "_utc" : ""));
    }
    text_add(text, "\r\n");
}

static void
add_line(Text *text, const Union *all, const PageTable *table, const PageCell *cells)
{
    add_field(text, table->section);
    for (size_t i = 0; i < all->count; i++)
    {
        text_add(text, ",");
        for (size_t c = 0; c < table->column_count; c++)
            if (strcmp(table->columns[c].name, all->list[i]->name) == 0)
                add_field(text, value_of(text->arena, &table->columns[c], &cells[c]));
    }
    text_add(text, "\r\n");
}

char *
page_print_csv(const Page *page)
{
    Text text = TEXT_INIT(page->arena);
    Union all = { 0 };

    for (size_t i = 0; i < page->block_count; i++)
    {
        const PageTable *table = page->blocks[i].table;
        for (size_t c = 0; table != NULL && table->section != NULL && c < table->column_count; c++)
            add_column(page->arena, &all, &table->columns[c]);
    }
    add_header(&text, &all);
    for (size_t i = 0; i < page->block_count; i++)
    {
        const PageTable *table = page->blocks[i].table;
        for (size_t r = 0; table != NULL && table->section != NULL && r < table->cell_count; r += table->column_count)
            add_line(&text, &all, table, &table->cells[r]);
    }
    const char *csv = text_done(&text);
    for (const char *at = csv; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            return arena_printf(page->arena, "\xef\xbb\xbf%s", csv);
    return (char *)csv;
}
