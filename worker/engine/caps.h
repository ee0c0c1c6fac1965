/* SPDX-License-Identifier: Apache-2.0 */
/* caps.h -- what a run would take away, against the caps of "safety".
 *
 * What somebody asked for at once is judged by itself: its rows and its share where no second person has approved them, and
 * the number of subjects together with those of the last day.  One that is too large gets its error, also in the database,
 * waits for an hour, and holds up no other.  All the rest of a run is judged together. */
#ifndef EXPUNGE_CAPS_H
#define EXPUNGE_CAPS_H

#include "engine/discover.h"

/* one_by_one: nothing is judged together.  ERR_RAIL with a line for each cap that the rest exceeds. */
NODISCARD Err caps_judge(Arena *arena, const Rules *rules, const DueList *due, bool one_by_one);
/* A person has looked: what waited because of its size is due now. */
NODISCARD Err caps_forget(Session *session);

#endif
