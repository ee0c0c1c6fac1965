/* SPDX-License-Identifier: Apache-2.0 */
#include "store/disposals.h"

#include "base/text.h"
#include "sql.h"
#include "wrap/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool
disposals_is_policy(const Disposal *disposal)
{
    return strcmp(disposal->kind, "policy") == 0;
}

Disposal
disposals_new(void)
{
    return (Disposal){ .state = STATE_OPEN,
                       .cutoff = INSTANT_NONE,
                       .ended_at = INSTANT_NONE,
                       .opened_at = INSTANT_NONE,
                       .archived_at = INSTANT_NONE,
                       .erase_after = INSTANT_NONE,
                       .erasing_at = INSTANT_NONE,
                       .erased_at = INSTANT_NONE,
                       .cleared_at = INSTANT_NONE,
                       .withdrawn_at = INSTANT_NONE,
                       .key_destroyed_at = INSTANT_NONE,
                       .next_attempt_at = INSTANT_NONE,
                       .restored_at = INSTANT_NONE,
                       .requested_at = INSTANT_NONE,
                       .withdrawal_at = INSTANT_NONE,
                       .plan_at = INSTANT_NONE };
}

static Err
read_disposal(Arena *arena, const DbResult *rows, size_t row, Disposal *ret)
{
    *ret = (Disposal){
        .id = db_int64(rows, row, 0),
        .kind = db_copy_text(arena, rows, row, 1),
        .name = db_copy_text(arena, rows, row, 2),
        .subject_key = db_copy_text(arena, rows, row, 3),
        .incarnation = db_copy_text(arena, rows, row, 4),
        .commitment = db_copy_text(arena, rows, row, 5),
        .ground = db_copy_text(arena, rows, row, 6),
        .immediate = db_bool(rows, row, 7),
        .as_of = db_instant(rows, row, 9),
        .cutoff = db_instant(rows, row, 10),
        .ended_at = db_instant(rows, row, 11),
        .opened_at = db_instant(rows, row, 12),
        .archived_at = db_instant(rows, row, 13),
        .erase_after = db_instant(rows, row, 14),
        .erasing_at = db_instant(rows, row, 15),
        .erased_at = db_instant(rows, row, 16),
        .cleared_at = db_instant(rows, row, 17),
        .withdrawn_at = db_instant(rows, row, 18),
        .root_erased = db_bool(rows, row, 19),
        .store = db_copy_text(arena, rows, row, 20),
        .snapshot_name = db_copy_text(arena, rows, row, 21),
        .snapshot_id = db_copy_text(arena, rows, row, 22),
        .key_id = db_copy_text(arena, rows, row, 23),
        .snapshot_digest = db_copy_text(arena, rows, row, 24),
        .key_destroyed_at = db_instant(rows, row, 25),
        .configuration_digest = db_copy_text(arena, rows, row, 26),
        .attempts = db_int64(rows, row, 27),
        .last_error = db_copy_text(arena, rows, row, 28),
        .next_attempt_at = db_instant(rows, row, 29),
        .ledger_seq = db_text(rows, row, 30) == NULL ? 0 : db_int64(rows, row, 30),
        .ledger_digest = db_copy_text(arena, rows, row, 31),
        .restored_at = db_instant(rows, row, 32),
        .replay_seq = db_text(rows, row, 33) == NULL ? 0 : db_int64(rows, row, 33),
        .requested_at = db_instant(rows, row, 34),
        .requested_plainly = db_bool(rows, row, 35),
        .withdrawal_at = db_instant(rows, row, 36),
        .plan_digest = db_copy_text(arena, rows, row, 37),
        .plan_at = db_instant(rows, row, 38),
        .approved = db_bool(rows, row, 39),
        .unheld = db_bool(rows, row, 40),
    };
    if (!lifecycle_state_parse(db_text(rows, row, 8), &ret->state))
        return err_new(ERR_INTERNAL, "disposal %" PRId64 " is in a state that this version does not know", ret->id);
    return OK;
}

static Err
read_list(Arena *arena, const DbResult *rows, Disposal ***ret_list, size_t *ret_count)
{
    const size_t count = db_rows(rows);
    Disposal **list = ARENA_ARRAY(arena, Disposal *, count + 1);
    for (size_t i = 0; i < count; i++)
    {
        list[i] = ARENA_NEW(arena, Disposal);
        TRY(read_disposal(arena, rows, i, list[i]));
    }
    *ret_list = list;
    *ret_count = count;
    return OK;
}

Err
disposals_load(Arena *arena, Db *db, int64_t id, Disposal **ret_disposal)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, id) };
    Disposal **list;
    size_t count;

    TRY(db_query(db, SQL_disposal_columns, 1, params, &rows));
    TRY(read_list(arena, rows, &list, &count));
    if (count == 0)
        return err_new(ERR_USAGE, "there is no disposal %" PRId64 " in this database", id);
    *ret_disposal = list[0];
    return OK;
}

