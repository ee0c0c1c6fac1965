/* SPDX-License-Identifier: Apache-2.0 */
/* instant.h -- points in time: microseconds UTC since 1970-01-01.  Pure but for instant_now(). */
#ifndef EXPUNGE_INSTANT_H
#define EXPUNGE_INSTANT_H

#include "arena.h"
#include <stdbool.h>

typedef int64_t Instant;
#define INSTANT_NONE INT64_MIN

#define INSTANT_SECOND INT64_C(1000000)
#define INSTANT_MINUTE (60 * INSTANT_SECOND)
#define INSTANT_HOUR (60 * INSTANT_MINUTE)
#define INSTANT_DAY (24 * INSTANT_HOUR)

Instant instant_now(void);       /* this machine's clock */
int64_t instant_monotonic(void); /* microseconds of a clock that never steps, for measuring durations */

/* RFC 3339, UTC, microseconds only where they are not zero: "2026-01-31T23:59:59Z".  INSTANT_NONE → "-". */
char *instant_format(Arena *arena, Instant at);
/* The day alone: "2026-01-31" */
char *instant_format_day(Arena *arena, Instant at);
/* "2026-01-31", "2026-01-31T23:59:59[.123456](Z|+hh:mm)", a space instead of T, "+hh"; years 1 to 9999; false otherwise. */
bool instant_parse(const char *text, Instant *ret);
/* "3 days", "4 h", "12 min", "5 s": for people, the largest unit that fits, rounded down */
char *instant_format_age(Arena *arena, int64_t microseconds);

#endif
