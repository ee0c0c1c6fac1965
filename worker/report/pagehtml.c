/* SPDX-License-Identifier: Apache-2.0 */
/* pagehtml.c -- the part of page.h that a browser reads. */
#include "report/markup.h"
#include "report/page.h"
#include "report/pagestyle.h"
#include "wrap/seal.h"

#include <string.h>

#define CARDS_FROM 4 /* a table of more columns is a card for each row on a phone */

/* -- the frame ----------------------------------------------------------------------------------------------------- */

static const char *
base64(Arena *arena, const unsigned char *bytes, size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    Text text = TEXT_INIT(arena);

    for (size_t i = 0; i < length; i += 3)
    {
        const unsigned word = (unsigned)bytes[i] << 16 | (i + 1 < length ? (unsigned)bytes[i + 1] << 8 : 0) |
                              (i + 2 < length ? bytes[i + 2] : 0);
        const char four[] = { letters[word >> 18], letters[(word >> 12) & 63],
                              i + 1 < length ? letters[(word >> 6) & 63] : '=',
                              i + 2 < length ? letters[word & 63] : '=' };
        text_add_bytes(&text, four, sizeof four);
    }
    return text_done(&text);
}

/* Nothing may be loaded, run, sent or framed into another address; the one style is named by its digest (CSP level 2). */
static void
add_head(Text *text, const Page *page)
{
    unsigned char digest[SEAL_HASH_BYTES];

    seal_sha256(page_style, strlen(page_style), digest);
    text_addf(text,
              "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
              "<meta charset=\"utf-8\" />\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
              "base-uri 'none'; form-action 'none'\" />\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
              "<meta name=\"color-scheme\" content=\"light dark\" />\n"
              "<meta name=\"referrer\" content=\"no-referrer\" />\n"
              "<meta name=\"robots\" content=\"noindex\" />\n<title>",
              base64(text->arena, digest, sizeof digest));
    markup_add(text, page->title);
    if (page->side != NULL)
        markup_add(text, arena_printf(text->arena, " %s", page->side));
    text_addf(text, "</title>\n<style>%s</style>\n</head>\n", page_style);
}

static size_t
count_sections(const Page *page)
{
    size_t count = 0;
    for (size_t i = 0; i < page->block_count; i++)
        count += page->blocks[i].kind == PAGE_SECTION ? 1 : 0;
    return count;
}

static void
add_contents(Text *text, const Page *page)
{
    if (count_sections(page) < 2)
        return;
    text_add(text, "<nav aria-label=\"Contents\">\n<ul>\n");
    for (size_t i = 0; i < page->block_count; i++)
        if (page->blocks[i].kind == PAGE_SECTION)
            text_addf(text, "<li><a href=\"#b%zu\">%s</a></li>\n", i,
                      markup_isolate(text->arena, page->blocks[i].text));
    text_add(text, "</ul>\n</nav>\n");
}

/* -- blocks -------------------------------------------------------------------------------------------------------- */

static const char *
type_class(PageType type)
{
    static const char *const classes[] = { [PAGE_TEXT] = "", [PAGE_WORD] = "t",   [PAGE_NUMBER] = "n",
                                           [PAGE_DAY] = "t", [PAGE_MOMENT] = "t", [PAGE_CODE] = "code" };
    return classes[type];
}

static const char *
tone_class(PageTone tone)
{
    return tone == PAGE_GOOD ? " good" : tone == PAGE_BAD ? " bad" : "";
}

static void
add_header_cells(Text *text, const PageTable *table)
{
    text_add(text, "<thead role=\"rowgroup\"><tr role=\"row\">");
    for (size_t c = 0; c < table->column_count; c++)
        if (table->columns[c].heading != NULL)
            text_addf(text, "<th role=\"columnheader\" scope=\"col\" class=\"%s\">%s</th>",
                      table->columns[c].type == PAGE_NUMBER ? "n" : "",
                      markup_escape(text->arena, table->columns[c].heading));
    text_add(text, "</tr></thead>\n");
}

static void
add_cells(Text *text, const PageTable *table, const PageCell *cells)
{
    bool first = true;

    text_add(text, "<tr role=\"row\">");
    for (size_t c = 0; c < table->column_count; c++)
    {
        const PageColumn *column = &table->columns[c];
        const char *shown = page_cell(text->arena, column, &cells[c]);
        if (column->heading == NULL)
            continue;
        if (first)
            text_addf(text, "<th role=\"rowheader\" scope=\"row\" class=\"%s%s\">", type_class(column->type),
                      tone_class(cells[c].tone));
        else
            text_addf(text, "<td role=\"cell\" class=\"%s%s%s\" data-label=\"%s\">", type_class(column->type),
                      tone_class(cells[c].tone), shown[0] == '\0' ? " none" : "",
                      markup_escape(text->arena, column->heading));
        if (shown[0] != '\0')
            text_add(text, markup_isolate(text->arena, shown));
        text_add(text, first ? "</th>" : "</td>");
        first = false;
    }
    text_add(text, "</tr>\n");
}

