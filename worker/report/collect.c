/* SPDX-License-Identifier: Apache-2.0 */
#include "report/collect.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* -- status -------------------------------------------------------------------------------------------------------- */

static Err
read_extra(Arena *arena, const DbResult *rows, size_t row, const Disposal *disposal, StatusDisposal *ret)
{
    if (db_int64(rows, row, 0) != disposal->id)
        return err_new(ERR_INTERNAL, "disposal %" PRId64 " was read twice and differs", disposal->id);
    *ret = (StatusDisposal){ .disposal = disposal,
                             .rows_archived = db_int64(rows, row, 1),
                             .rows_done = db_int64(rows, row, 2),
                             .due_at = db_instant(rows, row, 3),
                             .overdue = db_bool(rows, row, 4),
                             .hold_id = db_text(rows, row, 5) == NULL ? 0 : db_int64(rows, row, 5),
                             .hold_type = db_copy_text(arena, rows, row, 6),
                             .hold_until = db_instant(rows, row, 7),
                             .at_work = db_bool(rows, row, 8) };
    return OK;
}

/* One query, however many they are: both lists are in the order of ids. */
static Err
collect_copies(Arena *arena, Db *db, const char *overdue_after, StatusDisposal *list, size_t count)
{
    int64_t *ids = ARENA_ARRAY(arena, int64_t, count + 1);
    CopyRow *rows;
    size_t row_count, at = 0;

    for (size_t i = 0; i < count; i++)
        ids[i] = list[i].disposal->id;
    TRY(copystates_load(arena, db, overdue_after, ids, count, &rows, &row_count));
    for (size_t i = 0; i < count; i++)
    {
        list[i].copies = &rows[at];
        for (; at < row_count && rows[at].disposal == ids[i]; at++)
            list[i].copy_count++;
    }
    return OK;
}

static Err
collect_unfinished(Arena *arena, Db *db, const char *overdue_after, StatusDatabase *status)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { overdue_after, NULL };
    Disposal **list;
    size_t count;

    TRY(disposals_unfinished(arena, db, &list, &count));
    TRY(db_query(db, SQL_status_extra, 2, params, &rows));
    if (db_rows(rows) != count)
        return err_new(ERR_AGAIN, "disposals changed while they were read");
    status->disposals = ARENA_ARRAY(arena, StatusDisposal, count + 1);
    for (size_t i = 0; i < count; i++)
        TRY(read_extra(arena, rows, i, list[i], &status->disposals[i]));
    status->disposal_count = count;
    return collect_copies(arena, db, overdue_after, status->disposals, count);
}

static Err
collect_one(Arena *arena, Db *db, const char *overdue_after, int64_t id, StatusDisposal *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { overdue_after, arena_printf(arena, "%" PRId64, id) };
    Disposal *disposal;

    TRY(disposals_load(arena, db, id, &disposal));
    TRY(db_query_row(db, SQL_status_extra, 2, params, &row));
    TRY(read_extra(arena, row, 0, disposal, ret));
    TRY(collect_copies(arena, db, overdue_after, ret, 1));
    return disposals_tables(arena, db, id, &ret->tables, &ret->table_count);
}

static Err
collect_subject(Arena *arena, Db *db, const char *overdue_after, const CollectWhich *which, StatusDatabase *status)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { which->kind, which->key,
                             disposals_array(arena, which->commitments, which->commitment_count) };

    TRY(db_query(db, SQL_status_find, 3, params, &rows));
    status->disposals = ARENA_ARRAY(arena, StatusDisposal, db_rows(rows) + 1);
    for (size_t i = 0; i < db_rows(rows); i++)
        TRY(collect_one(arena, db, overdue_after, db_int64(rows, i, 0), &status->disposals[i]));
    status->disposal_count = db_rows(rows);
    return OK;
}

