/* SPDX-License-Identifier: Apache-2.0 */
/* window.h -- the hours in which deletion is allowed, UTC.  Pure: no clock, no I/O. */
#ifndef EXPUNGE_WINDOW_H
#define EXPUNGE_WINDOW_H

#include "base/instant.h"

typedef struct Window
{
    bool always;
    int from_minute; /* of the day, [0, 1440) */
    int to_minute;   /* exclusive; smaller than from_minute: over midnight */
} Window;

extern const Window window_always;

/* "01:00-05:00", "22:30-04:00"; both ends equal is refused (empty or always?); false otherwise. */
bool window_parse(const char *text, Window *ret);
bool window_is_open(const Window *window, Instant at);

#endif
