/* SPDX-License-Identifier: Apache-2.0 */
/* hold, release -- what forbids a disposal, and its end. */
#include "base/text.h"
#include "cmd/desk.h"

#include <string.h>

enum
{
    OPT_TYPE,
    OPT_REASON,
    OPT_UNTIL,
    OPT_REFERENCE,
    OPT_DATABASE,
    OPT_USER
};

static const OptionRule hold_options[] = {
    [OPT_TYPE] = { "--type", OPTION_TEXT, "TYPE", "legal, legal_process or restriction" },
    [OPT_REASON] = { "--reason", OPTION_TEXT, "TEXT", "why (required)" },
    [OPT_UNTIL] = { "--until", OPTION_TIME, "TIME", "it ends then by itself; without: when it is released" },
    [OPT_REFERENCE] = { "--reference", OPTION_TEXT, "TEXT", "of the order or the file (required for legal_process)" },
    [OPT_DATABASE] = { "--database", OPTION_TEXT, "NAME", "only this database of the configuration" },
    [OPT_USER] = { "--user", OPTION_TEXT, "ROLE", "connect as this role instead of the conninfo's" },
};

static Err
check_type(const char *type)
{
    static const char *const types[] = { "legal", "legal_process", "restriction" };
    const size_t count = sizeof types / sizeof *types;

    for (size_t i = 0; i < count; i++)
        if (strcmp(types[i], type) == 0)
            return OK;
    const int near = text_nearest(type, types, count);
    return err_new(ERR_USAGE, "--type is legal, legal_process or restriction%s%s%s",
                   near < 0 ? "" : "; did you mean \"", near < 0 ? "" : types[near], near < 0 ? "" : "\"?");
}

static Err
read_wish(Context *context, HoldWish *ret_wish)
{
    const bool until = command_given(context, OPT_UNTIL);

    TRY(desk_want(context, OPT_TYPE, "of which type"));
    TRY(check_type(context->values[OPT_TYPE]));
    TRY(desk_want(context, OPT_REASON, "why"));
    if (command_given(context, OPT_REFERENCE) || strcmp(context->values[OPT_TYPE], "legal_process") == 0)
        TRY(desk_want(context, OPT_REFERENCE, "under which reference"));
    *ret_wish = (HoldWish){ .kind = context->operands[0],
                            .key = context->operands[1],
                            .type = context->values[OPT_TYPE],
                            .reason = context->values[OPT_REASON],
                            .reference = context->values[OPT_REFERENCE],
                            .until = until ? context->times[OPT_UNTIL] : INSTANT_NONE };
    return OK;
}

static Err
run_hold(Context *context)
{
    CLEANUP(desk_closep) Desk desk = { .db = NULL };
    HoldWish wish;
    int64_t id;

    TRY(read_wish(context, &wish));
    TRY(command_check_key(wish.key));
    TRY(desk_open(context, context->values[OPT_USER], context->values[OPT_DATABASE], &desk));
    TRY(desk_check_subject(&desk, wish.kind, wish.key));
    TRY(desk_find(&desk, wish.kind, wish.key));
    const Err e = requests_hold(context->arena, desk.db, &wish, &id);
    if (e != OK)
        return err_note(e, "database \"%s\"", desk.found->name);
    jsondoc_set_string(context->out, "hold", desk_id(&desk, id));
    jsondoc_set_string(context->out, "database", desk.found->name);
    jsondoc_set_string(context->out, "kind", wish.kind);
    jsondoc_set_string(context->out, "type", wish.type);
    jsondoc_set_instant(context->out, "until", wish.until);
    command_say(context, "hold %s is in force: whatever is under way stops at its next batch\n", desk_id(&desk, id));
    return OK;
}

const Command command_hold = {
    .name = "hold",
    .operands = "KIND KEY",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "forbid the disposal of a subject",
    .description =
        "From its commit on no row of the subject is taken away, by no policy and no request, and no snapshot of it is\n"
        "destroyed: each deleting transaction looks.  An erasure under way stops at its next batch.  When the hold ends, what\n"
        "waited goes on by itself.",
    .options = hold_options,
    .option_count = sizeof hold_options / sizeof *hold_options,
    .run = run_hold,
};

/* -- release ----------------------------------------------------------------------------------------------------------- */

enum
{
    RELEASE_REASON,
    RELEASE_USER
};

static const OptionRule release_options[] = {
    [RELEASE_REASON] = { "--reason", OPTION_TEXT, "TEXT", "why (required)" },
    [RELEASE_USER] = { "--user", OPTION_TEXT, "ROLE", "connect as this role instead of the conninfo's" },
};

static Err
run_release(Context *context)
{
    CLEANUP(desk_closep) Desk desk = { .db = NULL };
    int64_t id;

    TRY(desk_want(context, RELEASE_REASON, "why"));
    TRY(desk_open(context, context->values[RELEASE_USER], NULL, &desk));
    TRY(desk_find_id(&desk, context->operands[0], "hold", &id));
    const Err e = requests_release(context->arena, desk.db, id, context->values[RELEASE_REASON]);
    if (e != OK)
        return err_note(e, "database \"%s\"", desk.found->name);
    jsondoc_set_string(context->out, "hold", desk_id(&desk, id));
    command_say(context, "hold %s is released: what waited for it goes on by itself\n", desk_id(&desk, id));
    return OK;
}

const Command command_release = {
    .name = "release",
    .operands = "HOLD",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "lift a hold",
    .description = "HOLD is its number, such as eu-3: \"expunge status KIND KEY\" tells it.",
    .options = release_options,
    .option_count = sizeof release_options / sizeof *release_options,
    .run = run_release,
};
