/* SPDX-License-Identifier: Apache-2.0 */
/* outcomeview.h -- what a plan or a run tells, for people and for programs. */
#ifndef EXPUNGE_OUTCOMEVIEW_H
#define EXPUNGE_OUTCOMEVIEW_H

#include "model/outcome.h"
#include "wrap/jsondoc.h"

JsonDoc *outcomeview_json(Arena *arena, const Outcome *outcome);
/* A paragraph: one line for the disposal, one for each table, held and kept rows, and the error. */
char *outcomeview_text(Arena *arena, const Outcome *outcome, bool verbose); /* verbose: copies table by table as well */

/* Of all plans, for each policy and kind once: what each missing index costs, a line each; "" when none is missing. */
char *outcomeview_indexes(Arena *arena, Outcome *const *outcomes, size_t count);
/* Of all plans, each view once: what keeps copies of rows that go or change; "" when nothing does. */
char *outcomeview_views(Arena *arena, Outcome *const *outcomes, size_t count);

#endif
