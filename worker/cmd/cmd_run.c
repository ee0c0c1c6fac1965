/* SPDX-License-Identifier: Apache-2.0 */
/* run -- one pass over everything due. */
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/passes.h"
#include "engine/stop.h"
#include "report/metrics.h"
#include "wrap/notify.h"

#include <stdio.h>
#include <string.h>

enum
{
    OPT_POLICY,
    OPT_DISPOSAL,
    OPT_REQUESTS,
    OPT_JOBS,
    OPT_FOR,
    OPT_ALLOW_LARGE,
    OPT_AS_OF
};

static const OptionRule options[] = {
    [OPT_POLICY] = { "--policy", OPTION_TEXT, "NAME", "only this policy" },
    [OPT_DISPOSAL] = { "--disposal", OPTION_TEXT, "ID", "only this disposal" },
    [OPT_REQUESTS] = { "--requests", OPTION_FLAG, NULL,
                       "only what people asked for: requests, approvals, withdrawals" },
    [OPT_JOBS] = { "--jobs", OPTION_NUMBER, "N", "so many disposals side by side (default: worker.jobs)" },
    [OPT_FOR] = { "--for", OPTION_TEXT, "DURATION", "stop after this time, such as \"2 hours\"" },
    [OPT_ALLOW_LARGE] = { "--allow-large", OPTION_FLAG, NULL, "this once, go beyond the caps of \"safety\"" },
    [OPT_AS_OF] = { "--as-of", OPTION_TIME, "TIME", "as if it were this time (only where safety.allow_as_of = true)" },
};

/* "90 s", "5 min", "2 h 30 min", with the long words too */
static Err
parse_duration(const char *text, int64_t *ret_us)
{
    static const struct
    {
        const char *word;
        int64_t us;
    } units[] = { { "s", INSTANT_SECOND },       { "sec", INSTANT_SECOND }, { "second", INSTANT_SECOND },
                  { "seconds", INSTANT_SECOND }, { "min", INSTANT_MINUTE }, { "minute", INSTANT_MINUTE },
                  { "minutes", INSTANT_MINUTE }, { "h", INSTANT_HOUR },     { "hour", INSTANT_HOUR },
                  { "hours", INSTANT_HOUR } };
    int64_t total = 0;
    int used = 0;
    for (const char *at = text; *at != '\0'; at += used)
    {
        int number;
        char word[16];
        if (sscanf(at, " %6d %15[a-z]%n", &number, word, &used) != 2 || number < 0)
            return err_new(ERR_USAGE, "--for wants a duration such as \"2 hours\" or \"30 min\", not \"%s\"", text);
        size_t u = 0;
        while (u < sizeof units / sizeof *units && strcmp(units[u].word, word) != 0)
            u++;
        if (u == sizeof units / sizeof *units)
            return err_new(ERR_USAGE, "--for: unknown unit \"%s\"; seconds, minutes and hours are known", word);
        total += number * units[u].us;
    }
    if (total == 0)
        return err_new(ERR_USAGE, "--for wants a duration such as \"2 hours\" or \"30 min\", not \"%s\"", text);
    *ret_us = total;
    return OK;
}

