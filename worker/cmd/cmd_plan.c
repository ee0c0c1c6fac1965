/* SPDX-License-Identifier: Apache-2.0 */
/* plan -- what a run would do; nothing is changed: the server itself forbids it (READ ONLY). */
#include "cmd/command.h"
#include "cmd/passes.h"
#include "report/scriptview.h"

#include <stdio.h>

enum
{
    OPT_POLICY,
    OPT_AS_OF,
    OPT_SQL
};

static const OptionRule options[] = {
    [OPT_POLICY] = { "--policy", OPTION_TEXT, "NAME", "only this policy" },
    [OPT_AS_OF] = { "--as-of", OPTION_TIME, "TIME", "as if it were this time" },
    [OPT_SQL] = { "--sql", OPTION_FLAG, NULL, "print every statement on user tables that a run would send, for psql" },
};

static Err
run_plan(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    RunOptions run = { .look_only = true, .filter.policy = context->values[OPT_POLICY] };
    RunResult result;

    if (context->operand_count == 1)
        return err_new(ERR_USAGE, "a subject is named by kind and key: expunge plan KIND KEY");
    if (context->operand_count == 2)
        TRY(command_check_key(context->operands[1]));
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    if (command_given(context, OPT_AS_OF))
        workshop.house.as_of = context->times[OPT_AS_OF];
    if (context->operand_count == 2)
    {
        run.filter.kind = context->operands[0];
        run.filter.key = context->operands[1];
        TRY(passes_check_kind(workshop.rules, run.filter.kind));
    }
    if (run.filter.policy != NULL)
        TRY(passes_check_policy(workshop.rules, run.filter.policy));
    run.tells_sql = command_given(context, OPT_SQL);
    const Err e = run_all(&workshop.house, context->arena, &run, &result);
    if (run.tells_sql && !context->json)
        printf("%s", scriptview_text(context->arena, result.outcomes, result.count));
    else
        passes_print(context, &result, true);
    if (run.tells_sql && context->json)
        jsondoc_set(context->out, "sql", scriptview_json(context->arena, result.outcomes, result.count));
    return e;
}

const Command command_plan = {
    .name = "plan",
    .operands = "[KIND KEY]",
    .operands_max = 2,
    .summary = "what a run would do, per disposal and table",
    .description =
        "Counts in READ ONLY transactions what the next run would archive, erase, hold and keep, and prints a digest of\n"
        "it all.  With KIND and KEY: only that subject.  With --sql: the statements on user tables that a run would send, in\n"
        "order, as a script for psql on a copy of the database; a subject's key is a psql variable there, never printed.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_plan,
};
