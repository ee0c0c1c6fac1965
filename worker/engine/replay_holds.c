/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/replay_private.h"

#include "base/text.h"
#include "engine/cursor.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* -- which ones ---------------------------------------------------------------------------------------------------- */

static ReplayHold *
find_hold(const ReplayFacts *facts, int64_t id, Instant placed_at)
{
    for (size_t i = facts->hold_count; i-- > 0;)
        if (facts->holds[i].id == id && (placed_at == INSTANT_NONE || facts->holds[i].placed_at == placed_at))
            return &facts->holds[i];
    return NULL;
}

static Err
ask_database(Replay *replay)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(replay->session->db, SQL_replay_holds, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        ReplayHold *hold = find_hold(&replay->facts, db_int64(rows, i, 0), db_int64(rows, i, 1));
        if (hold == NULL)
            continue;
        hold->state = hold->over && db_bool(rows, i, 2) ? REPLAY_HOLD_BACK : REPLAY_HOLD_KNOWN;
    }
    return OK;
}

/* Those that are over, here or there, need nothing. */
static void
judge(Replay *replay, Instant now)
{
    for (size_t i = 0; i < replay->facts.hold_count; i++)
    {
        ReplayHold *hold = &replay->facts.holds[i];
        if (hold->state == REPLAY_HOLD_LOST && (hold->over || (hold->until != INSTANT_NONE && hold->until <= now)))
            hold->state = REPLAY_HOLD_KNOWN;
    }
}

/* -- whose they are ------------------------------------------------------------------------------------------------ */

static bool
has_lost(const Replay *replay, const char *kind)
{
    for (size_t i = 0; i < replay->facts.hold_count; i++)
        if (replay->facts.holds[i].state == REPLAY_HOLD_LOST && strcmp(replay->facts.holds[i].kind, kind) == 0)
            return true;
    return false;
}

static void
match_key(Replay *replay, Arena *scratch, const char *kind, const char *key)
{
    const char *holder = session_commitment(replay->session->house, scratch, kind, key, NULL);
    for (size_t i = 0; i < replay->facts.hold_count; i++)
    {
        ReplayHold *hold = &replay->facts.holds[i];
        if (hold->state == REPLAY_HOLD_LOST && hold->key == NULL && strcmp(hold->kind, kind) == 0 &&
            text_equal(hold->holder, holder))
            hold->key = arena_strdup(replay->arena, key);
    }
}

static Err
match_roots(Replay *replay, const Target *target)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(cursor_closep) Cursor rows = { .session = replay->session };
    const Selector selector = { .arena = replay->arena, .target = target };

    TRY(cursor_open(replay->session, replay->arena, selector_all_roots(&selector), &rows));
    for (;; arena_reset(scratch))
    {
        bool there;
        size_t row = 0;
        TRY(cursor_next(&rows, &there, &row));
        if (!there)
            return OK;
        match_key(replay, scratch, target->name, db_text(rows.rows, row, 0));
    }
}

/* A subject whose root is in a snapshot alone has its key in its disposal. */
static Err
match_disposals(Replay *replay)
{
    Disposal **list;
    size_t count;

    TRY(disposals_unfinished(replay->arena, replay->session->db, &list, &count));
    for (size_t i = 0; i < count; i++)
        if (list[i]->subject_key != NULL)
            match_key(replay, replay->arena, list[i]->kind, list[i]->subject_key);
    return OK;
}

static void
mark_held(Replay *replay)
{
    for (size_t i = 0; i < replay->item_count; i++)
        for (size_t h = 0; h < replay->facts.hold_count && replay->items[i].key != NULL; h++)
        {
            const ReplayHold *hold = &replay->facts.holds[h];
            if (hold->state == REPLAY_HOLD_LOST && strcmp(hold->kind, replay->items[i].kind) == 0 &&
                text_equal(hold->key, replay->items[i].key))
                replay->items[i].held = true;
        }
}

Err
replay_holds_decide(Replay *replay)
{
    Instant now;

    TRY(session_now(replay->session, &now));
    TRY(ask_database(replay));
    judge(replay, now);
    for (size_t i = 0; i < replay->session->targets.count; i++)
    {
        const Target *target = &replay->session->targets.list[i];
        if (target->subject != NULL && target->scope != NULL && has_lost(replay, target->name))
            TRY(match_roots(replay, target));
    }
    TRY(match_disposals(replay));
    mark_held(replay);
    return OK;
}

/* -- placed again -------------------------------------------------------------------------------------------------- */

static Err
record_renewed(Replay *replay, const ReplayHold *hold)
{
    JsonDoc *fields = session_fields(replay->session, NULL);

    jsondoc_set_integer(fields, "hold", hold->id);
    jsondoc_set_integer(fields, "as", hold->here);
    return disposals_record(replay->arena, replay->session->db, 0, "hold_renewed", fields);
}

static Err
renew(Replay *replay, ReplayHold *hold)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Arena *a = replay->arena;
    const char *params[] = { arena_printf(a, "%" PRId64, hold->id),
                             hold->kind,
                             hold->key,
                             hold->type,
                             instant_format(a, hold->placed_at),
                             hold->until == INSTANT_NONE ? NULL : instant_format(a, hold->until) };

    TRY(db_query_row(replay->session->db, SQL_replay_hold, 6, params, &row));
    hold->here = db_int64(row, 0, 0);
    return hold->here == hold->id ? OK : record_renewed(replay, hold);
}

Err
replay_holds_write(Replay *replay)
{
    int64_t last = 0;

    for (size_t i = 0; i < replay->facts.hold_count; i++)
        last = replay->facts.holds[i].id > last ? replay->facts.holds[i].id : last;
    const char *params[] = { arena_printf(replay->arena, "%" PRId64, last) };
    if (last > 0)
        TRY(db_query(replay->session->db, SQL_replay_hold_numbers, 1, params, NULL));
    for (size_t i = 0; i < replay->facts.hold_count; i++)
        if (replay->facts.holds[i].state == REPLAY_HOLD_LOST && replay->facts.holds[i].key != NULL)
            TRY(renew(replay, &replay->facts.holds[i]));
    return OK;
}