static Err
read_options(Context *context, Workshop *workshop, RunOptions *run)
{
    run->filter.policy = context->values[OPT_POLICY];
    run->filter.requests = command_given(context, OPT_REQUESTS);
    if (run->filter.requests && (command_given(context, OPT_POLICY) || command_given(context, OPT_DISPOSAL)))
        return err_new(ERR_USAGE, "--requests names what is worked on, and so does %s: one of them",
                       command_given(context, OPT_POLICY) ? "--policy" : "--disposal");
    run->allow_large = command_given(context, OPT_ALLOW_LARGE);
    run->jobs = context->numbers[OPT_JOBS];
    run->progress = passes_progress;
    run->progress_context = context;
    if (run->filter.policy != NULL)
        TRY(passes_check_policy(workshop->rules, run->filter.policy));
    if (command_given(context, OPT_AS_OF))
    {
        if (!workshop->rules->allow_as_of)
            return err_new(ERR_RAIL, "--as-of is for trials: it needs safety.allow_as_of = true in the configuration");
        workshop->house.as_of = context->times[OPT_AS_OF];
    }
    if (command_given(context, OPT_DISPOSAL))
    {
        CLEANUP(session_closep) Session *session = NULL;
        Disposal *disposal;
        TRY(command_disposal_session(context, workshop, context->values[OPT_DISPOSAL], &session, &disposal));
        run->filter.disposal_id = disposal->id;
        run->filter.database = session->database->name;
    }
    if (command_given(context, OPT_FOR))
    {
        int64_t duration = 0;
        TRY(parse_duration(context->values[OPT_FOR], &duration));
        stop_at(instant_monotonic() + duration);
    }
    return OK;
}

typedef struct Tally
{
    size_t failed;
    size_t railed;
    size_t held;
    size_t waiting; /* for an approval */
    size_t broken;
    bool progressed;
} Tally;

static Tally
count_outcomes(const RunResult *result)
{
    Tally tally = { 0 };
    for (size_t i = 0; i < result->count; i++)
    {
        const Outcome *o = result->outcomes[i];
        tally.progressed = tally.progressed || o->progressed;
        tally.waiting += o->code == OK && o->step != NULL && strcmp(o->step, "approve") == 0 ? 1 : 0;
        tally.held += o->code == ERR_HELD ? 1 : 0;
        tally.broken += o->code == ERR_EVIDENCE ? 1 : 0;
        tally.railed += o->code == ERR_RAIL ? 1 : 0;
        tally.failed += o->code != OK && o->code != ERR_HELD ? 1 : 0;
    }
    return tally;
}

/* What the whole pass comes to. */
static Err
judge(const RunResult *result, bool one_disposal)
{
    const Tally tally = count_outcomes(result);
    if (tally.broken > 0)
        return err_new(ERR_EVIDENCE, "%zu disposal(s) stopped because their snapshot or ledger does not verify",
                       tally.broken);
    if (!tally.progressed && result->overdue > 0)
        return err_new(ERR_IDLE, "nothing was done while %lld disposal(s) are overdue", (long long)result->overdue);
    if (tally.failed > 0 && tally.railed == tally.failed)
        return err_new(ERR_RAIL, "%zu disposal(s) were stopped by a rail", tally.railed);
    if (tally.failed > 0)
        return err_new(ERR_PARTLY, "%zu disposal(s) did not come to their end; they wait for their next attempt",
                       tally.failed);
    if (one_disposal && tally.waiting > 0)
        return err_new(ERR_RAIL, "it waits for a second person's approval of exactly its plan");
    if (one_disposal && tally.held > 0)
        return err_new(ERR_HELD, "a hold forbids it");
    return OK;
}

static Err
run_run(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    RunOptions run = { .look_only = false };
    RunResult result = { 0 };

    stop_install();
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    TRY(read_options(context, &workshop, &run));
    notify_ready();
    Err e = run_all(&workshop.house, context->arena, &run, &result);
    notify_stopping();
    passes_print(context, &result, false);
    if (e == OK)
        e = judge(&result, command_given(context, OPT_DISPOSAL));
    return metrics_write(context->arena, workshop.rules,
                         &(MetricsRun){ .rows_archived = result.rows_archived,
                                        .rows_erased = result.rows_erased,
                                        .rows_left = result.rows_left,
                                        .overdue = result.overdue,
                                        .exit_status = err_exit_status(e) },
                         e);
}

const Command command_run = {
    .name = "run",
    .operands = "",
    .summary = "one pass over everything due",
    .description =
        "Finds what is due in every database, judges the caps, then archives, erases and clears, disposal by disposal.\n"
        "A failure stops its own disposal only.  SIGTERM ends the run after the batch under way.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_run,
    .judges_evidence = true,
};
