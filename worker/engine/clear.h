/* SPDX-License-Identifier: Apache-2.0 */
/* clear.h -- copies elsewhere: what stands between "erased" and "cleared".
 *
 * A disposal is cleared only when every store that may hold copies of it was asked, answered, and holds none.  A store that
 * does not answer, or answers nonsense, or is locked, leaves it where it is, with the reason and the next attempt. */
#ifndef EXPUNGE_CLEAR_H
#define EXPUNGE_CLEAR_H

#include "copies/copies.h"
#include "engine/session.h"
#include "model/outcome.h"

/* Write down the stores that the configuration has for this erased disposal. */
NODISCARD Err clear_note(Session *session, Arena *arena, const Disposal *disposal);
/* erased → cleared, when nothing is left to wait for; with its ledger entry.  The caller has claimed it. */
NODISCARD Err clear_finish(Session *session, Arena *arena, Disposal *disposal, bool *ret_cleared);

/* One erased disposal whose snapshot is gone. */
typedef struct ClearItem
{
    Session *session;
    int64_t id;
    Outcome *outcome; /* copies, state, code, error, overdue and progressed are set */
    /* clear's own */
    Disposal *disposal;
} ClearItem;

/* Judge every store that items wait for, once: list, purge what may be purged, verify; then clear those that hold nothing
 * any more.  sessions: all that are open, so that a key is known to be nobody's in each database of a store.  patient: a
 * store that failed is asked again only after its pause.
 * What fails is the items' own; only what ends the whole run is returned: stopped, a database lost, the ledger. */
NODISCARD Err clear_stores(Arena *arena, Session *const *sessions, size_t session_count, bool patient, ClearItem *items,
                           size_t count);

/* What stores hold of a disposal, for its outcome: known rows, and stores that will be asked. */
NODISCARD Err clear_tell(Session *session, Arena *arena, const Disposal *disposal, Outcome *outcome);

#endif
