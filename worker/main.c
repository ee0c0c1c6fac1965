/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- find the command, run it, print the error story, exit (the only exit of the tree). */
#include "cmd/command.h"
#include "wrap/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
print_json(Context *context, Err e)
{
    jsondoc_set_bool(context->out, "ok", e == OK);
    if (e != OK)
    {
        JsonDoc *error = jsondoc_object();
        JsonDoc *story = jsondoc_array();
        jsondoc_set_string(error, "code", err_name(e));
        for (size_t i = 0; i < err_lines(); i++)
            jsondoc_push_string(story, err_line(i));
        jsondoc_set(error, "story", story);
        jsondoc_set(context->out, "error", error);
    }
    puts(jsondoc_pretty(context->arena, context->out));
}

static void
print_story(Err e)
{
    for (size_t i = 0; i < err_lines(); i++)
        fprintf(stderr, "%s%s\n", i == 0 ? "expunge: " : "  ", err_line(i));
    if (e == ERR_USAGE)
        fputs("  \"expunge help\" tells more\n", stderr);
}

/* The exit status: of e, or of an output that could not be written. */
static int
flush_output(Err e)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return err_exit_status(e);
    fputs("expunge: could not write to standard output\n", stderr);
    return err_exit_status(ERR_IO);
}

int
main(int argc, char **argv)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(jsondoc_freep) JsonDoc *out = jsondoc_object();
    Context context = { .arena = arena, .color = getenv("NO_COLOR") == NULL && isatty(STDOUT_FILENO), .out = out };

    if (argc == 2 && strcmp(argv[1], "--version") == 0)
    {
        puts("expunge " EXPUNGE_VERSION);
        return flush_output(OK);
    }
    (void)umask(077);
    jsondoc_set_integer(out, "schema_version", 1);
    Err e = seal_init();
    if (e == OK)
        e = command_parse(argc, argv, &context);
    jsondoc_set_string(out, "command", context.command == NULL ? NULL : context.command->name);
    jsondoc_set_bool(out, "ok", true);
    if (e == OK)
        e = command_finish(&context, context.command->run(&context));
    if (context.json)
        print_json(&context, e);
    else if (e != OK)
        print_story(e);
    return flush_output(e);
}
