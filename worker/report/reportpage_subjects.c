/* SPDX-License-Identifier: Apache-2.0 */
#include "report/reportpage_private.h"

#include "report/chart.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DISPOSALS_SHOWN 200 /* to people; what is late comes first */

/* -- kinds --------------------------------------------------------------------------------------------------------- */

static PageCell
late_now(Arena *arena, const ReportSubject *subject)
{
    const int64_t late = subject->counts.late + subject->overdue;
    if (subject->problem != NULL)
        return page_toned(page_text("STOPPED"), PAGE_BAD);
    if (late == 0)
        return page_number(0);
    return page_toned(page_shown(page_number(late), arena_printf(arena, "OVERDUE %s", text_thousands(arena, late))),
                      PAGE_BAD);
}

static const char *
subject_kind(const ReportSubject *subject)
{
    return subject->rule == NULL ? subject->counts.kind : subject->rule->kind;
}

static void
add_kinds(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "kind", "kind", PAGE_WORD, false },
                                          { "grace", "grace", PAGE_WORD, false },
                                          { "opened", "opened", PAGE_NUMBER, false },
                                          { "archived", "archived", PAGE_NUMBER, false },
                                          { "erased", "erased", PAGE_NUMBER, false },
                                          { "erased_in_time", "in time", PAGE_NUMBER, false },
                                          { "erased_late", "late", PAGE_NUMBER, false },
                                          { "cleared", "cleared", PAGE_NUMBER, false },
                                          { "withdrawn", "withdrawn", PAGE_NUMBER, false },
                                          { "under_way_now", "under way", PAGE_NUMBER, false },
                                          { "late_now", "overdue", PAGE_NUMBER, false },
                                          { "ended_and_not_opened", NULL, PAGE_NUMBER, false },
                                          { "problem", NULL, PAGE_TEXT, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "subject_kind",
                                                      .caption = "Subjects: disposals in the period",
                                                      .empty = "no kind of subject",
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < database->subject_count; i++)
    {
        const ReportSubject *s = &database->subjects[i];
        const ReportCounts *n = &s->counts;
        const int64_t late = n->erased - n->in_time;
        PAGE_ROW(page, table, page_text(database->status.name), page_text(subject_kind(s)),
                 page_text(s->rule == NULL ? "not configured" : s->rule->grace), page_number(n->opened),
                 page_number(n->archived), page_number(n->erased), page_number(n->in_time),
                 page_toned(page_number(late), late > 0 ? PAGE_BAD : PAGE_PLAIN), page_number(n->cleared),
                 page_number(n->withdrawn), page_number(n->under_way), late_now(page->arena, s),
                 page_number(s->waiting), page_text(s->problem));
    }
}

static void
add_rows(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "kind", "kind", PAGE_WORD, false },
                                          { "rows_archived", "rows archived", PAGE_NUMBER, false },
                                          { "rows_erased", "erased", PAGE_NUMBER, false },
                                          { "rows_changed", "changed", PAGE_NUMBER, false },
                                          { "rows_cleared", "last copy gone", PAGE_NUMBER, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "subject_rows",
                                                      .caption = "Subjects: rows in the period",
                                                      .empty = NULL,
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < database->subject_count; i++)
    {
        const ReportSubject *s = &database->subjects[i];
        PAGE_ROW(page, table, page_text(database->status.name), page_text(subject_kind(s)),
                 page_number(s->counts.rows_archived), page_number(s->counts.rows_erased),
                 page_number(s->counts.rows_changed), page_number(s->counts.rows_cleared));
    }
    for (size_t i = 0; i < database->subject_count; i++)
    {
        const ReportSubject *s = &database->subjects[i];
        if (s->problem != NULL)
            page_note(page, PAGE_BAD, "! %s: %s", subject_kind(s), s->problem);
        else if (s->waiting > 0)
            page_note(page, s->overdue > 0 ? PAGE_BAD : PAGE_PLAIN, "%s: %s ended and no disposal yet", subject_kind(s),
                      layout_count(page->arena, s->waiting, "has", "have"));
    }
}

/* -- disposals ----------------------------------------------------------------------------------------------------- */

static void
add_disposal(Page *page, PageTable *table, const ReportDatabase *database, const ReportDisposal *d, PageTone tone)
{
    PAGE_ROW(page, table, page_text(database->status.name),
             page_text(arena_printf(page->arena, "%s-%" PRId64, database->status.name, d->id)), page_text(d->kind),
             page_text(d->ground), page_text(d->immediate ? "yes" : "no"), page_text(lifecycle_state_name(d->state)),
             page_time(d->requested_at), page_time(d->ended_at), page_time(d->archived_at), page_time(d->due_at),
             page_time(d->deadline), page_time(d->erased_at), page_time(d->cleared_at),
             page_toned(page_text(collect_deadline(d, database->status.now)), tone), page_time(d->withdrawn_at),
             page_time(d->restored_at), page_number(d->rows_archived), page_number(d->rows_erased),
             page_number(d->rows_changed), page_text(d->commitment));
}

