/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#ifdef EXPUNGE_FAULTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_STEP_NS 10000000L
#define PAUSE_STEPS 3000 /* 30 s */

/* "name" or "name:REST"; ret_rest is NULL when there is none. */
static bool
names_point(const char *value, const char *name, const char **ret_rest)
{
    const size_t length = strlen(name);

    if (value == NULL || strncmp(value, name, length) != 0 || (value[length] != '\0' && value[length] != ':'))
        return false;
    *ret_rest = value[length] == ':' ? value + length + 1 : NULL;
    return true;
}

static void
touch(const char *path, const char *line)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0 || dprintf(fd, "%s\n", line) < 0)
        perror(path);
    if (fd >= 0)
        (void)close(fd);
}

static void
pause_until(const char *file, const char *name)
{
    char reached[4096];

    (void)snprintf(reached, sizeof reached, "%s.reached", file);
    touch(reached, name);
    for (int i = 0; i < PAUSE_STEPS && access(file, F_OK) != 0; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_STEP_NS }, NULL);
}

/* "N:FILE,M:FILE": at the N-th passage of any point that the one working thread comes to. */
static void
stop_at(const char *stops, const char *name)
{
    static atomic_long all;
    char file[1024];

    if (stops == NULL || strncmp(name, "frame.", 6) == 0)
        return;
    const long passage = atomic_fetch_add(&all, 1) + 1;
    for (const char *at = stops; at != NULL && *at != '\0'; at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
    {
        char *rest = NULL;
        if (strtol(at, &rest, 10) != passage || *rest != ':')
            continue;
        const size_t length = strcspn(rest + 1, ",");
        (void)snprintf(file, sizeof file, "%.*s", (int)length, rest + 1);
        pause_until(file, name);
    }
}

void
fault_point(const char *name)
{
    static atomic_long passages;
    const char *log = getenv("EXPUNGE_FAULT_LOG");
    const char *rest = NULL;

    if (log != NULL)
        touch(log, name);
    stop_at(getenv("EXPUNGE_FAULT_STOPS"), name);
    if (names_point(getenv("EXPUNGE_FAULT_PAUSE"), name, &rest) && rest != NULL)
        pause_until(rest, name);
    if (names_point(getenv("EXPUNGE_FAULT"), name, &rest))
    {
        const long wanted = rest != NULL ? strtol(rest, NULL, 10) : 1;

        if (atomic_fetch_add(&passages, 1) + 1 == wanted)
            (void)kill(getpid(), SIGKILL);
    }
}

#else

typedef int FaultIsNotCompiledIn; /* a translation unit must not be empty */

#endif
