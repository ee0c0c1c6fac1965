/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/replay_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/depot.h"
#include "sql.h"
#include "store/snapshots.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>

/* -- opening ------------------------------------------------------------------------------------------------------- */

static Err
record_opened(Replay *replay, const ReplayItem *item)
{
    const Disposal disposal = {
        .id = item->disposal, .kind = item->fact->kind, .name = item->name, .commitment = item->fact->subject
    };
    JsonDoc *fields = session_fields(replay->session, &disposal);

    jsondoc_set_string(fields, "ground", "replay");
    jsondoc_set_integer(fields, "replays", item->seq);
    jsondoc_set_instant(fields, "as_of", item->fact->as_of);
    jsondoc_set_instant(fields, "cutoff", item->fact->cutoff);
    return disposals_record(replay->arena, replay->session->db, item->disposal, "opened", fields);
}

static Err
open_subject(Replay *replay, ReplayItem *item)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Instant now;

    TRY(session_now(replay->session, &now));
    const char *params[] = { item->kind,
                             item->name,
                             item->key,
                             item->incarnation,
                             item->fact->subject,
                             instant_format(replay->arena, now),
                             replay->session->rules->config_digest,
                             arena_printf(replay->arena, "%" PRId64, item->seq) };
    TRY(db_query_row(replay->session->db, SQL_replay_open_subject, 8, params, &row));
    item->disposal = db_int64(row, 0, 0);
    return db_bool(row, 0, 1) ? record_opened(replay, item) : OK;
}

static Err
open_policy(Replay *replay, ReplayItem *item)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { item->name, instant_format(replay->arena, item->fact->as_of),
                             instant_format(replay->arena, item->fact->cutoff), replay->session->rules->config_digest,
                             arena_printf(replay->arena, "%" PRId64, item->seq) };

    TRY(db_query(replay->session->db, SQL_replay_open_policy, 5, params, &rows));
    if (db_rows(rows) == 0) /* an earlier call opened it */
        return OK;
    item->disposal = db_int64(rows, 0, 0);
    return record_opened(replay, item);
}

static Err
finish(Replay *replay, ReplayItem *item)
{
    const char *params[] = { arena_printf(replay->arena, "%" PRId64, item->fact->id),
                             arena_printf(replay->arena, "%" PRId64, item->seq) };
    item->disposal = item->fact->id;
    return db_query(replay->session->db, SQL_replay_finish, 2, params, NULL);
}

static Err
renumber(Replay *replay, ReplayItem *item)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { arena_printf(replay->arena, "%" PRId64, item->fact->id) };

    TRY(db_query_row(replay->session->db, SQL_replay_renumber, 1, params, &row));
    item->disposal = db_int64(row, 0, 0);
    return OK;
}

/* -- as the ledger has it ------------------------------------------------------------------------------------------ */

static const char *
moment(Arena *arena, Instant at)
{
    return at == INSTANT_NONE ? NULL : instant_format(arena, at);
}

static Err
adopt_table(Replay *replay, const ReplayFact *fact, size_t number, const JsonDoc *table)
{
    const char *name = jsondoc_get_string(table, "table"), *action = jsondoc_get_string(table, "action");
    const char *dot = name == NULL ? NULL : strchr(name, '.');

    if (dot == NULL || action == NULL)
        return OK;
    const char *params[] = { arena_printf(replay->arena, "%" PRId64, fact->id),
                             arena_printf(replay->arena, "%zu", number),
                             arena_strndup(replay->arena, name, (size_t)(dot - name)),
                             dot + 1,
                             action,
                             arena_printf(replay->arena, "%" PRId64, jsondoc_get_integer(table, "rows", 0)) };
    return db_query(replay->session->db, SQL_replay_adopt_table, 6, params, NULL);
}

static Err
adopt_tables(Replay *replay, const ReplayFact *fact)
{
    CLEANUP(jsondoc_freep) JsonDoc *tables = NULL;

    if (fact->tables == NULL || fact->known != NULL)
        return OK;
    TRY(jsondoc_parse(fact->tables, strlen(fact->tables), &tables));
    for (size_t i = 0; i < jsondoc_count(tables); i++)
        TRY(adopt_table(replay, fact, i + 1, jsondoc_at(tables, i)));
    return OK;
}

static Err
adopt(Replay *replay, ReplayItem *item)
{
    Arena *a = replay->arena;
    const ReplayFact *f = item->fact;
    const bool back = !replay_fact_is_gone(f);
    const Instant opened = f->opened_at != INSTANT_NONE ? f->opened_at
                           : f->known != NULL           ? f->known->opened_at
                                                        : f->as_of;
    const Instant cleared = back                            ? INSTANT_NONE
                            : f->cleared_at != INSTANT_NONE ? f->cleared_at
                            : f->erased_at != INSTANT_NONE  ? f->erased_at
                                                            : f->erasing_at;
    if (opened == INSTANT_NONE)
        return OK; /* its beginning is not in the ledger */
    const char *params[] = { arena_printf(a, "%" PRId64, f->id),
                             f->kind,
                             item->name,
                             f->subject,
                             f->ground == NULL ? "policy" : f->ground,
                             lifecycle_state_name(back ? STATE_WITHDRAWN : STATE_CLEARED),
                             instant_format(a, f->as_of != INSTANT_NONE ? f->as_of : opened),
                             moment(a, f->cutoff),
                             moment(a, opened),
                             moment(a, f->archived_at),
                             moment(a, f->erasing_at),
                             moment(a, f->erased_at),
                             moment(a, cleared),
                             moment(a, f->withdrawn_at),
                             f->configuration == NULL ? "" : f->configuration,
                             arena_printf(a, "%" PRId64, f->seq),
                             f->digest };
    TRY(db_query(replay->session->db, SQL_replay_adopt, 17, params, NULL));
    if (back && f->subject != NULL) /* whatever the restored row says: it came back, and has a whole grace period */
        TRY(db_query(replay->session->db, SQL_replay_returned, 1, params, NULL));
    return adopt_tables(replay, f);
}

