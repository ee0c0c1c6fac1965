/* SPDX-License-Identifier: Apache-2.0 */
/* verify_absence.c -- the part of verify.h that looks for rows that should not be there: roots that the ledger says were
 * erased, rows of their scope, and rows that a policy has taken away. */
#include "engine/verify_private.h"

#include "base/text.h"
#include "engine/erase.h"
#include "sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct Digest
{
    unsigned char bytes[SEAL_HASH_BYTES];
} Digest;

/* Commitments to the erased subjects of one kind in one database. */
typedef struct ErasedSet
{
    Session *session;
    const Target *target;
    Digest *list;
    size_t count;
    size_t room;
} ErasedSet;

typedef struct Erased
{
    Verify *verify;
    Arena *arena;
    ErasedSet *sets;
    size_t set_count;
    int64_t unknown; /* of a kind or database that cannot be asked */
} Erased;

/* -- the erased ones, from the ledger ------------------------------------------------------------------------------ */

static ErasedSet *
find_set(const Erased *erased, const char *database, const char *kind)
{
    for (size_t i = 0; i < erased->set_count; i++)
        if (text_equal(erased->sets[i].session->database->name, database) &&
            text_equal(erased->sets[i].target->name, kind))
            return &erased->sets[i];
    return NULL;
}

/* Restored by us, by the ledger's own word: it may be there, until it is erased again. */
static void
forget(Erased *erased, ErasedSet *set, const Digest *commitment)
{
    size_t kept = 0;

    if (set == NULL)
    {
        erased->unknown -= erased->unknown > 0 ? 1 : 0;
        return;
    }
    for (size_t i = 0; i < set->count; i++)
        if (memcmp(&set->list[i], commitment, sizeof *commitment) != 0)
            set->list[kept++] = set->list[i];
    set->count = kept;
}

static Err
visit_erased(void *context, const JsonDoc *entry, const char *digest)
{
    Erased *erased = context;
    const char *subject = jsondoc_get_string(entry, "subject");
    Digest commitment = { { 0 } };
    const char *event = jsondoc_get_string(entry, "event");
    const bool back = text_equal(event, "restored");
    const bool gone = text_equal(event, "erased") ||
                      (text_equal(event, "archived") && jsondoc_get(entry, "removed") != NULL);

    (void)digest;
    if ((!back && !gone) || subject == NULL || !text_unhex(subject, commitment.bytes, sizeof commitment.bytes))
        return OK;
    ErasedSet *set = find_set(erased, jsondoc_get_string(entry, "database"), jsondoc_get_string(entry, "kind"));
    if (back)
        forget(erased, set, &commitment);
    else if (set == NULL)
        erased->unknown++;
    else
        ARENA_PUSH(erased->arena, set->list, set->count, set->room, commitment);
    return OK;
}

static int
compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(Digest));
}

static void
make_sets(Erased *erased)
{
    const Verify *v = erased->verify;
    size_t room = 0;

    for (size_t i = 0; i < v->session_count; i++)
        for (size_t t = 0; t < v->sessions[i]->targets.count; t++)
        {
            const Target *target = &v->sessions[i]->targets.list[t];
            const ErasedSet set = { .session = v->sessions[i], .target = target };
            if (target->subject != NULL && target->scope != NULL)
                ARENA_PUSH(erased->arena, erased->sets, erased->set_count, room, set);
        }
}

/* -- roots that are back ------------------------------------------------------------------------------------------- */

static Err
tell_back(Verify *v, const ErasedSet *set, const char *commitment)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const GraphTable *root = &set->target->graph->tables[set->target->root];
    const char *database = set->session->database->name;

    v->absence.failed++;
    TRY(db_query(set->session->db, SQL_verify_commitment, 1, &commitment, &rows));
    if (db_rows(rows) == 0)
        verify_fault(v, set->session, ERR_EVIDENCE,
                     "%s %.12s is in \"%s.%s\" again, although the ledger says that it was erased", set->target->name,
                     commitment, root->schema, root->name);
    else
        verify_fault(v, set->session, ERR_EVIDENCE,
                     "%s %.12s is in \"%s.%s\" again, although disposal %s-%s erased it on %s", set->target->name,
                     commitment, root->schema, root->name, database, db_text(rows, 0, 0),
                     instant_format(v->arena, db_int64(rows, 0, 1)));
    return OK;
}

static Err
judge_root(Verify *v, Arena *arena, const ErasedSet *set, const char *key, const char *incarnation)
{
    Digest digest = { { 0 } };
    const char *commitment = session_commitment(v->house, arena, set->target->name, key, incarnation);

    if (!text_unhex(commitment, digest.bytes, sizeof digest.bytes) ||
        bsearch(&digest, set->list, set->count, sizeof digest, compare_digests) == NULL)
        return OK;
    return tell_back(v, set, commitment);
}

/* Every root that is there, once: looked up among the erased ones. */
static Err
judge_roots(Verify *v, const ErasedSet *set)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(cursor_closep) Cursor rows = { .session = set->session };
    const Selector selector = { .arena = v->arena, .target = set->target };
    bool there = true;
    size_t row = 0;

    TRY(cursor_open(set->session, v->arena, selector_all_roots(&selector), &rows));
    for (;;)
    {
        TRY(cursor_next(&rows, &there, &row));
        if (!there)
            return OK;
        TRY(judge_root(v, arena, set, db_text(rows.rows, row, 0), db_text(rows.rows, row, 1)));
        arena_reset(arena);
    }
}

