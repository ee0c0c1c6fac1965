/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include "report/layout.h"

#include <string.h>

/* -- building ------------------------------------------------------------------------------------------------------ */

PageCell
page_text(const char *text)
{
    return (PageCell){ .text = text };
}

PageCell
page_number(int64_t number)
{
    return (PageCell){ .number = number, .known = true };
}

PageCell
page_time(Instant at)
{
    return (PageCell){ .number = at, .known = at != INSTANT_NONE };
}

PageCell
page_shown(PageCell cell, const char *text)
{
    cell.text = text;
    return cell;
}

PageCell
page_toned(PageCell cell, PageTone tone)
{
    cell.tone = tone;
    return cell;
}

static PageBlock *
add_block(Page *page, PageKind kind, const char *text)
{
    const PageBlock block = { .kind = kind, .text = text };
    ARENA_PUSH(page->arena, page->blocks, page->block_count, page->block_room, block);
    return &page->blocks[page->block_count - 1];
}

void
page_section(Page *page, const char *heading)
{
    (void)add_block(page, PAGE_SECTION, heading);
}

void
page_note(Page *page, PageTone tone, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_block(page, PAGE_NOTE, arena_vprintf(page->arena, format, args))->tone = tone;
    va_end(args);
}

void
page_lines(Page *page, const char *lines)
{
    (void)add_block(page, PAGE_LINES, lines);
}

void
page_chart(Page *page, const char *html)
{
    (void)add_block(page, PAGE_CHART, html);
}

void
page_facts(Page *page, const char *caption)
{
    (void)add_block(page, PAGE_FACTS, caption);
}

void
page_fact(Page *page, PageType type, const char *label, const char *value)
{
    PageBlock *block = page->block_count == 0 ? NULL : &page->blocks[page->block_count - 1];
    const PageFact fact = { .label = label, .value = value, .type = type };

    if (value == NULL)
        return;
    if (block == NULL || block->kind != PAGE_FACTS)
        block = add_block(page, PAGE_FACTS, NULL);
    ARENA_PUSH(page->arena, block->facts, block->fact_count, block->fact_room, fact);
}

void
page_fact_time(Page *page, const char *label, Instant at)
{
    page_fact(page, PAGE_MOMENT, label, at == INSTANT_NONE ? NULL : layout_moment(page->arena, at));
}

PageTable *
page_table(Page *page, const PageTable *rule)
{
    PageTable *table = ARENA_NEW(page->arena, PageTable);

    *table = *rule;
    add_block(page, PAGE_TABLE, NULL)->table = table;
    return table;
}

void
page_row(const Page *page, PageTable *table, const PageCell *cells)
{
    for (size_t i = 0; i < table->column_count; i++)
        ARENA_PUSH(page->arena, table->cells, table->cell_count, table->cell_room, cells[i]);
}

size_t
page_shown_cells(const PageTable *table)
{
    const size_t limit = table->shown * table->column_count;
    return limit == 0 || limit > table->cell_count ? table->cell_count : limit;
}

const char *
page_left_out(Arena *arena, const PageTable *table)
{
    const size_t left = (table->cell_count - page_shown_cells(table)) / table->column_count;
    return left == 0 ? NULL
                     : arena_printf(arena, "and %s more: CSV and JSON have all of them",
                                    text_thousands(arena, (int64_t)left));
}

const char *
page_cell(Arena *arena, const PageColumn *column, const PageCell *cell)
{
    if (cell->text != NULL)
        return cell->text;
    if (!cell->known)
        return "";
    switch (column->type)
    {
    case PAGE_NUMBER: return text_thousands(arena, cell->number);
    case PAGE_DAY: return instant_format_day(arena, cell->number);
    case PAGE_MOMENT: return layout_moment(arena, cell->number);
    default: return "";
    }
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

static const char heavy[] = "===============================================================================";
static const char light[] = "-------------------------------------------------------------------------------";

static void
add_title(Text *text, const Page *page)
{
    const int gap = page->side == NULL ? 0 : (int)(sizeof heavy - 1) - (int)strlen(page->title);
    char *title = arena_strdup(text->arena, page->title);

    for (char *at = title; *at != '\0'; at++)
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    text_addf(text, "%s%*s\n%s\n", title, gap, page->side == NULL ? "" : page->side, heavy);
    if (page->block_count > 0 && page->blocks[0].kind == PAGE_NOTE)
        text_add(text, "\n");
}

static bool
in_text(const PageColumn *column)
{
    return column->heading != NULL && !column->wide;
}

static void
add_table(Text *text, const PageTable *table)
{
    const char **cells = ARENA_ARRAY(text->arena, const char *, table->column_count + 1);
    char *columns = ARENA_ARRAY(text->arena, char, table->column_count + 1);
    size_t width = 0;

    if (table->caption == NULL || table->behind || (table->cell_count == 0 && table->empty == NULL))
        return;
    text_addf(text, "\n%s\n", table->caption);
    if (table->cell_count == 0)
    {
        text_addf(text, "  %s\n", table->empty);
        return;
    }
    for (size_t c = 0; c < table->column_count; c++)
        if (in_text(&table->columns[c]))
        {
            columns[width] = table->columns[c].type == PAGE_NUMBER ? 'r' : 'l';
            cells[width++] = table->columns[c].heading;
        }
    Grid grid = layout_grid(text->arena, columns);
    layout_row(&grid, cells);
    for (size_t i = 0; i < page_shown_cells(table); i += table->column_count)
    {
        width = 0;
        for (size_t c = 0; c < table->column_count; c++)
            if (in_text(&table->columns[c]))
                cells[width++] = page_cell(text->arena, &table->columns[c], &table->cells[i + c]);
        layout_row(&grid, cells);
    }
    layout_print(&grid, "  ", text);
    const char *left = page_left_out(text->arena, table);
    if (left != NULL)
        text_addf(text, "  %s\n", left);
}

static void
add_facts(Text *text, const PageBlock *block, bool first)
{
    Grid grid = layout_grid(text->arena, "ll");

    if (block->text != NULL)
        text_addf(text, "\n%s\n", block->text);
    else if (!first)
        text_add(text, "\n");
    for (size_t i = 0; i < block->fact_count; i++)
        LAYOUT_ROW(&grid, block->facts[i].label, block->facts[i].value);
    layout_print(&grid, "  ", text);
}

static void
add_lines(Text *text, const char *lines)
{
    for (const char *end; *lines != '\0'; lines = *end == '\0' ? end : end + 1)
    {
        end = lines + strcspn(lines, "\n");
        text_addf(text, "  %.*s\n", (int)(end - lines), lines);
    }
}

char *
page_print_text(const Page *page)
{
    Text text = TEXT_INIT(page->arena);

    add_title(&text, page);
    for (size_t i = 0; i < page->block_count; i++)
    {
        const PageBlock *block = &page->blocks[i];
        switch (block->kind)
        {
        case PAGE_SECTION: text_addf(&text, "\n\n%s\n%s\n", block->text, light); break;
        case PAGE_FACTS: add_facts(&text, block, i > 0 && page->blocks[i - 1].kind == PAGE_SECTION); break;
        case PAGE_TABLE: add_table(&text, block->table); break;
        case PAGE_NOTE: text_addf(&text, "  %s\n", block->text); break;
        case PAGE_LINES: add_lines(&text, block->text); break;
        case PAGE_CHART: break;
        }
    }
    return text_done(&text);
}
