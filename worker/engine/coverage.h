/* SPDX-License-Identifier: Apache-2.0 */
/* coverage.h -- may this subject's disposals go on?  Fail closed: a table or a column that nothing speaks of, or a schema
 * that is not the accepted one, stops them before anything has begun, and the lines that would settle it are told. */
#ifndef EXPUNGE_COVERAGE_H
#define EXPUNGE_COVERAGE_H

#include "engine/session.h"
#include "model/outcome.h"

/* ERR_RAIL naming what and where, with outcome->settle: lines of configuration, one each; texts in arena.  OK for a
 * policy.  Columns are looked at once per session, a sample of their values included. */
NODISCARD Err coverage_judge(Arena *arena, Session *session, const Target *target, Outcome *outcome);

/* For a status: columns that look like a key by name and type, without a look at any row; NULL: there are none. */
const char *coverage_named_gaps(Arena *arena, const Session *session);

#endif