static void
judge_sets(Verify *v)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Erased erased = { .verify = v, .arena = arena };
    LedgerHead head;

    make_sets(&erased);
    Err e = ledger_walk(v->ledger_path, visit_erased, &erased, &head);
    if (e != OK)
    {
        v->absence.failed++;
        verify_story(v, NULL, err_note(e, "what was erased is not known for sure: the ledger does not verify"));
    }
    if (erased.unknown > 0)
        verify_fault(
            v, NULL, OK,
            "%" PRId64
            " erased subject(s) cannot be looked for: their database or kind is not configured, or cannot be used now",
            erased.unknown);
    for (size_t i = 0; i < erased.set_count; i++)
    {
        ErasedSet *set = &erased.sets[i];
        if (set->count == 0)
            continue;
        qsort(set->list, set->count, sizeof *set->list, compare_digests);
        v->absence.checked += (int64_t)set->count;
        e = judge_roots(v, set);
        if (e != OK)
            verify_failure(v, set->session,
                           err_note(e, "while looking for erased subjects of kind \"%s\"", set->target->name));
    }
}

/* -- rows of an erased scope --------------------------------------------------------------------------------------- */

/* The key is known until the disposal is cleared: its scope is counted once more.  A root that is there is told already, or
 * is somebody new with an old key, whose rows these are. */
static Err
judge_scope(Verify *v, Session *session, Arena *arena, int64_t id)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Disposal *disposal;
    Outcome outcome = { .database = session->database->name };
    Job job;
    RootState root;
    int64_t rows;

    TRY(disposals_load(arena, session->db, id, &disposal));
    const bool moved = disposal->state == STATE_ARCHIVED && disposal->root_erased;
    if ((disposal->state != STATE_ERASED && !moved) || disposal->subject_key == NULL)
        return OK; /* cleared meanwhile */
    TRY(job_begin(session, arena, disposal, &outcome, &job));
    TRY(session_prepare_work(session, &job.selector)); /* outside: what is made in a transaction goes with it */
    TRY(db_begin(session->db, "isolation level repeatable read", &tx));
    TRY(job_root(&job, "", &root));
    if (root.present)
        return OK;
    TRY(erase_count_scope(&job, &rows));
    if (rows == 0)
        return OK;
    if (moved)
    {
        verify_fault(v, session, OK,
                     "%" PRId64 " row(s) of %s %s came in after disposal %s-%" PRId64
                     " had moved it into its snapshot; they go with it, after %s",
                     rows, disposal->kind, disposal->name, session->database->name, id,
                     instant_format(v->arena, disposal->erase_after));
        return OK;
    }
    v->absence.failed++;
    verify_fault(v, session, ERR_EVIDENCE,
                 "%" PRId64 " row(s) of %s %s are there, although disposal %s-%" PRId64 " erased it on %s", rows,
                 disposal->kind, disposal->name, session->database->name, id,
                 instant_format(v->arena, disposal->erased_at));
    return OK;
}

/* -- rows of a policy ---------------------------------------------------------------------------------------------- */

/* By the disposal's own frozen cutoffs.  No proof of anything: a row may have been written late with an old time, or a hold
 * on it may have ended. */
static Err
judge_policy(Verify *v, Session *session, Arena *arena, int64_t id)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Disposal *disposal;
    Outcome outcome = { .database = session->database->name };
    Job job;

    TRY(disposals_load(arena, session->db, id, &disposal));
    if (targets_find(&session->targets, disposal->kind, disposal->name) == NULL)
        return OK; /* a policy that is not configured any more */
    TRY(job_begin(session, arena, disposal, &outcome, &job));
    job.selector.cutoffs.main = instant_format(arena, disposal->cutoff);
    v->absence.checked++;
    TRY(db_query_row(session->db, selector_any_due(&job.selector), 0, NULL, &row));
    if (db_bool(row, 0, 0))
        verify_fault(v, session, OK,
                     "policy \"%s\" has rows from before %s, the cutoff of disposal %s-%" PRId64
                     ": they came in late, or a hold on them has ended; the next run takes them",
                     disposal->name, job.selector.cutoffs.main, session->database->name, id);
    return OK;
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static void
judge_each(Verify *v, Session *session, const char *sql,
           Err (*judge)(Verify *v, Session *session, Arena *arena, int64_t id))
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(db_result_freep) DbResult *ids = NULL;

    Err e = db_query(session->db, sql, 0, NULL, &ids);
    if (e != OK)
    {
        verify_failure(v, session, e);
        return;
    }
    for (size_t i = 0; i < db_rows(ids) && !db_is_broken(session->db); i++)
    {
        e = judge(v, session, arena, db_int64(ids, i, 0));
        if (e != OK) /* a target with a problem stops disposals, it breaks no evidence */
            verify_story(v, session,
                         err_note(e, "disposal %s-%" PRId64 " could not be judged", session->database->name,
                                  db_int64(ids, i, 0)));
        arena_reset(arena);
    }
}

void
verify_absence(Verify *v)
{
    judge_sets(v);
    for (size_t i = 0; i < v->session_count; i++)
    {
        judge_each(v, v->sessions[i], SQL_verify_erased, judge_scope);
        judge_each(v, v->sessions[i], SQL_verify_policies, judge_policy);
    }
}
