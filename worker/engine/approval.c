/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/approval.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/orphans.h"
#include "sql.h"
#include "wrap/seal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_AGAIN_US INSTANT_HOUR

/* -- counting -------------------------------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
    const OutcomeTable *left = a, *right = b;
    const int tables = strcmp(left->table, right->table);
    return tables != 0 ? tables : strcmp(left->action, right->action);
}

static const char *
digest_of(const Job *job, const Plan *plan)
{
    unsigned char digest[SEAL_HASH_BYTES];
    Text text = TEXT_INIT(job->arena);

    text_addf(&text, "expunge plan 1\n%s %s %s\n", job->session->database->name, job->disposal->kind,
              job->disposal->commitment == NULL ? "" : job->disposal->commitment);
    for (size_t i = 0; i < plan->count; i++)
        text_addf(&text, "%s %s %" PRId64 "\n", plan->tables[i].table, plan->tables[i].action, plan->tables[i].rows);
    seal_sha256(text_done(&text), text.length, digest);
    return text_hex(job->arena, digest, sizeof digest);
}

static Err
count_all(Job *job)
{
    const Scope *scope = job->target->scope;
    int64_t rows;

    for (size_t i = 0; i < scope->table_count; i++)
    {
        TRY(job_count_rows(job, i, &rows));
        job_count(job, &scope->graph->tables[scope->tables[i].table], "delete", rows, 0);
    }
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const GraphEdge *edge = &scope->graph->edges[scope->changes[i].edge];
        TRY(job_count_change(job, i, &rows));
        job_count(job, &scope->graph->tables[edge->child], edge_action_name(edge->action), rows, 0);
    }
    TRY(orphans_foretell(job));
    for (size_t i = 0; i < scope->orphan_count; i++)
    {
        TRY(orphans_count(job, i, &rows));
        job_count(job, &scope->graph->tables[scope->orphans[i].table], "delete", rows, 0);
    }
    return OK;
}

Err
approval_count(Job *job, Plan *ret_plan)
{
    Outcome counted = { .table_count = 0 }, *outcome = job->outcome;

    job->outcome = &counted;
    const Err e = count_all(job);
    job->outcome = outcome;
    if (e != OK)
        return e;
    *ret_plan = (Plan){ .tables = counted.tables, .count = counted.table_count };
    if (ret_plan->count > 0)
        qsort(ret_plan->tables, ret_plan->count, sizeof *ret_plan->tables, compare);
    ret_plan->digest = digest_of(job, ret_plan);
    return OK;
}

/* -- judging --------------------------------------------------------------------------------------------------------- */

bool
approval_is_needed(const Job *job)
{
    return job->target->subject != NULL && job->target->subject->immediate_needs_approval && job->disposal->immediate &&
           job->disposal->replay_seq == 0;
}

Err
approval_judge(Job *job, Plan *ret_plan)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;

    TRY(approval_count(job, ret_plan));
    const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id), ret_plan->digest };
    TRY(db_query_row(job->session->db, SQL_approval_exists, 2, params, &row));
    ret_plan->approved = db_bool(row, 0, 0);
    return OK;
}

/* -- asking ---------------------------------------------------------------------------------------------------------- */

Err
approval_publish(Job *job, const Plan *plan)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Db *db = job->session->db;
    const char *id = arena_printf(job->arena, "%" PRId64, job->disposal->id);
    const char *params[] = { id, plan->digest };

    TRY(db_begin(db, "", &tx));
    TRY(db_query(db, SQL_plan_publish, 2, params, &row));
    if (db_rows(row) == 0)
        return OK; /* it is beyond an approval by now */
    TRY(db_query(db, SQL_plan_table_clear, 1, &id, NULL));
    for (size_t i = 0; i < plan->count; i++)
    {
        const char *table[] = { id, plan->tables[i].table, plan->tables[i].action,
                                arena_printf(job->arena, "%" PRId64, plan->tables[i].rows) };
        TRY(db_query(db, SQL_plan_table_add, 4, table, NULL));
    }
    if (db_bool(row, 0, 0))
    {
        JsonDoc *fields = session_fields(job->session, job->disposal);
        jsondoc_set_string(fields, "plan_digest", plan->digest);
        TRY(disposals_record(job->arena, db, job->disposal->id, "approval_awaited", fields));
    }
    TRY(db_commit(&tx));
    fault_point("approval.published");
    return session_flush(job->session, job->disposal->id, false);
}

static Err
count_now(Job *job, Plan *ret_plan)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(session_prepare_work(job->session, &job->selector)); /* READ ONLY forbids it */
    TRY(db_begin(job->session->db, "isolation level repeatable read read only", &tx));
    TRY(db_query(job->session->db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    TRY(job_fill_below(job));
    TRY(job_refuse_foreign(job));
    TRY(approval_count(job, ret_plan));
    return db_commit(&tx);
}

Err
approval_ask(Job *job)
{
    const Disposal *d = job->disposal;
    Instant now;
    Plan plan;

    TRY(session_number(job->session, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", &now));
    job->outcome->digest = d->plan_digest;
    if (d->plan_digest != NULL && now - d->plan_at < COUNT_AGAIN_US)
        return OK;
    TRY(count_now(job, &plan));
    job->outcome->digest = plan.digest;
    return approval_publish(job, &plan);
}
