/* SPDX-License-Identifier: Apache-2.0 */
#include "report/certview.h"

#include "report/layout.h"
#include "report/wishview.h"
#include "wrap/seal.h"

#include <inttypes.h>
#include <string.h>

const char *
certview_id(Arena *arena, const Certificate *c)
{
    return arena_printf(arena, "%s-%" PRId64, c->database, c->disposal->id);
}

/* A policy with a grace period moves: what is archived has left the live table in the same transaction; and so has a
 * subject with during_grace = "remove", of which what came late is erased at the end. */
static bool
is_move(const Disposal *d)
{
    return (disposals_is_policy(d) && d->snapshot_name != NULL) || (d->state == STATE_ARCHIVED && d->root_erased);
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

static bool
is_stopped(const Certificate *c)
{
    for (size_t i = 0; i < c->refusal_count; i++)
        if (c->refusals[i].released_at == INSTANT_NONE && strcmp(c->refusals[i].state, "erasing") == 0)
            return true;
    return false;
}

static const char *
missing_erased(Arena *arena, const Certificate *c)
{
    size_t waiting = 0;

    if (c->disposal->snapshot_name != NULL && c->disposal->key_destroyed_at == INSTANT_NONE)
        return "the live rows are gone; their snapshot is still there";
    for (size_t i = 0; i < c->copy_count; i++)
        waiting += strcmp(c->copies[i].kind, "copies") == 0 && strcmp(c->copies[i].state, "gone") != 0 ? 1 : 0;
    if (waiting == 0)
        return c->processors_owe > 0 ? "the live rows are gone; a processor has still to confirm that it erased, too"
                                     : "the live rows are gone; the last step is still to be done";
    return arena_printf(arena, "the live rows are gone; copies in %zu store%s are not known to be gone%s: see below",
                        waiting, waiting == 1 ? "" : "s",
                        c->processors_owe > 0 ? ", and a processor has still to confirm that it erased, too" : "");
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
    case STATE_ERASING:
        return is_stopped(c) ? "the erasure has begun, and a hold has stopped it: the tables say what was gone by then"
                             : "the erasure has begun and is not finished";
    case STATE_ERASED: return missing_erased(arena, c);
    case STATE_WITHDRAWN:
        return d->restored_at == INSTANT_NONE ? "it was withdrawn: nothing was erased"
                                              : "it was withdrawn: its rows are back, from the snapshot";
    default: return NULL;
    }
}

/* -- NIST SP 800-88 Rev. 1 ------------------------------------------------------------------------------------------ */

/* As the ledger has it: the version that did the work, not the one that tells of it. */
static const char *
tool(Arena *arena, const Certificate *c, const char *event)
{
    const char *version = NULL;
    for (size_t i = 0; i < c->entry_count; i++)
        if (strcmp(c->entries[i].event, event) == 0)
            version = c->entries[i].version;
    return version == NULL ? "expunge; its version is not on record" : arena_printf(arena, "expunge %s", version);
}

/* Section 2.5: the methods speak of media.  Deleting rows sanitizes none, and is not called what it is not. */
static CertviewMeans
means_of_rows(Arena *arena, const Certificate *c, const char *performer)
{
    const bool move = is_move(c->disposal);
    return (CertviewMeans){
        .item = "live rows",
        .media = arena_printf(arena, "tables of database %s", c->database),
        .method = NULL,
        .technique = move ? "moved to the snapshot: deleted in the transaction that archived them"
                          : "deleted by the database, children first, the root last",
        .verification = move ? "full: each batch deleted as many rows as the snapshot holds, which was synced before"
                             : "full: counted again in a transaction of its own, none was left",
        .tool = tool(arena, c, move ? "archived" : "erased"),
        .performed_by = performer,
        .at = certview_live_gone_at(c),
        .note = "bytes of deleted rows stay in the database's files until they are vacuumed and written over, and in "
                "its WAL and backups until these are gone",
    };
}

