/* SPDX-License-Identifier: Apache-2.0 */
/* reporttext.c -- the part of reportview.h that people read. */
#include "report/layout.h"
#include "report/reportview.h"
#include "report/statusview.h"

#include <inttypes.h>
#include <string.h>

static void
add_heading(Text *text, const char *heading)
{
    text_addf(text, "\n%s\n", heading);
}

static void
add_title(Text *text, const Report *report)
{
    static const char rule[] = "===============================================================================";
    Grid grid = layout_grid(text->arena, "ll");

    text_addf(text, "RETENTION REPORT\n%s\n\n", rule);
    LAYOUT_ROW(&grid, "from", layout_moment(text->arena, report->from));
    LAYOUT_ROW(&grid, "to", layout_moment(text->arena, report->to));
    LAYOUT_ROW(&grid, "made", layout_moment(text->arena, report->made_at));
    LAYOUT_ROW(&grid, "configuration", report->configuration);
    layout_print(&grid, "  ", text);
}

/* -- classes of data ----------------------------------------------------------------------------------------------- */

static const char *
policy_name(const ReportPolicy *policy)
{
    return policy->rule == NULL ? policy->counts.policy : policy->rule->name;
}

static const char *
past_window(Arena *arena, const ReportPolicy *policy)
{
    if (policy->rule == NULL)
        return "not configured";
    if (policy->problem != NULL)
        return "NOT KNOWN";
    if (policy->rows_due == 0)
        return "none";
    return arena_printf(arena, "%s%s", policy->overdue ? "OVERDUE " : "", text_thousands(arena, policy->rows_due));
}

static const char *
oldest_row(Arena *arena, const ReportPolicy *policy)
{
    if (policy->rule == NULL || policy->problem != NULL)
        return "";
    return policy->oldest == INSTANT_NONE ? "no rows" : instant_format_day(arena, policy->oldest);
}

static int64_t
exempt_rows(const ReportPolicy *policy)
{
    int64_t rows = 0;
    for (size_t i = 0; policy->rule != NULL && policy->rows_exempt != NULL && i < policy->rule->exempt_count; i++)
        rows += policy->rows_exempt[i];
    return rows;
}

static void
add_windows(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "lllllrrr");

    add_heading(text, "Classes of data: windows, and what is in the live tables now");
    LAYOUT_ROW(&grid, "class", "policy", "window", "grace", "oldest row", "past window", "exempt", "held");
    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportPolicy *p = &database->policies[i];
        const PolicyRule *rule = p->rule;
        LAYOUT_ROW(&grid, rule == NULL ? "" : rule->class_name, policy_name(p), rule == NULL ? "" : rule->keep_for,
                   rule == NULL          ? ""
                   : rule->grace == NULL ? "none"
                                         : rule->grace,
                   oldest_row(arena, p), past_window(arena, p), text_thousands(arena, exempt_rows(p)),
                   text_thousands(arena, p->rows_held));
    }
    layout_print(&grid, "  ", text);
    for (size_t i = 0; i < database->policy_count; i++)
        if (database->policies[i].problem != NULL)
            text_addf(text, "  ! %s: %s\n", policy_name(&database->policies[i]), database->policies[i].problem);
}

static void
add_purposes(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "lllll");

    add_heading(text, "Why they are kept");
    LAYOUT_ROW(&grid, "policy", "kept for", "rows", "purpose", "legal basis");
    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportPolicy *p = &database->policies[i];
        if (p->rule == NULL)
            continue;
        LAYOUT_ROW(&grid, p->rule->name, p->rule->keep_for, "all", p->rule->purpose, p->rule->basis);
        for (size_t e = 0; p->rows_exempt != NULL && e < p->rule->exempt_count; e++)
        {
            const ExemptRule *exempt = &p->rule->exempts[e];
            LAYOUT_ROW(&grid, "", exempt->keep_for, text_thousands(arena, p->rows_exempt[e]), exempt->purpose,
                       exempt->basis);
        }
    }
    layout_print(&grid, "  ", text);
}

static void
add_policy_work(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "lrrrrrrr");

    add_heading(text, "Rows of policies in the period");
    LAYOUT_ROW(&grid, "policy", "archived", "erased", "changed", "last copy gone", "disposals", "in time", "late");
    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportPolicy *p = &database->policies[i];
        const ReportCounts *n = &p->counts;
        LAYOUT_ROW(&grid, policy_name(p), text_thousands(arena, n->rows_archived),
                   text_thousands(arena, n->rows_erased), text_thousands(arena, n->rows_changed),
                   text_thousands(arena, n->rows_cleared), text_thousands(arena, n->opened),
                   text_thousands(arena, n->in_time), text_thousands(arena, n->erased - n->in_time));
    }
    layout_print(&grid, "  ", text);
}

