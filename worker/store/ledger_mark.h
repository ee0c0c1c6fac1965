/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_mark.h -- how far the ledger has seen a database come: its newest entries about one installation. */
#ifndef EXPUNGE_LEDGER_MARK_H
#define EXPUNGE_LEDGER_MARK_H

#include "base/instant.h"

typedef struct LedgerMark
{
    int64_t seq; /* 0: the ledger has no entry about it */
    Instant time;
    const char *system;
    int64_t timeline;
    int64_t wal;                /* bytes; 0: the entry does not tell */
    int64_t disposal;           /* of the newest entry about a disposal, since the last replay; 0: there is none */
    int64_t disposal_seq;       /* that entry */
    const char *disposal_entry; /* its id */
} LedgerMark;

/* Read from the end, as far back as needed.  Entries are not verified: ledger_walk() does that.  Texts in arena.
 * Fails with ERR_EVIDENCE when the file is not there or an entry that is needed cannot be read. */
NODISCARD Err ledger_mark(Arena *arena, const char *path, const char *installation, LedgerMark *ret_mark);

#endif