static size_t
visible_columns(const PageTable *table)
{
    size_t count = 0;
    for (size_t c = 0; c < table->column_count; c++)
        count += table->columns[c].heading != NULL ? 1 : 0;
    return count;
}

static void
add_table(Text *text, const PageTable *table, size_t id, int level)
{
    if (table->caption == NULL || (table->cell_count == 0 && table->empty == NULL))
        return;
    if (table->cell_count == 0)
    {
        text_addf(text, "<h%d class=\"block\" id=\"b%zu\">%s</h%d>\n<p>%s</p>\n", level, id,
                  markup_escape(text->arena, table->caption), level, markup_escape(text->arena, table->empty));
        return;
    }
    if (table->behind)
        text_addf(text, "<details>\n<summary>%s</summary>\n", markup_escape(text->arena, table->caption));
    text_addf(text,
              "<div class=\"scroll\" role=\"region\" aria-labelledby=\"b%zu\" tabindex=\"0\">\n"
              "<table role=\"table\"%s>\n<caption><h%d class=\"block\" id=\"b%zu\">%s</h%d></caption>\n",
              id, visible_columns(table) >= CARDS_FROM ? " class=\"cards\"" : "", level, id,
              markup_escape(text->arena, table->caption), level);
    add_header_cells(text, table);
    text_add(text, "<tbody role=\"rowgroup\">\n");
    for (size_t i = 0; i < page_shown_cells(table); i += table->column_count)
        add_cells(text, table, &table->cells[i]);
    text_add(text, "</tbody>\n</table>\n</div>\n");
    const char *left = page_left_out(text->arena, table);
    if (left != NULL)
        text_addf(text, "<p class=\"quiet\">%s</p>\n", left);
    text_add(text, table->behind ? "</details>\n" : "");
}

static void
add_facts(Text *text, const PageBlock *block, size_t id, int level)
{
    if (block->text != NULL)
        text_addf(text, "<h%d class=\"block\" id=\"b%zu\">%s</h%d>\n", level, id,
                  markup_escape(text->arena, block->text), level);
    if (block->fact_count == 0)
        return;
    text_add(text, "<dl>\n");
    for (size_t i = 0; i < block->fact_count; i++)
        text_addf(text, "<div><dt>%s</dt><dd class=\"%s\">%s</dd></div>\n",
                  markup_escape(text->arena, block->facts[i].label), type_class(block->facts[i].type),
                  markup_isolate(text->arena, block->facts[i].value));
    text_add(text, "</dl>\n");
}

static void
add_block(Text *text, const PageBlock *block, size_t id, int level)
{
    switch (block->kind)
    {
    case PAGE_SECTION:
        text_addf(text, "<section aria-labelledby=\"b%zu\">\n<h2 id=\"b%zu\">%s</h2>\n", id, id,
                  markup_isolate(text->arena, block->text));
        break;
    case PAGE_FACTS: add_facts(text, block, id, level); break;
    case PAGE_TABLE: add_table(text, block->table, id, level); break;
    case PAGE_NOTE:
        text_addf(text, "<p class=\"note%s\">%s</p>\n", tone_class(block->tone),
                  markup_escape(text->arena, block->text));
        break;
    case PAGE_LINES: text_addf(text, "<pre><code>%s</code></pre>\n", markup_escape(text->arena, block->text)); break;
    case PAGE_CHART: text_add(text, block->text); break;
    }
}

/* What stands in front of the first section of a page that has some is its head. */
char *
page_print_html(const Page *page)
{
    Text text = TEXT_INIT(page->arena);
    const bool sections = count_sections(page) > 0;
    bool open = false;
    size_t i = 0;

    add_head(&text, page);
    text_addf(&text, "<body>\n<a class=\"skip\" href=\"#main\">Skip to the contents</a>\n<header>\n<h1>%s%s%s</h1>\n",
              markup_escape(page->arena, page->title), page->side == NULL ? "" : " ",
              page->side == NULL ? "" : markup_isolate(page->arena, page->side));
    for (; sections && page->blocks[i].kind != PAGE_SECTION; i++)
        add_block(&text, &page->blocks[i], i, 2);
    text_add(&text, "</header>\n");
    add_contents(&text, page);
    text_add(&text, "<main id=\"main\">\n");
    for (; i < page->block_count; i++)
    {
        if (page->blocks[i].kind == PAGE_SECTION && open)
            text_add(&text, "</section>\n");
        open = open || page->blocks[i].kind == PAGE_SECTION;
        add_block(&text, &page->blocks[i], i, sections ? 3 : 2);
    }
    text_addf(&text, "%s</main>\n</body>\n</html>\n", open ? "</section>\n" : "");
    return text_done(&text);
}