/* -- subjects ------------------------------------------------------------------------------------------------------ */

static const char *
late_now(Arena *arena, const ReportSubject *subject)
{
    const int64_t late = subject->counts.late + subject->overdue;
    if (subject->problem != NULL)
        return "STOPPED";
    return arena_printf(arena, "%s%s", late > 0 ? "OVERDUE " : "", text_thousands(arena, late));
}

static const char *
subject_kind(const ReportSubject *subject)
{
    return subject->rule == NULL ? subject->counts.kind : subject->rule->kind;
}

static void
add_subjects(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "llrrrrrrrrr");
    Grid rows = layout_grid(arena, "lrrrr");

    add_heading(text, "Subjects: disposals in the period");
    LAYOUT_ROW(&grid, "kind", "grace", "opened", "archived", "erased", "in time", "late", "cleared", "withdrawn",
               "under way", "overdue");
    LAYOUT_ROW(&rows, "kind", "rows archived", "erased", "changed", "last copy gone");
    for (size_t i = 0; i < database->subject_count; i++)
    {
        const ReportSubject *s = &database->subjects[i];
        const ReportCounts *n = &s->counts;
        LAYOUT_ROW(&grid, subject_kind(s), s->rule == NULL ? "not configured" : s->rule->grace,
                   text_thousands(arena, n->opened), text_thousands(arena, n->archived),
                   text_thousands(arena, n->erased), text_thousands(arena, n->in_time),
                   text_thousands(arena, n->erased - n->in_time), text_thousands(arena, n->cleared),
                   text_thousands(arena, n->withdrawn), text_thousands(arena, n->under_way), late_now(arena, s));
        LAYOUT_ROW(&rows, subject_kind(s), text_thousands(arena, n->rows_archived),
                   text_thousands(arena, n->rows_erased), text_thousands(arena, n->rows_changed),
                   text_thousands(arena, n->rows_cleared));
    }
    layout_print(&grid, "  ", text);
    add_heading(text, "Subjects: rows in the period");
    layout_print(&rows, "  ", text);
    for (size_t i = 0; i < database->subject_count; i++)
    {
        const ReportSubject *s = &database->subjects[i];
        if (s->problem != NULL)
            text_addf(text, "  ! %s: %s\n", subject_kind(s), s->problem);
        else if (s->waiting > 0)
            text_addf(text, "  %s: %s ended and no disposal yet\n", subject_kind(s),
                      layout_count(arena, s->waiting, "has", "have"));
    }
}

/* -- what stays ---------------------------------------------------------------------------------------------------- */

static void
add_holds(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "llrlrr");

    add_heading(text, "Holds");
    if (database->hold_count == 0)
        text_add(text, "  none\n");
    else
        LAYOUT_ROW(&grid, "kind", "type", "in force", "the first ends", "placed in the period", "ended in it");
    for (size_t i = 0; i < database->hold_count; i++)
    {
        const ReportHold *h = &database->holds[i];
        LAYOUT_ROW(&grid, h->kind, h->type, text_thousands(arena, h->in_force),
                   h->first_end == INSTANT_NONE ? "no end" : instant_format_day(arena, h->first_end),
                   text_thousands(arena, h->placed), text_thousands(arena, h->ended));
    }
    layout_print(&grid, "  ", text);
}

static void
add_processors(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "lrrrrrrl");

    if (database->processor_count == 0)
        return;
    add_heading(text, "Processors: what they were told in the period, and what they owe now");
    LAYOUT_ROW(&grid, "processor", "told", "confirmed", "by hand", "outstanding", "failing", "OVERDUE",
               "first deadline");
    for (size_t i = 0; i < database->processor_count; i++)
    {
        const ReportProcessor *p = &database->processors[i];
        LAYOUT_ROW(&grid, p->name, text_thousands(arena, p->told), text_thousands(arena, p->confirmed),
                   text_thousands(arena, p->settled), text_thousands(arena, p->outstanding),
                   text_thousands(arena, p->failing), text_thousands(arena, p->overdue),
                   p->first_deadline == INSTANT_NONE ? "" : instant_format_day(arena, p->first_deadline));
    }
    layout_print(&grid, "  ", text);
}

