/* SPDX-License-Identifier: Apache-2.0 */
/* outcomeview.h -- what a plan or a run tells, for people and for programs. */
#ifndef EXPUNGE_OUTCOMEVIEW_H
#define EXPUNGE_OUTCOMEVIEW_H

#include "model/outcome.h"
#include "wrap/jsondoc.h"

JsonDoc *outcomeview_json(Arena *arena, const Outcome *outcome);
/* A paragraph: one line for the disposal, one for each table, held and kept rows, and the error. */
char *outcomeview_text(Arena *arena, const Outcome *outcome, bool verbose); /* verbose: copies table by table as well */

#endif
