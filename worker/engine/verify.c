/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/verify_private.h"

#include "base/text.h"
#include "sql.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define FAULTS_TOLD 12 /* a story has sixteen lines */

void
verify_fault(Verify *v, const Session *session, Err code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const VerifyFault fault = { .code = code,
                                .database = session == NULL ? NULL : session->database->name,
                                .story = arena_vprintf(v->arena, format, args) };
    va_end(args);
    ARENA_PUSH(v->arena, v->faults, v->fault_count, v->fault_room, fault);
}

void
verify_story(Verify *v, const Session *session, Err code)
{
    const char *story = arena_strdup(v->arena, err_joined());
    err_clear();
    verify_fault(v, session, code, "%s", story);
}

void
verify_failure(Verify *v, const Session *session, Err code)
{
    verify_story(v, session, err_note(code, "database \"%s\"", session->database->name));
}

void
verify_open(const House *house, Arena *arena, Verify *ret_verify)
{
    const Rules *rules = house->rules;
    Verify v = { .house = house,
                 .arena = arena,
                 .ledger_path = arena_printf(arena, "%s/ledger.jsonl", rules->state_dir),
                 .sessions = ARENA_ARRAY(arena, Session *, rules->database_count + 1) };

    for (size_t i = 0; i < rules->database_count; i++)
    {
        const Err e = session_open(house, &rules->databases[i], NULL, &v.sessions[v.session_count]);
        if (e == OK)
            v.session_count++;
        else
            verify_story(&v, NULL, e); /* the story names the database */
    }
    *ret_verify = v;
}

void
verify_closep(Verify *v)
{
    for (size_t i = 0; i < v->session_count; i++)
        session_close(v->sessions[i]);
    v->session_count = 0;
}

Err
verify_verdict(const Verify *v)
{
    const VerifyFault *told[FAULTS_TOLD];
    size_t faults = 0;
    Err code = OK;

    for (size_t i = 0; i < v->fault_count; i++)
    {
        const VerifyFault *fault = &v->faults[i];
        if (fault->code == OK)
            continue;
        if (faults < FAULTS_TOLD)
            told[faults] = fault;
        faults++;
        if (code == OK || fault->code == ERR_EVIDENCE)
            code = fault->code;
    }
    if (code == OK)
        return OK;
    Err e = OK;
    for (size_t i = faults < FAULTS_TOLD ? faults : FAULTS_TOLD; i-- > 0;)
        e = e == OK ? err_new(code, "%s", told[i]->story) : err_note(code, "%s", told[i]->story);
    assert(e == code);
    if (faults > FAULTS_TOLD)
        return err_note(code, "%zu checks failed; the first %d (\"--json\" tells all):", faults, FAULTS_TOLD);
    return err_note(code, "%zu check%s failed:", faults, faults == 1 ? "" : "s");
}

/* -- the ledger ---------------------------------------------------------------------------------------------------- */

/* What a database says of the ledger, in the ledger's order: read beside it. */
typedef struct Claims
{
    Verify *verify;
    Arena *scratch;
    Cursor *rows; /* one for each session */
    size_t *at;   /* the row that waits for its entry */
    bool *waiting;
} Claims;

static void
next_claim(Claims *claims, size_t i)
{
    const Err e = cursor_next(&claims->rows[i], &claims->waiting[i], &claims->at[i]);
    if (e == OK)
        return;
    claims->waiting[i] = false;
    verify_failure(claims->verify, claims->rows[i].session, e);
}

static void
judge_claim(Claims *claims, size_t i, const JsonDoc *entry, const char *digest)
{
    Verify *v = claims->verify;
    const Session *session = claims->rows[i].session;
    const DbResult *rows = claims->rows[i].rows;
    const int64_t id = db_int64(rows, claims->at[i], 0), seq = db_int64(rows, claims->at[i], 1);
    const char *wrong = NULL;

    if (entry == NULL || jsondoc_get_integer(entry, "seq", 0) != seq)
        wrong = "is not in the ledger";
    else if (!text_equal(db_text(rows, claims->at[i], 2), digest))
        wrong = "has another digest in the ledger than in the database";
    else if (!text_equal(jsondoc_get_string(entry, "installation"), session->installation) ||
             jsondoc_get_integer(entry, "disposal", 0) != id)
        wrong = "is about something else in the ledger";
    v->ledger.checked++;
    if (wrong == NULL)
        return;
    v->ledger.failed++;
    verify_fault(v, session, ERR_EVIDENCE, "entry %" PRId64 ", the newest one of disposal %s-%" PRId64 ", %s", seq,
                 session->database->name, id, wrong);
}

static Err
visit_entry(void *context, const JsonDoc *entry, const char *digest)
{
    Claims *claims = context;
    const int64_t seq = jsondoc_get_integer(entry, "seq", 0);

    for (size_t i = 0; i < claims->verify->session_count; i++)
        while (claims->waiting[i] && db_int64(claims->rows[i].rows, claims->at[i], 1) <= seq)
        {
            judge_claim(claims, i, entry, digest);
            next_claim(claims, i);
        }
    return OK;
}

static Err
judge_unrecorded(Verify *v, Session *session)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    CLEANUP(db_result_freep) DbResult *pending = NULL;
    const char *all[] = { NULL };

    TRY(db_query(session->db, SQL_verify_unrecorded, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        v->ledger.checked++;
        v->ledger.failed++;
        verify_fault(v, session, ERR_EVIDENCE, "disposal %s-%s has no entry in the ledger, and none on its way",
                     session->database->name, db_text(rows, i, 0));
    }
    TRY(db_query_row(session->db, SQL_outbox_count, 1, all, &pending));
    v->ledger_pending += db_int64(pending, 0, 0);
    return OK;
}

/* Each database's transaction begins before the ledger is read: what it says of the ledger was in the file by then. */
static void
begin_claims(Claims *claims)
{
    Verify *v = claims->verify;

    for (size_t i = 0; i < v->session_count; i++)
    {
        claims->rows[i].session = v->sessions[i];
        Err e = cursor_open(v->sessions[i], v->arena, SQL_verify_entries, &claims->rows[i]);
        if (e == OK)
            e = judge_unrecorded(v, v->sessions[i]);
        if (e == OK)
            next_claim(claims, i);
        else
            verify_failure(v, v->sessions[i], e);
    }
}

void
verify_ledger(Verify *v)
{
    Claims claims = { .verify = v,
                      .rows = ARENA_ARRAY(v->arena, Cursor, v->session_count + 1),
                      .at = ARENA_ARRAY(v->arena, size_t, v->session_count + 1),
                      .waiting = ARENA_ARRAY(v->arena, bool, v->session_count + 1) };
    LedgerHead head;

    begin_claims(&claims);
    const Err e = ledger_walk(v->ledger_path, visit_entry, &claims, &head);
    if (e != OK)
        verify_story(v, NULL, e);
    else
    {
        v->ledger_entries = head.seq;
        memcpy(v->ledger_head, head.digest, sizeof v->ledger_head);
        for (size_t i = 0; i < v->session_count; i++)
            for (; claims.waiting[i]; next_claim(&claims, i))
                judge_claim(&claims, i, NULL, NULL); /* behind the ledger's end */
    }
    for (size_t i = 0; i < v->session_count; i++)
        cursor_closep(&claims.rows[i]);
}
