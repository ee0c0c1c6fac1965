/* SPDX-License-Identifier: Apache-2.0 */
/* watch -- stay, and act on what people ask for as it arrives. */
#include "cmd/passes.h"
#include "engine/settings.h"
#include "engine/stop.h"
#include "engine/watch.h"
#include "wrap/notify.h"

#include <stdio.h>
#include <string.h>

typedef struct Tally
{
    int64_t passes;
    int64_t failures;
} Tally;

/* Configuration, keys and ledger are opened anew for each pass: what was changed meanwhile counts, and nothing is kept
 * from others in between. */
static Err
run_requests(Context *context, const char *database)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    RunOptions run = {
        .filter.requests = true, .filter.database = database, .progress = passes_progress, .progress_context = context
    };
    RunResult result = { 0 };

    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    const Err e = run_all(&workshop.house, context->arena, &run, &result);
    for (size_t i = 0; i < result.count; i++)
        passes_tell(context, result.outcomes[i]);
    return e;
}

static void
pass(Context *context, const char *database, Tally *tally)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Context own = *context;

    own.arena = arena;
    tally->passes++;
    const Err e = run_requests(&own, database);
    if (e == OK || stop_is_asked())
        return;
    tally->failures++;
    command_note(context, "watch: %s\n", err_joined());
    err_clear();
}

static Err
run_watch(Context *context)
{
    CLEANUP(watch_closep) Watch *watch = NULL;
    Rules *rules;
    Tally tally = { 0 };

    stop_install();
    TRY(settings_load(context->arena, context->config_path, &rules));
    watch = watch_open(rules);
    notify_ready();
    while (!stop_is_asked())
    {
        const char *story;
        const char *database = watch_next(watch, &story);
        notify_watchdog();
        if (story != NULL)
            command_note(context, "watch: %s\n", story);
        if (database != NULL)
            pass(context, database, &tally);
        notify_status("waiting for requests");
        if (database == NULL)
            watch_wait(watch);
    }
    notify_stopping();
    err_clear();
    jsondoc_set_integer(context->out, "passes", tally.passes);
    jsondoc_set_integer(context->out, "failures", tally.failures);
    return OK;
}

const Command command_watch = {
    .name = "watch",
    .operands = "",
    .summary = "stay, and act on requests as they arrive",
    .description =
        "Listens to every database and does what \"run --requests\" does, as soon as somebody asks for something, and once a\n"
        "minute.  A server that is restarted is connected to again.  SIGTERM ends it after the batch under way, with 0: what\n"
        "is left goes on when it is started again, or with the next run.  For expunge-watch.service.",
    .run = run_watch,
};
