/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h -- from the configuration file to Rules: one schema layer that knows every setting, its type and range.
 *
 * An unknown setting, a wrong type, a number out of range, a doubled name, a missing setting, an edge or policy that
 * contradicts itself: each is ERR_CONFIG with "FILE:LINE: setting: what is wrong; what would be right". */
#ifndef EXPUNGE_SETTINGS_H
#define EXPUNGE_SETTINGS_H

#include "model/rules.h"
#include "wrap/seal.h"

/* All errors are found, not only the first: the story has a line for each (at most ten). */
NODISCARD Err settings_load(Arena *arena, const char *path, Rules **ret_rules);
/* The master key that rules name: a systemd credential below $CREDENTIALS_DIRECTORY, or a private file. */
NODISCARD Err settings_master_key(const Rules *rules, Secret **ret_master);
/* The same for worker.next_master_key; NULL where it is not set. */
NODISCARD Err settings_next_master_key(const Rules *rules, Secret **ret_master);

#endif