static Err
collect_states(Db *db, int64_t states[STATE_COUNT])
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    State state;

    TRY(db_query(db, SQL_status_counts, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
        if (lifecycle_state_parse(db_text(rows, i, 0), &state))
            states[state] = db_int64(rows, i, 1);
    return OK;
}

Err
collect_status(Arena *arena, Db *db, const char *overdue_after, const CollectWhich *which, StatusDatabase *ret_status)
{
    StatusDatabase status = *ret_status;

    if (which->kind != NULL)
        TRY(collect_subject(arena, db, overdue_after, which, &status));
    else if (which->id != 0)
    {
        status.disposals = ARENA_NEW(arena, StatusDisposal);
        TRY(collect_one(arena, db, overdue_after, which->id, status.disposals));
        status.disposal_count = 1;
    }
    else
        TRY(collect_unfinished(arena, db, overdue_after, &status));
    TRY(collect_told(arena, db, &status));
    TRY(collect_states(db, status.states));
    *ret_status = status;
    return OK;
}

static ReportStore *
store_named(Arena *arena, const char *name, ReportStore **list, size_t *count, size_t *room)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i].store, name) == 0)
            return &(*list)[i];
    const ReportStore store = { .store = name, .last_until = INSTANT_NONE };
    ARENA_PUSH(arena, *list, *count, *room, store);
    return &(*list)[*count - 1];
}

void
collect_stores(Arena *arena, const StatusDatabase *status, ReportStore **ret_list, size_t *ret_count)
{
    size_t room = 0;

    *ret_list = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < status->disposal_count; i++)
        for (size_t k = 0; k < status->disposals[i].copy_count; k++)
        {
            const CopyRow *row = &status->disposals[i].copies[k];
            if (row->state == COPY_GONE)
                continue;
            ReportStore *store = store_named(arena, row->store, ret_list, ret_count, &room);
            store->disposals[row->state]++;
            store->late += row->late ? 1 : 0;
            store->failing += row->last_error != NULL ? 1 : 0;
            if (row->state == COPY_DATED && row->until != INSTANT_NONE && row->until > store->last_until)
                store->last_until = row->until;
        }
}

bool
collect_waits_for_copies(const StatusDisposal *s)
{
    for (size_t i = 0; i < s->copy_count; i++)
        if (s->copies[i].state != COPY_GONE)
            return true;
    return false;
}

bool
collect_waits_for_processors(const StatusDisposal *s)
{
    const Disposal *d = s->disposal;
    return s->told.outstanding > 0 && (d->snapshot_name == NULL || d->key_destroyed_at != INSTANT_NONE);
}

Standing
collect_standing(const StatusDisposal *s, Instant now)
{
    const Disposal *d = s->disposal;
    if (d->state == STATE_CLEARED || d->state == STATE_WITHDRAWN)
        return STANDING_DONE;
    if (s->at_work)
        return STANDING_UNDER_WAY;
    if (d->attempts > 0)
        return STANDING_FAILING;
    if (s->hold_id != 0)
        return STANDING_HELD;
    if (d->state == STATE_ARCHIVED && d->erase_after != INSTANT_NONE && now < d->erase_after && !d->immediate)
        return STANDING_WAITING;
    if (d->state == STATE_ERASED && (collect_waits_for_copies(s) || collect_waits_for_processors(s)))
        return STANDING_WAITING;
    return STANDING_READY;
}

const char *
collect_standing_name(Standing standing)
{
    static const char *const names[STANDING_COUNT] = { "under_way", "failing", "held", "waiting", "ready", "done" };
    return names[standing];
}

/* -- certificate --------------------------------------------------------------------------------------------------- */

Err
collect_pending(Arena *arena, Db *db, int64_t disposal_id, int64_t *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { disposal_id == 0 ? NULL : arena_printf(arena, "%" PRId64, disposal_id) };
    TRY(db_query_row(db, SQL_outbox_count, 1, params, &row));
    *ret = db_int64(row, 0, 0);
    return OK;
}

static void
add_snapshot(Arena *arena, const Disposal *d, Certificate *c)
{
    if (d->snapshot_name == NULL)
        return;
    const bool destroyed = d->key_destroyed_at != INSTANT_NONE;
    const CertificateCopy snapshot = { .store = d->store,
                                       .kind = "snapshot",
                                       .name = d->snapshot_name,
                                       .state = destroyed ? "destroyed" : "living",
                                       .until = destroyed ? d->key_destroyed_at : d->erase_after,
                                       .key_destroyed_at = d->key_destroyed_at,
                                       .digest = d->snapshot_digest };
    ARENA_PUSH(arena, c->copies, c->copy_count, c->copy_room, snapshot);
}

