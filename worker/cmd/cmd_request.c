/* SPDX-License-Identifier: Apache-2.0 */
/* request, approve, withdraw -- a subject's erasure is asked for, agreed to by a second person, taken back.  They write
 * down wishes; the worker acts. */
#include "base/text.h"
#include "cmd/desk.h"
#include "wrap/tty.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum
{
    OPT_NOW,
    OPT_GROUND,
    OPT_TICKET,
    OPT_REQUESTED_BY,
    OPT_VERIFIED_BY,
    OPT_LABEL,
    OPT_DATABASE,
    OPT_USER
};

static const OptionRule request_options[] = {
    [OPT_NOW] = { "--now", OPTION_FLAG, NULL,
                  "without a grace period: no snapshot, and one that is there dies as well" },
    [OPT_GROUND] = { "--ground", OPTION_TEXT, "GROUND",
                     "contract_ended, customer_request, consent_withdrawn, objection, erasure_right, "
                     "minor_without_consent (always --now) or unlawful" },
    [OPT_TICKET] = { "--ticket", OPTION_TEXT, "TEXT", "where the wish was written down" },
    [OPT_REQUESTED_BY] = { "--requested-by", OPTION_TEXT, "WHO", "who asked" },
    [OPT_VERIFIED_BY] = { "--verified-by", OPTION_TEXT, "HOW", "how it was made sure that they are who they say" },
    [OPT_LABEL] = { "--label", OPTION_TEXT, "TEXT",
                    "with --now: the label of the root row, typed again; asked for at a terminal" },
    [OPT_DATABASE] = { "--database", OPTION_TEXT, "NAME", "only this database of the configuration" },
    [OPT_USER] = { "--user", OPTION_TEXT, "ROLE", "connect as this role instead of the conninfo's" },
};

/* -- request ----------------------------------------------------------------------------------------------------------- */

static Err
check_ground(const char *ground)
{
    static const char *const grounds[] = { "contract_ended", "customer_request",      "consent_withdrawn", "objection",
                                           "erasure_right",  "minor_without_consent", "unlawful" };
    const size_t count = sizeof grounds / sizeof *grounds;

    for (size_t i = 0; i < count; i++)
        if (strcmp(grounds[i], ground) == 0)
            return OK;
    if (strcmp(ground, "policy") == 0)
        return err_new(ERR_USAGE, "ground \"policy\" is the worker's own: nobody asks for that");
    const int near = text_nearest(ground, grounds, count);
    return err_new(ERR_USAGE, "--ground is none of those that \"expunge help request\" lists%s%s%s",
                   near < 0 ? "" : "; did you mean \"", near < 0 ? "" : grounds[near], near < 0 ? "" : "\"?");
}

/* P11: nothing is begun for somebody who did not say who they are. */
static Err
read_wish(Context *context, RequestWish *ret_wish)
{
    TRY(desk_want(context, OPT_GROUND, "on which ground"));
    TRY(check_ground(context->values[OPT_GROUND]));
    TRY(desk_want(context, OPT_TICKET, "where the wish was written down"));
    TRY(desk_want(context, OPT_REQUESTED_BY, "who asked for it"));
    TRY(desk_want(context, OPT_VERIFIED_BY, "how identity was verified"));
    *ret_wish = (RequestWish){ .kind = context->operands[0],
                               .key = context->operands[1],
                               .ground = context->values[OPT_GROUND],
                               .ticket = context->values[OPT_TICKET],
                               .requested_by = context->values[OPT_REQUESTED_BY],
                               .verified_by = context->values[OPT_VERIFIED_BY],
                               .immediate = command_given(context, OPT_NOW) ||
                                            strcmp(context->values[OPT_GROUND], "minor_without_consent") == 0,
                               .label = context->values[OPT_LABEL] };
    if (ret_wish->label != NULL && !ret_wish->immediate)
        return err_new(ERR_USAGE, "--label belongs to --now");
    if (ret_wish->label != NULL && text_blank(ret_wish->label))
        return err_new(ERR_USAGE, "the label is empty");
    return OK;
}

static Err
ask_label(Context *context, const Desk *desk, RequestWish *wish)
{
    if (!wish->immediate || wish->label != NULL)
        return OK;
    if (isatty(STDIN_FILENO) && !context->json)
        tty_ask(context->arena,
                arena_printf(context->arena,
                             "This %s goes at once, from database \"%s\".  Type the label of its root row: ",
                             wish->kind, desk->found->name),
                &wish->label);
    return wish->label == NULL
               ? err_new(ERR_USAGE, "it would go at once: type the label of its root row again, by --label "
                                    "or at a terminal")
               : OK;
}

static Err
run_request(Context *context)
{
    CLEANUP(desk_closep) Desk desk = { .db = NULL };
    RequestWish wish;
    int64_t id;

    TRY(read_wish(context, &wish));
    TRY(command_check_key(wish.key));
    TRY(desk_open(context, context->values[OPT_USER], context->values[OPT_DATABASE], &desk));
    TRY(desk_check_subject(&desk, wish.kind, wish.key));
    TRY(desk_find(&desk, wish.kind, wish.key));
    TRY(ask_label(context, &desk, &wish));
    const Err e = requests_ask(desk.db, &wish, &id);
    if (e != OK)
        return err_note(e, "database \"%s\"", desk.found->name);
    jsondoc_set_string(context->out, "id", desk_id(&desk, id));
    jsondoc_set_string(context->out, "database", desk.found->name);
    jsondoc_set_string(context->out, "kind", wish.kind);
    jsondoc_set_string(context->out, "ground", wish.ground);
    jsondoc_set_bool(context->out, "immediate", wish.immediate);
    command_say(context, "disposal %s: the worker takes it up (\"expunge status %s\")\n", desk_id(&desk, id),
                desk_id(&desk, id));
    return OK;
}

