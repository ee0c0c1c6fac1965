/* SPDX-License-Identifier: Apache-2.0 */
/* settings_processors.h -- the part of settings.h that judges processors: placeholders, values, what their answers can mean.
 * Fills ProcessorRule.calls. */
#ifndef EXPUNGE_SETTINGS_PROCESSORS_H
#define EXPUNGE_SETTINGS_PROCESSORS_H

#include "engine/schema.h"
#include "model/rules.h"
#include "wrap/seal_text.h"

void settings_judge_processors(SchemaFaults *faults, const ConfNode *root, Rules *rules);

/* "NAME" of a credential below $CREDENTIALS_DIRECTORY, or "credential:NAME" or "file:/path" as a setting has it.
 * ERR_CONFIG when it is not there, or a file that others may read. */
NODISCARD Err settings_load_secret(const char *secret, SecretText *ret_text);
/* Every credential that the processor's messages need is there: ERR_CONFIG with "FILE:LINE: processor …" otherwise. */
NODISCARD Err settings_judge_credentials(Arena *arena, const Rules *rules, const ProcessorRule *processor);

#endif
