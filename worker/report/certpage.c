/* SPDX-License-Identifier: Apache-2.0 */
/* certpage.c -- the part of certview.h that people read: the certificate as a page. */
#include "report/certview.h"
#include "report/layout.h"
#include "report/wishview.h"

#include <inttypes.h>
#include <string.h>

static const char *
title_of(const Disposal *d)
{
    return d->state == STATE_WITHDRAWN ? "Certificate of a disposal that was withdrawn"
           : d->state == STATE_CLEARED ? "Certificate of erasure"
                                       : "Certificate of erasure -- not complete";
}

static void
add_dates(Page *page, const Certificate *c)
{
    const Disposal *d = c->disposal;
    const Instant gone = certview_live_gone_at(c);
    const char *missing = certview_missing(page->arena, c);

    if (missing != NULL)
        page_note(page, PAGE_BAD, "%s%s", d->state == STATE_WITHDRAWN ? "" : "not complete: ", missing);
    page_facts(page, NULL);
    page_fact_time(page, "restored on", d->restored_at);
    if (d->state == STATE_WITHDRAWN)
        page_fact_time(page, "withdrawn on", d->withdrawn_at);
    else
    {
        page_fact(page, PAGE_MOMENT, "live rows erased on",
                  gone == INSTANT_NONE ? "not yet" : layout_moment(page->arena, gone));
        page_fact(page, PAGE_MOMENT, "last copy gone on",
                  d->cleared_at == INSTANT_NONE ? "not yet" : layout_moment(page->arena, d->cleared_at));
    }
}

static void
add_about(Page *page, const Certificate *c)
{
    const Disposal *d = c->disposal;
    const PolicyRule *p = c->policy;
    const SubjectRule *s = c->subject;

    page_facts(page, NULL);
    page_fact(page, PAGE_TEXT, "database",
              c->region == NULL ? c->database : arena_printf(page->arena, "%s, region %s", c->database, c->region));
    if (disposals_is_policy(d))
        page_fact(page, PAGE_TEXT, "policy", d->name);
    else
    {
        page_fact(page, PAGE_TEXT, "subject", d->kind);
        page_fact(page, PAGE_CODE, "its commitment", d->commitment); /* no key is kept */
    }
    page_fact(page, PAGE_TEXT, "class of data", p == NULL ? NULL : p->class_name);
    page_fact(page, PAGE_TEXT, "purpose", p != NULL ? p->purpose : s != NULL ? s->purpose : NULL);
    page_fact(page, PAGE_TEXT, "legal basis", p != NULL ? p->basis : s != NULL ? s->basis : NULL);
    page_fact(page, PAGE_TEXT, "kept for", p == NULL ? NULL : p->keep_for);
    if (p != NULL || s != NULL)
        page_fact(page, PAGE_TEXT, "grace period", p == NULL ? s->grace : p->grace == NULL ? "none" : p->grace);
    page_fact(page, PAGE_TEXT, "ground", d->ground);
    page_fact_time(page, "rows older than", d->cutoff);
    page_fact_time(page, "ended", d->ended_at);
    page_fact_time(page, disposals_is_policy(d) ? "opened" : "requested", c->requested_at);
    page_fact_time(page, "archived", d->archived_at);
}

/* -- tables -------------------------------------------------------------------------------------------------------- */

static const char *
action_word(const char *action, bool done)
{
    static const struct
    {
        const char *action;
        const char *past;
        const char *future;
    } words[] = { { "delete", "erased", "to be erased" },
                  { "set_null", "set to null", "to be set to null" },
                  { "set_default", "set to default", "to be set to default" },
                  { "anonymise", "anonymised", "to be anonymised" },
                  { "keep", "kept, without the person", "to be kept, without the person" } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].action, action) == 0)
            return done ? words[i].past : words[i].future;
    return action;
}

typedef struct Sums
{
    int64_t erased;
    int64_t changed;
    int64_t archived;
} Sums;

static Sums
sum_up(const Certificate *c)
{
    Sums sums = { 0 };
    for (size_t i = 0; i < c->table_count; i++)
    {
        *(strcmp(c->tables[i].action, "delete") == 0 ? &sums.erased : &sums.changed) += c->tables[i].rows_done;
        sums.archived += c->tables[i].rows_archived;
    }
    return sums;
}