const Command command_request = {
    .name = "request",
    .operands = "KIND KEY",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "ask for the erasure of a subject",
    .description =
        "Writes down who asks for what, on which ground, with which ticket, and how identity was verified: without one of\n"
        "these it is refused.  The subject then has its grace period, also where its root row has not ended; with --now (and\n"
        "always for minor_without_consent) it has none.  Where the configuration says so, a second person approves what goes\n"
        "at once: \"expunge approve\".  Asking twice gives the same disposal.  It needs a role that may log in and is a member\n"
        "of expunge_support, and no key file.",
    .options = request_options,
    .option_count = sizeof request_options / sizeof *request_options,
    .run = run_request,
};

/* -- approve ----------------------------------------------------------------------------------------------------------- */

enum
{
    APPROVE_PLAN,
    APPROVE_USER
};

static const OptionRule approve_options[] = {
    [APPROVE_PLAN] = { "--plan", OPTION_TEXT, "DIGEST", "of exactly the plan that you have looked at" },
    [APPROVE_USER] = { "--user", OPTION_TEXT, "ROLE", "connect as this role instead of the conninfo's" },
};

/* Who names no plan is shown it. */
static Err
show_plan(Context *context, Desk *desk, int64_t id)
{
    PlanTable *tables;
    size_t count;
    const char *digest = NULL;

    TRY(requests_plan(context->arena, desk->db, id, &tables, &count, &digest));
    for (size_t i = 0; i < count; i++)
        command_say(context, "%12s  %-40s  %s\n", text_thousands(context->arena, tables[i].rows), tables[i].table,
                    tables[i].action);
    if (digest == NULL)
        return err_new(ERR_USAGE, "no plan of disposal %s is there to be approved yet", desk_id(desk, id));
    command_say(context, "plan digest %s\n", digest);
    return err_new(ERR_USAGE, "say which plan you approve: --plan DIGEST");
}

static Err
run_approve(Context *context)
{
    CLEANUP(desk_closep) Desk desk = { .db = NULL };
    int64_t id;
    const char *digest = context->values[APPROVE_PLAN];
    unsigned char bytes[32];

    if (digest != NULL && (!text_unhex(digest, bytes, sizeof bytes) || strspn(digest, "0123456789abcdef") != 64))
        return err_new(ERR_USAGE, "--plan wants a plan's digest: 64 hexadecimal digits, in lower case");
    TRY(desk_open(context, context->values[APPROVE_USER], NULL, &desk));
    TRY(desk_find_id(&desk, context->operands[0], "disposal", &id));
    if (digest == NULL)
        return show_plan(context, &desk, id);
    const Err e = requests_approve(context->arena, desk.db, id, digest);
    if (e != OK)
        return err_note(e, "database \"%s\"", desk.found->name);
    jsondoc_set_string(context->out, "id", desk_id(&desk, id));
    jsondoc_set_string(context->out, "plan_digest", digest);
    command_say(context, "disposal %s: approved; it begins if that is still its plan, and otherwise asks anew\n",
                desk_id(&desk, id));
    return OK;
}

const Command command_approve = {
    .name = "approve",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "a second person's yes to exactly this plan",
    .description =
        "For what was asked for at once, where the configuration wants a second person: somebody else than who asked, as\n"
        "database users.  The digest is of the tables and rows that would go; it is counted again under the root's lock, and a\n"
        "plan that has changed needs a new approval.  Without --plan: shows the plan that the worker counted.",
    .options = approve_options,
    .option_count = sizeof approve_options / sizeof *approve_options,
    .run = run_approve,
};

/* -- withdraw ---------------------------------------------------------------------------------------------------------- */

enum
{
    WITHDRAW_REASON,
    WITHDRAW_USER
};

static const OptionRule withdraw_options[] = {
    [WITHDRAW_REASON] = { "--reason", OPTION_TEXT, "TEXT", "why (required)" },
    [WITHDRAW_USER] = { "--user", OPTION_TEXT, "ROLE", "connect as this role instead of the conninfo's" },
};

static Err
run_withdraw(Context *context)
{
    CLEANUP(desk_closep) Desk desk = { .db = NULL };
    int64_t id;

    TRY(desk_want(context, WITHDRAW_REASON, "why"));
    TRY(desk_open(context, context->values[WITHDRAW_USER], NULL, &desk));
    TRY(desk_find_id(&desk, context->operands[0], "disposal", &id));
    const Err e = requests_withdraw(context->arena, desk.db, id, context->values[WITHDRAW_REASON]);
    if (e != OK)
        return err_note(e, "database \"%s\"", desk.found->name);
    jsondoc_set_string(context->out, "id", desk_id(&desk, id));
    command_say(
        context,
        "disposal %s: nothing of it is erased any more, and the worker ends it with its snapshot.  Where the root\n"
        "row still says that it has ended, a new grace period begins then\n",
        desk_id(&desk, id));
    return OK;
}

const Command command_withdraw = {
    .name = "withdraw",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "end a disposal before its erasure",
    .description =
        "As long as nothing was erased: the rows stay (or come back), the snapshot and its key are destroyed by the worker.\n"
        "A subject whose root row still says that it has ended is due again after a whole new grace period.",
    .options = withdraw_options,
    .option_count = sizeof withdraw_options / sizeof *withdraw_options,
    .run = run_withdraw,
};
