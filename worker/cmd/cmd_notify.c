/* SPDX-License-Identifier: Apache-2.0 */
/* notify -- tell the processors to erase, ask after what they took, or settle one by hand.  Deletes nothing. */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/notifier.h"
#include "engine/stop.h"
#include "report/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum
{
    OPT_DISPOSAL,
    OPT_PROCESSOR,
    OPT_SETTLE,
    OPT_REASON,
    OPT_USER
};

static const OptionRule options[] = {
    [OPT_DISPOSAL] = { "--disposal", OPTION_TEXT, "ID", "only the messages of this one" },
    [OPT_PROCESSOR] = { "--processor", OPTION_TEXT, "NAME", "only those to this one" },
    [OPT_SETTLE] = { "--settle", OPTION_TEXT, "ID",
                     "the processor named behind it is done with this disposal: a person says so" },
    [OPT_REASON] = { "--reason", OPTION_TEXT, "TEXT", "with --settle: how that is known (required)" },
    [OPT_USER] = { "--user", OPTION_TEXT, "ROLE",
                   "log in to the databases as this role; it is a member of expunge_notifier" },
};

static Err
check_processor(const Rules *rules, const char *name)
{
    const char **known = NULL;
    CLEANUP(arena_freep) Arena *arena = arena_new();

    if (rules_processor(rules, name) != NULL)
        return OK;
    known = ARENA_ARRAY(arena, const char *, rules->processor_count + 1);
    for (size_t i = 0; i < rules->processor_count; i++)
        known[i] = rules->processors[i].name;
    const int near = text_nearest(name, known, rules->processor_count);
    return err_new(ERR_USAGE, "the configuration has no processor \"%s\"%s%s%s", name,
                   near < 0 ? "" : "; did you mean \"", near < 0 ? "" : known[near], near < 0 ? "" : "\"?");
}

/* "17" is enough where there is one database. */
static Err
read_disposal(Context *context, const Rules *rules, size_t option, NotifyFilter *filter)
{
    const DatabaseRule *database;

    TRY(command_disposal_id(context->arena, rules, context->values[option], &database, &filter->disposal));
    if (database == NULL && rules->database_count > 1)
        return err_new(ERR_USAGE, "which database?  Say for example %s-%" PRId64, rules->databases[0].name,
                       filter->disposal);
    filter->database = database == NULL ? rules->databases[0].name : database->name;
    return OK;
}

/* -- settling ------------------------------------------------------------------------------------------------------- */

static Err
run_settle(Context *context, const Workshop *workshop)
{
    NotifyFilter filter = { .user = context->values[OPT_USER] };
    int64_t settled = 0;

    if (context->operand_count != 1)
        return err_new(ERR_USAGE, "which processor?  expunge notify --settle ID PROCESSOR --reason TEXT");
    if (text_blank(context->values[OPT_REASON]))
        return err_new(ERR_USAGE, "say how it is known: expunge notify --settle ID PROCESSOR --reason TEXT");
    if (command_given(context, OPT_DISPOSAL) || command_given(context, OPT_PROCESSOR))
        return err_new(ERR_USAGE, "--settle names the disposal and the processor itself");
    filter.processor = context->operands[0];
    TRY(read_disposal(context, workshop->rules, OPT_SETTLE, &filter));
    TRY(notifier_settle(&workshop->house, context->arena, &filter, context->values[OPT_REASON], &settled));
    jsondoc_set_integer(context->out, "settled", settled);
    command_say(context, settled == 0 ? "nothing was outstanding\n" : "settled: %s\n",
                layout_count(context->arena, settled, "message", "messages"));
    return OK;
}

/* -- a pass --------------------------------------------------------------------------------------------------------- */

