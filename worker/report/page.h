/* SPDX-License-Identifier: Apache-2.0 */
/* page.h -- a report or a certificate as blocks, built once and printed as text, HTML or CSV: what one format tells, the
 * others tell too.  Pure: the same page gives the same bytes. */
#ifndef EXPUNGE_PAGE_H
#define EXPUNGE_PAGE_H

#include "base/instant.h"
#include "base/text.h"

typedef enum PageType
{
    PAGE_TEXT,
    PAGE_WORD, /* text that is not broken over lines */
    PAGE_NUMBER,
    PAGE_DAY,    /* people read the day, programs the whole point in time */
    PAGE_MOMENT, /* to the second */
    PAGE_CODE    /* a digest or a name that may break anywhere */
} PageType;

typedef enum PageTone
{
    PAGE_PLAIN,
    PAGE_GOOD,
    PAGE_BAD
} PageTone;

/* text: the value of PAGE_TEXT, PAGE_WORD and PAGE_CODE; of the others what people read instead of the number (NULL: the number).
 * number: also an Instant; programs read it where it is known. */
typedef struct PageCell
{
    const char *text;
    int64_t number;
    bool known;
    PageTone tone;
} PageCell;

PageCell page_text(const char *text); /* NULL: empty */
PageCell page_number(int64_t number);
PageCell page_time(Instant at); /* INSTANT_NONE: empty */
/* What people read instead; the number or time stays for programs. */
PageCell page_shown(PageCell cell, const char *text);
PageCell page_toned(PageCell cell, PageTone tone);

typedef struct PageColumn
{
    const char *name;    /* for programs */
    const char *heading; /* for people; NULL: for programs alone */
    PageType type;
    bool wide; /* too much for a terminal: left out of text */
} PageColumn;

typedef struct PageTable
{
    const char *section; /* for programs; NULL: for people alone */
    const char *caption; /* for people; NULL: for programs alone */
    const char *empty;   /* a sentence instead of no rows; NULL: nothing is said at all */
    const PageColumn *columns;
    size_t column_count;
    PageCell *cells;
    size_t cell_count;
    size_t cell_room;
    size_t shown; /* rows that people read, the first ones; 0: all */
    bool behind;  /* numbers behind a chart: not in text, folded away in HTML */
} PageTable;

typedef enum PageKind
{
    PAGE_SECTION, /* a heading over what follows */
    PAGE_FACTS,   /* a label and a value each */
    PAGE_TABLE,
    PAGE_NOTE,  /* a sentence */
    PAGE_LINES, /* commands, each as it stands */
    PAGE_CHART  /* HTML alone: text holds the finished SVG and its frame */
} PageKind;

typedef struct PageFact
{
    const char *label;
    const char *value;
    PageType type;
} PageFact;

typedef struct PageBlock
{
    PageKind kind;
    const char *text; /* heading, sentence, lines, chart; the caption of facts (NULL: none) */
    PageTone tone;
    PageFact *facts;
    size_t fact_count;
    size_t fact_room;
    PageTable *table;
} PageBlock;

typedef struct Page
{
    Arena *arena;
    const char *title;
    const char *side; /* beside the title; NULL: nothing */
    PageBlock *blocks;
    size_t block_count;
    size_t block_room;
} Page;

void page_section(Page *page, const char *heading);
void page_note(Page *page, PageTone tone, const char *format, ...) PRINTF_LIKE(3, 4);
void page_lines(Page *page, const char *lines);
void page_chart(Page *page, const char *html);
/* Facts that follow each other are one block. */
void page_facts(Page *page, const char *caption);
void page_fact(Page *page, PageType type, const char *label, const char *value); /* NULL: left out */
void page_fact_time(Page *page, const char *label, Instant at);                  /* INSTANT_NONE: left out */
/* The table stays the page's; rows are added with page_row(). */
PageTable *page_table(Page *page, const PageTable *rule);
void page_row(const Page *page, PageTable *table, const PageCell *cells);
#define PAGE_ROW(page, table, ...) page_row((page), (table), (const PageCell[]){ __VA_ARGS__ })
#define PAGE_COLUMNS(list) .columns = (list), .column_count = sizeof(list) / sizeof(list)[0]

/* Cells that people read. */
size_t page_shown_cells(const PageTable *table);
/* "12 more, …": what they do not read; NULL: nothing. */
const char *page_left_out(Arena *arena, const PageTable *table);
/* What people read in a cell; never NULL. */
const char *page_cell(Arena *arena, const PageColumn *column, const PageCell *cell);

char *page_print_text(const Page *page);
/* One page without script that asks nobody for anything: its style and charts are inside, and its own policy forbids
 * the rest.  Well-formed XML, too. */
char *page_print_html(const Page *page);
/* RFC 4180: all tables that have a section as one, "section" first, then every column that any of them has.  Text that
 * a spreadsheet would take for a formula gets an apostrophe in front.  A byte order mark only where there is something
 * that is not ASCII. */
char *page_print_csv(const Page *page);

#endif
