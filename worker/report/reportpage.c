/* SPDX-License-Identifier: Apache-2.0 */
/* reportpage.c -- the part of reportview.h that people and spreadsheets read: the report as a page. */
#include "report/reportpage_private.h"
#include "report/statusview.h"

#include <inttypes.h>
#include <string.h>

/* -- classes of data ----------------------------------------------------------------------------------------------- */

static const char *
policy_name(const ReportPolicy *policy)
{
    return policy->rule == NULL ? policy->counts.policy : policy->rule->name;
}

static PageCell
past_window(Arena *arena, const ReportPolicy *policy)
{
    if (policy->rule == NULL)
        return page_text("not configured");
    if (policy->problem != NULL)
        return page_toned(page_text("NOT KNOWN"), PAGE_BAD);
    const PageCell cell = page_number(policy->rows_due);
    if (policy->rows_due == 0)
        return page_shown(cell, "none");
    if (!policy->overdue)
        return cell;
    return page_toned(page_shown(cell, arena_printf(arena, "OVERDUE %s", text_thousands(arena, policy->rows_due))),
                      PAGE_BAD);
}

static PageCell
oldest_row(const ReportPolicy *policy)
{
    const bool known = policy->rule != NULL && policy->problem == NULL;
    const PageCell cell = page_time(policy->oldest);
    return known && policy->oldest == INSTANT_NONE ? page_shown(cell, "no rows") : cell;
}

static int64_t
exempt_rows(const ReportPolicy *policy)
{
    int64_t rows = 0;
    for (size_t i = 0; policy->rule != NULL && policy->rows_exempt != NULL && i < policy->rule->exempt_count; i++)
        rows += policy->rows_exempt[i];
    return rows;
}

static const char *
table_name(Arena *arena, const TableName *name)
{
    return arena_printf(arena, "%s.%s", name->schema, name->table);
}

static void
add_windows(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "class", "class", PAGE_TEXT, false },
                                          { "policy", "policy", PAGE_TEXT, false },
                                          { "table", "table", PAGE_TEXT, true },
                                          { "keep_for", "window", PAGE_WORD, false },
                                          { "grace", "grace", PAGE_WORD, false },
                                          { "oldest_row", "oldest row", PAGE_DAY, false },
                                          { "cutoff", "window begins", PAGE_DAY, true },
                                          { "rows_past_window", "past window", PAGE_NUMBER, false },
                                          { "overdue", NULL, PAGE_TEXT, false },
                                          { "rows_exempt", "exempt", PAGE_NUMBER, false },
                                          { "rows_held", "held", PAGE_NUMBER, false },
                                          { "purpose", NULL, PAGE_TEXT, false },
                                          { "basis", NULL, PAGE_TEXT, false },
                                          { "problem", NULL, PAGE_TEXT, false } };
    Arena *arena = page->arena;
    PageTable *table =
        page_table(page, &(PageTable){ .section = "class",
                                       .caption = "Classes of data: windows, and what is in the live tables now",
                                       .empty = "no policy",
                                       PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportPolicy *p = &database->policies[i];
        const PolicyRule *rule = p->rule;
        PAGE_ROW(page, table, page_text(database->status.name), page_text(rule == NULL ? NULL : rule->class_name),
                 page_text(policy_name(p)), page_text(rule == NULL ? NULL : table_name(arena, &rule->table)),
                 page_text(rule == NULL ? NULL : rule->keep_for),
                 page_text(rule == NULL          ? NULL
                           : rule->grace == NULL ? "none"
                                                 : rule->grace),
                 oldest_row(p), page_time(p->cutoff), past_window(arena, p), page_text(p->overdue ? "yes" : "no"),
                 page_number(exempt_rows(p)), page_number(p->rows_held), page_text(rule == NULL ? NULL : rule->purpose),
                 page_text(rule == NULL ? NULL : rule->basis), page_text(p->problem));
    }
    for (size_t i = 0; i < database->policy_count; i++)
        if (database->policies[i].problem != NULL)
            page_note(page, PAGE_BAD, "! %s: %s", policy_name(&database->policies[i]), database->policies[i].problem);
}

