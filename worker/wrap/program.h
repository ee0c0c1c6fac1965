/* SPDX-License-Identifier: Apache-2.0 */
/* program.h -- run a program and read what it says: no shell, a clean environment, no descriptor but stdin, stdout and
 * stderr, a limit on time and on what it may say.  Blocks until it has ended. */
#ifndef EXPUNGE_PROGRAM_H
#define EXPUNGE_PROGRAM_H

#include "base/arena.h"

typedef struct Program
{
    const char *const *argv; /* NULL after the last; argv[0]: a path, or a name that $PATH finds.  Never a secret, never
                                    a subject's key: everybody on the machine can read arguments */
    const char *const
        *settings;     /* "NAME=value", NULL after the last; NULL: none.  Beside them the program has PATH, HOME
                                    and TMPDIR as this process has them, LC_ALL=C.UTF-8, TZ=UTC where they do not say
                                    otherwise, and nothing else */
    const char *input; /* its stdin; NULL: empty */
    size_t input_bytes;
    size_t output_limit; /* bytes of stdout */
    int64_t time_limit_us;
} Program;

typedef struct ProgramResult
{
    int status;            /* exit status */
    const char *output;    /* all of stdout, and a NUL behind it */
    size_t output_bytes;   /* may hold NULs itself */
    const char *complaint; /* the last 4 KB of stderr, unprintable bytes as they are: hush it before it is told */
} ProgramResult;

/* A program that ends with another status than 0 is no failure of this call.
 * Fails with ERR_CONFIG (it is not there, or may not be run), ERR_AGAIN (it did not end in time; its whole process group is
 * killed), ERR_IO (killed by a signal, said too much, no process could be made).  Nothing of what it said is in the story.
 * When this process dies, the program gets SIGTERM. */
NODISCARD Err program_run(Arena *arena, const Program *program, ProgramResult *ret_result);

/* Where argv[0] would be found; ERR_CONFIG when nowhere. */
NODISCARD Err program_find(Arena *arena, const char *name, const char **ret_path);

#endif
