/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/program.h"

#include "base/fault.h"
#include "base/instant.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPLAINT_BYTES ((size_t)4096)
#define PIECE_BYTES ((size_t)65536)
#define TERM_US (5 * INSTANT_SECOND)
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* -- finding ------------------------------------------------------------------------------------------------------- */

static bool
is_program(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

Err
program_find(Arena *arena, const char *name, const char **ret_path)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/') != NULL)
    {
        if (!is_program(name))
            return err_new(ERR_CONFIG, "cannot run \"%s\": it is not there, or this user may not run it", name);
        *ret_path = name;
        return OK;
    }
    char *rest = arena_strdup(arena, path == NULL ? DEFAULT_PATH : path);
    for (const char *part; (part = strsep(&rest, ":")) != NULL;)
    {
        const char *found = arena_printf(arena, "%s/%s", part, name);
        if (part[0] != '/' || !is_program(found))
            continue;
        *ret_path = found;
        return OK;
    }
    return err_new(ERR_CONFIG, "cannot run \"%s\": it is not installed (not in any directory of PATH)", name);
}

/* -- the child ----------------------------------------------------------------------------------------------------- */

typedef struct Launch
{
    const char *path;
    char *const *argv;
    char *const *environment;
    int input;
    int output[2];
    int complaint[2];
    int told[2]; /* the child's errno, when it cannot become the program; closed by its success */
    pid_t parent;
} Launch;

/* Between fork and exec: only what is safe there, for other threads may have held any lock. */
static _Noreturn void
become(const Launch *launch)
{
    sigset_t none;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    if (getppid() == launch->parent && dup2(launch->input, STDIN_FILENO) >= 0 &&
        dup2(launch->output[1], STDOUT_FILENO) >= 0 && dup2(launch->complaint[1], STDERR_FILENO) >= 0 &&
        dup3(launch->told[1], 3, O_CLOEXEC) >= 0 && close_range(4, ~0U, 0) == 0 && chdir("/") == 0)
        (void)execve(launch->path, launch->argv, launch->environment);
    const int reason = errno;
    (void)!write(3, &reason, sizeof reason);
    _exit(127);
}

static char *const *
make_environment(Arena *arena, const char *const *settings)
{
    static const char *const kept[] = { "PATH", "HOME", "TMPDIR" };
    char **list = NULL;
    size_t count = 0, room = 0;

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (getenv(kept[i]) != NULL)
            ARENA_PUSH(arena, list, count, room, arena_printf(arena, "%s=%s", kept[i], getenv(kept[i])));
    ARENA_PUSH(arena, list, count, room, arena_strdup(arena, "LC_ALL=C.UTF-8"));
    bool zoned = false;
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i++)
    {
        ARENA_PUSH(arena, list, count, room, arena_strdup(arena, settings[i]));
        zoned = zoned || strncmp(settings[i], "TZ=", 3) == 0;
    }
    if (!zoned)
        ARENA_PUSH(arena, list, count, room, arena_strdup(arena, "TZ=UTC"));
    ARENA_PUSH(arena, list, count, room, NULL);
    return list;
}

static char *const *
copy_arguments(Arena *arena, const char *const *argv)
{
    char **list = NULL;
    size_t count = 0, room = 0;

    for (size_t i = 0; argv[i] != NULL; i++)
        ARENA_PUSH(arena, list, count, room, arena_strdup(arena, argv[i]));
    ARENA_PUSH(arena, list, count, room, NULL);
    return list;
}

/* -- descriptors --------------------------------------------------------------------------------------------------- */

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void
close_launchp(Launch *launch)
{
    close_fd(&launch->input);
    for (int i = 0; i < 2; i++)
    {
        close_fd(&launch->output[i]);
        close_fd(&launch->complaint[i]);
        close_fd(&launch->told[i]);
    }
}