static void
add_purposes(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = {
        { "database", NULL, PAGE_TEXT, false },       { "policy", "policy", PAGE_TEXT, false },
        { "keep_for", "kept for", PAGE_WORD, false }, { "rows", "rows", PAGE_NUMBER, false },
        { "purpose", "purpose", PAGE_TEXT, false },   { "basis", "legal basis", PAGE_TEXT, false },
        { "until", "gone by", PAGE_DAY, false }
    };
    PageTable *table =
        page_table(page, &(PageTable){
                             .section = "kept", .caption = "Why they are kept", .empty = NULL, PAGE_COLUMNS(columns) });

    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportPolicy *p = &database->policies[i];
        if (p->rule == NULL)
            continue;
        PAGE_ROW(page, table, page_text(database->status.name), page_text(p->rule->name), page_text(p->rule->keep_for),
                 page_text("all"), page_text(p->rule->purpose), page_text(p->rule->basis), page_time(INSTANT_NONE));
        for (size_t e = 0; p->rows_exempt != NULL && e < p->rule->exempt_count; e++)
        {
            const ExemptRule *exempt = &p->rule->exempts[e];
            PAGE_ROW(page, table, page_text(database->status.name), page_text(p->rule->name),
                     page_text(exempt->keep_for), page_number(p->rows_exempt[e]), page_text(exempt->purpose),
                     page_text(exempt->basis), page_time(p->exempt_until == NULL ? INSTANT_NONE : p->exempt_until[e]));
        }
    }
}

static void
add_policy_work(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "policy", "policy", PAGE_TEXT, false },
                                          { "rows_archived", "archived", PAGE_NUMBER, false },
                                          { "rows_erased", "erased", PAGE_NUMBER, false },
                                          { "rows_changed", "changed", PAGE_NUMBER, false },
                                          { "rows_cleared", "last copy gone", PAGE_NUMBER, false },
                                          { "opened", "disposals", PAGE_NUMBER, false },
                                          { "erased_in_time", "in time", PAGE_NUMBER, false },
                                          { "erased_late", "late", PAGE_NUMBER, false },
                                          { "under_way_now", NULL, PAGE_NUMBER, false },
                                          { "late_now", NULL, PAGE_NUMBER, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "policy_work",
                                                      .caption = "Rows of policies in the period",
                                                      .empty = NULL,
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportCounts *n = &database->policies[i].counts;
        const int64_t late = n->erased - n->in_time;
        PAGE_ROW(page, table, page_text(database->status.name), page_text(policy_name(&database->policies[i])),
                 page_number(n->rows_archived), page_number(n->rows_erased), page_number(n->rows_changed),
                 page_number(n->rows_cleared), page_number(n->opened), page_number(n->in_time),
                 page_toned(page_number(late), late > 0 ? PAGE_BAD : PAGE_PLAIN), page_number(n->under_way),
                 page_number(n->late));
    }
}

/* -- what stays ---------------------------------------------------------------------------------------------------- */

static void
add_holds(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "kind", "kind", PAGE_WORD, false },
                                          { "type", "type", PAGE_TEXT, false },
                                          { "in_force", "in force", PAGE_NUMBER, false },
                                          { "first_ends", "the first ends", PAGE_DAY, false },
                                          { "placed", "placed in the period", PAGE_NUMBER, false },
                                          { "released", "released", PAGE_NUMBER, false },
                                          { "expired", "expired", PAGE_NUMBER, false } };
    PageTable *table =
        page_table(page, &(PageTable){ .section = "hold", .caption = "Holds", .empty = "none", PAGE_COLUMNS(columns) });

    for (size_t i = 0; i < database->hold_count; i++)
    {
        const ReportHold *h = &database->holds[i];
        const PageCell end = page_time(h->first_end);
        PAGE_ROW(page, table, page_text(database->status.name), page_text(h->kind), page_text(h->type),
                 page_number(h->in_force),
                 h->first_end == INSTANT_NONE ? page_shown(end, h->in_force > 0 ? "no end" : "-") : end,
                 page_number(h->placed), page_number(h->released), page_number(h->expired));
    }
    page_note(page, PAGE_PLAIN, "attempts that a hold refused in the period: %s",
              text_thousands(page->arena, database->refused));
}

