/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/replay_private.h"

#include "base/text.h"
#include "engine/cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Commitments of one kind, sorted: looked up for each root that is there. */
typedef struct Wanted
{
    const ReplayFact **list;
    size_t count;
    size_t room;
} Wanted;

static bool
is_unfinished(const Disposal *d)
{
    return d != NULL && d->state != STATE_CLEARED && d->state != STATE_WITHDRAWN;
}

static ReplayItem *
add_item(Replay *replay, ReplayAction action, const ReplayFact *fact)
{
    const ReplayItem item = { .action = action,
                              .kind = fact->kind,
                              .name = fact->policy != NULL ? fact->policy
                                                           : arena_strndup(replay->arena, fact->subject, 12),
                              .seq = fact->gone_seq > 0 ? fact->gone_seq : fact->seq,
                              .fact = fact };
    ARENA_PUSH(replay->arena, replay->items, replay->item_count, replay->item_room, item);
    return &replay->items[replay->item_count - 1];
}

/* -- one disposal -------------------------------------------------------------------------------------------------- */

/* The same number for something else: the ledger and this database have not come from one history. */
static Err
judge_same(const Replay *replay, const ReplayFact *fact)
{
    const Disposal *d = fact->known;
    const bool same = d == NULL || (strcmp(d->kind, fact->kind) == 0 &&
                                    (fact->policy != NULL ? text_equal(d->name, fact->policy)
                                                          : text_equal(d->commitment, fact->subject)));
    if (same && (fact->policy != NULL || fact->subject != NULL))
        return OK;
    return err_new(ERR_EVIDENCE,
                   "disposal %s-%" PRId64 " is about something else in the ledger: they do not belong together",
                   replay->session->database->name, fact->id);
}

/* A request keeps its wish, and gets another number. */
static void
decide_number(Replay *replay, const ReplayFact *fact)
{
    if (fact->taker == NULL)
        return;
    ReplayItem *item = add_item(replay, REPLAY_RENUMBER, fact);
    item->kind = fact->taker->kind;
    item->name = fact->taker->name;
    item->disposal = fact->id;
}

/* A snapshot that this database does not name for the disposal. */
static void
decide_snapshot(Replay *replay, const ReplayFact *fact, bool ends)
{
    if (fact->key_id != NULL && fact->snapshot != NULL &&
        (ends || fact->known == NULL || !text_equal(fact->known->key_id, fact->key_id)))
        add_item(replay, REPLAY_DROP, fact);
}

/* The newest cutoff of each policy counts: it covers those before. */
static void
decide_policy_rows(Replay *replay, const ReplayFact *fact)
{
    for (size_t i = 0; i < replay->item_count; i++)
    {
        ReplayItem *item = &replay->items[i];
        if (item->action != REPLAY_POLICY || strcmp(item->name, fact->policy) != 0)
            continue;
        if (fact->as_of > item->fact->as_of)
        {
            item->fact = fact;
            item->seq = fact->gone_seq;
        }
        return;
    }
    add_item(replay, REPLAY_POLICY, fact);
}

static void
decide_policy(Replay *replay, const ReplayFact *fact)
{
    const Disposal *d = fact->known;
    const bool filling = d != NULL && d->state == STATE_OPEN && d->snapshot_name != NULL;
    const bool out = is_unfinished(d) && d->snapshot_name != NULL; /* rows of it are in the snapshot alone */

    if (replay_fact_is_gone(fact))
    {
        const bool ends = d == NULL || filling;
        if (!ends)
            add_item(replay, REPLAY_FINISH, fact);
        else if (targets_find(&replay->session->targets, "policy", fact->policy) != NULL && fact->as_of != INSTANT_NONE)
            decide_policy_rows(replay, fact);
        if (ends && (filling || fact->state == STATE_CLEARED))
            add_item(replay, REPLAY_ADOPT, fact);
        decide_snapshot(replay, fact, ends);
        return;
    }
    if (fact->state == STATE_WITHDRAWN || fact->restored)
    {
        add_item(replay, out ? REPLAY_LOST : REPLAY_ADOPT, fact);
        decide_snapshot(replay, fact, true);
        return;
    }
    if (filling && fact->state == STATE_ARCHIVED && text_equal(d->snapshot_name, fact->snapshot))
        add_item(replay, REPLAY_REOPEN, fact);
    decide_snapshot(replay, fact, false);
}

static void
decide_subject(Replay *replay, const ReplayFact *fact)
{
    const Disposal *d = fact->known;

    if (replay_fact_is_gone(fact))
    {
        if (is_unfinished(d))
            add_item(replay, REPLAY_FINISH, fact);
        else if (fact->state == STATE_CLEARED)
            add_item(replay, REPLAY_ADOPT, fact); /* whether its root is back is looked for apart */
        decide_snapshot(replay, fact, false);
        return;
    }
    if (fact->state == STATE_WITHDRAWN || fact->restored)
    {
        add_item(replay, is_unfinished(d) && d->root_erased ? REPLAY_LOST : REPLAY_RETURNED, fact);
        decide_snapshot(replay, fact, true);
        return;
    }
    decide_snapshot(replay, fact, false);
}

/* -- roots that are back ------------------------------------------------------------------------------------------- */