static void
add_tables(Page *page, const Certificate *c)
{
    static const PageColumn after[] = { { "table", "table", PAGE_TEXT, false },
                                        { "action", "what was done", PAGE_TEXT, false },
                                        { "rows", "rows", PAGE_NUMBER, false },
                                        { "rows_archived", "in the snapshot", PAGE_NUMBER, false } };
    static const PageColumn before[] = { { "table", "table", PAGE_TEXT, false },
                                         { "action", "what will be", PAGE_TEXT, false },
                                         { "rows", NULL, PAGE_NUMBER, false },
                                         { "rows_archived", "in the snapshot", PAGE_NUMBER, false } };
    const Sums sums = sum_up(c);
    const bool done = sums.erased + sums.changed > 0;
    PageTable *table = page_table(page, &(PageTable){ .caption = done ? "What was erased" : "What is to be erased",
                                                      .empty = "not counted yet",
                                                      .columns = done ? after : before,
                                                      .column_count = 4 });
    for (size_t i = 0; i < c->table_count; i++)
    {
        const DisposalTable *t = &c->tables[i];
        if (t->rows_done > 0 || t->rows_archived > 0)
            PAGE_ROW(page, table, page_text(arena_printf(page->arena, "%s.%s", t->schema, t->table)),
                     page_text(action_word(t->action, done)), page_number(t->rows_done), page_number(t->rows_archived));
    }
    if (table->cell_count > 0)
        PAGE_ROW(page, table, page_text("in all"), page_text(done ? "erased" : NULL), page_number(sums.erased),
                 page_number(sums.archived));
    if (sums.changed > 0)
        PAGE_ROW(page, table, page_text("in all"), page_text("changed"), page_number(sums.changed), page_text(NULL));
}

