/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/replay.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/discover.h"
#include "engine/dispose.h"
#include "engine/replay_private.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

const char *
replay_action_name(ReplayAction action)
{
    static const char *const names[REPLAY_ACTIONS] = { "erase",         "erase_rows", "finish",   "returned", "reopen",
                                                       "drop_snapshot", "adopt",      "renumber", "lost" };
    return names[action];
}

/* -- counting ahead ------------------------------------------------------------------------------------------------ */

static Disposal
disposal_for(const Replay *replay, const ReplayItem *item)
{
    Disposal d = disposals_new();

    d.kind = item->action == REPLAY_POLICY ? "policy" : item->kind;
    d.name = item->name;
    d.subject_key = item->key;
    d.incarnation = item->incarnation;
    d.commitment = item->fact->subject;
    d.ground = "replay";
    d.immediate = true;
    d.as_of = item->fact->as_of;
    d.cutoff = item->fact->cutoff;
    d.replay_seq = item->seq;
    d.configuration_digest = replay->session->rules->config_digest;
    return d;
}

static int64_t
rows_of(const Outcome *outcome)
{
    int64_t rows = 0;
    for (size_t t = 0; t < outcome->table_count; t++)
        rows += strcmp(outcome->tables[t].action, "delete") == 0 ? outcome->tables[t].rows : 0;
    return rows;
}

static Err
count_item(Replay *replay, ReplayItem *item)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Disposal disposal = disposal_for(replay, item);
    Outcome outcome = { .database = replay->session->database->name, .kind = disposal.kind, .name = disposal.name };
    Job job;

    Err e = job_begin(replay->session, scratch, &disposal, &outcome, &job);
    if (e == OK)
        e = survey_disposal(&job);
    item->rows = rows_of(&outcome);
    item->held = item->held || (outcome.step != NULL && strcmp(outcome.step, "held") == 0);
    if (e == OK || db_is_broken(replay->session->db))
        return e;
    item->code = e;
    item->error = arena_strdup(replay->arena, err_joined());
    err_clear();
    return OK;
}

Err
replay_plan(Arena *arena, Session *session, Replay *ret_replay)
{
    *ret_replay = (Replay){ .arena = arena, .session = session, .why = session->restored_story };
    if (ret_replay->why == NULL)
        return OK;
    TRY(replay_decide(ret_replay));
    for (size_t i = 0; i < ret_replay->item_count; i++)
    {
        ReplayItem *item = &ret_replay->items[i];
        if (item->action == REPLAY_ERASE || item->action == REPLAY_POLICY)
            TRY(count_item(ret_replay, item));
        ret_replay->rows += item->rows;
    }
    return OK;
}

/* -- the work ------------------------------------------------------------------------------------------------------ */

static ReplayItem *
item_for(Replay *replay, const Disposal *d)
{
    for (size_t i = 0; i < replay->item_count; i++)
        if (replay->items[i].disposal == d->id)
            return &replay->items[i];
    const ReplayItem item = { .action = REPLAY_FINISH, /* decided by an earlier call, which was interrupted */
                              .kind = d->kind,
                              .name = d->name,
                              .seq = d->replay_seq,
                              .disposal = d->id };
    ARENA_PUSH(replay->arena, replay->items, replay->item_count, replay->item_room, item);
    return &replay->items[replay->item_count - 1];
}

static Err
work_one(Replay *replay, const Disposal *d)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    ReplayItem *item = item_for(replay, d);
    Outcome outcome = { .kind = d->kind, .name = d->name, .cutoff = INSTANT_NONE, .due_at = INSTANT_NONE };

    TRY(dispose_run(replay->session, scratch, d->id, &outcome));
    item->rows += rows_of(&outcome);
    item->held = outcome.code == ERR_HELD;
    replay->rows += rows_of(&outcome);
    if (outcome.code != OK && !item->held && outcome.state != STATE_ERASED) /* copies elsewhere are another matter */
    {
        item->code = outcome.code;
        item->error = arena_strdup(replay->arena, outcome.error);
    }
    return OK;
}

static Err
work_all(Replay *replay)
{
    Disposal **list;
    size_t count;

    TRY(disposals_unfinished(replay->arena, replay->session->db, &list, &count));
    for (int round = 0; round < 2; round++) /* policies before subjects, as a run does it */
        for (size_t i = 0; i < count; i++)
            if (list[i]->replay_seq > 0 && disposals_is_policy(list[i]) == (round == 0))
                TRY(work_one(replay, list[i]));
    return OK;
}

/* -- the end ------------------------------------------------------------------------------------------------------- */

static bool
is_left(const Replay *replay, bool only_held)
{
    for (size_t i = 0; i < replay->item_count; i++)
        if (replay->items[i].held == only_held && (only_held || replay->items[i].error != NULL))
            return true;
    return false;
}

static JsonDoc *
end_fields(const Replay *replay)
{
    JsonDoc *fields = session_fields(replay->session, NULL);
    int64_t counts[REPLAY_ACTIONS] = { 0 }, held = 0;

    for (size_t i = 0; i < replay->item_count; i++)
    {
        counts[replay->items[i].action]++;
        held += replay->items[i].held ? 1 : 0;
    }
    for (int a = 0; a < REPLAY_ACTIONS; a++)
        if (counts[a] > 0)
            jsondoc_set_integer(fields, replay_action_name((ReplayAction)a), counts[a]);
    jsondoc_set_integer(fields, "rows", replay->rows);
    jsondoc_set_integer(fields, "held", held);
    jsondoc_set_integer(fields, "requests_forgotten", replay->forgotten);
    return fields;
}

static Err
end_replay(Replay *replay)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(db_begin(replay->session->db, "", &tx));
    TRY(db_query(replay->session->db, SQL_replay_end, 0, NULL, NULL));
    TRY(disposals_record(replay->arena, replay->session->db, 0, "replayed", end_fields(replay)));
    TRY(db_commit(&tx));
    fault_point("replay.ended");
    replay->done = true;
    return session_flush(replay->session, 0, true);
}

Err
replay_run(Arena *arena, Session *session, Replay *ret_replay)
{
    Replay *r = ret_replay;
    size_t back;

    *r = (Replay){ .arena = arena, .session = session, .why = session->restored_story };
    if (r->why == NULL)
        return OK;
    TRY(replay_decide(r));
    TRY(replay_write(r));
    TRY(session_flush(session, 0, true));
    fault_point("replay.written");
    TRY(replay_settle_snapshots(r));
    TRY(work_all(r));
    if (is_left(r, false))
        return err_new(ERR_PARTLY,
                       "not all of it could be erased again; nothing else is done in database \"%s\" until it "
                       "is: call \"expunge replay\" again",
                       session->database->name);
    TRY(replay_count_back(r, &back));
    if (back > 0)
        return err_new(ERR_PARTLY, "%zu subject(s) that the ledger calls erased are in database \"%s\" still", back,
                       session->database->name);
    TRY(end_replay(r));
    return is_left(r, true) ? err_new(ERR_HELD, "holds keep some of it back; it goes by itself when they end") : OK;
}