/* Section 2.6 and appendix D: the data was never written there in clear, and its only key was overwritten. */
static CertviewMeans
means_of_snapshot(Arena *arena, const Certificate *c, const CertificateCopy *copy, const char *performer)
{
    return (CertviewMeans){
        .item = arena_printf(arena, "snapshot %s", copy->name),
        .media = arena_printf(arena, "store %s", copy->store),
        .method = "Purge",
        .technique = "Cryptographic Erase: its only key was overwritten in place, then the file was removed",
        .verification = "the overwritten key was synced to its disk; each \"expunge verify\" looks again",
        .tool = tool(arena, c, c->disposal->state == STATE_WITHDRAWN ? "withdrawn" : "cleared"),
        .performed_by = performer,
        .at = copy->key_destroyed_at,
        .note = "sealed with XChaCha20-Poly1305 under 256 bits by libsodium, which is no FIPS 140 validated module",
    };
}

size_t
certview_means(Arena *arena, const Certificate *c, CertviewMeans **ret_means)
{
    const char *performer = arena_printf(arena, "the unattended worker of installation %s", c->installation);
    CertviewMeans *list = ARENA_ARRAY(arena, CertviewMeans, c->copy_count + 1);
    size_t count = 0;

    if (certview_live_gone_at(c) != INSTANT_NONE)
        list[count++] = means_of_rows(arena, c, performer);
    for (size_t i = 0; i < c->copy_count; i++)
        if (c->copies[i].key_destroyed_at != INSTANT_NONE)
            list[count++] = means_of_snapshot(arena, c, &c->copies[i], performer);
    *ret_means = list;
    return count;
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
    jsondoc_set_instant(doc, "requested", c->requested_at);
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
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < c->copy_count; i++)
    {
        const CertificateCopy *copy = &c->copies[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "store", copy->store);
        jsondoc_set_string(entry, "kind", copy->kind);
        jsondoc_set_string(entry, "name", copy->name);
        jsondoc_set_string(entry, "state", copy->state);
        jsondoc_set_instant(entry, "until", copy->until);
        jsondoc_set_instant(entry, "key_destroyed_at", copy->key_destroyed_at);
        jsondoc_set_string(entry, "manifest_digest", copy->digest);
        jsondoc_push(list, entry);
    }
    return list;
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

static JsonDoc *
sanitization_json(Arena *arena, const Certificate *c)
{
    JsonDoc *list = jsondoc_array();
    CertviewMeans *means;
    const size_t count = certview_means(arena, c, &means);

    for (size_t i = 0; i < count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "item", means[i].item);
        jsondoc_set_string(entry, "media", means[i].media);
        jsondoc_set_string(entry, "method", means[i].method);
        jsondoc_set_string(entry, "technique", means[i].technique);
        jsondoc_set_string(entry, "verification", means[i].verification);
        jsondoc_set_string(entry, "tool", means[i].tool);
        jsondoc_set_string(entry, "performed_by", means[i].performed_by);
        jsondoc_set_instant(entry, "date", means[i].at);
        jsondoc_set_string(entry, "note", means[i].note);
        jsondoc_push(list, entry);
    }
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
    collect_set_checkpoint(ledger, c->checkpoint);
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

void
certview_json(Arena *arena, const Certificate *c, JsonDoc *object, char ret_digest[65])
{
    unsigned char digest[SEAL_HASH_BYTES];
    const char *missing = certview_missing(arena, c);

    jsondoc_set_string(object, "disposal", certview_id(arena, c));
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
    jsondoc_set(object, "sanitization", sanitization_json(arena, c));
    if (disposals_is_policy(c->disposal))
        jsondoc_set(object, "exemptions", exemptions_json(c->policy));
    wishview_json(object, c);
    jsondoc_set(object, "ledger", ledger_json(c));
    jsondoc_set_string(object, "configuration_digest", c->disposal->configuration_digest);
    jsondoc_set_bool(object, "configuration_changed", !text_equal(c->disposal->configuration_digest, c->configuration));
    const char *canonical = jsondoc_canonical(arena, object);
    seal_sha256(canonical, strlen(canonical), digest);
    const char *hex = text_hex(arena, digest, sizeof digest);
    memcpy(ret_digest, hex, 2 * sizeof digest + 1);
    jsondoc_set_string(object, "certificate_digest", hex);
}
