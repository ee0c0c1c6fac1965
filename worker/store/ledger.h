/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h -- the append-only, hash-chained record outside the database: STATE_DIR/ledger.jsonl, mode 0600.
 *
 * A line is one canonical JSON object (sorted names, compact) ending in a newline, with at least:
 *   "v":1  "seq":N (from 1, no gap)  "prev":HEX (SHA-256 of the line before without its newline; 64 zeros first)
 *   "time":RFC3339  "event":NAME  "id":HEX32 (the entry's own id: the same entry is never appended twice)
 * and the event's own names.  No row's value, no subject's key.  Checkpoints sign it: checkpoints.h.
 * Appending: file_lock, read the last line, add, fsync.  A last line without its newline (a crash in mid write) is cut
 * off by the next append, and an event "tail_cut" with the number of bytes says so. */
#ifndef EXPUNGE_LEDGER_H
#define EXPUNGE_LEDGER_H

#include "wrap/jsondoc.h"

typedef struct Ledger Ledger;

typedef struct LedgerHead
{
    int64_t seq;     /* 0 when empty */
    char digest[65]; /* SHA-256 of the last line, hexadecimal; 64 zeros when empty */
} LedgerHead;

/* must_exist: ERR_EVIDENCE when it is not there ("… was the state directory moved?"); otherwise made empty. */
NODISCARD Err ledger_open(const char *path, bool must_exist, Ledger **ret_ledger);
/* For who reads it and may not write: ERR_EVIDENCE when it is not there. */
NODISCARD Err ledger_look(const char *path, Ledger **ret_ledger);
void ledger_close(Ledger *ledger);
void ledger_closep(Ledger **ledger);
const char *ledger_path(const Ledger *ledger);

/* Append event with its fields (an object; consumed, may be NULL); thread-safe and process-safe.
 * id: 32 hexadecimal digits, or NULL for a fresh one.  When an entry with that id is already there, nothing is
 * appended and ret_head is that entry's (a retry after a crash): only looked for when id is given.
 * ret_head (may be NULL): seq and digest of the entry. */
NODISCARD Err ledger_append(Ledger *ledger, const char *event, const char *id, JsonDoc *fields, LedgerHead *ret_head);
/* The same for an id that cannot be there yet: nothing is read but the last line. */
NODISCARD Err ledger_append_fresh(Ledger *ledger, const char *event, const char *id, JsonDoc *fields,
                                  LedgerHead *ret_head);
NODISCARD Err ledger_head(Ledger *ledger, LedgerHead *ret_head);

/* Read from the first line on: visit gets each entry (borrowed) and its digest; a failing visit ends it. */
typedef Err (*LedgerVisit)(void *context, const JsonDoc *entry, const char *digest);
/* Verifies while it reads: syntax, canonical form, seq, prev, ids not doubled, times never earlier than 5 minutes
 * before the entry in front.  ERR_EVIDENCE names the line number and what is wrong; never the content.
 * visit may be NULL.  Constant memory but for the ids' set. */
NODISCARD Err ledger_walk(const char *path, LedgerVisit visit, void *context, LedgerHead *ret_head);

/* -- places, for checkpoints: ledger_follow.c -- */

/* Between two lines. */
typedef struct LedgerPlace
{
    int64_t size;  /* lines in front of it */
    int64_t bytes; /* where it is in the file */
    char head[65]; /* digest of the line in front; 64 zeros at the beginning */
} LedgerPlace;

typedef struct LedgerLine
{
    const char *bytes; /* borrowed, without the newline */
    size_t length;
    LedgerPlace place; /* behind it */
} LedgerLine;

LedgerPlace ledger_beginning(void);
/* The whole lines behind a place.  Only the chain is judged, line by line, so that it is fast: ledger_walk() judges all.
 * Fails with ERR_EVIDENCE when the ledger ends in front of the place, or when its chain is broken there or behind; a
 * failing visit ends it. */
typedef Err (*LedgerLineVisit)(void *context, const LedgerLine *line);
NODISCARD Err ledger_follow(const char *path, const LedgerPlace *from, LedgerLineVisit visit, void *context,
                            LedgerPlace *ret_end);
/* Entries that this process has appended so far, whatever the ledger. */
int64_t ledger_appended(void);

#endif
