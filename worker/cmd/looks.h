/* SPDX-License-Identifier: Apache-2.0 */
/* looks.h -- what the commands share that only look: status, report, certificate. */
#ifndef EXPUNGE_LOOKS_H
#define EXPUNGE_LOOKS_H

#include "cmd/command.h"
#include "report/collect.h"

/* The option --format: "json" is the same as --json, errors included; "text" is the default.  ERR_USAGE for what is not
 * among formats, and where --format and --json contradict each other. */
NODISCARD Err looks_format(Context *context, size_t option, const char *const *formats, size_t count,
                           const char **ret_format);

/* Name, region, pause and coverage of a session's database. */
void looks_describe(Arena *arena, const Session *session, StatusDatabase *ret_status);

/* A database that cannot be asked does not hide the others: code and its story are kept, the story is forgotten. */
void looks_keep_error(Arena *arena, Err code, StatusDatabase *ret_status);
/* The kept error, told again; OK where there is none. */
NODISCARD Err looks_verdict(const StatusDatabase *status);

/* Subjects of a kind that have ended and have no disposal yet (at most 10,000 are counted), and how many of them ended
 * before late. */
NODISCARD Err looks_ended(Session *session, Arena *arena, const Target *target, Instant now, Instant late,
                          int64_t *ret_ended, int64_t *ret_late);
/* Whether a policy has rows that are due as of a point in time. */
NODISCARD Err looks_any_due(Session *session, Arena *arena, const Target *target, Instant as_of, bool *ret_due);

#endif
