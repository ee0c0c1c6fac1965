/* SPDX-License-Identifier: Apache-2.0 */
#include "report/certview.h"

#include "report/layout.h"
#include "wrap/seal.h"

#include <inttypes.h>
#include <string.h>

static const char *
certificate_id(Arena *arena, const Certificate *c)
{
    return arena_printf(arena, "%s-%" PRId64, c->database, c->disposal->id);
}

/* A policy with a grace period moves: what is archived has left the live table in the same transaction. */
static bool
is_move(const Disposal *d)
{
    return disposals_is_policy(d) && d->snapshot_name != NULL;
}

Instant
certview_live_gone_at(const Certificate *c)
{
    if (c->disposal->restored_at != INSTANT_NONE)
        return INSTANT_NONE;
    return is_move(c->disposal) ? c->disposal->archived_at : c->disposal->erased_at;
}

static const char *
missing_archived(Arena *arena, const Disposal *d)
{
    if (is_move(d))
        return arena_printf(arena, "a snapshot holds the rows until %s at least", layout_moment(arena, d->erase_after));
    return arena_printf(arena, "the live rows stay at least until %s, the end of the grace period",
                        layout_moment(arena, d->erase_after));
}

const char *
certview_missing(Arena *arena, const Certificate *c)
{
    const Disposal *d = c->disposal;
    if (d->restored_at != INSTANT_NONE && d->state != STATE_WITHDRAWN)
        return "its rows are back, from the snapshot, which is still there";
    switch (d->state)
    {
    case STATE_OPEN: return "it is open: its first step is not finished yet";
    case STATE_ARCHIVED: return missing_archived(arena, d);
    case STATE_ERASING: return "the erasure has begun and is not finished";
    case STATE_ERASED:
        return d->snapshot_name != NULL && d->key_destroyed_at == INSTANT_NONE
                   ? "the live rows are gone; their snapshot is still there"
               : c->processors_owe > 0 ? "the live rows are gone; a processor has still to confirm that it erased, too"
                                       : "the live rows are gone; the last step is still to be done";
    case STATE_WITHDRAWN:
        return d->restored_at == INSTANT_NONE ? "it was withdrawn: nothing was erased"
                                              : "it was withdrawn: its rows are back, from the snapshot";
    default: return NULL;
    }
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static void
set_rule(JsonDoc *doc, const Certificate *c)
{
    const PolicyRule *p = c->policy;
    const SubjectRule *s = c->subject;

    if (disposals_is_policy(c->disposal))
    {
        jsondoc_set_string(doc, "policy", c->disposal->name);
        jsondoc_set_string(doc, "class", p == NULL ? NULL : p->class_name);
        jsondoc_set_string(doc, "keep_for", p == NULL ? NULL : p->keep_for);
        jsondoc_set_instant(doc, "cutoff", c->disposal->cutoff);
    }
    jsondoc_set_string(doc, "purpose", p != NULL ? p->purpose : s != NULL ? s->purpose : NULL);
    jsondoc_set_string(doc, "basis", p != NULL ? p->basis : s != NULL ? s->basis : NULL);
    jsondoc_set_string(doc, "grace", p != NULL ? p->grace : s != NULL ? s->grace : NULL);
}

static void
set_times(JsonDoc *doc, const Certificate *c)
{
    const Disposal *d = c->disposal;
    jsondoc_set_string(doc, "ground", d->ground);
    jsondoc_set_bool(doc, "immediate", d->immediate);
    jsondoc_set_instant(doc, "ended_at", d->ended_at);
    jsondoc_set_instant(doc, "requested", d->opened_at);
    jsondoc_set_instant(doc, "archived_at", d->archived_at);
    jsondoc_set_instant(doc, "erase_after", d->erase_after);
    jsondoc_set_instant(doc, "erasing_at", d->erasing_at);
    jsondoc_set_instant(doc, "live_rows_gone_at", certview_live_gone_at(c));
    jsondoc_set_instant(doc, "erased_at", d->erased_at);
    jsondoc_set_instant(doc, "cleared_at", d->cleared_at);
    jsondoc_set_instant(doc, "withdrawn_at", d->withdrawn_at);
    jsondoc_set_instant(doc, "restored_at", d->restored_at);
}

static JsonDoc *
tables_json(Arena *arena, const Certificate *c)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < c->table_count; i++)
    {
        const DisposalTable *t = &c->tables[i];
        if (t->rows_done == 0 && t->rows_archived == 0)
            continue;
        JsonDoc *table = jsondoc_object();
        jsondoc_set_string(table, "table", arena_printf(arena, "%s.%s", t->schema, t->table));
        jsondoc_set_string(table, "action", t->action);
        jsondoc_set_integer(table, "rows", t->rows_done);
        jsondoc_set_integer(table, "rows_archived", t->rows_archived);
        jsondoc_push(list, table);
    }
    return list;
}