/* Its stdin is a file in memory: nobody waits for it to be read, and a program that does not read it breaks no pipe. */
static Err
make_input(const Program *program, int *ret_fd)
{
    const int fd = memfd_create("expunge-input", MFD_CLOEXEC);

    if (fd < 0)
        return err_new(ERR_IO, "could not make a program's input: %s", strerror(errno));
    *ret_fd = fd;
    for (size_t done = 0; done < program->input_bytes;)
    {
        const ssize_t put = pwrite(fd, program->input + done, program->input_bytes - done, (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_new(ERR_IO, "could not make a program's input: %s", strerror(errno));
        done += (size_t)put;
    }
    return OK;
}

/* Beyond the numbers that the child gives them: one that it overwrites too early would be lost. */
static bool
move_up(int *fd)
{
    const int moved = fcntl(*fd, F_DUPFD_CLOEXEC, 10);

    if (moved < 0)
        return false;
    close_fd(fd);
    *fd = moved;
    return true;
}

static Err
open_all(const Program *program, Launch *launch)
{
    TRY(make_input(program, &launch->input));
    if (pipe2(launch->output, O_CLOEXEC) != 0 || pipe2(launch->complaint, O_CLOEXEC) != 0 ||
        pipe2(launch->told, O_CLOEXEC) != 0 || fcntl(launch->output[0], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(launch->complaint[0], F_SETFL, O_NONBLOCK) != 0 || !move_up(&launch->input) ||
        !move_up(&launch->output[1]) || !move_up(&launch->complaint[1]) || !move_up(&launch->told[1]))
        return err_new(ERR_IO, "could not make a program's pipes: %s", strerror(errno));
    return OK;
}

/* -- listening ----------------------------------------------------------------------------------------------------- */

typedef struct Listening
{
    Arena *arena;
    const Program *program;
    char *output;
    size_t count;
    size_t room;
    char complaint[2 * COMPLAINT_BYTES];
    size_t complaint_count;
    bool too_much;
} Listening;

static void
keep_output(Listening *l, const char *piece, size_t length)
{
    if (length > l->program->output_limit - l->count)
    {
        l->too_much = true;
        return;
    }
    while (l->count + length + 1 > l->room)
        l->output = arena_grow(l->arena, l->output, l->count, &l->room, 1);
    memcpy(l->output + l->count, piece, length);
    l->count += length;
}

static void
keep_complaint(Listening *l, const char *piece, size_t length)
{
    if (length > COMPLAINT_BYTES)
    {
        piece += length - COMPLAINT_BYTES;
        length = COMPLAINT_BYTES;
    }
    if (l->complaint_count + length > COMPLAINT_BYTES)
    {
        const size_t drop = l->complaint_count + length - COMPLAINT_BYTES;
        memmove(l->complaint, l->complaint + drop, l->complaint_count - drop);
        l->complaint_count -= drop;
    }
    memcpy(l->complaint + l->complaint_count, piece, length);
    l->complaint_count += length;
}

/* All that is there now; closes the pipe at its end. */
static void
drain(Listening *l, int *fd, void (*keep)(Listening *, const char *, size_t))
{
    char piece[PIECE_BYTES];

    while (*fd >= 0 && !l->too_much)
    {
        const ssize_t got = read(*fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            close_fd(fd);
        else
            keep(l, piece, (size_t)got);
    }
}

/* Until it has ended, says too much, or its time is over; ret_ended: it has. */
static void
listen_to(Listening *l, Launch *launch, int pidfd, bool *ret_ended)
{
    const int64_t end = instant_monotonic() + l->program->time_limit_us;

    *ret_ended = false;
    while (!*ret_ended && !l->too_much)
    {
        struct pollfd fds[] = { { .fd = launch->output[0], .events = POLLIN },
                                { .fd = launch->complaint[0], .events = POLLIN },
                                { .fd = pidfd, .events = POLLIN } };
        const int64_t left_us = end - instant_monotonic();
        if (left_us <= 0)
            return;
        const int64_t left_ms = left_us / 1000 + 1;
        if (poll(fds, 3, left_ms > 1000 ? 1000 : (int)left_ms) < 0 && errno != EINTR)
            return;
        *ret_ended = fds[2].revents != 0; /* what it said is in the pipes by then */
        drain(l, &launch->output[0], keep_output);
        drain(l, &launch->complaint[0], keep_complaint);
    }
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static void
reap(pid_t child, int *ret_status)
{
    while (waitpid(child, ret_status, 0) < 0 && errno == EINTR)
        ;
}

/* Politely, then not; and whatever it started and left behind. */
static void
end_group(pid_t child, int pidfd, bool ended)
{
    struct pollfd fd = { .fd = pidfd, .events = POLLIN };

    if (!ended)
    {
        (void)kill(-child, SIGTERM);
        (void)poll(&fd, 1, (int)(TERM_US / 1000));
    }
    (void)kill(-child, SIGKILL);
}

static Err
judge_start(Launch *launch, const char *name)
{
    int reason = 0;

    close_fd(&launch->told[1]);
    close_fd(&launch->output[1]);
    close_fd(&launch->complaint[1]);
    if (read(launch->told[0], &reason, sizeof reason) == (ssize_t)sizeof reason)
        return err_new(ERR_CONFIG, "cannot run \"%s\": %s", name, strerror(reason));
    return OK;
}

static Err
verdict(const Listening *l, bool ended, int status)
{
    const char *name = l->program->argv[0];

    if (l->too_much)
        return err_new(ERR_IO, "\"%s\" said more than %zu bytes", name, l->program->output_limit);
    if (!ended)
        return err_new(ERR_AGAIN, "\"%s\" did not end within %lld s and was stopped", name,
                       (long long)(l->program->time_limit_us / INSTANT_SECOND));
    if (WIFSIGNALED(status))
        return err_new(ERR_IO, "\"%s\" was killed by signal %d", name, WTERMSIG(status));
    return OK;
}

static Err
run_child(Arena *arena, const Program *program, Launch *launch, pid_t child, ProgramResult *ret)
{
    Listening *l = ARENA_NEW(arena, Listening);
    int status = 0;
    bool ended = true;

    *l = (Listening){ .arena = arena, .program = program };
    keep_output(l, "", 0);
    int pidfd = pidfd_open(child, 0);
    Err e = judge_start(launch, program->argv[0]);
    if (e == OK && pidfd < 0)
        e = err_new(ERR_IO, "could not watch \"%s\": %s", program->argv[0], strerror(errno));
    fault_point("program.started");
    if (e == OK)
        listen_to(l, launch, pidfd, &ended);
    end_group(child, pidfd, ended);
    reap(child, &status);
    close_fd(&pidfd);
    if (e == OK)
        e = verdict(l, ended, status);
    if (e != OK)
        return e;
    l->output[l->count] = '\0';
    *ret = (ProgramResult){ .status = WEXITSTATUS(status),
                            .output = l->output,
                            .output_bytes = l->count,
                            .complaint = arena_strndup(arena, l->complaint, l->complaint_count) };
    return OK;
}

Err
program_run(Arena *arena, const Program *program, ProgramResult *ret_result)
{
    CLEANUP(close_launchp)
    Launch launch = {
        .input = -1, .output = { -1, -1 }, .complaint = { -1, -1 }, .told = { -1, -1 }, .parent = getpid()
    };

    TRY(program_find(arena, program->argv[0], &launch.path));
    launch.argv = copy_arguments(arena, program->argv);
    launch.environment = make_environment(arena, program->settings);
    TRY(open_all(program, &launch));
    const pid_t child = fork();
    if (child < 0)
        return err_new(ERR_IO, "could not make a process for \"%s\": %s", program->argv[0], strerror(errno));
    if (child == 0)
        become(&launch);
    return run_child(arena, program, &launch, child, ret_result);
}
