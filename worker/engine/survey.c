/* SPDX-License-Identifier: Apache-2.0 */
/* survey.c -- the part of discover.h that counts: what the next step would do to which table. */
#include "engine/discover.h"

#include "engine/approval.h"
#include "engine/depart.h"
#include "engine/dispose.h"
#include "engine/erase.h"
#include "engine/indexes.h"
#include "engine/kept.h"
#include "engine/orphans.h"
#include "engine/refresh.h"
#include "engine/script.h"

#include <inttypes.h>
#include <string.h>

static void
add_stay(Job *job, OutcomeStay **list, size_t *count, size_t *room, OutcomeStay stay)
{
    if (stay.rows > 0)
        ARENA_PUSH(job->arena, *list, *count, *room, stay);
}

/* Rows that an earlier disposal of this plan takes will not be there any more. */
static Err
subtract_taken(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < scope->table_count; i++)
    {
        const char *sql = selector_taken_subtract(&job->selector, i);
        if (sql != NULL)
            TRY(db_query(job->session->db, sql, 0, NULL, NULL));
    }
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const char *sql = selector_taken_subtract_change(&job->selector, i);
        if (sql != NULL)
            TRY(db_query(job->session->db, sql, 0, NULL, NULL));
    }
    return OK;
}

static Err
take(Job *job)
{
    const size_t count = job->outcome->removes ? job->target->scope->table_count : 0;
    for (size_t i = 0; i < count; i++)
    {
        const char *sql = selector_take(&job->selector, i);
        if (sql != NULL)
            TRY(db_query(job->session->db, sql, 0, NULL, NULL));
    }
    return OK;
}

static Err
survey_children(Job *job, const char *action, const char *orphans)
{
    const Scope *scope = job->target->scope;
    int64_t rows;

    for (size_t i = 1; i < scope->table_count; i++)
    {
        TRY(job_count_rows(job, i, &rows));
        job_count(job, &scope->graph->tables[scope->tables[i].table], action, rows, 0);
    }
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const GraphEdge *edge = &scope->graph->edges[scope->changes[i].edge];
        TRY(job_count_change(job, i, &rows));
        job_count(job, &scope->graph->tables[edge->child],
                  strcmp(action, "copy") == 0 ? "copy" : edge_action_name(edge->action), rows, 0);
    }
    TRY(orphans_foretell(job));
    for (size_t i = 0; i < scope->orphan_count; i++)
    {
        TRY(orphans_count(job, i, &rows));
        job_count(job, &scope->graph->tables[scope->orphans[i].table], orphans, rows, 0);
    }
    return OK;
}

static Err
survey_policy(Job *job)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Outcome *o = job->outcome;
    const PolicyRule *policy = job->target->policy;
    const GraphTable *root = &job->target->graph->tables[job->target->root];
    const char *name = arena_printf(job->arena, "%s.%s", root->schema, root->name);
    const char *action = policy->grace == NULL || job->disposal->immediate ? "delete" : "move";

    TRY(db_query_row(job->session->db, selector_survey_policy(&job->selector), 0, NULL, &row));
    job_count(job, root, action, db_int64(row, 0, 0), 0);
    add_stay(job, &o->held, &o->held_count, &o->held_room,
             (OutcomeStay){ .table = name, .why = "held", .rows = db_int64(row, 0, 1), .until = INSTANT_NONE });
    for (size_t i = 0; i < policy->exempt_count; i++)
        add_stay(job, &o->kept, &o->kept_count, &o->kept_room,
                 (OutcomeStay){ .table = name,
                                .why = arena_printf(job->arena, "%s (%s), kept for %s", policy->exempts[i].purpose,
                                                    policy->exempts[i].basis, policy->exempts[i].keep_for),
                                .rows = db_int64(row, 0, 2 + i),
                                .until = INSTANT_NONE });
    if (job->target->single || db_int64(row, 0, 0) == 0)
        return OK;
    TRY(db_query(job->session->db, selector_fill_policy_root(&job->selector, NULL, false), 0, NULL, NULL));
    TRY(job_fill_below(job));
    TRY(job_refuse_foreign(job));
    TRY(subtract_taken(job));
    if (job->target->scope->tables[0].edge_count > 0) /* rows of its own table hang on those that are due */
    {
        int64_t rows;
        TRY(job_count_rows(job, 0, &rows));
        job_count(job, root, action, rows - db_int64(row, 0, 0), 0);
    }
    return survey_children(job, action, action);
}