static void
add_kept(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "what", "what", PAGE_TEXT, false },
                                          { "rows", "rows", PAGE_NUMBER, false },
                                          { "disposals", "disposals", PAGE_NUMBER, false },
                                          { "first_until", "the first gone by", PAGE_DAY, true },
                                          { "until", "gone by", PAGE_DAY, false },
                                          { "why", "why", PAGE_TEXT, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "not_erased",
                                                      .caption = "What erasures left behind, and until when",
                                                      .empty = "nothing",
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < database->kept_count; i++)
    {
        const ReportKept *k = &database->kept[i];
        const PageCell until = page_time(k->last_until);
        PAGE_ROW(page, table, page_text(database->status.name), page_text(k->what), page_number(k->rows),
                 page_number(k->disposals), page_time(k->first_until),
                 k->last_until == INSTANT_NONE ? page_shown(until, "not known") : until, page_text(k->why));
    }
}

static void
add_stores(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = {
        { "database", NULL, PAGE_TEXT, false },          { "store", "store", PAGE_WORD, false },
        { "pending", "not asked", PAGE_NUMBER, false },  { "present", "holds copies", PAGE_NUMBER, false },
        { "dated", "until a date", PAGE_NUMBER, false }, { "last_until", "the last", PAGE_DAY, false },
        { "failing", "failing", PAGE_NUMBER, false },    { "late", "too late", PAGE_NUMBER, false }
    };
    ReportStore *stores;
    size_t count;
    PageTable *table = page_table(page, &(PageTable){ .section = "copies",
                                                      .caption = "Copies elsewhere of what is erased",
                                                      .empty = "no disposal waits for a store",
                                                      PAGE_COLUMNS(columns) });

    collect_stores(page->arena, &database->status, &stores, &count);
    for (size_t i = 0; i < count; i++)
        PAGE_ROW(page, table, page_text(database->status.name), page_text(stores[i].store),
                 page_number(stores[i].disposals[COPY_PENDING]), page_number(stores[i].disposals[COPY_PRESENT]),
                 page_number(stores[i].disposals[COPY_DATED]), page_time(stores[i].last_until),
                 page_toned(page_number(stores[i].failing), stores[i].failing > 0 ? PAGE_BAD : PAGE_PLAIN),
                 page_toned(page_number(stores[i].late), stores[i].late > 0 ? PAGE_BAD : PAGE_PLAIN));
}