/* What missed its deadline first. */
static void
add_disposals(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = {
        { "database", NULL, PAGE_TEXT, false },         { "disposal", "disposal", PAGE_WORD, false },
        { "kind", "kind", PAGE_WORD, false },           { "ground", "ground", PAGE_WORD, true },
        { "immediate", NULL, PAGE_TEXT, false },        { "state", NULL, PAGE_TEXT, false },
        { "requested", "requested", PAGE_DAY, false },  { "ended", NULL, PAGE_MOMENT, false },
        { "archived_at", "archived", PAGE_DAY, false }, { "due", NULL, PAGE_MOMENT, false },
        { "deadline", "deadline", PAGE_DAY, false },    { "erased_at", "erased", PAGE_DAY, false },
        { "cleared_at", "cleared", PAGE_DAY, false },   { "standing", "standing", PAGE_WORD, false },
        { "withdrawn_at", NULL, PAGE_MOMENT, false },   { "restored_at", NULL, PAGE_MOMENT, false },
        { "rows_archived", NULL, PAGE_NUMBER, false },  { "rows_erased", "rows erased", PAGE_NUMBER, true },
        { "rows_changed", NULL, PAGE_NUMBER, false },   { "subject_commitment", NULL, PAGE_CODE, false }
    };
    PageTable *table = page_table(page,
                                  &(PageTable){ .section = "disposal",
                                                .caption = "Subjects: each disposal of the period against its deadline",
                                                .empty = "no disposal",
                                                .shown = DISPOSALS_SHOWN,
                                                PAGE_COLUMNS(columns) });
    for (int late = 1; late >= 0; late--)
        for (size_t i = 0; i < database->disposal_count; i++)
        {
            const ReportDisposal *d = &database->disposals[i];
            const char *standing = collect_deadline(d, database->status.now);
            if ((strcmp(standing, "late") == 0 || strcmp(standing, "OVERDUE") == 0) == (late == 1))
                add_disposal(page, table, database, d, late == 1 ? PAGE_BAD : PAGE_PLAIN);
        }
}

/* -- how long ------------------------------------------------------------------------------------------------------ */

static int
compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right ? 1 : 0;
}

/* Of the disposals of a kind that reached this point in the period; count 0: none did. */
static size_t
measure(const Report *report, const ReportDatabase *database, const char *kind, bool cleared, int64_t *ret_times)
{
    size_t count = 0;
    for (size_t i = 0; i < database->disposal_count; i++)
    {
        const ReportDisposal *d = &database->disposals[i];
        const Instant end = cleared ? d->cleared_at : d->erased_at;
        if (strcmp(d->kind, kind) == 0 && end != INSTANT_NONE && end >= report->from && end < report->to &&
            d->restored_at == INSTANT_NONE && d->requested_at != INSTANT_NONE)
            ret_times[count++] = end > d->requested_at ? end - d->requested_at : 0;
    }
    qsort(ret_times, count, sizeof *ret_times, compare);
    return count;
}

static void
add_times(Page *page, const Report *report, const ReportDatabase *database)
{
    Arena *arena = page->arena;
    int64_t *times = ARENA_ARRAY(arena, int64_t, database->disposal_count + 1);
    ChartSpan *spans = ARENA_ARRAY(arena, ChartSpan, 2 * database->subject_count + 1);
    size_t span_count = 0;

    for (size_t i = 0; i < database->subject_count; i++)
        for (int cleared = 0; cleared <= 1; cleared++)
        {
            const char *kind = subject_kind(&database->subjects[i]);
            const size_t count = measure(report, database, kind, cleared == 1, times);
            if (count == 0)
                continue;
            spans[span_count++] = (ChartSpan){
                .name = arena_printf(arena, "%s: from request to %s, %s", kind, cleared == 1 ? "cleared" : "erased",
                                     layout_count(arena, (int64_t)count, "disposal", "disposals")),
                .half = times[(count - 1) / 2],
                .most = times[(9 * count + 9) / 10 - 1],
                .all = times[count - 1],
                .second = cleared == 1
            };
        }
    if (span_count > 0)
        page_chart(page, chart_spans(arena, arena_printf(arena, "c%zu", page->block_count),
                                     "Time from request to erased, and to cleared", spans, span_count));
}

void
reportpage_subjects(Page *page, const Report *report, const ReportDatabase *database)
{
    add_kinds(page, database);
    add_rows(page, database);
    add_times(page, report, database);
    add_disposals(page, database);
}
