/* SPDX-License-Identifier: Apache-2.0 */
/* stop.h -- being asked to stop: SIGTERM and SIGINT end the run after the batch under way; so does the time that
 * --for allows. */
#ifndef EXPUNGE_STOP_H
#define EXPUNGE_STOP_H

#include "base/instant.h"

#include <stdbool.h>

void stop_install(void);
/* Monotonic microseconds at which to stop; 0: never.  From stop_at() on, for all threads. */
void stop_at(int64_t monotonic_us);
/* ERR_PARTLY with the reason when asked to stop. */
NODISCARD Err stop_judge(void);
/* Until one of the sockets is readable or the time is over, but not beyond a request to stop; negative ones are left out. */
void stop_wait(const int *sockets, size_t count, int64_t microseconds);
bool stop_is_asked(void);
/* Sleep, but not beyond a request to stop. */
void stop_sleep(int64_t microseconds);

#endif
