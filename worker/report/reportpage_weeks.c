/* SPDX-License-Identifier: Apache-2.0 */
#include "report/reportpage_private.h"

#include "report/chart.h"

#include <string.h>

/* -- erasures ------------------------------------------------------------------------------------------------------ */

/* The class of a policy, or the kind of subject. */
static const char *
class_of(const ReportDatabase *database, const ReportWeek *week)
{
    for (size_t i = 0; week->policy != NULL && i < database->policy_count; i++)
        if (database->policies[i].rule != NULL && strcmp(database->policies[i].rule->name, week->policy) == 0)
            return database->policies[i].rule->class_name;
    return week->policy != NULL ? week->policy : week->kind;
}

typedef struct Classes
{
    ChartSeries *list;
    int64_t **values;
    size_t count;
} Classes;

static int64_t *
values_of(Arena *arena, Classes *classes, const char *name, size_t weeks)
{
    for (size_t i = 0; i < classes->count; i++)
        if (strcmp(classes->list[i].name, name) == 0)
            return classes->values[i];
    int64_t *values = ARENA_ARRAY(arena, int64_t, weeks);
    classes->values[classes->count] = values;
    classes->list[classes->count++] = (ChartSeries){ .name = name, .values = values };
    return values;
}

static void
add_numbers(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "week", "week of", PAGE_DAY, false },
                                          { "class", "class of data or kind of subject", PAGE_TEXT, false },
                                          { "policy", "policy", PAGE_TEXT, false },
                                          { "disposals", "disposals", PAGE_NUMBER, false },
                                          { "rows_erased", "rows erased", PAGE_NUMBER, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "week",
                                                      .caption = "The numbers: rows erased each week",
                                                      .empty = NULL,
                                                      PAGE_COLUMNS(columns),
                                                      .behind = true });
    for (size_t i = 0; i < database->week_count; i++)
    {
        const ReportWeek *w = &database->weeks[i];
        PAGE_ROW(page, table, page_text(database->status.name), page_time(w->week), page_text(class_of(database, w)),
                 page_text(w->policy), page_number(w->disposals), page_number(w->rows));
    }
}

void
reportpage_weeks(Page *page, const Report *report, const ReportDatabase *database)
{
    Arena *arena = page->arena;
    const Instant first = chart_monday(report->from);
    const size_t count = (size_t)((chart_monday(report->to - 1) - first) / CHART_WEEK) + 1;
    Classes classes = { .list = ARENA_ARRAY(arena, ChartSeries, database->week_count + 1),
                        .values = ARENA_ARRAY(arena, int64_t *, database->week_count + 1) };

    for (size_t i = 0; i < database->week_count; i++)
    {
        const ReportWeek *w = &database->weeks[i];
        const int64_t number = (w->week - first) / CHART_WEEK;
        if (number >= 0 && (size_t)number < count)
            values_of(arena, &classes, class_of(database, w), count)[number] += w->rows;
    }
    if (classes.count > 0)
        page_chart(page, chart_weeks(arena, &(ChartWeeks){ .id = arena_printf(arena, "c%zu", page->block_count),
                                                           .caption = "Rows erased each week, by class of data",
                                                           .first = first,
                                                           .count = count,
                                                           .series = classes.list,
                                                           .series_count = classes.count }));
    add_numbers(page, database);
}

/* -- what was overdue ---------------------------------------------------------------------------------------------- */

void
reportpage_overdue(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "at", "on", PAGE_MOMENT, false },
                                          { "disposals", "overdue", PAGE_NUMBER, false },
                                          { "deadline", "the oldest deadline", PAGE_MOMENT, false } };
    Arena *arena = page->arena;
    ChartPoint *points = ARENA_ARRAY(arena, ChartPoint, database->overdue_count + 1);

    if (database->overdue_count == 0)
        return;
    for (size_t i = 0; i < database->overdue_count; i++)
    {
        const ReportOverdue *o = &database->overdue[i];
        points[i] = (ChartPoint){ .at = o->at, .age = o->oldest == INSTANT_NONE ? 0 : o->at - o->oldest };
    }
    page_chart(page, chart_ages(arena, arena_printf(arena, "c%zu", page->block_count),
                                "Age of the oldest overdue disposal", points, database->overdue_count));
    PageTable *table = page_table(page, &(PageTable){ .section = "overdue",
                                                      .caption = "The numbers: what was overdue",
                                                      .empty = NULL,
                                                      PAGE_COLUMNS(columns),
                                                      .behind = true });
    for (size_t i = 0; i < database->overdue_count; i++)
        PAGE_ROW(page, table, page_text(database->status.name), page_time(database->overdue[i].at),
                 page_number(database->overdue[i].disposals), page_time(database->overdue[i].oldest));
}
