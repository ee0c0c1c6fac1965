/* SPDX-License-Identifier: Apache-2.0 */
/* verify_private.h -- what the files of verify share. */
#ifndef EXPUNGE_VERIFY_PRIVATE_H
#define EXPUNGE_VERIFY_PRIVATE_H

#include "engine/cursor.h"
#include "engine/verify.h"

/* session NULL: no database in particular; code OK: a warning. */
void verify_fault(Verify *verify, const Session *session, Err code, const char *format, ...) PRINTF_LIKE(4, 5);
/* The story of a failed call becomes a fault, and is forgotten. */
void verify_story(Verify *verify, const Session *session, Err code);
/* The same, where the story does not say which database. */
void verify_failure(Verify *verify, const Session *session, Err code);

#endif