static JsonDoc *
copies_json(const Certificate *c)
{
    const Disposal *d = c->disposal;
    JsonDoc *list = jsondoc_array();
    if (d->snapshot_name == NULL)
        return list;
    const bool destroyed = d->key_destroyed_at != INSTANT_NONE;
    JsonDoc *copy = jsondoc_object();
    jsondoc_set_string(copy, "store", d->store);
    jsondoc_set_string(copy, "kind", "snapshot");
    jsondoc_set_string(copy, "name", d->snapshot_name);
    jsondoc_set_string(copy, "state", destroyed ? "destroyed" : "living");
    jsondoc_set_instant(copy, "until", destroyed ? d->key_destroyed_at : d->erase_after);
    jsondoc_set_instant(copy, "key_destroyed_at", d->key_destroyed_at);
    jsondoc_set_string(copy, "manifest_digest", d->snapshot_digest);
    jsondoc_push(list, copy);
    return list;
}

static JsonDoc *
not_erased_json(const Certificate *c)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < c->not_erased_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "what", c->not_erased[i].what);
        jsondoc_set_string(entry, "why", c->not_erased[i].why);
        jsondoc_set_instant(entry, "until", c->not_erased[i].until);
        jsondoc_set_integer(entry, "rows", c->not_erased[i].rows);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
exemptions_json(const PolicyRule *policy)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; policy != NULL && i < policy->exempt_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "keep_for", policy->exempts[i].keep_for);
        jsondoc_set_string(entry, "purpose", policy->exempts[i].purpose);
        jsondoc_set_string(entry, "basis", policy->exempts[i].basis);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
ledger_json(const Certificate *c)
{
    JsonDoc *ledger = jsondoc_object();
    JsonDoc *entries = jsondoc_array();

    jsondoc_set_integer(ledger, "seq", c->disposal->ledger_seq);
    jsondoc_set_string(ledger, "digest", c->disposal->ledger_digest);
    jsondoc_set_integer(ledger, "pending", c->pending);
    for (size_t i = 0; i < c->entry_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_integer(entry, "seq", c->entries[i].seq);
        jsondoc_set_string(entry, "event", c->entries[i].event);
        jsondoc_set_instant(entry, "time", c->entries[i].time);
        jsondoc_set_string(entry, "digest", c->entries[i].digest);
        jsondoc_push(entries, entry);
    }
    jsondoc_set(ledger, "entries", entries);
    return ledger;
}

static JsonDoc *
processors_json(const Certificate *c)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < c->processor_count; i++)
    {
        const CertificateProcessor *p = &c->processors[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "name", p->name);
        jsondoc_set_string(entry, "state", p->state);
        jsondoc_set_string(entry, "receipt", p->receipt);
        jsondoc_set_instant(entry, "deadline", p->deadline);
        jsondoc_set_string(entry, "confirmed_by", p->by);
        jsondoc_set_string(entry, "message", p->message);
        jsondoc_set_instant(entry, "accepted_at", p->accepted_at);
        jsondoc_set_instant(entry, "confirmed_at", p->confirmed_at);
        jsondoc_push(list, entry);
    }
    return list;
}