static void
add_not_erased(Page *page, const Certificate *c)
{
    static const PageColumn columns[] = { { "what", "what", PAGE_TEXT, false },
                                          { "rows", "rows", PAGE_NUMBER, false },
                                          { "why", "why", PAGE_TEXT, false },
                                          { "until", "until", PAGE_DAY, false } };
    const bool known = c->disposal->state == STATE_ERASED || c->disposal->state == STATE_CLEARED;
    const bool exempt = c->policy != NULL && c->policy->exempt_count > 0;
    PageTable *table = page_table(page, &(PageTable){ .caption = "What was not erased, why, and until when",
                                                      .empty = exempt ? "of the rows that were due: nothing"
                                                               : known || disposals_is_policy(c->disposal)
                                                                   ? "nothing"
                                                                   : "not known before the erasure",
                                                      PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < c->not_erased_count; i++)
    {
        const NotErased *n = &c->not_erased[i];
        const PageCell until = page_time(n->until);
        PAGE_ROW(page, table, page_text(n->what), page_number(n->rows), page_text(n->why),
                 n->until == INSTANT_NONE ? page_shown(until, "no end is known") : until);
    }
    for (size_t i = 0; exempt && i < c->policy->exempt_count; i++)
        page_note(page, PAGE_PLAIN, "rows exempt from this policy are kept for %s: %s, %s",
                  c->policy->exempts[i].keep_for, c->policy->exempts[i].purpose, c->policy->exempts[i].basis);
}

static void
add_copies(Page *page, const Certificate *c)
{
    static const PageColumn columns[] = { { "kind", "kind", PAGE_WORD, false },
                                          { "store", "store", PAGE_TEXT, false },
                                          { "name", "name", PAGE_TEXT, false },
                                          { "state", "state", PAGE_WORD, false },
                                          { "until", "gone on, or until", PAGE_MOMENT, false } };
    PageTable *table =
        page_table(page, &(PageTable){ .caption = "Copies", .empty = "no snapshot was made", PAGE_COLUMNS(columns) });

    for (size_t i = 0; i < c->copy_count; i++)
    {
        const CertificateCopy *copy = &c->copies[i];
        const PageCell until = page_time(copy->until);
        PAGE_ROW(page, table, page_text(copy->kind), page_text(copy->store), page_text(copy->name),
                 page_text(copy->state),
                 copy->until == INSTANT_NONE ? page_shown(until, "the rows are erased") : until);
    }
    if (c->disposal->state != STATE_WITHDRAWN)
        page_note(
            page, PAGE_PLAIN,
            "Only stores that the configuration names are meant: a backup that it does not name holds the rows until "
            "it is purged.");
}

/* By whose word it is over. */
static const char *
processor_word(Arena *arena, const CertificateProcessor *p)
{
    if (text_equal(p->state, "not_concerned"))
        return "it held no record of this subject";
    if (text_equal(p->by, "person"))
        return "settled by hand";
    if (text_equal(p->by, "term"))
        return "its own term after its acceptance is over";
    if (text_equal(p->by, "answer"))
        return arena_printf(arena, "on %s", layout_moment(arena, p->confirmed_at));
    return NULL;
}

static void
add_processors(Page *page, const Certificate *c)
{
    static const PageColumn columns[] = { { "name", "processor", PAGE_TEXT, false },
                                          { "state", "state", PAGE_WORD, false },
                                          { "receipt", "receipt", PAGE_CODE, false },
                                          { "deadline", "deadline", PAGE_MOMENT, false },
                                          { "confirmed", "by whose word", PAGE_TEXT, false } };
    PageTable *table =
        page_table(page, &(PageTable){ .caption = "Processors", .empty = "none is configured", PAGE_COLUMNS(columns) });

    for (size_t i = 0; i < c->processor_count; i++)
        PAGE_ROW(page, table, page_text(c->processors[i].name), page_text(c->processors[i].state),
                 page_text(c->processors[i].receipt), page_time(c->processors[i].deadline),
                 page_text(processor_word(page->arena, &c->processors[i])));
}

/* -- how, and how to check it -------------------------------------------------------------------------------------- */

static void
add_means(Page *page, const Certificate *c)
{
    CertviewMeans *means;
    const size_t count = certview_means(page->arena, c, &means);

    for (size_t i = 0; i < count; i++)
    {
        const CertviewMeans *m = &means[i];
        page_facts(page,
                   arena_printf(page->arena, "Sanitization of the %s (fields of NIST SP 800-88 Rev. 1)", m->item));
        page_fact(page, PAGE_TEXT, "media", m->media);
        page_fact(page, PAGE_TEXT, "method",
                  m->method == NULL ? "none of Clear, Purge and Destroy: these sanitize media, this deletes rows"
                                    : m->method);
        page_fact(page, PAGE_TEXT, "technique", m->technique);
        page_fact(page, PAGE_TEXT, "verification", m->verification);
        page_fact(page, PAGE_TEXT, "tool", m->tool);
        page_fact(page, PAGE_TEXT, "performed by", m->performed_by);
        page_fact_time(page, "date", m->at);
        page_fact(page, PAGE_TEXT, "note", m->note);
    }
}

static void
add_evidence(Page *page, const Certificate *c, const char *digest)
{
    static const PageColumn columns[] = { { "seq", "entry", PAGE_NUMBER, false },
                                          { "time", "time", PAGE_MOMENT, false },
                                          { "event", "event", PAGE_TEXT, false },
                                          { "digest", "SHA-256", PAGE_CODE, true } };
    const Disposal *d = c->disposal;
    PageTable *table = page_table(page, &(PageTable){ .caption = "Evidence: the ledger",
                                                      .empty = "no entry yet",
                                                      PAGE_COLUMNS(columns) });

    for (size_t i = 0; i < c->entry_count; i++)
        PAGE_ROW(page, table, page_number(c->entries[i].seq), page_time(c->entries[i].time),
                 page_text(c->entries[i].event), page_text(c->entries[i].digest));
    if (c->pending > 0)
        page_note(page, PAGE_BAD, "%s to be written: \"expunge run\" does it",
                  layout_count(page->arena, c->pending, "entry waits", "entries wait"));
    page_facts(page, "Digests (SHA-256)");
    page_fact(page, PAGE_CODE, arena_printf(page->arena, "entry %" PRId64, d->ledger_seq), d->ledger_digest);
    page_fact(page, PAGE_CODE, "configuration", d->configuration_digest);
    page_fact(page, PAGE_CODE, "this certificate", digest);
    if (!text_equal(d->configuration_digest, c->configuration))
        page_note(page, PAGE_PLAIN,
                  "The configuration has changed since: purpose, basis and periods are those of today.");
}

static void
add_how_to_check(Page *page, const Certificate *c)
{
    Text text = TEXT_INIT(page->arena);

    text_add(&text, "the whole ledger          expunge verify ledger\n");
    if (c->disposal->ledger_seq > 0)
        text_addf(&text, "the digest of entry %-5" PRId64 " sed -n %" PRId64 "p %s | tr -d '\\n' | sha256sum\n",
                  c->disposal->ledger_seq, c->disposal->ledger_seq, c->ledger_path);
    text_addf(&text,
              "this certificate          expunge --json certificate %s |\n"
              "                            jq -cjS 'del(.certificate_digest)' | sha256sum\n",
              certview_id(page->arena, c));
    page_facts(page, "How to check it");
    page_lines(page, text_done(&text));
}

Page *
certview_page(Arena *arena, const Certificate *c, const char *digest)
{
    Page *page = ARENA_NEW(arena, Page);

    *page = (Page){ .arena = arena, .title = title_of(c->disposal), .side = certview_id(arena, c) };
    add_dates(page, c);
    add_about(page, c);
    if (c->disposal->state != STATE_WITHDRAWN)
    {
        add_tables(page, c);
        add_not_erased(page, c);
    }
    add_copies(page, c);
    add_processors(page, c);
    wishview_page(page, c);
    add_means(page, c);
    add_evidence(page, c, digest);
    add_how_to_check(page, c);
    return page;
}
