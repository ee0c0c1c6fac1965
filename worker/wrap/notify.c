/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/notify.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*SdNotify)(int unset_environment, const char *state);

static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static SdNotify sd_notify_function;

static void
load(void)
{
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL); /* stays until the process ends */

    if (library != NULL)
        *(void **)&sd_notify_function = dlsym(library, "sd_notify"); /* POSIX's own way round ISO C, see dlsym(3) */
}

static void
tell(const char *state)
{
    if (getenv("NOTIFY_SOCKET") == NULL)
        return;
    (void)pthread_once(&loaded, load);
    if (sd_notify_function != NULL)
        (void)sd_notify_function(0, state);
}

void
notify_ready(void)
{
    tell("READY=1");
}

void
notify_stopping(void)
{
    tell("STOPPING=1");
}

void
notify_status(const char *format, ...)
{
    char state[512] = "STATUS=";
    const size_t start = strlen(state);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(state + start, sizeof state - start, format, args);
    va_end(args);
    for (char *at = state; *at != '\0'; at++)
        if (*at == '\n') /* would begin another assignment */
            *at = ' ';
    tell(state);
}

void
notify_watchdog(void)
{
    tell("WATCHDOG=1");
}