Err
disposals_unfinished(Arena *arena, Db *db, Disposal ***ret_list, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { NULL };
    TRY(db_query(db, SQL_disposal_columns, 1, params, &rows));
    return read_list(arena, rows, ret_list, ret_count);
}

static Err
read_position(Arena *arena, const char *json, DisposalTable *table)
{
    CLEANUP(jsondoc_freep) JsonDoc *items = NULL;
    if (json == NULL)
        return OK;
    TRY(jsondoc_parse(json, strlen(json), &items));
    table->position_count = jsondoc_count(items);
    table->position = ARENA_ARRAY(arena, const char *, table->position_count);
    for (size_t i = 0; i < table->position_count; i++)
        table->position[i] = arena_strdup(arena, jsondoc_text(jsondoc_at(items, i)));
    return OK;
}

Err
disposals_tables(Arena *arena, Db *db, int64_t id, DisposalTable **ret_list, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, id) };

    TRY(db_query(db, SQL_table_load, 1, params, &rows));
    const size_t count = db_rows(rows);
    DisposalTable *list = ARENA_ARRAY(arena, DisposalTable, count + 1);
    for (size_t i = 0; i < count; i++)
    {
        list[i] = (DisposalTable){ .number = (int)db_int64(rows, i, 0),
                                   .schema = db_copy_text(arena, rows, i, 1),
                                   .table = db_copy_text(arena, rows, i, 2),
                                   .action = db_copy_text(arena, rows, i, 3),
                                   .edge = db_copy_text(arena, rows, i, 4),
                                   .rows_archived = db_int64(rows, i, 5),
                                   .rows_done = db_int64(rows, i, 6),
                                   .mark = { .bytes = db_int64(rows, i, 8),
                                             .frames = db_int64(rows, i, 9),
                                             .rows = db_int64(rows, i, 10),
                                             .plain_bytes = db_int64(rows, i, 11) } };
        TRY(read_position(arena, db_text(rows, i, 7), &list[i]));
    }
    *ret_list = list;
    *ret_count = count;
    return OK;
}

Err
disposals_not_erased(Arena *arena, Db *db, int64_t id, NotErased **ret_list, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, id) };

    TRY(db_query(db, SQL_not_erased_load, 1, params, &rows));
    const size_t count = db_rows(rows);
    NotErased *list = ARENA_ARRAY(arena, NotErased, count + 1);
    for (size_t i = 0; i < count; i++)
        list[i] = (NotErased){ .what = db_copy_text(arena, rows, i, 0),
                               .why = db_copy_text(arena, rows, i, 1),
                               .rows = db_int64(rows, i, 2),
                               .until = db_instant(rows, i, 3) };
    *ret_list = list;
    *ret_count = count;
    return OK;
}

/* -- changes ------------------------------------------------------------------------------------------------------- */

static Err
lock_query(Db *db, const char *sql, int64_t id, DbResult **ret_row)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, id);
    const char *params[] = { text };
    return db_query_row(db, sql, 1, params, ret_row);
}

static Err
unlock(Db *db, const char *sql, int64_t id)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    return lock_query(db, sql, id, &row);
}

Err
disposals_claim(Db *db, int64_t id, bool *ret_claimed)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    TRY(lock_query(db, SQL_disposal_claim, id, &row));
    const bool first = db_bool(row, 0, 0), second = db_bool(row, 0, 1);
    *ret_claimed = first && second;
    if (second) /* seen to be free: the second connection takes it when there is one */
        TRY(unlock(db, SQL_disposal_unclaim_second, id));
    return first && !second ? unlock(db, SQL_disposal_unclaim_first, id) : OK;
}

Err
disposals_unclaim(Db *db, int64_t id)
{
    return unlock(db, SQL_disposal_unclaim_first, id);
}

Err
disposals_claim_second(Db *db, int64_t id)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    TRY(lock_query(db, SQL_disposal_claim_second, id, &row));
    if (!db_bool(row, 0, 0))
        return err_new(ERR_AGAIN, "another worker is busy with disposal %" PRId64, id);
    return OK;
}

Err
disposals_unclaim_second(Db *db, int64_t id)
{
    return unlock(db, SQL_disposal_unclaim_second, id);
}

Err
disposals_record(Arena *arena, Db *db, int64_t disposal_id, const char *event, JsonDoc *fields)
{
    CLEANUP(jsondoc_freep) JsonDoc *owned = fields == NULL ? jsondoc_object() : fields;
    unsigned char id[16];

    seal_random(id, sizeof id);
    const char *params[] = { text_hex(arena, id, sizeof id),
                             disposal_id == 0 ? NULL : arena_printf(arena, "%" PRId64, disposal_id), event,
                             jsondoc_canonical(arena, owned) };
    return db_query(db, SQL_outbox_add, 4, params, NULL);
}

