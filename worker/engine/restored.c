/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/restored.h"

#include "base/text.h"
#include "sql.h"
#include "store/ledger_mark.h"

#include <inttypes.h>

static Err
knows_entry(Session *session, Arena *scratch, const LedgerMark *mark, bool *ret_knows)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { arena_printf(scratch, "%" PRId64, mark->disposal),
                             arena_printf(scratch, "%" PRId64, mark->disposal_seq), mark->disposal_entry };

    TRY(db_query_row(session->db, SQL_replay_known, 3, params, &row));
    *ret_knows = db_bool(row, 0, 0);
    return OK;
}

/* What the server says of itself; NULL: as the ledger has it, or further. */
static Err
compare_server(Session *session, Arena *scratch, const LedgerMark *mark, const char **ret_why)
{
    int64_t wal;

    *ret_why = NULL;
    TRY(session_number(session, SQL_wal_position, &wal));
    if (mark->system != NULL && !text_equal(mark->system, session->system_identifier))
        *ret_why = "its system identifier is another one";
    else if (mark->timeline != 0 && mark->timeline != session->timeline)
        *ret_why = arena_printf(scratch, "it is on timeline %" PRId64 ", and was on %" PRId64, session->timeline,
                                mark->timeline);
    else if (mark->wal > wal)
        *ret_why = "its WAL ends before the place where the ledger saw it";
    return OK;
}

static Err
find_why(Session *session, Arena *scratch, LedgerMark *mark, const char **ret_why)
{
    bool knows = true;

    *ret_why = NULL;
    TRY(ledger_mark(scratch, ledger_path(session->house->ledger), session->installation, mark));
    if (mark->seq > 0)
        TRY(compare_server(session, scratch, mark, ret_why));
    if (*ret_why == NULL && mark->disposal > 0)
        TRY(knows_entry(session, scratch, mark, &knows));
    if (!knows)
        *ret_why = arena_printf(scratch, "it does not know of entry %" PRId64 " of the ledger, about disposal %" PRId64,
                                mark->disposal_seq, mark->disposal);
    return OK;
}

Err
restored_judge(Session *session)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    LedgerMark mark = { .time = INSTANT_NONE };
    const char *why;

    if (session->house->ledger == NULL)
        return OK;
    const Err e = find_why(session, scratch, &mark, &why);
    if (e == ERR_EVIDENCE && session->house->lets_restored) /* verify says what is wrong with the ledger */
    {
        err_clear();
        return OK;
    }
    if (e != OK)
        return e;
    if (session->replaying)
        session->restored_story = "it was restored from a backup, and its replay has not come to its end";
    else if (why != NULL)
        session->restored_story =
            arena_printf(session->arena,
                         "it was restored from a backup, or is another copy: %s (the ledger saw it last on %s)", why,
                         instant_format(scratch, mark.time / INSTANT_SECOND * INSTANT_SECOND));
    return OK;
}
