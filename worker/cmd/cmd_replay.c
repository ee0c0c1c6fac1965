/* SPDX-License-Identifier: Apache-2.0 */
/* replay -- erase again what a restored database brought back. */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/replay.h"
#include "engine/stop.h"

#include <inttypes.h>
#include <stdio.h>

enum
{
    OPT_PLAN,
    OPT_DATABASE
};

static const OptionRule options[] = {
    [OPT_PLAN] = { "--plan", OPTION_FLAG, NULL, "show what would be done, and change nothing" },
    [OPT_DATABASE] = { "--database", OPTION_TEXT, "NAME", "only this database of the configuration" },
};

/* What is done, or would be. */
static const char *
describe(Arena *arena, const ReplayItem *item, bool plan)
{
    const char *rows = text_thousands(arena, item->rows);
    const char *day = instant_format_day(arena, item->fact == NULL ? INSTANT_NONE : item->fact->as_of);

    switch (item->action)
    {
    case REPLAY_ERASE:
        return arena_printf(arena, "%s %s was erased and is back: %s row(s) %s", item->kind, item->name, rows,
                            plan ? "would be erased again" : "erased again");
    case REPLAY_POLICY:
        return arena_printf(arena, "policy \"%s\", rows past their window on %s: %s %s", item->name, day, rows,
                            plan ? "would be erased again" : "erased again");
    case REPLAY_FINISH:
        return arena_printf(arena, "%s %s was under way and came to its end since the backup: %s", item->kind,
                            item->name, plan ? "would come to its end again" : "at its end again");
    case REPLAY_RETURNED:
        return arena_printf(
            arena,
            "%s %s came back after the backup: it is not erased, and has a whole grace period from now on; "
            "see that its row says so",
            item->kind, item->name);
    case REPLAY_REOPEN:
        return arena_printf(arena, "policy \"%s\": the move into its snapshot goes on from where the backup had it",
                            item->name);
    case REPLAY_DROP:
        return arena_printf(arena, "%s %s: a snapshot that nothing names any more %s", item->kind, item->name,
                            plan ? "would be destroyed" : "is destroyed");
    case REPLAY_ADOPT:
        return arena_printf(arena, "%s %s: disposal %" PRId64 " %s as the ledger has it", item->kind, item->name,
                            item->fact->id, plan ? "would be written down" : "is written down");
    case REPLAY_RENUMBER:
        return arena_printf(arena,
                            "%s %s: a request that was made since the restore has the number %" PRId64
                            ", which the ledger has for another one: it %s%s",
                            item->kind, item->name, item->fact->id, plan ? "would get a new number" : "is number ",
                            plan ? "" : arena_printf(arena, "%" PRId64 " now", item->disposal));
    case REPLAY_LOST:
        return arena_printf(arena,
                            "%s %s: rows that were restored from its snapshot after the backup are in neither any more",
                            item->kind, item->name);
    case REPLAY_ACTIONS: break;
    }
    return "";
}

static JsonDoc *
item_json(const ReplayItem *item)
{
    JsonDoc *doc = jsondoc_object();
    jsondoc_set_string(doc, "action", replay_action_name(item->action));
    jsondoc_set_string(doc, "kind", item->kind);
    jsondoc_set_string(doc, "name", item->name);
    jsondoc_set_integer(doc, "ledger_seq", item->seq);
    jsondoc_set_integer(doc, "rows", item->rows);
    jsondoc_set_bool(doc, "held", item->held);
    jsondoc_set_string(doc, "error", item->error);
    return doc;
}

static const char *
describe_hold(Arena *arena, const ReplayHold *hold, bool plan)
{
    const char *number = arena_printf(arena, "hold %" PRId64 " (%s) on a %s", hold->id, hold->type, hold->kind);

    if (hold->state == REPLAY_HOLD_BACK)
        return arena_printf(arena, "%s was released after the backup and is in force here again: release it once more",
                            number);
    if (hold->key == NULL)
        return arena_printf(arena, "%s: whom it was about is not here", number);
    if (hold->here != 0 && hold->here != hold->id)
        return arena_printf(arena, "%s is placed again, as hold %" PRId64, number, hold->here);
    return arena_printf(arena, "%s %s", number, plan ? "would be placed again" : "is placed again");
}

