/* SPDX-License-Identifier: Apache-2.0 */
/* help -- made from the commands' own tables. */
#include "base/text.h"
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>

static void
help_all(void)
{
    printf("expunge -- what is past its time is gone, everywhere, and here is the proof.\n\n"
           "usage: expunge [--config FILE] [--json] [--quiet] [--verbose] [--no-color] COMMAND ...\n\n");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-12s %s\n", command_list[i]->name, command_list[i]->summary);
    printf(
        "\n\"expunge help COMMAND\" tells more; so do \"help exit-codes\", \"help config\", man expunge and man expunge.conf.\n");
}

static void
help_exit_codes(void)
{
    static const struct
    {
        int status;
        const char *meaning;
    } table[] = {
#define X(code, status, meaning) { status, meaning },
        ERR_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        printf("%4d  %s\n", table[i].status, table[i].meaning);
}

static void
help_config(void)
{
    printf(
        "The configuration is one file, /etc/expunge/expunge.conf or --config FILE, in the syntax of libconfig:\n\n"
        "  worker         state_dir, master_key, next_master_key, jobs, batch, pace, window, compression_level\n"
        "  databases      name, conninfo, region\n"
        "  policies       name, class, databases, table, age, keep_for, grace, purpose, basis, subject, exempt, edges\n"
        "  subjects       kind, root, key, label, incarnation, region, ended_at, confirm, grace, during_grace, edges\n"
        "  global_tables  tables that hold nobody's data\n"
        "  stores         name, kind, role, region, databases, subjects, timeout, and what its kind needs\n"
        "  safety         max_rows, max_share, max_subjects, max_clock_skew, overdue_after, allow_as_of\n"
        "  evidence       name, auditors, timestamp, timestamp_seconds\n"
        "  notify         metrics\n"
        "  end = true;    the last setting: a file that was cut is noticed\n\n"
        "man expunge.conf explains each setting; \"expunge check\" says what is wrong with yours.\n");
}

static Err
help_command(Context *context, const char *name)
{
    const char *names[32];
    for (size_t i = 0; i < command_count; i++)
    {
        const Command *command = command_list[i];
        names[i] = command->name;
        if (strcmp(name, command->name) != 0)
            continue;
        printf("%s -- %s\n\nusage: %s\n\n%s\n", command->name, command->summary, command_usage(context->arena, command),
               command->description);
        for (size_t o = 0; o < command->option_count; o++)
        {
            const OptionRule *rule = &command->options[o];
            printf("%s  %-24s %s\n", o == 0 ? "\n" : "",
                   arena_printf(context->arena, "%s%s%s", rule->name, rule->argument == NULL ? "" : " ",
                                rule->argument == NULL ? "" : rule->argument),
                   rule->help);
        }
        return OK;
    }
    const int near = text_nearest(name, names, command_count);
    return err_new(ERR_USAGE, "there is no help on \"%s\"%s%s%s", name, near < 0 ? "" : "; did you mean \"",
                   near < 0 ? "" : names[near], near < 0 ? "" : "\"?");
}

static Err
run_help(Context *context)
{
    if (context->json)
        return err_new(ERR_USAGE, "help is for people: leave out --json");
    if (context->operand_count == 0)
        help_all();
    else if (strcmp(context->operands[0], "exit-codes") == 0)
        help_exit_codes();
    else if (strcmp(context->operands[0], "config") == 0)
        help_config();
    else
        return help_command(context, context->operands[0]);
    return OK;
}

const Command command_help = {
    .name = "help",
    .operands = "[COMMAND|exit-codes|config]",
    .operands_max = 1,
    .summary = "this overview, or a command's own page",
    .description = "Without a word: all commands.",
    .run = run_help,
};
