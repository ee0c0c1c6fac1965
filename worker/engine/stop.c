/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stop.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define SLEEP_PIECE_US 50000
#define SOCKETS_MAX 64

static volatile sig_atomic_t signalled;
static _Atomic int64_t deadline_us;

static void
on_signal(int number)
{
    signalled = number;
}

void
stop_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGXFSZ, &action, NULL); /* a file that may not grow is an error of its write */
}

void
stop_at(int64_t monotonic_us)
{
    deadline_us = monotonic_us;
}

Err
stop_judge(void)
{
    if (signalled != 0)
        return err_new(ERR_PARTLY,
                       "interrupted by %s: the batch under way was finished, the next run goes on from there",
                       signalled == SIGTERM ? "SIGTERM" : "SIGINT");
    if (deadline_us != 0 && instant_monotonic() >= deadline_us)
        return err_new(ERR_PARTLY, "the time given by --for is over: the next run goes on from here");
    return OK;
}

bool
stop_is_asked(void)
{
    return signalled != 0;
}

/* Signals are kept off between the look and the wait: none is missed. */
void
stop_wait(const int *sockets, size_t count, int64_t microseconds)
{
    struct pollfd polled[SOCKETS_MAX];
    const struct timespec timeout = { .tv_sec = microseconds / INSTANT_SECOND,
                                      .tv_nsec = (long)(microseconds % INSTANT_SECOND * 1000) };
    sigset_t stopping, before;

    for (size_t i = 0; i < count && i < SOCKETS_MAX; i++)
        polled[i] = (struct pollfd){ .fd = sockets[i], .events = POLLIN };
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stopping, &before);
    if (signalled == 0)
        (void)ppoll(polled, count < SOCKETS_MAX ? count : SOCKETS_MAX, &timeout, &before);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
stop_sleep(int64_t microseconds)
{
    while (microseconds > 0 && signalled == 0)
    {
        const int64_t piece = microseconds < SLEEP_PIECE_US ? microseconds : SLEEP_PIECE_US;
        const struct timespec pause = { .tv_sec = 0, .tv_nsec = (long)(piece * 1000) };
        (void)nanosleep(&pause, NULL);
        microseconds -= piece;
    }
}