static void
tell_holds(Context *context, const Replay *replay, bool plan, JsonDoc *doc)
{
    JsonDoc *list = jsondoc_array();

    for (size_t i = 0; i < replay->facts.hold_count; i++)
    {
        const ReplayHold *hold = &replay->facts.holds[i];
        if (hold->state == REPLAY_HOLD_KNOWN)
            continue;
        JsonDoc *one = jsondoc_object();
        jsondoc_set_integer(one, "hold", hold->id);
        jsondoc_set_string(one, "kind", hold->kind);
        jsondoc_set_string(one, "type", hold->type);
        jsondoc_set_instant(one, "until", hold->until);
        jsondoc_set_string(one, "action",
                           hold->state == REPLAY_HOLD_BACK ? "in_force_again"
                           : hold->key == NULL             ? "nobody"
                                                           : "place");
        if (hold->here != 0)
            jsondoc_set_integer(one, "here", hold->here);
        jsondoc_push(list, one);
        command_say(context, "  %s\n", describe_hold(context->arena, hold, plan));
    }
    jsondoc_set(doc, "holds", list);
    jsondoc_set_integer(doc, "requests_forgotten", replay->forgotten);
    if (replay->forgotten > 0)
        command_say(context,
                    "  %" PRId64 " request(s) that were made since the backup are forgotten here: ask for them again\n",
                    replay->forgotten);
}

static void
tell(Context *context, const Replay *replay, bool plan, JsonDoc *list)
{
    JsonDoc *doc = jsondoc_object(), *items = jsondoc_array();
    const char *name = replay->session->database->name;

    jsondoc_set_string(doc, "database", name);
    jsondoc_set_string(doc, "restored", replay->why);
    jsondoc_set_integer(doc, "rows", replay->rows);
    jsondoc_set_bool(doc, "done", replay->done || replay->why == NULL);
    jsondoc_set(doc, "items", items);
    jsondoc_push(list, doc);
    if (replay->why == NULL)
        command_say(context, "database \"%s\" was not restored: there is nothing to replay\n", name);
    else
        command_say(context, "database \"%s\": %s\n", name, replay->why);
    for (size_t i = 0; i < replay->item_count; i++)
    {
        const ReplayItem *item = &replay->items[i];
        jsondoc_push(items, item_json(item));
        command_say(context, "  %s%s%s%s\n", describe(context->arena, item, plan),
                    item->held ? "; a hold keeps it, and it goes when the hold ends" : "",
                    item->error == NULL ? "" : ": ", item->error == NULL ? "" : item->error);
    }
    tell_holds(context, replay, plan, doc);
    if (replay->done)
        command_say(context, "  what the ledger says is gone is gone again: %s row(s); the database is at work again\n",
                    text_thousands(context->arena, replay->rows));
}

static Err
replay_one(Context *context, const Workshop *workshop, const DatabaseRule *database, bool plan, JsonDoc *list)
{
    CLEANUP(session_closep) Session *session = NULL;
    const SessionNeeds needs = { .look_only = plan };
    Replay replay = { .why = NULL };

    TRY(session_open(&workshop->house, database, &needs, &session));
    const Err e = plan ? replay_plan(context->arena, session, &replay) : replay_run(context->arena, session, &replay);
    if (replay.session != NULL)
        tell(context, &replay, plan, list);
    return e == OK ? OK : err_note(e, "database \"%s\"", database->name);
}

/* One database that cannot be replayed hides none of the others. */
static Err
run_replay(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    JsonDoc *list = jsondoc_array();
    const char *story = NULL, *only = context->values[OPT_DATABASE];
    size_t count = 0;
    Err worst = OK;

    jsondoc_set(context->out, "databases", list);
    stop_install();
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    workshop.house.lets_restored = true;
    for (size_t i = 0; i < workshop.rules->database_count; i++)
    {
        const DatabaseRule *database = &workshop.rules->databases[i];
        if (only != NULL && !text_equal(database->name, only))
            continue;
        count++;
        const Err e = replay_one(context, &workshop, database, command_given(context, OPT_PLAN), list);
        if (e == OK || (worst != OK && e == ERR_HELD))
            continue;
        worst = worst == OK || worst == ERR_HELD ? e : worst;
        story = arena_strdup(context->arena, err_joined());
    }
    if (count == 0)
        return err_new(ERR_USAGE, "the configuration has no database \"%s\"", only);
    return worst == OK ? OK : err_new(worst, "%s", story);
}

const Command command_replay = {
    .name = "replay",
    .judges_evidence = true,
    .operands = "",
    .summary = "erase again what a restored database brought back",
    .description =
        "A database that was restored from a backup holds rows again that the ledger says are gone; until it is replayed,\n"
        "every command that writes refuses with 15.  Replay erases them: subjects are matched by their commitment, the root's\n"
        "incarnation included, and only those that were erased after the moment of the backup; policies' rows up to the\n"
        "cutoff of the newest lost disposal.  Holds are honoured; those that were placed since the backup are placed again\n"
        "first, and requests that are lost with it are counted.  Disposals of the lost time are written down as the ledger has\n"
        "them, snapshots that nothing names any more are destroyed.  --plan shows it all, and changes nothing.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_replay,
};
