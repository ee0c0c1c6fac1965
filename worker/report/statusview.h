/* SPDX-License-Identifier: Apache-2.0 */
/* statusview.h -- what a status tells, for people and for programs.  Pure. */
#ifndef EXPUNGE_STATUSVIEW_H
#define EXPUNGE_STATUSVIEW_H

#include "report/collect.h"

JsonDoc *statusview_json(Arena *arena, const StatusDatabase *database);
JsonDoc *statusview_disposal(Arena *arena, const StatusDatabase *database, const StatusDisposal *disposal);
/* Something is wrong with it: it is overdue, or its last attempt failed. */
bool statusview_is_late(const StatusDisposal *disposal);
/* The database, then a line for each disposal, what needs a person first, and their numbers. */
char *statusview_text(Arena *arena, const StatusDatabase *database);
/* One disposal's whole story. */
char *statusview_story(Arena *arena, const StatusDatabase *database, const StatusDisposal *disposal);
/* "failing", "OVERDUE since …": a disposal's standing and what comes next, in a sentence without a full stop. */
char *statusview_sentence(Arena *arena, const StatusDisposal *disposal, Instant now);

#endif
