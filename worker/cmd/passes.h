/* SPDX-License-Identifier: Apache-2.0 */
/* passes.h -- what the commands plan and run share: their result, told to people and programs. */
#ifndef EXPUNGE_PASSES_H
#define EXPUNGE_PASSES_H

#include "cmd/command.h"
#include "engine/run.h"

void passes_print(Context *context, const RunResult *result, bool plan);
/* While a run works, for its options' progress (context: the Context): to the service manager, and to a terminal. */
void passes_progress(void *context, const Outcome *outcome);
/* What became of one disposal, in a line for a log; nothing where nothing did. */
void passes_tell(const Context *context, const Outcome *outcome);
/* ERR_USAGE with the nearest right name when the rules know no such policy or kind. */
NODISCARD Err passes_check_policy(const Rules *rules, const char *name);
NODISCARD Err passes_check_kind(const Rules *rules, const char *kind);

#endif
