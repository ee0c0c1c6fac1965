/* SPDX-License-Identifier: Apache-2.0 */
#include "store/requests.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* -- errors ------------------------------------------------------------------------------------------------------------ */

/* RX064 → ERR_USAGE: the number is the exit status. */
static Err
code_of(const char *sqlstate)
{
    int64_t status = 0;
    if (text_int64(sqlstate + strspn(sqlstate, "RX0"), 1, 255, &status))
        for (int code = 1; code < ERR_COUNT; code++)
            if (err_exit_status((Err)code) == (int)status)
                return (Err)code;
    return ERR_DATABASE;
}

static Err
explain(const Db *db, Err e)
{
    const char *sqlstate = db_sqlstate(db);

    if (db_own_message(db)[0] != '\0')
        return err_new(code_of(sqlstate), "%s", db_own_message(db));
    if (strcmp(sqlstate, "42883") == 0 || strcmp(sqlstate, "3F000") == 0)
        return err_new(ERR_CONFIG, "its schema expunge has no such function: run \"expunge init\" first");
    if (strcmp(sqlstate, "42501") == 0)
        return err_new(ERR_PERMISSION,
                       "this role may not: \"grant expunge_support to\" it, or name another one by --user");
    return e;
}

static Err
call(Db *db, const char *sql, size_t count, const char *const *params, DbResult **ret_result)
{
    const Err e = db_query(db, sql, count, params, ret_result);
    return e == OK ? OK : explain(db, e);
}

static Err
call_for_id(Db *db, const char *sql, size_t count, const char *const *params, int64_t *ret_id)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    TRY(call(db, sql, count, params, &row));
    *ret_id = db_int64(row, 0, 0);
    return OK;
}

/* -- asking ------------------------------------------------------------------------------------------------------------ */

Err
requests_ask(Db *db, const RequestWish *wish, int64_t *ret_disposal)
{
    const char *params[] = { wish->kind,
                             wish->key,
                             wish->ground,
                             wish->ticket,
                             wish->requested_by,
                             wish->verified_by,
                             wish->immediate ? "true" : "false",
                             wish->label };
    return call_for_id(db, SQL_request_erasure, 8, params, ret_disposal);
}

static Err
say_about(Arena *arena, Db *db, const char *sql, int64_t id, const char *words)
{
    const char *params[] = { arena_printf(arena, "%" PRId64, id), words };
    return call(db, sql, 2, params, NULL);
}

Err
requests_approve(Arena *arena, Db *db, int64_t disposal, const char *plan_digest)
{
    return say_about(arena, db, SQL_request_approve, disposal, plan_digest);
}

Err
requests_withdraw(Arena *arena, Db *db, int64_t disposal, const char *reason)
{
    return say_about(arena, db, SQL_request_withdraw, disposal, reason);
}

Err
requests_hold(Arena *arena, Db *db, const HoldWish *wish, int64_t *ret_hold)
{
    const char *params[] = { wish->kind,
                             wish->key,
                             wish->type,
                             wish->reason,
                             wish->until == INSTANT_NONE ? NULL : instant_format(arena, wish->until),
                             wish->reference };
    return call_for_id(db, SQL_hold_place, 6, params, ret_hold);
}

Err
requests_release(Arena *arena, Db *db, int64_t hold, const char *reason)
{
    return say_about(arena, db, SQL_hold_release, hold, reason);
}

/* -- looking ----------------------------------------------------------------------------------------------------------- */

Err
requests_status(Arena *arena, Db *db, const char *kind, const char *key, SubjectItem **ret_list, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { kind, key };

    TRY(call(db, SQL_subject_status, 2, params, &rows));
    const size_t count = db_rows(rows);
    SubjectItem *list = ARENA_ARRAY(arena, SubjectItem, count + 1);
    for (size_t i = 0; i < count; i++)
        list[i] = (SubjectItem){ .item = db_copy_text(arena, rows, i, 0),
                                 .id = db_text(rows, i, 1) == NULL ? 0 : db_int64(rows, i, 1),
                                 .disposal = db_text(rows, i, 2) == NULL ? 0 : db_int64(rows, i, 2),
                                 .state = db_copy_text(arena, rows, i, 3),
                                 .ground = db_copy_text(arena, rows, i, 4),
                                 .immediate = db_text(rows, i, 5) != NULL && db_bool(rows, i, 5),
                                 .since = db_instant(rows, i, 6),
                                 .until = db_instant(rows, i, 7),
                                 .waits_for = db_copy_text(arena, rows, i, 8),
                                 .plan_digest = db_copy_text(arena, rows, i, 9) };
    *ret_list = list;
    *ret_count = count;
    return OK;
}

Err
requests_plan(Arena *arena, Db *db, int64_t disposal, PlanTable **ret_list, size_t *ret_count, const char **ret_digest)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, disposal) };

    TRY(call(db, SQL_disposal_plan, 1, params, &rows));
    const size_t count = db_rows(rows);
    PlanTable *list = ARENA_ARRAY(arena, PlanTable, count + 1);
    for (size_t i = 0; i < count; i++)
        list[i] = (PlanTable){ .table = db_copy_text(arena, rows, i, 0),
                               .action = db_copy_text(arena, rows, i, 1),
                               .rows = db_int64(rows, i, 2) };
    *ret_digest = count == 0 ? NULL : db_copy_text(arena, rows, 0, 3);
    *ret_list = list;
    *ret_count = count;
    return OK;
}