Err
disposals_transit(Db *db, int64_t id, const Transit *transit)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    char text[24];

    const char *id_text[] = { text };
    if (!lifecycle_allows(transit->from, transit->to))
        return err_new(ERR_INTERNAL, "a disposal cannot go from %s to %s", lifecycle_state_name(transit->from),
                       lifecycle_state_name(transit->to));
    snprintf(text, sizeof text, "%" PRId64, id);
    const char *params[] = { text,
                             lifecycle_state_name(transit->from),
                             lifecycle_state_name(transit->to),
                             transit->grace,
                             transit->snapshot_digest,
                             transit->as_of };
    if (transit->to == STATE_CLEARED)
        TRY(db_query(db, SQL_hold_forget, 1, id_text, NULL));
    if (transit->to == STATE_CLEARED || transit->to == STATE_WITHDRAWN)
        TRY(db_query(db, SQL_wish_forget, 1, id_text, NULL));
    TRY(db_query(db, SQL_disposal_transit, 6, params, &done));
    if (db_affected(done) != 1)
        return err_new(ERR_AGAIN, "disposal %" PRId64 " is not %s any more: another worker was faster", id,
                       lifecycle_state_name(transit->from));
    return OK;
}

char *
disposals_array(Arena *arena, const char *const *items, size_t count)
{
    Text text = TEXT_INIT(arena);
    text_add(&text, "{");
    for (size_t i = 0; i < count; i++)
    {
        text_add(&text, i > 0 ? ",\"" : "\"");
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

Err
disposals_advance(Arena *arena, Db *db, int64_t id, int number, int64_t rows, const char *const *position,
                  size_t position_count)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, id), arena_printf(arena, "%d", number),
                             arena_printf(arena, "%" PRId64, rows),
                             position == NULL ? NULL : disposals_array(arena, position, position_count) };
    TRY(db_query_kept(db, SQL_table_done, 4, params, &done));
    if (db_affected(done) != 1)
        return err_new(ERR_INTERNAL, "disposal %" PRId64 " has no table number %d", id, number);
    return OK;
}

Err
disposals_mark(Arena *arena, Db *db, int64_t id, int number, int64_t bytes_before, const FrameMark *mark)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    const char *params[] = {
        arena_printf(arena, "%" PRId64, id),           arena_printf(arena, "%d", number),
        arena_printf(arena, "%" PRId64, mark->rows),   arena_printf(arena, "%" PRId64, mark->bytes),
        arena_printf(arena, "%" PRId64, mark->frames), arena_printf(arena, "%" PRId64, mark->plain_bytes),
        arena_printf(arena, "%" PRId64, bytes_before)
    };
    TRY(db_query(db, SQL_table_archived, 7, params, &done));
    if (db_affected(done) != 1)
        return err_new(ERR_AGAIN, "the snapshot of disposal %" PRId64 " was moved on by another worker", id);
    return OK;
}

Err
disposals_batch_add(Arena *arena, Db *db, int64_t id, const MoveBatch *batch)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    const char *position = batch->position == NULL ? NULL
                                                   : disposals_array(arena, batch->position, batch->position_count);
    const char *params[] = { arena_printf(arena, "%" PRId64, id),
                             arena_printf(arena, "%d", batch->number),
                             arena_printf(arena, "%" PRId64, batch->rows),
                             position,
                             arena_printf(arena, "%" PRId64, batch->mark.rows),
                             arena_printf(arena, "%" PRId64, batch->mark.bytes),
                             arena_printf(arena, "%" PRId64, batch->mark.frames),
                             arena_printf(arena, "%" PRId64, batch->mark.plain_bytes),
                             arena_printf(arena, "%" PRId64, batch->before.bytes) };
    TRY(db_query_kept(db, SQL_move_batch_add, 9, params, &done));
    if (db_affected(done) != 1)
        return err_new(ERR_AGAIN, "the snapshot of disposal %" PRId64 " was moved on by another worker", id);
    return OK;
}

Err
disposals_batch_fold(Arena *arena, Db *db, int64_t id)
{
    const char *params[] = { arena_printf(arena, "%" PRId64, id) };
    return db_query(db, SQL_move_batch_fold, 1, params, NULL);
}

Err
disposals_table_add(Arena *arena, Db *db, int64_t id, const DisposalTable *table)
{
    const char *params[] = { arena_printf(arena, "%" PRId64, id),
                             arena_printf(arena, "%d", table->number),
                             table->schema,
                             table->table,
                             table->action,
                             table->edge };
    return db_query(db, SQL_table_add, 6, params, NULL);
}