void
certview_json(Arena *arena, const Certificate *c, JsonDoc *object, char ret_digest[65])
{
    unsigned char digest[SEAL_HASH_BYTES];
    const char *missing = certview_missing(arena, c);

    jsondoc_set_string(object, "disposal", certificate_id(arena, c));
    jsondoc_set_string(object, "database", c->database);
    jsondoc_set_string(object, "region", c->region);
    jsondoc_set_string(object, "installation", c->installation);
    jsondoc_set_string(object, "kind", c->disposal->kind);
    jsondoc_set_string(object, "subject_commitment", c->disposal->commitment);
    jsondoc_set_string(object, "state", lifecycle_state_name(c->disposal->state));
    jsondoc_set_bool(object, "complete", missing == NULL);
    jsondoc_set_string(object, "not_complete", missing);
    set_rule(object, c);
    set_times(object, c);
    jsondoc_set(object, "tables", tables_json(arena, c));
    jsondoc_set(object, "copies", copies_json(c));
    jsondoc_set(object, "processors", processors_json(c));
    jsondoc_set(object, "not_erased", not_erased_json(c));
    if (disposals_is_policy(c->disposal))
        jsondoc_set(object, "exemptions", exemptions_json(c->policy));
    jsondoc_set(object, "ledger", ledger_json(c));
    jsondoc_set_string(object, "configuration_digest", c->disposal->configuration_digest);
    jsondoc_set_bool(object, "configuration_changed", !text_equal(c->disposal->configuration_digest, c->configuration));
    const char *canonical = jsondoc_canonical(arena, object);
    seal_sha256(canonical, strlen(canonical), digest);
    const char *hex = text_hex(arena, digest, sizeof digest);
    memcpy(ret_digest, hex, 2 * sizeof digest + 1);
    jsondoc_set_string(object, "certificate_digest", hex);
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

static void
add_title(Text *text, const Certificate *c)
{
    static const char rule[] = "===============================================================================";
    const char *id = certificate_id(text->arena, c);
    const char *title = c->disposal->state == STATE_WITHDRAWN ? "CERTIFICATE OF A DISPOSAL THAT WAS WITHDRAWN"
                        : c->disposal->state == STATE_CLEARED ? "CERTIFICATE OF ERASURE"
                                                              : "CERTIFICATE OF ERASURE -- NOT COMPLETE";
    const int gap = (int)(sizeof rule - 1) - (int)strlen(title);
    text_addf(text, "%s%*s\n%s\n\n", title, gap, id, rule);
    const char *missing = certview_missing(text->arena, c);
    if (missing != NULL)
        text_addf(text, "  %s%s\n\n", c->disposal->state == STATE_WITHDRAWN ? "" : "not complete: ", missing);
}

static void
add_dates(Text *text, const Certificate *c)
{
    const Disposal *d = c->disposal;
    const Instant gone = certview_live_gone_at(c);
    Grid grid = layout_grid(text->arena, "ll");

    if (d->restored_at != INSTANT_NONE)
        LAYOUT_ROW(&grid, "restored on", layout_moment(text->arena, d->restored_at));
    if (d->state == STATE_WITHDRAWN)
        LAYOUT_ROW(&grid, "withdrawn on", layout_moment(text->arena, d->withdrawn_at));
    else
    {
        LAYOUT_ROW(&grid, "live rows erased on", gone == INSTANT_NONE ? "not yet" : layout_moment(text->arena, gone));
        LAYOUT_ROW(&grid, "last copy gone on",
                   d->cleared_at == INSTANT_NONE ? "not yet" : layout_moment(text->arena, d->cleared_at));
    }
    layout_print(&grid, "  ", text);
    text_add(text, "\n");
}

static void
add_optional(Grid *grid, const char *what, const char *value)
{
    if (value != NULL)
        LAYOUT_ROW(grid, what, value);
}

static void
add_moment(Grid *grid, const char *what, Instant at)
{
    if (at != INSTANT_NONE)
        LAYOUT_ROW(grid, what, layout_moment(grid->arena, at));
}

static void
add_about(Text *text, const Certificate *c)
{
    const Disposal *d = c->disposal;
    const PolicyRule *p = c->policy;
    const SubjectRule *s = c->subject;
    Grid grid = layout_grid(text->arena, "ll");

    LAYOUT_ROW(&grid, "database",
               c->region == NULL ? c->database : arena_printf(text->arena, "%s, region %s", c->database, c->region));
    LAYOUT_ROW(&grid, disposals_is_policy(d) ? "policy" : "subject",
               disposals_is_policy(d) ? d->name
                                      : arena_printf(text->arena, "%s, by commitment (no key is kept):", d->kind));
    add_optional(&grid, "", d->commitment);
    add_optional(&grid, "class of data", p == NULL ? NULL : p->class_name);
    add_optional(&grid, "purpose", p != NULL ? p->purpose : s != NULL ? s->purpose : NULL);
    add_optional(&grid, "legal basis", p != NULL ? p->basis : s != NULL ? s->basis : NULL);
    add_optional(&grid, "kept for", p == NULL ? NULL : p->keep_for);
    if (p != NULL || s != NULL)
        LAYOUT_ROW(&grid, "grace period", p == NULL ? s->grace : p->grace == NULL ? "none" : p->grace);
    add_optional(&grid, "ground", d->ground);
    add_moment(&grid, "rows older than", d->cutoff);
    add_moment(&grid, "ended", d->ended_at);
    add_moment(&grid, disposals_is_policy(d) ? "opened" : "requested", d->opened_at);
    add_moment(&grid, "archived", d->archived_at);
    layout_print(&grid, "  ", text);
}

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
add_tables(Text *text, const Certificate *c)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "llrr");
    const Sums sums = sum_up(c);
    const bool done = sums.erased + sums.changed > 0;

    text_add(text, done ? "\nWhat was erased\n" : "\nWhat is to be erased\n");
    if (!done && sums.archived == 0)
    {
        text_add(text, "  not counted yet\n");
        return;
    }
    LAYOUT_ROW(&grid, "table", "", done ? "rows" : "", "in the snapshot");
    for (size_t i = 0; i < c->table_count; i++)
    {
        const DisposalTable *t = &c->tables[i];
        if (t->rows_done > 0 || t->rows_archived > 0)
            LAYOUT_ROW(&grid, arena_printf(arena, "%s.%s", t->schema, t->table), action_word(t->action, done),
                       done ? text_thousands(arena, t->rows_done) : "", text_thousands(arena, t->rows_archived));
    }
    LAYOUT_ROW(&grid, "in all", done ? "erased" : "", done ? text_thousands(arena, sums.erased) : "",
               text_thousands(arena, sums.archived));
    if (sums.changed > 0)
        LAYOUT_ROW(&grid, "", "changed", text_thousands(arena, sums.changed), "");
    layout_print(&grid, "  ", text);
}