static void
add_kept(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "lrrll");

    add_heading(text, "What erasures left behind, and until when");
    if (database->kept_count == 0)
        text_add(text, "  nothing\n");
    else
        LAYOUT_ROW(&grid, "what", "rows", "disposals", "gone by", "why");
    for (size_t i = 0; i < database->kept_count; i++)
    {
        const ReportKept *k = &database->kept[i];
        LAYOUT_ROW(&grid, k->what, text_thousands(arena, k->rows), text_thousands(arena, k->disposals),
                   k->last_until == INSTANT_NONE ? "not known" : instant_format_day(arena, k->last_until), k->why);
    }
    layout_print(&grid, "  ", text);
}

static void
add_failures(Text *text, const ReportDatabase *database)
{
    Arena *arena = text->arena;
    const StatusDatabase *status = &database->status;
    Grid grid = layout_grid(arena, "lllll");

    add_heading(text, "Failing or overdue now");
    for (size_t i = 0; i < status->disposal_count; i++)
    {
        const StatusDisposal *s = &status->disposals[i];
        if (!statusview_is_late(s))
            continue;
        LAYOUT_ROW(&grid, arena_printf(arena, "%s-%" PRId64, status->name, s->disposal->id), s->disposal->kind,
                   s->disposal->name, lifecycle_state_name(s->disposal->state),
                   statusview_sentence(arena, s, status->now));
    }
    if (grid.count == 0)
        text_add(text, "  no disposal\n");
    layout_print(&grid, "  ", text);
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static void
add_database(Text *text, const ReportDatabase *database)
{
    const StatusDatabase *status = &database->status;
    const int64_t faults = reportview_faults(database);

    text_addf(text, "\n\nDatabase %s%s%s\n", status->name, status->region == NULL ? "" : ", region ",
              status->region == NULL ? "" : status->region);
    text_add(text, "-------------------------------------------------------------------------------\n");
    if (status->error != NULL)
    {
        text_addf(text, "  COULD NOT BE ASKED, nothing is known of it: %s\n", status->error);
        return;
    }
    if (faults == 0)
        text_add(text, "  in order: nothing is overdue, failing or past its window longer than it may be\n");
    else
        text_addf(text, "  NOT IN ORDER: %s below\n", layout_count(text->arena, faults, "finding", "findings"));
    text_addf(text, "  scope: %s\n",
              status->coverage_problem == NULL ? "every table is covered, nothing has changed"
                                               : status->coverage_problem);
    if (status->paused)
        text_addf(text, "  worker: %s\n", status->pause_story);
    add_windows(text, database);
    add_purposes(text, database);
    add_policy_work(text, database);
    add_subjects(text, database);
    add_holds(text, database);
    add_kept(text, database);
    add_processors(text, database);
    add_failures(text, database);
    if (database->pending > 0)
        text_addf(text, "\n  %s to be written to the ledger: the next run does it\n",
                  layout_count(text->arena, database->pending, "entry waits", "entries wait"));
}

static void
add_ledger(Text *text, const Report *report)
{
    text_add(text, "\n\nLedger\n"
                   "-------------------------------------------------------------------------------\n");
    if (report->ledger_problem != NULL)
    {
        text_addf(text, "  DOES NOT VERIFY: %s\n", report->ledger_problem);
        return;
    }
    text_addf(text, "  %s, each with the digest of the one before: verified\n",
              layout_count(text->arena, report->ledger.seq, "entry", "entries"));
    text_addf(text, "  head: entry %" PRId64 ", SHA-256 %s\n", report->ledger.seq, report->ledger.digest);
}

static void
add_words(Text *text, const Report *report)
{
    text_addf(text,
              "\n\nWords\n"
              "-------------------------------------------------------------------------------\n"
              "  archived        written to a sealed snapshot, synced and read back\n"
              "  erased          gone from the live tables (a policy with a grace period: when archived)\n"
              "  changed         kept, but without what named the person\n"
              "  last copy gone  the snapshot's key was destroyed; backups of the database are not meant\n"
              "  oldest row      of all, the exempt and the held included\n"
              "  past window     rows past their window, neither exempt nor held; the next run takes them\n"
              "  under way       now: neither cleared nor withdrawn\n"
              "  in time         erased not later than %s after the end of the grace period\n"
              "  overdue         now: later than that, and not held\n",
              report->overdue_after);
}

char *
reportview_text(Arena *arena, const Report *report)
{
    Text text = TEXT_INIT(arena);

    add_title(&text, report);
    for (size_t i = 0; i < report->database_count; i++)
        add_database(&text, &report->databases[i]);
    add_ledger(&text, report);
    add_words(&text, report);
    return text_done(&text);
}
