/* SPDX-License-Identifier: Apache-2.0 */
/* chart.h -- the report's charts as figures of HTML with SVG inside: no script, each with a title and a description for
 * those who hear it.  Colours are the page's classes.  Pure. */
#ifndef EXPUNGE_CHART_H
#define EXPUNGE_CHART_H

#include "base/instant.h"
#include "base/text.h"

/* Names and captions are plain text; id is unique on the page and a name of HTML. */
typedef struct ChartSeries
{
    const char *name;
    const int64_t *values; /* one for each week */
} ChartSeries;

typedef struct ChartWeeks
{
    const char *id;
    const char *caption;
    Instant first; /* Monday */
    size_t count;  /* weeks */
    const ChartSeries *series;
    size_t series_count;
} ChartWeeks;
char *chart_weeks(Arena *arena, const ChartWeeks *chart);

typedef struct ChartPoint
{
    Instant at;
    int64_t age; /* microseconds; 0: nothing was overdue */
} ChartPoint;
/* How old the oldest one was; at least one point. */
char *chart_ages(Arena *arena, const char *id, const char *caption, const ChartPoint *points, size_t count);

typedef struct ChartSpan
{
    const char *name;
    int64_t half; /* microseconds within which half of them were done, nine of ten, and all */
    int64_t most;
    int64_t all;
    bool second; /* the second of a pair: another colour */
} ChartSpan;
char *chart_spans(Arena *arena, const char *id, const char *caption, const ChartSpan *spans, size_t count);

/* The Monday (UTC) of a week. */
Instant chart_monday(Instant at);
#define CHART_WEEK (7 * INSTANT_DAY)

#endif
