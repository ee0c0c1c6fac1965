/* SPDX-License-Identifier: Apache-2.0 */
/* tool.h -- the programs that stores are reached by: run, judged by their exit status, and read as JSON (copies.h). */
#ifndef EXPUNGE_TOOL_H
#define EXPUNGE_TOOL_H

#include "copies/copies.h"
#include "wrap/jsondoc.h"
#include "wrap/program.h"

typedef struct Tool
{
    const char *const *argv;     /* as program.h: no key, no secret */
    const char *const *settings; /* likewise */
    const char *input;           /* NULL: none */
    size_t input_bytes;
} Tool;

/* Run it within the store's time.  Another exit status than 0 is ERR_IO (75: ERR_AGAIN) with the last line of its complaint,
 * hushed for these cases.  ret_result may be NULL; its texts live in the store's arena. */
NODISCARD Err tool_run(const CopyStore *store, const Tool *tool, CopyCase *const *cases, size_t count,
                       ProgramResult *ret_result);
/* The same, whatever its exit status: only what keeps it from running to its end is an error. */
NODISCARD Err tool_try(const CopyStore *store, const Tool *tool, ProgramResult *ret_result);
/* The last line that it complained with, hushed; "" when it said nothing. */
char *tool_complaint(const CopyStore *store, const ProgramResult *result, CopyCase *const *cases, size_t count);
/* What it said, as one JSON value; ERR_IO naming the program when it is none. */
NODISCARD Err tool_json(const Tool *tool, const char *text, size_t length, JsonDoc **ret_doc);

#endif
