/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h -- words to the service manager through libsystemd, loaded at run time: without it, or outside a service,
 * nothing happens. */
#ifndef EXPUNGE_NOTIFY_H
#define EXPUNGE_NOTIFY_H

#include "base/err.h"

void notify_ready(void);
void notify_stopping(void);
void notify_status(const char *format, ...) PRINTF_LIKE(1, 2);
void notify_watchdog(void);

#endif