static void
add_not_erased(Text *text, const Certificate *c)
{
    Arena *arena = text->arena;
    const bool known = c->disposal->state == STATE_ERASED || c->disposal->state == STATE_CLEARED;
    Grid grid = layout_grid(arena, "lrll");

    text_add(text, "\nWhat was not erased, why, and until when\n");
    for (size_t i = 0; i < c->not_erased_count; i++)
    {
        const NotErased *n = &c->not_erased[i];
        LAYOUT_ROW(&grid, n->what, layout_count(arena, n->rows, "row", "rows"), n->why,
                   n->until == INSTANT_NONE ? "no end is known"
                                            : arena_printf(arena, "until %s", instant_format_day(arena, n->until)));
    }
    layout_print(&grid, "  ", text);
    if (c->policy != NULL)
        for (size_t i = 0; i < c->policy->exempt_count; i++)
            text_addf(text, "  rows exempt from this policy are kept for %s: %s, %s\n", c->policy->exempts[i].keep_for,
                      c->policy->exempts[i].purpose, c->policy->exempts[i].basis);
    if (c->not_erased_count == 0 && (c->policy == NULL || c->policy->exempt_count == 0))
        text_add(text, known || disposals_is_policy(c->disposal) ? "  nothing\n" : "  not known before the erasure\n");
}

