/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/tool.h"

#include "base/text.h"

#include <string.h>

#define OUTPUT_LIMIT ((size_t)64 << 20)
#define EXIT_TRY_AGAIN 75 /* sysexits' EX_TEMPFAIL */

Err
tool_try(const CopyStore *store, const Tool *tool, ProgramResult *ret_result)
{
    const Program program = { .argv = tool->argv,
                              .settings = tool->settings,
                              .input = tool->input,
                              .input_bytes = tool->input_bytes,
                              .output_limit = OUTPUT_LIMIT,
                              .time_limit_us = store->time_limit_us };

    return program_run(store->arena, &program, ret_result);
}

char *
tool_complaint(const CopyStore *store, const ProgramResult *result, CopyCase *const *cases, size_t count)
{
    char *text = arena_strdup(store->arena, result->complaint), *last = text;

    for (char *line; (line = strsep(&text, "\n")) != NULL;)
        if (!text_blank(line))
            last = line;
    return copies_hush(store->arena, last, cases, count);
}

Err
tool_run(const CopyStore *store, const Tool *tool, CopyCase *const *cases, size_t count, ProgramResult *ret_result)
{
    ProgramResult result;

    TRY(tool_try(store, tool, &result));
    if (result.status != 0)
    {
        const char *said = tool_complaint(store, &result, cases, count);
        return err_new(result.status == EXIT_TRY_AGAIN ? ERR_AGAIN : ERR_IO, "\"%s\" ended with exit status %d%s%s",
                       tool->argv[0], result.status, said[0] == '\0' ? "" : ": ", said);
    }
    if (ret_result != NULL)
        *ret_result = result;
    return OK;
}

Err
tool_json(const Tool *tool, const char *text, size_t length, JsonDoc **ret_doc)
{
    if (jsondoc_parse(text, length, ret_doc) == OK)
        return OK;
    return err_new(ERR_IO, "\"%s\" answered what is no JSON", tool->argv[0]);
}
