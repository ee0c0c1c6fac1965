/* SPDX-License-Identifier: Apache-2.0 */
#include "report/chart.h"

#include "report/layout.h"
#include "report/markup.h"

#include <inttypes.h>

/* In the units of each drawing's viewBox; a panel is about 320 pixels wide on a phone, so that a unit is about a pixel. */
#define WIDTH 320
#define HIGH 60         /* the highest bar */
#define TOP 16          /* room for its number */
#define BAR_MAX 22.0    /* fewer weeks do not make fatter bars */
#define BAR_SHARE 0.8   /* of the room for a week */
#define LABEL_HALF 40.0 /* half of the widest number, so that none is cut off */

Instant
chart_monday(Instant at)
{
    const int64_t day = (at - (at < 0 ? INSTANT_DAY - 1 : 0)) / INSTANT_DAY + 3; /* 1970-01-01 was a Thursday */
    return ((day - (day < 0 ? 6 : 0)) / 7 * 7 - 3) * INSTANT_DAY;
}

static void
begin_figure(Text *text, const char *id, const char *caption)
{
    text_addf(text, "<figure aria-labelledby=\"%s\">\n<figcaption><h3 id=\"%s\">%s</h3></figcaption>\n", id, id,
              markup_escape(text->arena, caption));
}

static void
begin_svg(Text *text, const char *id, int height, const char *title, const char *description)
{
    text_addf(text,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
              "aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n",
              WIDTH, height, id, id, id, markup_escape(text->arena, title), id,
              markup_escape(text->arena, description));
}

/* The days at both ends of the axis. */
static void
add_ends(Text *text, int y, Instant first, Instant last)
{
    text_addf(text,
              "<line class=\"axis\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" />\n"
              "<text class=\"tick\" x=\"0\" y=\"%d\">%s</text>\n"
              "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
              y, WIDTH, y, y + 14, instant_format_day(text->arena, first), WIDTH, y + 14,
              instant_format_day(text->arena, last));
}

/* -- bars ---------------------------------------------------------------------------------------------------------- */

static const char *
week_name(Arena *arena, const ChartWeeks *chart, size_t week)
{
    return instant_format_day(arena, chart->first + (int64_t)week * CHART_WEEK);
}

static void
add_bars(Text *text, const ChartWeeks *chart, const ChartSeries *series, size_t highest)
{
    const double room = (double)WIDTH / (double)chart->count;
    const double width = room * BAR_SHARE < BAR_MAX ? room * BAR_SHARE : BAR_MAX;
    const int64_t most = series->values[highest];

    for (size_t i = 0; i < chart->count; i++)
    {
        if (series->values[i] <= 0)
            continue;
        double height = HIGH * (double)series->values[i] / (double)most;
        if (height < 1.0) /* few are not none */
            height = 1.0;
        text_addf(text,
                  "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                  "<title>week of %s: %s</title></rect>\n",
                  ((double)i + 0.5) * room - width / 2, TOP + HIGH - height, width, height,
                  week_name(text->arena, chart, i), layout_count(text->arena, series->values[i], "row", "rows"));
    }
    const double at = ((double)highest + 0.5) * room;
    const bool left = at < LABEL_HALF;
    const bool right = at > WIDTH - LABEL_HALF;
    text_addf(text, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
              left    ? at - width / 2
              : right ? at + width / 2
                      : at,
              TOP - 5,
              left    ? "start"
              : right ? "end"
                      : "middle",
              text_thousands(text->arena, most));
}

static void
add_panel(Text *text, const ChartWeeks *chart, size_t number)
{
    Arena *arena = text->arena;
    const ChartSeries *series = &chart->series[number];
    size_t highest = 0;
    int64_t sum = 0;

    for (size_t i = 0; i < chart->count; i++)
    {
        sum += series->values[i];
        highest = series->values[i] > series->values[highest] ? i : highest;
    }
    const char *in_all = layout_count(arena, sum, "row", "rows");
    text_addf(text, "<div class=\"panel\">\n<p>%s <span class=\"quiet\">%s</span></p>\n",
              markup_isolate(arena, series->name), in_all);
    begin_svg(text, arena_printf(arena, "%s-%zu", chart->id, number), TOP + HIGH + 20,
              arena_printf(arena, "%s: rows erased each week", series->name),
              arena_printf(arena, "%s in %s from %s on; most of them, %s, in the week of %s.", in_all,
                           layout_count(arena, (int64_t)chart->count, "week", "weeks"), week_name(arena, chart, 0),
                           text_thousands(arena, series->values[highest]), week_name(arena, chart, highest)));
    if (series->values[highest] > 0)
        add_bars(text, chart, series, highest);
    add_ends(text, TOP + HIGH, chart->first, chart->first + (int64_t)chart->count * CHART_WEEK - INSTANT_DAY);
    text_add(text, "</svg>\n</div>\n");
}

