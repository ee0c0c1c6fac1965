/* SPDX-License-Identifier: Apache-2.0 */
#include "report/collect.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

static const char *
keep(Arena *arena, const DbResult *rows, size_t row, size_t column)
{
    const char *text = db_text(rows, row, column);
    return text == NULL ? NULL : arena_strdup(arena, text);
}

static Instant
instant_at(const DbResult *rows, size_t row, size_t column)
{
    return db_text(rows, row, column) == NULL ? INSTANT_NONE : db_int64(rows, row, column);
}

/* -- status -------------------------------------------------------------------------------------------------------- */

static Err
read_extra(Arena *arena, const DbResult *rows, size_t row, const Disposal *disposal, StatusDisposal *ret)
{
    if (db_int64(rows, row, 0) != disposal->id)
        return err_new(ERR_INTERNAL, "disposal %" PRId64 " was read twice and differs", disposal->id);
    *ret = (StatusDisposal){ .disposal = disposal,
                             .rows_archived = db_int64(rows, row, 1),
                             .rows_done = db_int64(rows, row, 2),
                             .due_at = instant_at(rows, row, 3),
                             .overdue = db_bool(rows, row, 4),
                             .hold_id = db_text(rows, row, 5) == NULL ? 0 : db_int64(rows, row, 5),
                             .hold_type = keep(arena, rows, row, 6),
                             .hold_until = instant_at(rows, row, 7),
                             .at_work = db_bool(rows, row, 8) };
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
    return OK;
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
    if (s->told.outstanding > 0 && (d->snapshot_name == NULL || d->key_destroyed_at != INSTANT_NONE))
        return STANDING_WAITING;
    if (d->state == STATE_ARCHIVED && d->erase_after != INSTANT_NONE && now < d->erase_after && !d->immediate)
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

static Err
count_pending(Arena *arena, Db *db, int64_t disposal_id, int64_t *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { disposal_id == 0 ? NULL : arena_printf(arena, "%" PRId64, disposal_id) };
    TRY(db_query_row(db, SQL_outbox_count, 1, params, &row));
    *ret = db_int64(row, 0, 0);
    return OK;
}

Err
collect_certificate(Arena *arena, Db *db, const Disposal *disposal, Certificate *ret_certificate)
{
    Certificate c = *ret_certificate;
    c.disposal = disposal;
    TRY(disposals_tables(arena, db, disposal->id, &c.tables, &c.table_count));
    TRY(disposals_not_erased(arena, db, disposal->id, &c.not_erased, &c.not_erased_count));
    TRY(collect_certificate_processors(arena, db, &c));
    TRY(count_pending(arena, db, disposal->id, &c.pending));
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
    if (certificate->pending == 0 && !tells_of(certificate, event))
        return err_new(ERR_EVIDENCE, "no entry of \"%s\" says that disposal %" PRId64 " of database \"%s\" was %s",
                       certificate->ledger_path, d->id, certificate->database, event);
    return OK;
}

/* -- report -------------------------------------------------------------------------------------------------------- */

Err
collect_counts(Arena *arena, Db *db, const Report *report, ReportCounts **ret_counts, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to),
                             report->overdue_after };

    TRY(db_query(db, SQL_report_counts, 3, params, &rows));
    const size_t count = db_rows(rows);
    ReportCounts *list = ARENA_ARRAY(arena, ReportCounts, count + 1);
    for (size_t i = 0; i < count; i++)
        list[i] = (ReportCounts){ .kind = keep(arena, rows, i, 0),
                                  .policy = keep(arena, rows, i, 1),
                                  .opened = db_int64(rows, i, 2),
                                  .archived = db_int64(rows, i, 3),
                                  .erased = db_int64(rows, i, 4),
                                  .cleared = db_int64(rows, i, 5),
                                  .withdrawn = db_int64(rows, i, 6),
                                  .in_time = db_int64(rows, i, 7),
                                  .rows_archived = db_int64(rows, i, 8),
                                  .rows_erased = db_int64(rows, i, 9),
                                  .rows_changed = db_int64(rows, i, 10),
                                  .rows_cleared = db_int64(rows, i, 11),
                                  .under_way = db_int64(rows, i, 12),
                                  .late = db_int64(rows, i, 13) };
    *ret_counts = list;
    *ret_count = count;
    return OK;
}

static Err
collect_holds(Arena *arena, Db *db, const Report *report, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { instant_format(arena, report->from), instant_format(arena, report->to) };

    TRY(db_query(db, SQL_report_holds, 2, params, &rows));
    database->hold_count = db_rows(rows);
    database->holds = ARENA_ARRAY(arena, ReportHold, database->hold_count + 1);
    for (size_t i = 0; i < database->hold_count; i++)
        database->holds[i] = (ReportHold){ .kind = keep(arena, rows, i, 0),
                                           .type = keep(arena, rows, i, 1),
                                           .in_force = db_int64(rows, i, 2),
                                           .first_end = instant_at(rows, i, 3),
                                           .placed = db_int64(rows, i, 4),
                                           .ended = db_int64(rows, i, 5) };
    return OK;
}

static Err
collect_kept(Arena *arena, Db *db, ReportDatabase *database)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(db, SQL_report_kept, 0, NULL, &rows));
    database->kept_count = db_rows(rows);
    database->kept = ARENA_ARRAY(arena, ReportKept, database->kept_count + 1);
    for (size_t i = 0; i < database->kept_count; i++)
        database->kept[i] = (ReportKept){ .what = keep(arena, rows, i, 0),
                                          .why = keep(arena, rows, i, 1),
                                          .rows = db_int64(rows, i, 2),
                                          .disposals = db_int64(rows, i, 3),
                                          .first_until = instant_at(rows, i, 4),
                                          .last_until = instant_at(rows, i, 5) };
    return OK;
}

Err
collect_report(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database)
{
    ReportDatabase database = *ret_database;
    TRY(collect_holds(arena, db, report, &database));
    TRY(collect_kept(arena, db, &database));
    TRY(collect_report_processors(arena, db, report, &database));
    TRY(count_pending(arena, db, 0, &database.pending));
    *ret_database = database;
    return OK;
}

void
collect_ledger(Arena *arena, Report *report)
{
    report->ledger_code = ledger_walk(report->ledger_path, NULL, NULL, &report->ledger);
    if (report->ledger_code == OK)
        return;
    report->ledger_problem = arena_strdup(arena, err_joined());
    err_clear();
}