static JsonDoc *
line_json(Arena *arena, const NotifyLine *line)
{
    JsonDoc *doc = jsondoc_object();
    const Task *t = line->task;

    jsondoc_set_string(doc, "disposal", arena_printf(arena, "%s-%" PRId64, line->database, t->disposal));
    jsondoc_set_string(doc, "processor", t->processor);
    jsondoc_set_integer(doc, "number", t->number);
    jsondoc_set_string(doc, "message", t->message_id);
    jsondoc_set_string(doc, "state", processor_state_name(t->state));
    jsondoc_set_string(doc, "receipt", t->receipt);
    jsondoc_set_instant(doc, "deadline", t->deadline);
    jsondoc_set_bool(doc, "overdue", t->overdue);
    jsondoc_set_integer(doc, "attempts", t->attempts);
    jsondoc_set_instant(doc, "next_attempt_at", t->next_attempt_at);
    jsondoc_set_string(doc, "error", t->last_error);
    return doc;
}

static void
print(Context *context, const NotifyResult *r)
{
    JsonDoc *list = jsondoc_array();
    Grid grid = layout_grid(context->arena, "llll");
    Text text = TEXT_INIT(context->arena);

    for (size_t i = 0; i < r->count; i++)
    {
        const NotifyLine *line = &r->lines[i];
        const char *state = processor_state_name(line->task->state);
        jsondoc_push(list, line_json(context->arena, line));
        LAYOUT_ROW(&grid, arena_printf(context->arena, "%s-%" PRId64, line->database, line->task->disposal),
                   line->task->processor, line->task->overdue ? "OVERDUE" : state, line->told);
    }
    jsondoc_set(context->out, "messages", list);
    jsondoc_set_integer(context->out, "confirmed", r->confirmed);
    jsondoc_set_integer(context->out, "outstanding", r->outstanding);
    jsondoc_set_integer(context->out, "failed", r->failed);
    jsondoc_set_integer(context->out, "overdue", r->overdue);
    layout_print(&grid, "", &text);
    command_say(context, "%s", text_done(&text));
    command_say(context, "%" PRId64 " confirmed, %" PRId64 " outstanding, %" PRId64 " overdue\n", r->confirmed,
                r->outstanding, r->overdue);
    for (size_t i = 0; i < r->note_count; i++)
        command_note(context, "%s\n", r->notes[i]);
}

static Err
judge(const NotifyResult *r)
{
    if (r->overdue > 0)
        return err_new(ERR_IDLE, "%" PRId64 " message(s) to processors are past their deadline", r->overdue);
    if (r->failed > 0)
        return err_new(ERR_PARTLY,
                       "%" PRId64
                       " message(s) to processors did not come to their end; they wait for their next attempt",
                       r->failed);
    return OK;
}

static Err
run_notify(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    NotifyFilter filter = { .user = context->values[OPT_USER], .processor = context->values[OPT_PROCESSOR] };
    NotifyResult result = { 0 };

    if (!command_given(context, OPT_SETTLE) && (command_given(context, OPT_REASON) || context->operand_count > 0))
        return err_new(ERR_USAGE, "%s goes with --settle ID",
                       context->operand_count > 0 ? "a processor's name" : "--reason");
    stop_install();
    TRY(workshop_open(context, WORKSHOP_KEYS, &workshop));
    if (command_given(context, OPT_SETTLE))
        return run_settle(context, &workshop);
    if (filter.processor != NULL)
        TRY(check_processor(workshop.rules, filter.processor));
    if (command_given(context, OPT_DISPOSAL))
        TRY(read_disposal(context, workshop.rules, OPT_DISPOSAL, &filter));
    const Err e = notifier_run(&workshop.house, context->arena, &filter, &result);
    if (e == OK || result.count > 0)
    {
        const char *story = e == OK ? NULL : arena_strdup(context->arena, err_joined());
        print(context, &result);
        if (story != NULL)
            return err_new(e, "%s", story);
    }
    return e == OK ? judge(&result) : e;
}

const Command command_notify = {
    .name = "notify",
    .operands = "[PROCESSOR]",
    .operands_max = 1,
    .summary = "tell the processors of an erased subject to erase, too",
    .description =
        "Sends each processor its message about each erased subject, asks after what it took, and writes down receipts.\n"
        "What fails is tried again later, under the same idempotency key.  It works as role expunge_notifier, which can\n"
        "delete nothing; run it from expunge-notify.timer.  A disposal is cleared by the run behind its last receipt.\n"
        "--settle ID PROCESSOR --reason TEXT ends by hand what a processor never answers.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_notify,
};
