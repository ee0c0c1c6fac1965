/* SPDX-License-Identifier: Apache-2.0 */
/* verify -- does the evidence hold? */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/settings.h"
#include "engine/verify.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_DRILL
};

static const OptionRule options[] = {
    [OPT_DRILL] = { "--drill", OPTION_FLAG, NULL, "restore the newest snapshots into a scratch place, and compare" },
};

typedef enum Part
{
    PART_LEDGER,
    PART_SNAPSHOTS,
    PART_ABSENCE,
    PART_ALL
} Part;

static const char
    *const part_names[] = { [PART_LEDGER] = "ledger", [PART_SNAPSHOTS] = "snapshots", [PART_ABSENCE] = "absence" };

static Err
choose_part(const Context *context, Part *ret_part)
{
    *ret_part = PART_ALL;
    if (context->operand_count == 0)
        return OK;
    for (Part part = PART_LEDGER; part < PART_ALL; part++)
        if (strcmp(context->operands[0], part_names[part]) == 0)
        {
            *ret_part = part;
            return OK;
        }
    const int near = text_nearest(context->operands[0], part_names, PART_ALL);
    return err_new(ERR_USAGE, "\"%s\" is nothing that can be verified; %s", context->operands[0],
                   near < 0 ? "it is one of ledger, snapshots, absence"
                            : arena_printf(context->arena, "did you mean \"%s\"?", part_names[near]));
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

static void
set_count(JsonDoc *out, const char *name, const VerifyCount *count)
{
    JsonDoc *entry = jsondoc_object();
    jsondoc_set_integer(entry, "checked", count->checked);
    jsondoc_set_integer(entry, "failed", count->failed);
    jsondoc_set(out, name, entry);
}

static void
tell_ledger(Context *context, const Verify *v)
{
    JsonDoc *entry = jsondoc_object();
    const bool whole = v->ledger_head[0] != '\0';

    jsondoc_set_integer(entry, "entries", v->ledger_entries);
    jsondoc_set_string(entry, "head", whole ? v->ledger_head : NULL);
    jsondoc_set_integer(entry, "checked", v->ledger.checked);
    jsondoc_set_integer(entry, "failed", v->ledger.failed);
    jsondoc_set_integer(entry, "pending", v->ledger_pending);
    jsondoc_set(context->out, "ledger", entry);
    if (whole)
        command_say(context, "ledger     %s entries, head %s\n", text_thousands(context->arena, v->ledger_entries),
                    v->ledger_head);
    else
        command_say(context, "ledger     broken: the entries behind the break were not compared with the databases\n");
    command_say(context, "           %s disposals compared with it, %s differ%s\n",
                text_thousands(context->arena, v->ledger.checked), text_thousands(context->arena, v->ledger.failed),
                v->ledger_pending == 0
                    ? ""
                    : arena_printf(context->arena, "; %" PRId64 " entries wait for the next run", v->ledger_pending));
}

/* What the signatures prove, and what they cannot. */
static const char *
limits_of(Arena *arena, const Verify *v)
{
    if (v->anchor_checkpoint == 0)
        return "no anchor: whoever holds the signing key could write another history, and it would verify";
    return arena_printf(arena,
                        "anchored: %s; whoever holds the signing key could still rewrite what is behind entry %" PRId64,
                        v->anchor_story, v->anchor_entries);
}

static void
tell_checkpoints(Context *context, const Verify *v)
{
    Arena *arena = context->arena;
    JsonDoc *entry = jsondoc_object();

    jsondoc_set_integer(entry, "count", v->checkpoint_count);
    jsondoc_set_string(entry, "origin", v->origin);
    jsondoc_set_instant(entry, "newest_at", v->checkpoint_count == 0 ? INSTANT_NONE : v->checkpoint_time);
    jsondoc_set_integer(entry, "signed_entries", v->signed_entries);
    jsondoc_set_integer(entry, "unsigned_entries", v->unsigned_entries);
    jsondoc_set_integer(entry, "keys", v->key_count);
    jsondoc_set_integer(entry, "checked", v->checkpoints.checked);
    jsondoc_set_integer(entry, "failed", v->checkpoints.failed);
    jsondoc_set_integer(entry, "anchors", v->anchors.checked);
    jsondoc_set_integer(entry, "anchors_failed", v->anchors.failed);
    jsondoc_set_integer(entry, "anchored_entries", v->anchor_entries);
    jsondoc_set_string(entry, "limits", limits_of(arena, v));
    jsondoc_set(context->out, "checkpoints", entry);
    if (!v->signatures_hold)
        command_say(context, "signed     broken: the ledger and its checkpoints do not go together\n");
    else if (v->checkpoint_count == 0)
        command_say(context, "signed     no checkpoint yet\n");
    else
        command_say(context, "signed     %s entries by %s, in %s checkpoints, the newest of %s\n",
                    text_thousands(arena, v->signed_entries), v->origin, text_thousands(arena, v->checkpoint_count),
                    instant_format(arena, v->checkpoint_time));
    if (v->unsigned_entries > 0)
        command_say(context, "           %s behind it are not signed yet: the next run does it\n",
                    text_thousands(arena, v->unsigned_entries));
    if (v->signatures_hold)
        command_say(context, "           %s\n", limits_of(arena, v));
}

static void
tell_snapshots(Context *context, const Verify *v)
{
    JsonDoc *entry = jsondoc_object();

    jsondoc_set_integer(entry, "checked", v->snapshots.checked);
    jsondoc_set_integer(entry, "failed", v->snapshots.failed);
    jsondoc_set_integer(entry, "destroyed", v->snapshots_destroyed);
    jsondoc_set(context->out, "snapshots", entry);
    command_say(context, "snapshots  %s checked, %s failed; %s of them destroyed, and confirmed gone\n",
                text_thousands(context->arena, v->snapshots.checked),
                text_thousands(context->arena, v->snapshots.failed),
                text_thousands(context->arena, v->snapshots_destroyed));
}

static void
tell_absence(Context *context, const Verify *v)
{
    set_count(context->out, "absence", &v->absence);
    command_say(context, "absence    %s checked, %s failed\n", text_thousands(context->arena, v->absence.checked),
                text_thousands(context->arena, v->absence.failed));
}

static void
tell_drill(Context *context, const Verify *v)
{
    JsonDoc *entry = jsondoc_object();

    jsondoc_set_integer(entry, "checked", v->drill.checked);
    jsondoc_set_integer(entry, "failed", v->drill.failed);
    jsondoc_set_integer(entry, "rows", v->drill_rows);
    jsondoc_set(context->out, "drill", entry);
    command_say(context, "drill      %s snapshots restored aside, %s failed; %s rows and values compared\n",
                text_thousands(context->arena, v->drill.checked), text_thousands(context->arena, v->drill.failed),
                text_thousands(context->arena, v->drill_rows));
}

static void
tell_faults(Context *context, const Verify *v)
{
    JsonDoc *failures = jsondoc_array();
    JsonDoc *warnings = jsondoc_array();

    for (size_t i = 0; i < v->fault_count; i++)
    {
        const VerifyFault *fault = &v->faults[i];
        JsonDoc *entry = jsondoc_object();
        if (fault->code != OK)
            jsondoc_set_string(entry, "code", err_name(fault->code));
        jsondoc_set_string(entry, "database", fault->database);
        jsondoc_set_string(entry, "what", fault->story);
        jsondoc_push(fault->code == OK ? warnings : failures, entry);
        if (fault->code == OK)
            command_say(context, "warning: %s\n", fault->story);
    }
    jsondoc_set(context->out, "failures", failures);
    jsondoc_set(context->out, "warnings", warnings);
}

/* -- the command --------------------------------------------------------------------------------------------------- */

static Err
run_verify(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    CLEANUP(verify_closep) Verify verify = { .session_count = 0 };
    const bool drill = command_given(context, OPT_DRILL);
    Part part;

    TRY(choose_part(context, &part));
    if (drill && (part == PART_LEDGER || part == PART_ABSENCE))
        return err_new(ERR_USAGE, "--drill is for snapshots: say \"verify --drill\" or \"verify snapshots --drill\"");
    TRY(workshop_open(context, part == PART_LEDGER ? WORKSHOP_LEDGER : WORKSHOP_ALL, &workshop));
    workshop.house.lets_restored = true;
    verify_open(&workshop.house, context->arena, &verify);
    if (part == PART_ALL || part == PART_LEDGER)
    {
        CLEANUP(secret_freep) Secret *master = NULL;
        if (settings_master_key(workshop.rules, &master) != OK)
            err_clear(); /* an auditor has none */
        verify_ledger(&verify);
        verify_checkpoints(&verify, master);
        tell_ledger(context, &verify);
        tell_checkpoints(context, &verify);
    }
    if (part == PART_ALL || part == PART_SNAPSHOTS)
    {
        verify_snapshots(&verify);
        tell_snapshots(context, &verify);
    }
    if (part == PART_ALL || part == PART_ABSENCE)
    {
        verify_absence(&verify);
        tell_absence(context, &verify);
    }
    if (drill)
    {
        verify_drill(&verify);
        tell_drill(context, &verify);
    }
    tell_faults(context, &verify);
    return verify_verdict(&verify);
}

const Command command_verify = {
    .name = "verify",
    .operands = "[ledger|snapshots|absence]",
    .operands_max = 1,
    .summary = "does the evidence hold: ledger, snapshots, absence of erased rows",
    .description =
        "ledger     the chain of its entries, that each disposal's newest entry is in it, and the signatures of all\n"
        "           checkpoints, with what anchors them\n"
        "snapshots  every file of every snapshot, read and compared with its manifest; destroyed ones are gone\n"
        "absence    no subject that the ledger calls erased is in its database again, nor rows of it\n"
        "Without a word: all three.  Changes nothing; finds all that is wrong, and then exits with 14.\n"
        "--drill    the newest snapshot of each policy and kind as well: restored into temporary tables, compared with its\n"
        "           manifest, and dropped; the ledger says so",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_verify,
};