static int
compare_subjects(const void *a, const void *b)
{
    const ReplayFact *const *x = a, *const *y = b;
    const int order = strcmp((*x)->subject, (*y)->subject);
    return order != 0 ? order : (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static int
compare_commitment(const void *key, const void *item)
{
    const ReplayFact *const *fact = item;
    return strcmp(key, (*fact)->subject);
}

/* The last word on each subject counts: one that was erased and whose rows were put back is not erased again.  Those that a
 * disposal of this database finishes are not looked for. */
static Wanted
want(const Replay *replay, const char *kind)
{
    Wanted wanted = { 0 };
    size_t kept = 0;

    for (size_t i = 0; i < replay->facts.count; i++)
    {
        const ReplayFact *fact = &replay->facts.list[i];
        if (fact->subject != NULL && strcmp(fact->kind, kind) == 0)
            ARENA_PUSH(replay->arena, wanted.list, wanted.count, wanted.room, fact);
    }
    if (wanted.count > 1)
        qsort(wanted.list, wanted.count, sizeof *wanted.list, compare_subjects);
    for (size_t i = 0; i < wanted.count; i++)
        if ((i + 1 == wanted.count || strcmp(wanted.list[i]->subject, wanted.list[i + 1]->subject) != 0) &&
            replay_fact_is_gone(wanted.list[i]))
            wanted.list[kept++] = wanted.list[i];
    wanted.count = kept;
    return wanted;
}

typedef Err (*RootFound)(Replay *replay, const Target *target, const ReplayFact *fact, const char *key,
                         const char *incarnation);

static Err
match_roots(Replay *replay, const Target *target, RootFound found)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const Selector selector = { .arena = replay->arena, .target = target };
    const Wanted wanted = want(replay, target->name);
    CLEANUP(cursor_closep) Cursor rows = { .session = replay->session };

    if (wanted.count == 0)
        return OK;
    TRY(cursor_open(replay->session, replay->arena, selector_all_roots(&selector), &rows));
    for (;; arena_reset(scratch))
    {
        bool there;
        size_t row = 0;
        TRY(cursor_next(&rows, &there, &row));
        if (!there)
            return OK;
        const char *key = db_text(rows.rows, row, 0), *incarnation = db_text(rows.rows, row, 1);
        const char *commitment = session_commitment(replay->session->house, scratch, target->name, key, incarnation);
        const ReplayFact **match = bsearch(commitment, wanted.list, wanted.count, sizeof *wanted.list,
                                           compare_commitment);
        if (match != NULL)
            TRY(found(replay, target, *match, key, incarnation));
    }
}

static Err
match_all(Replay *replay, RootFound found)
{
    for (size_t i = 0; i < replay->session->targets.count; i++)
    {
        const Target *target = &replay->session->targets.list[i];
        if (target->subject != NULL && target->scope != NULL)
            TRY(match_roots(replay, target, found));
    }
    return OK;
}

static Err
add_root(Replay *replay, const Target *target, const ReplayFact *fact, const char *key, const char *incarnation)
{
    if (is_unfinished(fact->known))
        return OK; /* REPLAY_FINISH */
    ReplayItem *item = add_item(replay, REPLAY_ERASE, fact);
    item->target = target;
    item->key = arena_strdup(replay->arena, key);
    item->incarnation = incarnation == NULL ? NULL : arena_strdup(replay->arena, incarnation);
    return OK;
}

/* Kinds that are not configured any more, or have no scope: their roots cannot be looked for. */
static Err
judge_kinds(const Replay *replay)
{
    for (size_t i = 0; i < replay->facts.count; i++)
    {
        const ReplayFact *fact = &replay->facts.list[i];
        if (!replay_fact_is_gone(fact))
            continue;
        const Target *target = targets_find(&replay->session->targets, fact->policy != NULL ? "policy" : fact->kind,
                                            fact->policy);
        if (target == NULL || target->scope == NULL)
            return err_new(ERR_RAIL,
                           "entry %" PRId64
                           " of the ledger says that a %s%s%s was erased, and the configuration has no such %s%s: "
                           "what is back of it cannot be found; put it back into the configuration, then replay",
                           fact->gone_seq, fact->kind, fact->policy != NULL ? " " : "",
                           fact->policy != NULL ? fact->policy : "",
                           fact->policy != NULL ? "policy" : "kind of subject",
                           target == NULL ? "" : " that could be followed (\"expunge check\" says why)");
    }
    return OK;
}

Err
replay_decide(Replay *replay)
{
    TRY(replay_facts_gather(replay->arena, replay->session, &replay->facts));
    TRY(judge_kinds(replay));
    for (size_t i = 0; i < replay->facts.count; i++)
    {
        const ReplayFact *fact = &replay->facts.list[i];
        TRY(judge_same(replay, fact));
        decide_number(replay, fact);
        if (fact->policy != NULL)
            decide_policy(replay, fact);
        else
            decide_subject(replay, fact);
    }
    TRY(match_all(replay, add_root));
    replay->forgotten = replay_facts_forgotten(&replay->facts);
    return replay_holds_decide(replay);
}

/* -- afterwards ---------------------------------------------------------------------------------------------------- */

static Err
count_root(Replay *replay, const Target *target, const ReplayFact *fact, const char *key, const char *incarnation)
{
    (void)target;
    (void)key;
    (void)incarnation;
    for (size_t i = 0; i < replay->item_count; i++)
        if (replay->items[i].fact == fact && replay->items[i].held)
            return OK;
    replay->back++;
    return OK;
}

Err
replay_count_back(Replay *replay, size_t *ret_back)
{
    replay->back = 0;
    TRY(match_all(replay, count_root));
    *ret_back = replay->back;
    return OK;
}