/* Snapshots first; then the other stores. */
static Err
add_copies(Arena *arena, Db *db, const Disposal *d, Certificate *c)
{
    CopyRow *rows;
    size_t count;

    add_snapshot(arena, d, c);
    TRY(copystates_load(arena, db, "0", &d->id, 1, &rows, &count)); /* whether they are late is not told here */
    for (size_t i = 0; i < count; i++)
    {
        const CertificateCopy copy = { .store = rows[i].store,
                                       .kind = "copies",
                                       .name = rows[i].detail,
                                       .state = copystates_name(rows[i].state),
                                       .until = rows[i].state == COPY_GONE ? rows[i].gone_at : rows[i].until,
                                       .key_destroyed_at = INSTANT_NONE };
        ARENA_PUSH(arena, c->copies, c->copy_count, c->copy_room, copy);
    }
    return OK;
}

static Err
load_requested(Arena *arena, Db *db, int64_t id, Instant *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, id) };
    TRY(db_query_row(db, SQL_report_requested, 1, params, &row));
    *ret = db_instant(row, 0, 0);
    return OK;
}

static Err
collect_wishes(Arena *arena, Db *db, Certificate *c)
{
    CLEANUP(db_result_freep) DbResult *requests = NULL;
    CLEANUP(db_result_freep) DbResult *approvals = NULL;
    CLEANUP(db_result_freep) DbResult *refusals = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, c->disposal->id) };

    TRY(db_query(db, SQL_certificate_requests, 1, params, &requests));
    TRY(db_query(db, SQL_certificate_approvals, 1, params, &approvals));
    TRY(db_query(db, SQL_certificate_refusals, 1, params, &refusals));
    c->request_count = db_rows(requests);
    c->approval_count = db_rows(approvals);
    c->refusal_count = db_rows(refusals);
    c->requests = ARENA_ARRAY(arena, CertificateRequest, c->request_count + 1);
    c->approvals = ARENA_ARRAY(arena, CertificateApproval, c->approval_count + 1);
    c->refusals = ARENA_ARRAY(arena, CertificateRefusal, c->refusal_count + 1);
    for (size_t i = 0; i < c->request_count; i++)
        c->requests[i] = (CertificateRequest){ .ground = db_copy_text(arena, requests, i, 1),
                                               .immediate = db_bool(requests, i, 2),
                                               .asked_at = db_instant(requests, i, 3),
                                               .words = db_copy_text(arena, requests, i, 4) };
    for (size_t i = 0; i < c->approval_count; i++)
        c->approvals[i] = (CertificateApproval){ .plan_digest = db_copy_text(arena, approvals, i, 0),
                                                 .approved_at = db_instant(approvals, i, 1) };
    for (size_t i = 0; i < c->refusal_count; i++)
        c->refusals[i] = (CertificateRefusal){ .hold = db_int64(refusals, i, 0),
                                               .type = db_copy_text(arena, refusals, i, 1),
                                               .refused_at = db_instant(refusals, i, 2),
                                               .state = db_copy_text(arena, refusals, i, 3),
                                               .rows_done = db_int64(refusals, i, 4),
                                               .until = db_instant(refusals, i, 5),
                                               .released_at = db_instant(refusals, i, 6) };
    return OK;
}

Err
collect_certificate(Arena *arena, Db *db, const Disposal *disposal, Certificate *ret_certificate)
{
    Certificate c = *ret_certificate;
    c.disposal = disposal;
    TRY(disposals_tables(arena, db, disposal->id, &c.tables, &c.table_count));
    TRY(disposals_not_erased(arena, db, disposal->id, &c.not_erased, &c.not_erased_count));
    TRY(collect_wishes(arena, db, &c));
    TRY(load_requested(arena, db, disposal->id, &c.requested_at));
    TRY(add_copies(arena, db, disposal, &c));
    TRY(collect_certificate_processors(arena, db, &c));
    TRY(collect_pending(arena, db, disposal->id, &c.pending));
    *ret_certificate = c;
    return OK;
}

typedef struct EntrySearch
{
    Arena *arena;
    Certificate *certificate;
    size_t room;
    bool cited; /* the entry that the database names was met, and it is that one */
} EntrySearch;

