/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h -- waiting for what people ask for: a connection to each database that listens, looked at when it says
 * something, and once a minute.  A server that goes away is connected to again. */
#ifndef EXPUNGE_WATCH_H
#define EXPUNGE_WATCH_H

#include "base/instant.h"
#include "model/rules.h"

#include <stdbool.h>

typedef struct Watch Watch;

Watch *watch_open(const Rules *rules);
void watch_closep(Watch **watch);

/* Where something is to be done: the database's name, one after the other; NULL: nowhere (now).  story: what went wrong
 * with a connection since the last call, NULL otherwise; valid until the next one. */
const char *watch_next(Watch *watch, const char **ret_story);
/* Until a database says something, a connection is to be tried again, a minute is over, or somebody asks to stop. */
void watch_wait(Watch *watch);

#endif
