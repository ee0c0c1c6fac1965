/* SPDX-License-Identifier: Apache-2.0 */
/* wishes.h -- what people asked for by the functions of schema expunge: the worker tells these what they must know, and
 * makes their wishes its own. */
#ifndef EXPUNGE_WISHES_H
#define EXPUNGE_WISHES_H

#include "engine/session.h"

/* Tell the functions of the kinds of subjects that are configured; writes nothing where they know. */
NODISCARD Err wishes_publish(Session *session);

/* Requests become disposals of the worker's own: commitment, name, the end of the grace period where the root has ended;
 * and what people asked for, approved, withdrew, placed or released goes to the outbox, once each, without a word of
 * theirs: keyed commitments. */
NODISCARD Err wishes_adopt(Session *session);

/* The grace period of a subject that has ended begins with its end, or anew when it was brought back since:
 * nobody who was is gone again the next morning. */
NODISCARD Err wishes_grace_from(Session *session, const char *kind, const char *commitment, Instant ended_at,
                                Instant *ret_from);

#endif