static void
add_copies(Text *text, const Certificate *c)
{
    const Disposal *d = c->disposal;
    text_add(text, "\nCopies\n");
    if (d->snapshot_name == NULL)
        text_add(text, "  no snapshot was made\n");
    else if (d->key_destroyed_at == INSTANT_NONE)
        text_addf(text, "  snapshot %s in store %s: living, sealed with a key of its own;\n  the key is destroyed %s\n",
                  d->snapshot_name, d->store,
                  d->erase_after == INSTANT_NONE
                      ? "when the rows are erased"
                      : arena_printf(text->arena, "after %s", layout_moment(text->arena, d->erase_after)));
    else
        text_addf(text,
                  "  snapshot %s in store %s: its key was destroyed on\n"
                  "  %s; no copy of it, wherever it is, can be read any more\n",
                  d->snapshot_name, d->store, layout_moment(text->arena, d->key_destroyed_at));
    if (d->state != STATE_WITHDRAWN)
        text_add(text, "  This certificate does not speak of backups of the database: one that is older than\n"
                       "  the erasure holds the rows until it is purged.\n");
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
    return arena_printf(arena, "to be done until %s", instant_format_day(arena, p->deadline));
}

static void
add_processors(Text *text, const Certificate *c)
{
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "llll");

    text_add(text, "\nProcessors\n");
    for (size_t i = 0; i < c->processor_count; i++)
        LAYOUT_ROW(&grid, c->processors[i].name, c->processors[i].state, c->processors[i].receipt,
                   processor_word(arena, &c->processors[i]));
    layout_print(&grid, "  ", text);
    if (c->processor_count == 0)
        text_add(text, "  none is configured\n");
}

static void
add_evidence(Text *text, const Certificate *c, const char *digest)
{
    const Disposal *d = c->disposal;
    Arena *arena = text->arena;
    Grid grid = layout_grid(arena, "lll");

    for (size_t i = 0; i < c->entry_count; i++)
        LAYOUT_ROW(&grid, arena_printf(arena, "entry %" PRId64, c->entries[i].seq),
                   layout_moment(arena, c->entries[i].time), c->entries[i].event);
    text_add(text, "\nEvidence: the ledger\n");
    layout_print(&grid, "  ", text);
    if (c->pending > 0)
        text_addf(text, "  %s to be written: \"expunge run\" does it\n",
                  layout_count(arena, c->pending, "entry waits", "entries wait"));
    grid = layout_grid(arena, "ll");
    LAYOUT_ROW(&grid, arena_printf(arena, "entry %" PRId64, d->ledger_seq), d->ledger_digest);
    LAYOUT_ROW(&grid, "configuration", d->configuration_digest);
    LAYOUT_ROW(&grid, "this certificate", digest);
    text_add(text, "\nDigests (SHA-256)\n");
    layout_print(&grid, "  ", text);
    if (!text_equal(d->configuration_digest, c->configuration))
        text_add(text, "  The configuration has changed since: purpose, basis and periods are those of today.\n");
}

static void
add_how_to_check(Text *text, const Certificate *c)
{
    text_add(text, "\nHow to check it\n"
                   "  the whole ledger          expunge verify ledger\n");
    if (c->disposal->ledger_seq > 0)
        text_addf(text, "  the digest of entry %-5" PRId64 " sed -n %" PRId64 "p %s | tr -d '\\n' | sha256sum\n",
                  c->disposal->ledger_seq, c->disposal->ledger_seq, c->ledger_path);
    text_addf(text,
              "  this certificate          expunge --json certificate %s |\n"
              "                              jq -cjS 'del(.certificate_digest)' | sha256sum\n",
              certificate_id(text->arena, c));
}

char *
certview_text(Arena *arena, const Certificate *c, const char *digest)
{
    Text text = TEXT_INIT(arena);

    add_title(&text, c);
    add_dates(&text, c);
    add_about(&text, c);
    if (c->disposal->state != STATE_WITHDRAWN)
    {
        add_tables(&text, c);
        add_not_erased(&text, c);
    }
    add_copies(&text, c);
    add_processors(&text, c);
    add_evidence(&text, c, digest);
    add_how_to_check(&text, c);
    return text_done(&text);
}
