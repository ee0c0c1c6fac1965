/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wishes.h"

#include "base/fault.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* -- publishing ---------------------------------------------------------------------------------------------------- */

static Err
publish(Session *session, Arena *arena, const Target *target)
{
    const Selector selector = { .arena = arena, .target = target };
    const GraphTable *root = &target->graph->tables[target->root];
    const SubjectRule *rule = target->subject;
    const char *params[] = { rule->kind,
                             arena_printf(arena, "%s.%s", root->schema, root->name),
                             selector_look(&selector),
                             arena_printf(arena, "%" PRId64, root->oid),
                             root->columns[target->key].name,
                             rule->grace,
                             rule->immediate_needs_approval ? "true" : "false",
                             session->rules->config_digest };
    return db_query(session->db, SQL_subject_kind_publish, 8, params, NULL);
}

Err
wishes_publish(Session *session)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const char **kinds = ARENA_ARRAY(arena, const char *, session->targets.count + 1);
    size_t count = 0;

    TRY(db_begin(session->db, "", &tx));
    for (size_t i = 0; i < session->targets.count; i++)
        if (session->targets.list[i].subject != NULL)
        {
            TRY(publish(session, arena, &session->targets.list[i]));
            kinds[count++] = session->targets.list[i].subject->kind;
        }
    const char *params[] = { disposals_array(arena, kinds, count) };
    TRY(db_query(session->db, SQL_subject_kind_forget, 1, params, NULL));
    return db_commit(&tx);
}

/* -- requests become disposals --------------------------------------------------------------------------------------- */

Err
wishes_grace_from(Session *session, const char *kind, const char *commitment, Instant ended_at, Instant *ret_from)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { kind, commitment };

    TRY(db_query_row(session->db, SQL_restore_last, 2, params, &row));
    const Instant back = db_instant(row, 0, 0);
    *ret_from = back != INSTANT_NONE && back > ended_at ? back : ended_at;
    return OK;
}

/* When the root ended; INSTANT_NONE where it has not, is gone, or cannot be asked: then the request alone counts. */
static Err
look_at_end(Session *session, Arena *arena, const Target *target, const char *key, Instant *ret_ended_at)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Selector selector = { .arena = arena, .target = target };

    *ret_ended_at = INSTANT_NONE;
    if (target->subject->ended_at == NULL)
        return OK;
    TRY(session_set_key(session, key));
    const Err e = db_query(session->db, selector_root_state(&selector, ""), 0, NULL, &row);
    if (e != OK && db_is_broken(session->db))
        return e;
    if (e != OK)
        err_clear();
    else if (db_rows(row) > 0 && db_bool(row, 0, 0) && db_text(row, 0, 2) != NULL &&
             !instant_parse(db_text(row, 0, 2), ret_ended_at))
        *ret_ended_at = INSTANT_NONE;
    return OK;
}

typedef struct Wish
{
    Session *session;
    Arena *arena;
    Disposal disposal; /* what an entry of the ledger says of it */
} Wish;

static Wish
new_wish(Session *session, Arena *arena, int64_t disposal, const char *kind, const char *commitment)
{
    return (Wish){ .session = session,
                   .arena = arena,
                   .disposal = { .id = disposal, .kind = kind, .commitment = commitment } };
}

static const char *
number(const Wish *wish, int64_t n)
{
    return arena_printf(wish->arena, "%" PRId64, n);
}

static Err
adopt(Wish *wish, const char *key, const char *incarnation, bool known)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Session *session = wish->session;
    Disposal *d = &wish->disposal;
    const Target *target = targets_find(&session->targets, d->kind, NULL);
    Instant ended_at, from, until = INSTANT_NONE;

    if (target == NULL || target->problem != NULL)
        return OK; /* job_begin() tells what is the matter */
    d->commitment = session_commitment(session->house, wish->arena, d->kind, key, incarnation);
    TRY(look_at_end(session, wish->arena, target, key, &ended_at));
    if (known && ended_at == INSTANT_NONE)
        return OK;
    if (ended_at != INSTANT_NONE)
    {
        TRY(wishes_grace_from(session, d->kind, d->commitment, ended_at, &from));
        TRY(session_add(session, from, target->subject->grace, &until));
    }
    const char *params[] = { number(wish, d->id), arena_strndup(wish->arena, d->commitment, 12), d->commitment,
                             ended_at == INSTANT_NONE ? NULL : instant_format(wish->arena, ended_at),
                             until == INSTANT_NONE ? NULL : instant_format(wish->arena, until) };
    TRY(db_begin(session->db, "", &tx));
    TRY(db_query(session->db, SQL_wish_adopt, 5, params, &row));
    if (db_rows(row) > 0 && db_bool(row, 0, 0))
    {
        JsonDoc *fields = session_fields(session, d);
        jsondoc_set_string(fields, "ground", d->ground);
        jsondoc_set_instant(fields, "as_of", d->as_of);
        TRY(disposals_record(wish->arena, session->db, d->id, "opened", fields));
    }
    TRY(db_commit(&tx));
    fault_point("wish.adopted");
    return OK;
}

static Err
adopt_all(Session *session, Arena *arena)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(session->db, SQL_wish_unadopted, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Wish wish = new_wish(session, arena, db_int64(rows, i, 0), db_text(rows, i, 1), NULL);
        wish.disposal.ground = db_text(rows, i, 5);
        wish.disposal.as_of = db_int64(rows, i, 6);
        TRY(adopt(&wish, db_text(rows, i, 2), db_text(rows, i, 3), db_bool(rows, i, 4)));
    }
    return OK;
}

/* -- words become commitments ---------------------------------------------------------------------------------------- */