static void
add_processors(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = { { "database", NULL, PAGE_TEXT, false },
                                          { "processor", "processor", PAGE_TEXT, false },
                                          { "told", "told in the period", PAGE_NUMBER, false },
                                          { "confirmed", "confirmed", PAGE_NUMBER, false },
                                          { "settled_by_hand", "by hand", PAGE_NUMBER, false },
                                          { "outstanding", "outstanding now", PAGE_NUMBER, false },
                                          { "first_deadline", "the first deadline", PAGE_DAY, false },
                                          { "failing", "failing", PAGE_NUMBER, false },
                                          { "overdue", "overdue", PAGE_NUMBER, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "processor",
                                                      .caption = "Processors: what they were told, and what they owe",
                                                      .empty = "none was told",
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < database->processor_count; i++)
    {
        const ReportProcessor *p = &database->processors[i];
        PAGE_ROW(page, table, page_text(database->status.name), page_text(p->name), page_number(p->told),
                 page_number(p->confirmed), page_number(p->settled), page_number(p->outstanding),
                 page_time(p->first_deadline),
                 page_toned(page_number(p->failing), p->failing > 0 ? PAGE_BAD : PAGE_PLAIN),
                 page_toned(page_number(p->overdue), p->overdue > 0 ? PAGE_BAD : PAGE_PLAIN));
    }
}

static void
add_failures(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = {
        { "database", NULL, PAGE_TEXT, false }, { "disposal", "disposal", PAGE_WORD, false },
        { "kind", "kind", PAGE_WORD, false },   { "name", "name", PAGE_TEXT, false },
        { "state", "state", PAGE_WORD, false }, { "standing", "what is wrong", PAGE_TEXT, false },
        { "due", NULL, PAGE_MOMENT, false },    { "attempts", NULL, PAGE_NUMBER, false }
    };
    const StatusDatabase *status = &database->status;
    PageTable *table = page_table(page, &(PageTable){ .section = "failing",
                                                      .caption = "Failing or overdue now",
                                                      .empty = "no disposal",
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < status->disposal_count; i++)
    {
        const StatusDisposal *s = &status->disposals[i];
        if (statusview_is_late(s))
            PAGE_ROW(page, table, page_text(status->name),
                     page_text(arena_printf(page->arena, "%s-%" PRId64, status->name, s->disposal->id)),
                     page_text(s->disposal->kind), page_text(s->disposal->name),
                     page_text(lifecycle_state_name(s->disposal->state)),
                     page_toned(page_text(statusview_sentence(page->arena, s, status->now)), PAGE_BAD),
                     page_time(s->due_at), page_number(s->disposal->attempts));
    }
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

/* What concerns a database as a whole, for programs. */
static void
add_database_row(Page *page, const ReportDatabase *database)
{
    static const PageColumn columns[] = {
        { "database", NULL, PAGE_TEXT, false },         { "region", NULL, PAGE_TEXT, false },
        { "faults", NULL, PAGE_NUMBER, false },         { "refused_attempts", NULL, PAGE_NUMBER, false },
        { "ledger_pending", NULL, PAGE_NUMBER, false }, { "problem", NULL, PAGE_TEXT, false }
    };
    const StatusDatabase *status = &database->status;
    PageTable *table = page_table(page, &(PageTable){ .section = "database", PAGE_COLUMNS(columns) });

    PAGE_ROW(page, table, page_text(status->name), page_text(status->region), page_number(reportview_faults(database)),
             page_number(database->refused), page_number(database->pending),
             page_text(status->error != NULL ? status->error : status->coverage_problem));
}

static void
add_verdict(Page *page, const ReportDatabase *database)
{
    const StatusDatabase *status = &database->status;
    const int64_t faults = reportview_faults(database);

    if (faults == 0)
        page_note(page, PAGE_GOOD, "in order: nothing is overdue, failing or past its window longer than it may be");
    else
        page_note(page, PAGE_BAD, "NOT IN ORDER: %s below", layout_count(page->arena, faults, "finding", "findings"));
    page_note(page, status->coverage_problem == NULL ? PAGE_PLAIN : PAGE_BAD, "scope: %s",
              status->coverage_problem == NULL ? "every table is covered, nothing has changed"
                                               : status->coverage_problem);
    if (status->paused)
        page_note(page, PAGE_BAD, "worker: %s", status->pause_story);
    if (database->pending > 0)
        page_note(page, PAGE_PLAIN, "%s to be written to the ledger: the next run does it",
                  layout_count(page->arena, database->pending, "entry waits", "entries wait"));
}

static void
add_database(Page *page, const Report *report, const ReportDatabase *database)
{
    const StatusDatabase *status = &database->status;

    page_section(page,
                 arena_printf(page->arena, "Database %s%s%s", status->name, status->region == NULL ? "" : ", region ",
                              status->region == NULL ? "" : status->region));
    add_database_row(page, database);
    if (status->error != NULL)
    {
        page_note(page, PAGE_BAD, "COULD NOT BE ASKED, nothing is known of it: %s", status->error);
        return;
    }
    add_verdict(page, database);
    add_windows(page, database);
    add_purposes(page, database);
    add_policy_work(page, database);
    reportpage_weeks(page, report, database);
    reportpage_subjects(page, report, database);
    reportpage_overdue(page, database);
    add_failures(page, database);
    add_holds(page, database);
    add_kept(page, database);
    add_stores(page, database);
    add_processors(page, database);
}

static void
add_ledger(Page *page, const Report *report)
{
    static const PageColumn columns[] = { { "entries", NULL, PAGE_NUMBER, false },
                                          { "digest", NULL, PAGE_CODE, false },
                                          { "problem", NULL, PAGE_TEXT, false } };
    const bool fine = report->ledger_problem == NULL;
    PageTable *table = page_table(page, &(PageTable){ .section = "ledger", PAGE_COLUMNS(columns) });

    PAGE_ROW(page, table, fine ? page_number(report->ledger.seq) : page_text(NULL),
             page_text(fine ? report->ledger.digest : NULL), page_text(report->ledger_problem));
    page_section(page, "Ledger");
    if (!fine)
    {
        page_note(page, PAGE_BAD, "DOES NOT VERIFY: %s", report->ledger_problem);
        return;
    }
    page_note(page, PAGE_GOOD, "%s, each with the digest of the one before: verified",
              layout_count(page->arena, report->ledger.seq, "entry", "entries"));
    page_note(page, PAGE_PLAIN, "head: entry %" PRId64 ", SHA-256 %s", report->ledger.seq, report->ledger.digest);
}

static void
add_words(Page *page, const Report *report)
{
    static const char *const words[][2] = {
        { "archived", "written to a sealed snapshot, synced and read back" },
        { "erased", "gone from the live tables (a policy with a grace period: when archived)" },
        { "changed", "kept, but without what named the person" },
        { "last copy gone", "the snapshot's key was destroyed; backups of the database are not meant" },
        { "oldest row", "of all, the exempt and the held included" },
        { "past window", "rows past their window, neither exempt nor held; the next run takes them" },
        { "under way", "now: neither cleared nor withdrawn" },
        { "overdue", "now: later than the deadline, and not held" },
        { "not due", "the deadline is still to come" },
        { "weeks", "begin on Monday; the first and the last may be cut by the period" },
    };
    page_section(page, "Words");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        page_fact(page, PAGE_TEXT, words[i][0], words[i][1]);
    page_fact(page, PAGE_TEXT, "deadline",
              arena_printf(page->arena, "%s after the end of the grace period, or of a hold that ended later",
                           report->overdue_after));
    page_fact(page, PAGE_TEXT, "in time", "erased not later than the deadline");
}

static void
add_report_row(Page *page, const Report *report)
{
    static const PageColumn columns[] = { { "from", NULL, PAGE_MOMENT, false },
                                          { "to", NULL, PAGE_MOMENT, false },
                                          { "made_at", NULL, PAGE_MOMENT, false },
                                          { "overdue_after", NULL, PAGE_TEXT, false },
                                          { "configuration_digest", NULL, PAGE_CODE, false } };
    PageTable *table = page_table(page, &(PageTable){ .section = "report", PAGE_COLUMNS(columns) });

    PAGE_ROW(page, table, page_time(report->from), page_time(report->to), page_time(report->made_at),
             page_text(report->overdue_after), page_text(report->configuration));
}

Page *
reportview_page(Arena *arena, const Report *report)
{
    Page *page = ARENA_NEW(arena, Page);

    *page = (Page){ .arena = arena, .title = "Retention report" };
    page_fact_time(page, "from", report->from);
    page_fact_time(page, "to", report->to);
    page_fact_time(page, "made", report->made_at);
    page_fact(page, PAGE_CODE, "configuration", report->configuration);
    add_report_row(page, report);
    for (size_t i = 0; i < report->database_count; i++)
        add_database(page, report, &report->databases[i]);
    add_ledger(page, report);
    add_words(page, report);
    return page;
}