static Err
survey_subject(Job *job, Step step, bool removes)
{
    const Scope *scope = job->target->scope;
    const char *action = removes ? "move" : step == STEP_ARCHIVE ? "copy" : "delete";
    Plan plan = { .digest = NULL };
    OutcomeStay *kept;
    size_t count;
    int64_t rows;

    TRY(db_query(job->session->db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    TRY(job_fill_below(job));
    TRY(job_refuse_foreign(job));
    if (approval_is_needed(job) && step != STEP_ARCHIVE && step != STEP_ERASE)
        TRY(approval_count(job, &plan));
    job->outcome->digest = plan.digest;
    TRY(subtract_taken(job));
    TRY(job_count_rows(job, 0, &rows));
    job_count(job, &scope->graph->tables[scope->tables[0].table], action, rows, 0);
    TRY(survey_children(job, action, removes ? "copy" : action));
    TRY(kept_count(job, &kept, &count));
    for (size_t i = 0; i < count; i++)
        add_stay(job, &job->outcome->kept, &job->outcome->kept_count, &job->outcome->kept_room, kept[i]);
    return OK;
}

static Err
survey_step(Job *job, Step step, const char *story)
{
    Outcome *o = job->outcome;
    const bool subject = job->target->subject != NULL;
    bool removes;

    TRY(depart_is_asked_for(job, &removes));
    switch (step)
    {
    case STEP_HELD:
        o->step = "held";
        add_stay(job, &o->held, &o->held_count, &o->held_room,
                 (OutcomeStay){ .table = "all", .why = story, .rows = 1, .until = INSTANT_NONE });
        return OK;
    case STEP_ARCHIVE:
        o->step = "archive";
        if (subject && job->disposal->state == STATE_ARCHIVED)
            return OK; /* materialized views alone are left to be refreshed */
        o->removes = !subject || removes;
        return subject ? survey_subject(job, step, removes) : survey_policy(job);
    case STEP_APPROVE: o->step = "approve"; return survey_subject(job, step, false);
    case STEP_BEGIN:
    case STEP_ERASE:
        o->step = "erase";
        if (!subject && job->disposal->snapshot_name != NULL)
            return OK; /* moved already: only the snapshot is left */
        o->removes = true;
        return subject ? survey_subject(job, step, false) : survey_policy(job);
    case STEP_CLEAR: o->step = "clear"; return OK;
    case STEP_WITHDRAW: o->step = "withdraw"; return OK;
    case STEP_REFUSE:
        return err_new(
            ERR_RAIL,
            "the root row does not say any more that it has ended, and its erasure has begun: a person must look");
    case STEP_NOTHING: break;
    }
    o->step = "wait";
    return OK;
}

static bool
counts_rows(Step step)
{
    return step == STEP_APPROVE || step == STEP_ARCHIVE || step == STEP_BEGIN || step == STEP_ERASE;
}

static Err
decide(Job *job, Step *ret_step, const char **ret_story)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    TRY(db_begin(job->session->db, "isolation level repeatable read read only", &tx));
    TRY(dispose_next(job, ret_step, ret_story));
    return db_commit(&tx);
}

/* A table that no index leads into is read as a whole: which one, and how often. */
static void
note_indexes(Job *job)
{
    Outcome *o = job->outcome;
    MissingIndex *missing;
    size_t count;

    indexes_missing(job->arena, job->target, &missing, &count);
    for (size_t i = 0; i < count; i++)
    {
        const OutcomeIndex index = { .table = arena_printf(job->arena, "%s.%s", missing[i].table->schema,
                                                           missing[i].table->name),
                                     .columns = missing[i].columns,
                                     .cost = missing[i].cost,
                                     .create = missing[i].create };
        ARENA_PUSH(job->arena, o->indexes, o->index_count, o->index_room, index);
    }
}

Err
survey_disposal(Job *job)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Step step;
    const char *story = NULL;

    TRY(decide(job, &step, &story));
    if (!counts_rows(step))
        return survey_step(job, step, story);
    TRY(session_prepare_work(job->session,
                             &job->selector)); /* temporary tables are made before: READ ONLY forbids it */
    TRY(db_begin(job->session->db, "isolation level repeatable read read only", &tx));
    job->selector.taken = job->session->taken;
    TRY(survey_step(job, step, story));
    note_indexes(job);
    if (job->outcome->removes)
        TRY(refresh_foretell(job));
    if (job->session->tells_sql && (step != STEP_ARCHIVE || job->disposal->state == STATE_OPEN))
        TRY(script_write(job, step, step == STEP_ARCHIVE && job->outcome->removes));
    TRY(take(job));
    job->outcome->progressed = false;
    return db_commit(&tx);
}