/* Mark it and write the entry, both or neither; whoever marks it first writes it.  fields is consumed. */
static Err
record(Wish *wish, const char *mark_sql, const char *const *params, size_t count, const char *event, JsonDoc *fields)
{
    CLEANUP(jsondoc_freep) JsonDoc *owned = fields;
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *done = NULL;
    Db *db = wish->session->db;

    TRY(db_begin(db, "", &tx));
    TRY(db_query(db, mark_sql, count, params, &done));
    if (db_affected(done) == 0)
        return OK;
    JsonDoc *handed = owned;
    owned = NULL;
    TRY(disposals_record(wish->arena, db, wish->disposal.id, event, handed));
    return db_commit(&tx);
}

static const char *
seal(const Wish *wish, const char *first, const char *second, const char *third)
{
    return session_commitment(wish->session->house, wish->arena, first, second, third);
}

static Err
record_requests(Session *session, Arena *arena)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(session->db, SQL_wish_requests, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Wish wish = new_wish(session, arena, db_int64(rows, i, 1), db_text(rows, i, 2), db_text(rows, i, 3));
        JsonDoc *fields = session_fields(session, &wish.disposal);
        const char *words = seal(&wish, db_text(rows, i, 6), db_text(rows, i, 7), db_text(rows, i, 8));
        const char *params[] = { db_text(rows, i, 0), words };
        jsondoc_set_integer(fields, "request", db_int64(rows, i, 0));
        jsondoc_set_string(fields, "ground", db_text(rows, i, 4));
        jsondoc_set_bool(fields, "immediate", db_bool(rows, i, 5));
        jsondoc_set_string(fields, "words", words);
        jsondoc_set_string(fields, "user", seal(&wish, "database user", db_text(rows, i, 9), NULL));
        jsondoc_set_instant(fields, "asked_at", db_int64(rows, i, 10));
        TRY(record(&wish, SQL_wish_request_recorded, params, 2, "requested", fields));
    }
    return OK;
}

static Err
record_approvals(Session *session, Arena *arena)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(session->db, SQL_wish_approvals, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Wish wish = new_wish(session, arena, db_int64(rows, i, 0), db_text(rows, i, 1), db_text(rows, i, 2));
        JsonDoc *fields = session_fields(session, &wish.disposal);
        const char *params[] = { db_text(rows, i, 0), db_text(rows, i, 3), db_text(rows, i, 4) };
        jsondoc_set_string(fields, "plan_digest", db_text(rows, i, 3));
        jsondoc_set_string(fields, "user", seal(&wish, "database user", db_text(rows, i, 4), NULL));
        jsondoc_set_instant(fields, "approved_at", db_int64(rows, i, 5));
        TRY(record(&wish, SQL_wish_approval_recorded, params, 3, "approved", fields));
    }
    return OK;
}

static Err
record_withdrawals(Session *session, Arena *arena)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(session->db, SQL_wish_withdrawals, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Wish wish = new_wish(session, arena, db_int64(rows, i, 0), db_text(rows, i, 1), db_text(rows, i, 2));
        JsonDoc *fields = session_fields(session, &wish.disposal);
        const char *params[] = { db_text(rows, i, 0) };
        jsondoc_set_string(fields, "user", seal(&wish, "database user", db_text(rows, i, 3), NULL));
        jsondoc_set_string(fields, "words", seal(&wish, db_text(rows, i, 5), "", NULL));
        jsondoc_set_instant(fields, "asked_at", db_int64(rows, i, 4));
        TRY(record(&wish, SQL_wish_withdrawal_recorded, params, 1, "withdrawal_requested", fields));
    }
    return OK;
}

static JsonDoc *
hold_fields(const Wish *wish, const DbResult *rows, size_t i, size_t user)
{
    JsonDoc *fields = session_fields(wish->session, NULL);
    jsondoc_set_integer(fields, "hold", db_int64(rows, i, 0));
    jsondoc_set_string(fields, "kind", db_text(rows, i, 1));
    jsondoc_set_string(fields, "type", db_text(rows, i, 3));
    jsondoc_set_string(fields, "user", seal(wish, "database user", db_text(rows, i, user), NULL));
    return fields;
}

static Err
record_placed(Wish *wish, const DbResult *rows, size_t i)
{
    JsonDoc *fields = hold_fields(wish, rows, i, 4);
    const char *params[] = { db_text(rows, i, 0), "false" };

    jsondoc_set_string(fields, "holder", seal(wish, db_text(rows, i, 1), db_text(rows, i, 2), NULL));
    jsondoc_set_instant(fields, "placed_at", db_int64(rows, i, 5));
    jsondoc_set_instant(fields, "until", db_instant(rows, i, 6));
    return record(wish, SQL_wish_hold_recorded, params, 2, "hold_placed", fields);
}

static Err
record_released(Wish *wish, const DbResult *rows, size_t i)
{
    JsonDoc *fields = hold_fields(wish, rows, i, 7);
    const char *params[] = { db_text(rows, i, 0), "true" };

    jsondoc_set_instant(fields, "released_at", db_int64(rows, i, 8));
    return record(wish, SQL_wish_hold_recorded, params, 2, "hold_released", fields);
}

static Err
record_holds(Session *session, Arena *arena)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;

    TRY(db_query(session->db, SQL_wish_holds, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Wish wish = new_wish(session, arena, 0, NULL, NULL);
        if (!db_bool(rows, i, 9))
            TRY(record_placed(&wish, rows, i));
        if (db_text(rows, i, 8) != NULL)
            TRY(record_released(&wish, rows, i));
    }
    return OK;
}

Err
wishes_adopt(Session *session)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    TRY(adopt_all(session, arena));
    TRY(record_requests(session, arena));
    TRY(record_approvals(session, arena));
    TRY(record_withdrawals(session, arena));
    return record_holds(session, arena);
}
