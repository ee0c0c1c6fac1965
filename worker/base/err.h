/* SPDX-License-Identifier: Apache-2.0 */
/* err.h -- what can go wrong, and the story of how it did.  No I/O: main prints the story once.
 *
 * A failing function returns a code (what kind of failure; a caller may branch on it) and leaves a story: the
 * innermost layer starts it with err_new(), each layer that knows something new puts a line in front with
 * err_note().  The story is per thread.  A line holds no row's value, no key, no secret. */
#ifndef EXPUNGE_ERR_H
#define EXPUNGE_ERR_H

#include <stddef.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(function) __attribute__((cleanup(function)))

/* code, exit status, meaning: the only table; the manual page and "help exit-codes" are made from it */
#define ERR_TABLE(X)                                                                                                   \
    X(OK, 0, "done, or nothing due")                                                                                   \
    X(ERR_HELD, 10, "a hold forbids it")                                                                               \
    X(ERR_RAIL, 11, "stopped by a rail: cap, coverage, drift, another subject's row, approval, clock, residency")      \
    X(ERR_PARTLY, 12, "work left: interrupted, time over, or some disposals failed and wait for their next attempt")   \
    X(ERR_IDLE, 13, "nothing was done while something is overdue")                                                     \
    X(ERR_EVIDENCE, 14,                                                                                                \
      "evidence broken: ledger, snapshot or certificate does not verify, or an erased row was found")                  \
    X(ERR_RESTORED, 15, "the database was restored from a backup: replay first")                                       \
    X(ERR_USAGE, 64, "usage")                                                                                          \
    X(ERR_DATABASE, 69, "database unavailable, or a statement failed in it")                                           \
    X(ERR_INTERNAL, 70, "internal error")                                                                              \
    X(ERR_IO, 74, "input or output failed")                                                                            \
    X(ERR_AGAIN, 75, "try again: another worker was faster, or a row changed meanwhile")                               \
    X(ERR_PERMISSION, 77, "no permission")                                                                             \
    X(ERR_CONFIG, 78, "configuration")

typedef enum Err
{
#define X(code, status, meaning) code,
    ERR_TABLE(X)
#undef X
    ERR_COUNT
} Err;

/* Start a story (an older one of this thread is dropped) and return code, so that "return err_new(...)" reads well. */
NODISCARD Err err_new(Err code, const char *format, ...) PRINTF_LIKE(2, 3);

/* Put a line in front of the story and return code. */
NODISCARD Err err_note(Err code, const char *format, ...) PRINTF_LIKE(2, 3);

/* Forget the story: the failure was handled. */
void err_clear(void);

/* Number of lines of the story, outermost first; line is in [0, err_lines()). */
size_t err_lines(void);
const char *err_line(size_t line);

/* The story's lines joined by ": ", for one-line places (last_error, log).  Valid until the next err_ call. */
const char *err_joined(void);

int err_exit_status(Err code);
const char *err_name(Err code); /* "ERR_HELD" → "held": lower case, for JSON's error.code */
const char *err_meaning(Err code);

#define TRY(call)                                                                                                      \
    do                                                                                                                 \
    {                                                                                                                  \
        const Err try_err_ = (call);                                                                                   \
        if (try_err_ != OK)                                                                                            \
            return try_err_;                                                                                           \
    } while (0)

#endif
