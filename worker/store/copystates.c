/* SPDX-License-Identifier: Apache-2.0 */
#include "store/copystates.h"

#include "base/text.h"
#include "sql.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const char *const state_names[COPY_STATES] = { "pending", "present", "dated", "gone" };

const char *
copystates_name(CopyState state)
{
    assert(state < COPY_STATES);
    return state_names[state];
}

static Err
parse_state(const char *name, CopyState *ret)
{
    for (int i = 0; i < COPY_STATES; i++)
        if (strcmp(name, state_names[i]) == 0)
        {
            *ret = (CopyState)i;
            return OK;
        }
    return err_new(ERR_INTERNAL, "a copy is in a state that this version does not know");
}

/* -- arrays: NULL stays NULL --------------------------------------------------------------------------------------- */

static char *
texts(Arena *arena, const char *const *items, size_t count)
{
    Text text = TEXT_INIT(arena);

    text_add(&text, "{");
    for (size_t i = 0; i < count; i++)
    {
        text_add(&text, i > 0 ? "," : "");
        if (items[i] == NULL)
        {
            text_add(&text, "null");
            continue;
        }
        text_add(&text, "\"");
        for (const char *c = items[i]; *c != '\0'; c++)
        {
            if (*c == '"' || *c == '\\')
                text_add_bytes(&text, "\\", 1);
            text_add_bytes(&text, c, 1);
        }
        text_add(&text, "\"");
    }
    text_add(&text, "}");
    return text_done(&text);
}

static char *
numbers(Arena *arena, const int64_t *items, size_t count)
{
    Text text = TEXT_INIT(arena);

    text_add(&text, "{");
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%s%" PRId64, i > 0 ? "," : "", items[i]);
    text_add(&text, "}");
    return text_done(&text);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

Err
copystates_load(Arena *arena, Db *db, const char *overdue_after, const int64_t *disposals, size_t count,
                CopyRow **ret_rows, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { numbers(arena, disposals, count), overdue_after };

    TRY(db_query(db, SQL_copy_load, 2, params, &rows));
    CopyRow *list = ARENA_ARRAY(arena, CopyRow, db_rows(rows) + 1);
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        list[i] = (CopyRow){ .disposal = db_int64(rows, i, 0),
                             .store = db_copy_text(arena, rows, i, 1),
                             .items = db_int64(rows, i, 3),
                             .until = db_instant(rows, i, 4),
                             .detail = db_copy_text(arena, rows, i, 5),
                             .checked_at = db_instant(rows, i, 6),
                             .gone_at = db_instant(rows, i, 7),
                             .attempts = db_int64(rows, i, 8),
                             .next_attempt_at = db_instant(rows, i, 9),
                             .last_error = db_copy_text(arena, rows, i, 10),
                             .late = db_bool(rows, i, 11) };
        TRY(parse_state(db_text(rows, i, 2), &list[i].state));
    }
    *ret_rows = list;
    *ret_count = db_rows(rows);
    return OK;
}

Err
copystates_waiting(Arena *arena, Db *db, const int64_t *disposals, size_t count, CopyWaiting **ret_list,
                   size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { numbers(arena, disposals, count) };

    TRY(db_query(db, SQL_copy_waiting, 1, params, &rows));
    CopyWaiting *list = ARENA_ARRAY(arena, CopyWaiting, db_rows(rows) + 1);
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        list[i] = (CopyWaiting){ .disposal = db_int64(rows, i, 0),
                                 .store = db_copy_text(arena, rows, i, 1),
                                 .attempts = db_int64(rows, i, 3),
                                 .next_attempt_at = db_instant(rows, i, 4),
                                 .erased_at = db_instant(rows, i, 5),
                                 .erased_lsn = db_int64(rows, i, 6),
                                 .barrier_lsn = db_int64(rows, i, 7) };
        TRY(parse_state(db_text(rows, i, 2), &list[i].state));
    }
    *ret_list = list;
    *ret_count = db_rows(rows);
    return OK;
}

Err
copystates_owners(Arena *arena, Db *db, const char *kind, const char *const *keys, size_t count, const char ***ret_keys,
                  size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { kind, texts(arena, keys, count) };

    TRY(db_query(db, SQL_copy_owners, 2, params, &rows));
    *ret_count = db_rows(rows);
    *ret_keys = ARENA_ARRAY(arena, const char *, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_keys)[i] = db_copy_text(arena, rows, i, 0);
    return OK;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

Err
copystates_note(Arena *arena, Db *db, int64_t disposal, const char *const *stores, size_t count,
                const char *cleared_within)
{
    const char *id = arena_printf(arena, "%" PRId64, disposal);
    const char *window[] = { id, cleared_within }, *params[] = { id, texts(arena, stores, count) };

    TRY(db_query(db, SQL_copy_window, 2, window, NULL));
    return count == 0 ? OK : db_query(db, SQL_copy_note, 2, params, NULL);
}

Err
copystates_answer(Arena *arena, Db *db, const char *store, const CopyAnswer *answers, size_t count)
{
    int64_t *ids = ARENA_ARRAY(arena, int64_t, count + 1), *items = ARENA_ARRAY(arena, int64_t, count + 1);
    int64_t *pauses = ARENA_ARRAY(arena, int64_t, count + 1);
    const char **states = ARENA_ARRAY(arena, const char *, count + 1);
    const char **until = ARENA_ARRAY(arena, const char *, count + 1);
    const char **details = ARENA_ARRAY(arena, const char *, count + 1);
    const char **problems = ARENA_ARRAY(arena, const char *, count + 1);

    for (size_t i = 0; i < count; i++)
    {
        ids[i] = answers[i].disposal;
        states[i] = copystates_name(answers[i].state);
        items[i] = answers[i].state == COPY_GONE ? 0 : answers[i].items;
        until[i] = answers[i].until == INSTANT_NONE ? NULL : instant_format(arena, answers[i].until);
        details[i] = answers[i].detail;
        problems[i] = answers[i].problem;
        pauses[i] = answers[i].pause_us;
    }
    const char *params[] = { store,
                             numbers(arena, ids, count),
                             texts(arena, states, count),
                             numbers(arena, items, count),
                             texts(arena, until, count),
                             texts(arena, details, count),
                             texts(arena, problems, count),
                             numbers(arena, pauses, count) };
    return count == 0 ? OK : db_query(db, SQL_copy_answer, 8, params, NULL);
}

Err
copystates_failed(Arena *arena, Db *db, const char *store, const char *story, const int64_t *disposals,
                  const int64_t *pauses_us, size_t count)
{
    const char *params[] = { store, story, numbers(arena, disposals, count), numbers(arena, pauses_us, count) };

    return count == 0 ? OK : db_query(db, SQL_copy_failed, 4, params, NULL);
}

Err
copystates_reason(Arena *arena, Db *db, const int64_t *disposals, size_t count)
{
    const char *params[] = { numbers(arena, disposals, count) };

    return count == 0 ? OK : db_query(db, SQL_copy_reason, 1, params, NULL);
}

static Err
ask_lock(Db *db, const char *sql, const char *store, bool *ret_yes)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { store };

    TRY(db_query_row(db, sql, 1, params, &row));
    *ret_yes = db_bool(row, 0, 0);
    return OK;
}

Err
copystates_lock(Db *db, const char *store, bool *ret_locked)
{
    return ask_lock(db, SQL_copy_lock, store, ret_locked);
}

Err
copystates_unlock(Db *db, const char *store)
{
    bool had;
    return ask_lock(db, SQL_copy_unlock, store, &had);
}
