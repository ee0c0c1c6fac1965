/* SPDX-License-Identifier: Apache-2.0 */
/* pause, resume -- stop every worker at its next batch; go on. */
#include "cmd/command.h"
#include "base/text.h"
#include "sql.h"

#include <stdlib.h>

enum
{
    OPT_REASON
};

static const OptionRule pause_options[] = {
    [OPT_REASON] = { "--reason", OPTION_TEXT, "TEXT",
                     "why: shown to everybody who finds the worker paused (required)" },
};

static Err
set_pause(Context *context, bool pause)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    for (size_t i = 0; i < workshop.rules->database_count; i++)
    {
        CLEANUP(session_closep) Session *session = NULL;
        CLEANUP(db_tx_endp) DbTx tx = { 0 };
        CLEANUP(db_result_freep) DbResult *done = NULL;
        const char *login = getenv("USER");
        const char *params[] = { context->values[OPT_REASON], login == NULL || *login == '\0' ? NULL : login };
        TRY(session_open(&workshop.house, &workshop.rules->databases[i], NULL, &session));
        TRY(db_begin(session->db, "", &tx));
        TRY(db_query(session->db, pause ? SQL_pause_set : SQL_pause_clear, pause ? 2 : 0, params, &done));
        const bool changed = db_affected(done) > 0;
        if (changed)
            TRY(disposals_record(context->arena, session->db, 0, pause ? "paused" : "resumed",
                                 session_fields(session, NULL)));
        TRY(db_commit(&tx));
        TRY(session_flush(session, 0, true));
        command_say(context, "database \"%s\" is %s%s\n", session->database->name, changed ? "" : "already ",
                    pause ? "paused" : "at work");
    }
    return OK;
}

static Err
run_pause(Context *context)
{
    if (text_blank(context->values[OPT_REASON]))
        return err_new(ERR_USAGE, "say why: expunge pause --reason TEXT");
    return set_pause(context, true);
}

static Err
run_resume(Context *context)
{
    return set_pause(context, false);
}

const Command command_pause = {
    .name = "pause",
    .operands = "",
    .summary = "stop every worker at its next batch",
    .description =
        "Workers finish the batch under way and stop; runs do nothing until \"expunge resume\".  What is overdue stays\n"
        "overdue: a run that does nothing meanwhile exits with 13.",
    .options = pause_options,
    .option_count = sizeof pause_options / sizeof *pause_options,
    .run = run_pause,
};

const Command command_resume = {
    .name = "resume",
    .operands = "",
    .summary = "go on after a pause",
    .description = "Takes a pause back; the next run goes on where the last one stopped.",
    .run = run_resume,
};
