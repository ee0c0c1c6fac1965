/* SPDX-License-Identifier: Apache-2.0 */
/* softedge.h -- what only the server can say of the configuration's edges: whether their expressions and conditions are
 * right and say the same each time, which types they have, and whether an index serves them. */
#ifndef EXPUNGE_SOFTEDGE_H
#define EXPUNGE_SOFTEDGE_H

#include "engine/session.h"

/* All edges of the session's targets: as_text, value_type, value_cast and indexed are filled in.  Nothing of the database
 * is changed: a temporary table without rows is made and rolled back.
 * Fails with ERR_CONFIG naming file, line and setting: SQL that the server does not take, a subquery, a function that is
 * not immutable, types that cannot be compared, a match that is no array. */
NODISCARD Err softedge_bind(Session *session);

#endif
