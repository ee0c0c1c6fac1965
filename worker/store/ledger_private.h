/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_private.h -- what the files of the ledger share: the form of an entry, and lines read from either end. */
#ifndef EXPUNGE_LEDGER_PRIVATE_H
#define EXPUNGE_LEDGER_PRIVATE_H

#include "store/ledger.h"
#include "wrap/file.h"

#define LEDGER_VERSION 1
#define LEDGER_ID_DIGITS 32
#define LEDGER_CLOCK_SLACK (5 * INSTANT_MINUTE) /* what a clock may be set back between two entries */
#define LEDGER_NO_DIGEST "0000000000000000000000000000000000000000000000000000000000000000"

void ledger_digest(const char *line, size_t length, char ret_digest[65]);
bool ledger_is_id(const char *text); /* 32 hexadecimal digits in lower case */

/* Each use opens the file for itself: a lock ends with its descriptor only, and threads shut each other out like
 * processes. */
NODISCARD Err ledger_open_locked(const char *path, FileMode mode, File **ret_file);

/* How long the ledger is between two appends: a line that is being written must not pass for an incomplete one. */
NODISCARD Err ledger_settled_size(const char *path, int64_t *ret_bytes);

/* ---- lines: ledger_lines.c ---- */

#define LEDGER_LINE_MAX (16 << 20) /* bytes of a line with its newline; a longer one is damage: ERR_EVIDENCE */

typedef struct Lines Lines;

typedef struct Line
{
    const char *bytes; /* NULL behind the last line; valid until the next call */
    size_t length;     /* without the newline */
    int64_t offset;
    int64_t number; /* from 1 */
    bool is_whole;  /* it ends in a newline */
} Line;

/* The lines in the first size_bytes of file, which is borrowed.  Memory is that of the longest line. */
Lines *ledger_lines_new(File *file, int64_t size_bytes);
Lines *ledger_lines_behind(File *file, int64_t size_bytes, const LedgerPlace *place); /* the same, from there on */
void ledger_lines_freep(Lines **lines);
/* Go on from there: a line that begins earlier is told from there on, and numbers count from the place. */
void ledger_lines_seek(Lines *lines, int64_t offset);
NODISCARD Err ledger_lines_next(Lines *lines, Line *ret_line);

/* The last whole line, found from the end: *ret_line is NULL when there is none.  *ret_end: where it ends, behind its
 * newline; *ret_torn_bytes: what is behind that. */
NODISCARD Err ledger_lines_last(Arena *arena, File *file, int64_t *ret_end, int64_t *ret_torn_bytes,
                                const char **ret_line, size_t *ret_length);

#endif
