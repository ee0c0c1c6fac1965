/* SPDX-License-Identifier: Apache-2.0 */
/* caps.h -- what a run would take away, against the caps of "safety". */
#ifndef EXPUNGE_CAPS_H
#define EXPUNGE_CAPS_H

#include "engine/discover.h"

/* A whole run: ERR_RAIL with a line for each cap that is exceeded. */
NODISCARD Err caps_judge(Arena *arena, const Rules *rules, const DueList *due);
/* What people asked for: rows and share of each disposal by itself, where no second person has approved its rows; the
 * number of subjects together with those of the last day.  One that is too many gets its error, also in the database, and
 * holds up no other. */
NODISCARD Err caps_judge_requests(Arena *arena, const Rules *rules, const DueList *due);

#endif
