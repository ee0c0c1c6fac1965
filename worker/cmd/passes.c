/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/passes.h"

#include "base/text.h"
#include "report/outcomeview.h"
#include "wrap/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
passes_progress(void *context, const Outcome *outcome)
{
    const Context *c = context;
    notify_status("%s: %s is %s", outcome->database, outcome->name, lifecycle_state_name(outcome->state));
    notify_watchdog();
    if (isatty(STDERR_FILENO) && !c->quiet)
        fprintf(stderr, "%s: %s %s is %s\n", outcome->database, outcome->kind, outcome->name,
                lifecycle_state_name(outcome->state));
}

void
passes_tell(const Context *context, const Outcome *o)
{
    const char *step = o->step == NULL ? "wait" : o->step;
    if (o->error != NULL)
        command_note(context, "%s-%" PRId64 ": %s, stopped: %s\n", o->database, o->id, lifecycle_state_name(o->state),
                     o->error);
    else if (strcmp(step, "approve") == 0)
        command_note(context, "%s-%" PRId64 ": waits for an approval of plan %s\n", o->database, o->id,
                     o->digest == NULL ? "-" : o->digest);
    else if (o->progressed)
        command_note(context, "%s-%" PRId64 ": %s\n", o->database, o->id, lifecycle_state_name(o->state));
}

static void
print_json(Context *context, const RunResult *result, bool plan)
{
    JsonDoc *list = jsondoc_array();
    JsonDoc *notes = jsondoc_array();
    for (size_t i = 0; i < result->count; i++)
        jsondoc_push(list, outcomeview_json(context->arena, result->outcomes[i]));
    for (size_t i = 0; i < result->note_count; i++)
        jsondoc_push_string(notes, result->notes[i]);
    jsondoc_set(context->out, "disposals", list);
    jsondoc_set(context->out, "notes", notes);
    jsondoc_set_integer(context->out, "rows_archived", result->rows_archived);
    jsondoc_set_integer(context->out, "rows_erased", result->rows_erased);
    jsondoc_set_integer(context->out, "rows_left", result->rows_left);
    jsondoc_set_integer(context->out, "overdue", result->overdue);
    if (plan)
        jsondoc_set_string(context->out, "plan_digest", result->plan_digest);
}

static size_t
count_steps(const RunResult *result, const char *step)
{
    size_t count = 0;
    for (size_t i = 0; i < result->count; i++)
    {
        const Outcome *o = result->outcomes[i];
        count += o->code == OK && o->step != NULL && strcmp(o->step, step) == 0 ? 1 : 0;
    }
    return count;
}

static size_t
count_stopped(const RunResult *result)
{
    size_t count = 0;
    for (size_t i = 0; i < result->count; i++)
        count += result->outcomes[i]->code != OK ? 1 : 0;
    return count;
}

void
passes_print(Context *context, const RunResult *result, bool plan)
{
    size_t shown = 0;

    if (context->json)
    {
        print_json(context, result, plan);
        return;
    }
    for (size_t i = 0; i < result->count; i++)
    {
        const Outcome *o = result->outcomes[i];
        const bool idle = o->error == NULL && o->waits == NULL && (o->step == NULL || strcmp(o->step, "wait") == 0);
        if (idle && !context->verbose)
            continue;
        shown++;
        command_say(context, "%s", outcomeview_text(context->arena, o, context->verbose));
    }
    for (size_t i = 0; i < result->note_count; i++)
        command_say(context, "note: %s\n", result->notes[i]);
    const char *indexes = plan ? outcomeview_indexes(context->arena, result->outcomes, result->count) : "";
    if (indexes[0] != '\0')
        command_say(context, "\nno index leads there (\"expunge check\" prints what makes them):\n%s", indexes);
    const char *views = plan ? outcomeview_views(context->arena, result->outcomes, result->count) : "";
    if (views[0] != '\0')
        command_say(context, "\nmaterialized views:\n%s", views);
    command_say(context, "%s%zu disposal(s): %zu %s, %zu %s, %zu wait", shown > 0 ? "\n" : "", result->count,
                count_steps(result, "archive"), plan ? "to archive" : "archived", count_steps(result, "erase"),
                plan ? "to erase" : "erased", count_steps(result, "wait"));
    if (count_stopped(result) > 0)
        command_say(context, ", %zu stopped", count_stopped(result));
    command_say(context, "\n");
    command_say(context, "%s rows %s, %s rows %s, %s rows left, %" PRId64 " overdue\n",
                text_thousands(context->arena, result->rows_archived), plan ? "to archive" : "archived",
                text_thousands(context->arena, result->rows_erased),
                plan ? "to erase from the live tables" : "erased from the live tables",
                text_thousands(context->arena, result->rows_left), result->overdue);
    if (plan)
        command_say(context, "plan digest %s\n", result->plan_digest);
}

Err
passes_check_policy(const Rules *rules, const char *name)
{
    const char *names[256];
    size_t count = 0;
    for (size_t i = 0; i < rules->policy_count; i++)
    {
        if (strcmp(rules->policies[i].name, name) == 0)
            return OK;
        if (count < sizeof names / sizeof *names)
            names[count++] = rules->policies[i].name;
    }
    const int near = text_nearest(name, names, count);
    return err_new(ERR_USAGE, "the configuration has no policy \"%s\"%s%s%s", name, near < 0 ? "" : "; did you mean \"",
                   near < 0 ? "" : names[near], near < 0 ? "" : "\"?");
}

Err
passes_check_kind(const Rules *rules, const char *kind)
{
    const char *names[256];
    size_t count = 0;
    for (size_t i = 0; i < rules->subject_count; i++)
    {
        if (strcmp(rules->subjects[i].kind, kind) == 0)
            return OK;
        if (count < sizeof names / sizeof *names)
            names[count++] = rules->subjects[i].kind;
    }
    const int near = text_nearest(kind, names, count);
    return err_new(ERR_USAGE, "the configuration has no subject kind \"%s\"%s%s%s", kind,
                   near < 0 ? "" : "; did you mean \"", near < 0 ? "" : names[near], near < 0 ? "" : "\"?");
}