static Err
visit_entry(void *context, const JsonDoc *entry, const char *digest)
{
    EntrySearch *search = context;
    Certificate *c = search->certificate;
    const int64_t seq = jsondoc_get_integer(entry, "seq", 0);
    CertificateEntry found = { .seq = seq, .time = INSTANT_NONE };

    if (jsondoc_get_integer(entry, "disposal", 0) != c->disposal->id ||
        !text_equal(jsondoc_get_string(entry, "database"), c->database) ||
        !text_equal(jsondoc_get_string(entry, "installation"), c->installation))
        return OK;
    if (seq == c->disposal->ledger_seq)
        search->cited = text_equal(digest, c->disposal->ledger_digest);
    const char *time = jsondoc_get_string(entry, "time");
    const char *event = jsondoc_get_string(entry, "event");
    if (time == NULL || event == NULL || !instant_parse(time, &found.time))
        return err_new(ERR_EVIDENCE, "entry %" PRId64 " has no time or no event", seq);
    found.event = arena_strdup(search->arena, event);
    found.digest = arena_strdup(search->arena, digest);
    const char *version = jsondoc_get_string(entry, "version");
    found.version = version == NULL ? NULL : arena_strdup(search->arena, version);
    ARENA_PUSH(search->arena, c->entries, c->entry_count, search->room, found);
    return OK;
}

static bool
tells_of(const Certificate *c, const char *event)
{
    for (size_t i = 0; i < c->entry_count; i++)
        if (strcmp(c->entries[i].event, event) == 0)
            return true;
    return false;
}

Err
collect_entries(Arena *arena, Certificate *certificate)
{
    const Disposal *d = certificate->disposal;
    EntrySearch search = { .arena = arena, .certificate = certificate, .cited = d->ledger_seq == 0 };
    const char *event = d->state == STATE_OPEN ? "opened" : lifecycle_state_name(d->state);
    LedgerHead head;

    certificate->entries = NULL;
    certificate->entry_count = 0;
    TRY(ledger_walk(certificate->ledger_path, visit_entry, &search, &head));
    if (head.seq < d->ledger_seq)
        return err_new(ERR_EVIDENCE,
                       "\"%s\" ends with entry %" PRId64 ", and database \"%s\" noted entry %" PRId64
                       " for disposal %" PRId64,
                       certificate->ledger_path, head.seq, certificate->database, d->ledger_seq, d->id);
    if (!search.cited)
        return err_new(ERR_EVIDENCE,
                       "entry %" PRId64 " of \"%s\" is not the one that database \"%s\" noted for disposal %" PRId64,
                       d->ledger_seq, certificate->ledger_path, certificate->database, d->id);
    const bool untouched = d->requested_at != INSTANT_NONE &&
                           d->commitment == NULL; /* a request that nobody took up yet */
    if (certificate->pending == 0 && !untouched && !tells_of(certificate, event))
        return err_new(ERR_EVIDENCE, "no entry of \"%s\" says that disposal %" PRId64 " of database \"%s\" was %s",
                       certificate->ledger_path, d->id, certificate->database, event);
    return OK;
}

/* -- checkpoints --------------------------------------------------------------------------------------------------- */

const Checkpoint *
collect_checkpoint(Arena *arena, const char *dir)
{
    Checkpoint *checkpoint = ARENA_NEW(arena, Checkpoint);
    int64_t newest = 0;

    Err e = checkpoints_newest(dir, &newest);
    if (e == OK && newest > 0)
        e = checkpoints_load(arena, dir, newest, checkpoint);
    if (e == OK && newest > 0)
        e = checkpoints_judge_signatures(dir, checkpoint);
    if (e != OK)
        err_clear();
    return e == OK && newest > 0 ? checkpoint : NULL;
}

void
collect_set_checkpoint(JsonDoc *ledger, const Checkpoint *checkpoint)
{
    if (checkpoint == NULL)
    {
        jsondoc_set_null(ledger, "checkpoint");
        return;
    }
    JsonDoc *object = jsondoc_object();
    jsondoc_set_string(object, "origin", checkpoint->origin);
    jsondoc_set_integer(object, "number", checkpoint->number);
    jsondoc_set_instant(object, "time", checkpoint->time);
    jsondoc_set_integer(object, "signed_entries", checkpoint->place.size);
    jsondoc_set_string(object, "digest", checkpoint->digest);
    jsondoc_set(ledger, "checkpoint", object);
}