/* -- the decision, as one ------------------------------------------------------------------------------------------ */

static Err
write_item(Replay *replay, ReplayItem *item)
{
    switch (item->action)
    {
    case REPLAY_ERASE: return open_subject(replay, item);
    case REPLAY_POLICY: return open_policy(replay, item);
    case REPLAY_FINISH: return finish(replay, item);
    case REPLAY_RETURNED:
    case REPLAY_LOST:
    case REPLAY_ADOPT: return adopt(replay, item);
    case REPLAY_RENUMBER: return renumber(replay, item);
    case REPLAY_REOPEN:
    case REPLAY_DROP:
    case REPLAY_ACTIONS: break;
    }
    return OK;
}

/* Numbers are free before anything else takes them. */
static Err
write_items(Replay *replay)
{
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < replay->item_count; i++)
            if ((replay->items[i].action == REPLAY_RENUMBER) == (round == 0))
                TRY(write_item(replay, &replay->items[i]));
    return OK;
}

Err
replay_write(Replay *replay)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *last[] = { arena_printf(replay->arena, "%" PRId64, replay->facts.last_id) };
    JsonDoc *fields = session_fields(replay->session, NULL);

    jsondoc_set_string(fields, "why", replay->why);
    jsondoc_set_integer(fields, "items", (int64_t)replay->item_count);
    Err e = db_begin(replay->session->db, "", &tx);
    if (e != OK)
    {
        jsondoc_freep(&fields);
        return e;
    }
    TRY(disposals_record(replay->arena, replay->session->db, 0, "replay_begun", fields));
    TRY(db_query(replay->session->db, SQL_replay_begin, 0, NULL, NULL));
    if (replay->facts.last_id > 0)
        TRY(db_query_row(replay->session->db, SQL_replay_sequence, 1, last, &row));
    TRY(replay_holds_write(replay));
    TRY(write_items(replay));
    return db_commit(&tx);
}

/* -- snapshots ----------------------------------------------------------------------------------------------------- */

static const StoreRule *
find_store(const Replay *replay, const char *name)
{
    for (size_t i = 0; i < replay->session->rules->store_count; i++)
        if (text_equal(replay->session->rules->stores[i].name, name))
            return &replay->session->rules->stores[i];
    return NULL;
}

static Err
drop_snapshot(Replay *replay, const ReplayFact *fact, const StoreRule *store)
{
    JsonDoc *intent = session_fields(replay->session, NULL);

    jsondoc_set_string(intent, "key", fact->key_id);
    TRY(session_record(replay->session, NULL, "destroying_key", intent));
    TRY(session_key_destroy(replay->session->house, fact->key_id));
    fault_point("replay.key_destroyed");
    return depot_remove(replay->session, store->name, fact->snapshot);
}

/* It is gone on with in the store's path, wherever it was kept. */
static Err
reopen(Replay *replay, const ReplayFact *fact, const StoreRule *store)
{
    CLEANUP(depot_leavep) DepotVisit visit = { .fetched = NULL };
    const Snapshot here = { .store_path = store->path, .name = fact->snapshot };
    const char *path;

    if (!file_exists(snapshots_dir(replay->arena, &here, true)))
    {
        TRY(depot_visit(replay->session, replay->arena, store->name, fact->snapshot, &visit, &path));
        const Snapshot there = { .store_path = path, .name = fact->snapshot };
        if (visit.fetched != NULL)
            TRY(file_rename_fresh(snapshots_dir(replay->arena, &there, false),
                                  snapshots_dir(replay->arena, &here, false)));
    }
    return snapshots_reopen(store->path, fact->snapshot);
}

static Err
settle_snapshot(Replay *replay, ReplayItem *item)
{
    const StoreRule *store = find_store(replay, item->fact->store);
    Err e = OK;

    if (store == NULL)
        e = err_new(ERR_CONFIG, "its snapshot lies in store \"%s\", which the configuration does not have any more",
                    item->fact->store);
    else if (item->action == REPLAY_DROP)
        e = drop_snapshot(replay, item->fact, store);
    else
        e = reopen(replay, item->fact, store);
    if (e == OK || db_is_broken(replay->session->db))
        return e;
    item->code = e;
    item->error = arena_strdup(replay->arena, err_joined());
    err_clear();
    return OK;
}

Err
replay_settle_snapshots(Replay *replay)
{
    for (size_t i = 0; i < replay->item_count; i++)
        if (replay->items[i].action == REPLAY_DROP || replay->items[i].action == REPLAY_REOPEN)
            TRY(settle_snapshot(replay, &replay->items[i]));
    return OK;
}