char *
chart_weeks(Arena *arena, const ChartWeeks *chart)
{
    Text text = TEXT_INIT(arena);

    begin_figure(&text, chart->id, chart->caption);
    text_add(&text, "<div class=\"panels\">\n");
    for (size_t i = 0; i < chart->series_count; i++)
        add_panel(&text, chart, i);
    text_add(&text, "</div>\n</figure>\n");
    return text_done(&text);
}

/* -- a line -------------------------------------------------------------------------------------------------------- */

static void
add_line(Text *text, const ChartPoint *points, size_t count, int64_t most)
{
    const Instant first = points[0].at;
    const int64_t length = points[count - 1].at > first ? points[count - 1].at - first : 1;
    Text path = TEXT_INIT(text->arena);

    for (size_t i = 0; i < count; i++)
        text_addf(&path, "%s%.1f %.1f", i == 0 ? "M" : " L", WIDTH * (double)(points[i].at - first) / (double)length,
                  TOP + HIGH - HIGH * (double)points[i].age / (double)most);
    text_addf(text, "<path class=\"area\" d=\"%s L%d %d L0 %d Z\" />\n<path class=\"curve\" d=\"%s\" />\n",
              text_done(&path), count == 1 ? 0 : WIDTH, TOP + HIGH, TOP + HIGH, text_done(&path));
}

char *
chart_ages(Arena *arena, const char *id, const char *caption, const ChartPoint *points, size_t count)
{
    Text text = TEXT_INIT(arena);
    size_t worst = 0;

    for (size_t i = 0; i < count; i++)
        worst = points[i].age > points[worst].age ? i : worst;
    const int64_t most = points[worst].age;
    const char *said = most == 0
                           ? "Nothing was overdue at any point that was looked at."
                           : arena_printf(arena, "The oldest was %s past its deadline, on %s; at the end: %s.",
                                          instant_format_age(arena, most), instant_format_day(arena, points[worst].at),
                                          points[count - 1].age == 0
                                              ? "nothing is overdue"
                                              : instant_format_age(arena, points[count - 1].age));
    begin_figure(&text, id, caption);
    begin_svg(&text, arena_printf(arena, "%s-0", id), TOP + HIGH + 20, caption, said);
    if (most > 0)
        text_addf(&text,
                  "<line class=\"grid\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" />\n"
                  "<text class=\"tick\" x=\"0\" y=\"%d\">%s</text>\n",
                  TOP, WIDTH, TOP, TOP - 5, instant_format_age(arena, most));
    add_line(&text, points, count, most == 0 ? 1 : most);
    add_ends(&text, TOP + HIGH, points[0].at, points[count - 1].at);
    text_addf(&text, "</svg>\n<p class=\"quiet\">%s</p>\n</figure>\n", said);
    return text_done(&text);
}

/* -- spans --------------------------------------------------------------------------------------------------------- */

static void
add_part(Text *text, const char *class_name, const char *word, int64_t length, int64_t longest)
{
    double width = WIDTH * (double)length / (double)longest;
    if (width < 1.0)
        width = 1.0;
    text_addf(text,
              "<rect class=\"%s\" x=\"0\" y=\"2\" width=\"%.1f\" height=\"12\"><title>%s within %s</title></rect>\n",
              class_name, width, word, instant_format_age(text->arena, length));
}

char *
chart_spans(Arena *arena, const char *id, const char *caption, const ChartSpan *spans, size_t count)
{
    Text text = TEXT_INIT(arena);
    int64_t longest = 1;

    for (size_t i = 0; i < count; i++)
        longest = spans[i].all > longest ? spans[i].all : longest;
    begin_figure(&text, id, caption);
    text_add(&text, "<div class=\"spans\">\n");
    for (size_t i = 0; i < count; i++)
    {
        const ChartSpan *s = &spans[i];
        const char *said = arena_printf(arena, "half within %s, 9 of 10 within %s, all within %s",
                                        instant_format_age(arena, s->half), instant_format_age(arena, s->most),
                                        instant_format_age(arena, s->all));
        text_addf(&text, "<div class=\"span%s\">\n<p>%s</p>\n", s->second ? " second" : "",
                  markup_isolate(arena, s->name));
        begin_svg(&text, arena_printf(arena, "%s-%zu", id, i), 16, s->name, said);
        add_part(&text, "all", "all", s->all, longest);
        add_part(&text, "most", "9 of 10", s->most, longest);
        add_part(&text, "half", "half", s->half, longest);
        text_addf(&text, "</svg>\n<p class=\"quiet\">%s</p>\n</div>\n", said);
    }
    text_add(&text, "</div>\n</figure>\n");
    return text_done(&text);
}
