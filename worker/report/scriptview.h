/* SPDX-License-Identifier: Apache-2.0 */
/* scriptview.h -- plan --sql: the statements of all disposals as one script for psql, or as JSON.  Pure. */
#ifndef EXPUNGE_SCRIPTVIEW_H
#define EXPUNGE_SCRIPTVIEW_H

#include "model/outcome.h"
#include "wrap/jsondoc.h"

/* Each database's part is skipped where the script runs in another one.  A subject's key is the psql variable key where
 * there is one subject, key_NAME where there are more. */
char *scriptview_text(Arena *arena, Outcome *const *outcomes, size_t count);
/* An array of { disposal, database, step, table, comment, statement }: the statements, a line each, are the script. */
JsonDoc *scriptview_json(Arena *arena, Outcome *const *outcomes, size_t count);

#endif
