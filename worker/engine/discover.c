/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discover.h"

#include "base/text.h"
#include "engine/clear.h"
#include "engine/coverage.h"
#include "engine/kept.h"
#include "engine/settle.h"
#include "engine/stop.h"
#include "engine/wishes.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

#define ROOTS_PER_RUN "10000"

/* -- since when ---------------------------------------------------------------------------------------------------- */

static Err
judge_overdue_policy(Job *job)
{
    Selector late = job->selector;
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Instant shifted;

    TRY(session_subtract(job->session, job->disposal->as_of, job->session->rules->overdue_after, &shifted));
    TRY(session_cutoffs(job->session, job->arena, job->target, shifted, &late.cutoffs));
    TRY(db_query_row(job->session->db, selector_any_due(&late), 0, NULL, &row));
    job->outcome->overdue = db_bool(row, 0, 0);
    return OK;
}

static Err
judge_overdue_since(Job *job, Instant due_at)
{
    Instant now, limit;

    job->outcome->due_at = due_at;
    if (due_at == INSTANT_NONE)
        return OK;
    TRY(session_now(job->session, &now));
    TRY(session_add(job->session, due_at, job->session->rules->overdue_after, &limit));
    job->outcome->overdue = limit < now;
    return OK;
}

static Err
judge_overdue(Job *job)
{
    const Disposal *d = job->disposal;

    if (d->state == STATE_ERASED && (d->snapshot_name == NULL || d->key_destroyed_at != INSTANT_NONE) &&
        (job->outcome->copy_count > 0 || job->outcome->untold > 0))
        return OK; /* clear_tell() has said */
    if (strcmp(job->outcome->step, "wait") == 0)
    {
        if (d->next_attempt_at == INSTANT_NONE) /* a grace period that is not over */
            return OK;
    }
    if (strcmp(job->outcome->step, "held") == 0)
        return OK;
    if (strcmp(job->outcome->step, "approve") == 0)
        return judge_overdue_since(job, d->requested_at);
    if (job->target->policy != NULL && d->state == STATE_OPEN)
        return judge_overdue_policy(job);
    if (job_is_immediate(job))
        return judge_overdue_since(job, d->requested_at);
    return judge_overdue_since(job,
                               d->erase_after != INSTANT_NONE && d->state != STATE_OPEN ? d->erase_after : d->ended_at);
}

/* -- one thing that is due ------------------------------------------------------------------------------------------ */

static Err
survey_in(Session *session, Arena *scratch, Disposal *disposal, Outcome *outcome)
{
    Job job;
    *outcome = (Outcome){ .database = session->database->name,
                          .id = disposal->id,
                          .kind = disposal->kind,
                          .name = disposal->name,
                          .step = "wait",
                          .state = disposal->state,
                          .cutoff = disposal->cutoff,
                          .due_at = INSTANT_NONE };
    TRY(job_begin(session, scratch, disposal, outcome, &job));
    TRY(survey_disposal(&job));
    if (strcmp(outcome->step, "wait") == 0 && disposal->next_attempt_at != INSTANT_NONE)
    {
        outcome->waits = disposal->last_error;
        outcome->waits_until = disposal->next_attempt_at;
    }
    TRY(clear_tell(session, scratch, disposal, outcome));
    if (outcome->removes || strcmp(outcome->step, "archive") == 0)
        TRY(coverage_judge(scratch, session, job.target, outcome));
    return judge_overdue(&job);
}

static Err
add_due(Session *session, Arena *arena, Disposal *disposal, DueList *list)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Outcome outcome;

    TRY(stop_judge());
    const Err e = survey_in(session, scratch, disposal, &outcome);
    if (e != OK)
    {
        if (db_is_broken(session->db))
            return e;
        outcome.code = e;
        outcome.error = arena_strdup(scratch, err_joined());
        err_clear();
    }
    const Due due = { .session = session, .disposal = disposal, .outcome = outcome_copy(arena, &outcome) };
    ARENA_PUSH(arena, list->list, list->count, list->room, due);
    return OK;
}

/* -- policies ------------------------------------------------------------------------------------------------------ */

/* Its due rows are still its own: a second disposal would find the same ones. */
static bool
takes_rows(const Disposal *d)
{
    return d->state == STATE_OPEN || (d->state == STATE_ERASING && d->snapshot_name == NULL);
}

static bool
is_open_policy(const DueList *list, const Session *session, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->list[i].session == session && takes_rows(list->list[i].disposal) &&
            disposals_is_policy(list->list[i].disposal) && strcmp(list->list[i].disposal->name, name) == 0)
            return true;
    return false;
}

static Disposal *
new_disposal(Session *session, Arena *arena, const char *kind, const char *name, Instant as_of)
{
    Disposal *d = ARENA_NEW(arena, Disposal);

    *d = disposals_new();
    d->kind = kind;
    d->name = name;
    d->as_of = as_of;
    d->configuration_digest = session->rules->config_digest;
    return d;
}

static Err
due_policy(Session *session, Arena *arena, const Target *target, Instant as_of, DueList *list)
{
    Selector selector = { .arena = arena, .target = target };
    Disposal *d = new_disposal(session, arena, "policy", arena_strdup(arena, target->name), as_of);

    d->ground = "policy";
    TRY(session_subtract(session, as_of, target->policy->keep_for, &d->cutoff));
    if (target->problem != NULL)
        return target->owner == NULL ? add_due(session, arena, d, list) : OK; /* "check" says so */
    TRY(session_cutoffs(session, arena, target, as_of, &selector.cutoffs));
    CLEANUP(db_result_freep) DbResult *row = NULL;
    TRY(db_query_row(session->db, selector_any_due(&selector), 0, NULL, &row));
    return db_bool(row, 0, 0) ? add_due(session, arena, d, list) : OK;
}

/* What cannot even be looked for is there with its error, and does not act; the others go on. */
static Err
add_unlooked(Session *session, Arena *arena, const Target *target, Instant as_of, Err code, DueList *list)
{
    if (db_is_broken(session->db) || code == ERR_PARTLY)
        return code;
    Outcome *outcome = ARENA_NEW(arena, Outcome);
    *outcome = (Outcome){ .database = session->database->name,
                          .kind = target->policy != NULL ? "policy" : target->name,
                          .name = target->policy != NULL ? arena_strdup(arena, target->name) : "any",
                          .step = "wait",
                          .state = STATE_OPEN,
                          .cutoff = INSTANT_NONE,
                          .due_at = INSTANT_NONE,
                          .code = code,
                          .error = arena_strdup(arena, err_joined()),
                          .settle = target->problem == NULL ? NULL : settle_conflicts(arena, session, target) };
    err_clear();
    const Due due = { .session = session,
                      .disposal = new_disposal(session, arena, outcome->kind, outcome->name, as_of),
                      .outcome = outcome };
    ARENA_PUSH(arena, list->list, list->count, list->room, due);
    return OK;
}

/* -- subjects ------------------------------------------------------------------------------------------------------ */

static Err
due_root(Session *session, Arena *arena, const Target *target, const DbResult *roots, size_t row, Instant as_of,
         DueList *list)
{
    Disposal *d = new_disposal(session, arena, target->name, NULL, as_of);

    d->subject_key = arena_strdup(arena, db_text(roots, row, 0));
    d->incarnation = db_copy_text(arena, roots, row, 1);
    session_name_subject(session->house, arena, d);
    d->ground = "contract_ended";
    if (text_blank(d->subject_key) || strchr(" \t\r\n", d->subject_key[0]) != NULL ||
        strchr(" \t\r\n", d->subject_key[strlen(d->subject_key) - 1]) != NULL)
        return err_new(ERR_RAIL, "a %s has ended whose key is empty or padded: it is not taken for anybody's",
                       target->name);
    if (!instant_parse(db_text(roots, row, 2), &d->ended_at))
        return err_new(ERR_DATABASE, "\"%s\" holds a point in time that cannot be judged (infinity?)",
                       target->subject->ended_at);
    Instant from;
    TRY(wishes_grace_from(session, d->kind, d->commitment, d->ended_at, &from));
    TRY(session_add(session, from, target->subject->grace, &d->erase_after));
    return add_due(session, arena, d, list);
}

static Err
due_subjects(Session *session, Arena *arena, const Target *target, const DiscoverFilter *filter, Instant as_of,
             DueList *list)
{
    CLEANUP(db_result_freep) DbResult *roots = NULL;
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const Selector selector = { .arena = scratch, .target = target };
    const char *params[] = { instant_format(scratch, as_of), ROOTS_PER_RUN };

    if (target->subject->ended_at == NULL)
        return OK;
    if (target->problem != NULL) /* nobody of this kind can be erased: not in silence */
        return err_new(ERR_RAIL, "%s", target->problem);
    TRY(db_query(session->db, selector_ended_roots(&selector), 2, params, &roots));
    for (size_t i = 0; i < db_rows(roots); i++)
    {
        if (filter->key != NULL && strcmp(filter->key, db_text(roots, i, 0)) != 0)
            continue;
        const Err e = due_root(session, arena, target, roots, i, as_of, list);
        if (e != OK)
            TRY(add_unlooked(session, arena, target, as_of, e, list));
    }
    return OK;
}

/* Rows that were kept by an edge which is not configured any more: overdue, and nobody's. */
static Err
due_unclaimed(Session *session, Arena *arena, Instant as_of, DueList *list)
{
    const char **stories;
    size_t count;

    TRY(kept_unclaimed(session, arena, true, &stories, &count));
    for (size_t i = 0; i < count; i++)
    {
        Outcome *outcome = ARENA_NEW(arena, Outcome);
        *outcome = (Outcome){ .database = session->database->name,
                              .kind = "policy",
                              .name = "kept",
                              .step = "wait",
                              .state = STATE_OPEN,
                              .cutoff = INSTANT_NONE,
                              .due_at = INSTANT_NONE,
                              .overdue = true,
                              .code = ERR_RAIL,
                              .error = stories[i] };
        const Due due = { .session = session,
                          .disposal = new_disposal(session, arena, "policy", "kept", as_of),
                          .outcome = outcome };
        ARENA_PUSH(arena, list->list, list->count, list->room, due);
    }
    return OK;
}

static bool
wanted(const DiscoverFilter *filter, const Disposal *d)
{
    if (filter->disposal_id != 0 && d->id != filter->disposal_id)
        return false;
    if (filter->requests && !d->immediate && d->withdrawal_at == INSTANT_NONE && !d->unheld)
        return false;
    if (filter->policy != NULL && (!disposals_is_policy(d) || strcmp(d->name, filter->policy) != 0))
        return false;
    if (filter->kind != NULL && (strcmp(d->kind, filter->kind) != 0 || !text_equal(d->subject_key, filter->key)))
        return false;
    return true;
}

static Err
due_target(Session *session, Arena *arena, const Target *target, const DiscoverFilter *filter, Instant as_of,
           DueList *list)
{
    const Err e = target->policy != NULL ? due_policy(session, arena, target, as_of, list)
                                         : due_subjects(session, arena, target, filter, as_of, list);
    return e == OK ? OK : add_unlooked(session, arena, target, as_of, e, list);
}

Err
discover_due(Session *session, Arena *arena, const DiscoverFilter *filter, DueList *ret_list)
{
    Disposal **under_way;
    size_t count;
    Instant as_of;
    const bool others = filter->disposal_id == 0 && !filter->requests;

    TRY(session_now(session, &as_of));
    TRY(disposals_unfinished(arena, session->db, &under_way, &count));
    for (size_t i = 0; i < count; i++)
        if (disposals_is_policy(under_way[i]) && wanted(filter, under_way[i]))
            TRY(add_due(session, arena, under_way[i], ret_list));
    for (size_t i = 0; i < session->targets.count && others; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->policy != NULL && filter->kind == NULL &&
            (filter->policy == NULL || strcmp(filter->policy, target->name) == 0) &&
            !is_open_policy(ret_list, session, target->name))
            TRY(due_target(session, arena, target, filter, as_of, ret_list));
    }
    for (size_t i = 0; i < count; i++)
        if (!disposals_is_policy(under_way[i]) && wanted(filter, under_way[i]))
        {
            /* a request that no worker has made its own yet: a plan tells of it as the next run will find it */
            session_name_subject(session->house, arena, under_way[i]);
            TRY(add_due(session, arena, under_way[i], ret_list));
        }
    for (size_t i = 0; i < session->targets.count && others; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->subject != NULL && filter->policy == NULL &&
            (filter->kind == NULL || strcmp(filter->kind, target->name) == 0))
            TRY(due_target(session, arena, target, filter, as_of, ret_list));
    }
    if (others && filter->policy == NULL && filter->kind == NULL)
        TRY(due_unclaimed(session, arena, as_of, ret_list));
    return OK;
}

/* -- opening ------------------------------------------------------------------------------------------------------- */

Err
discover_open(Session *session, Arena *arena, Disposal *d)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const bool policy = disposals_is_policy(d);
    const char *as_policy[] = { d->name, instant_format(arena, d->as_of), instant_format(arena, d->cutoff),
                                d->configuration_digest, d->ground };
    const char *as_subject[] = { d->kind,
                                 d->name,
                                 d->subject_key,
                                 d->incarnation,
                                 d->commitment,
                                 d->ground,
                                 instant_format(arena, d->as_of),
                                 instant_format(arena, d->ended_at),
                                 instant_format(arena, d->erase_after),
                                 d->configuration_digest };
    bool claimed;

    TRY(db_begin(session->db, "", &tx));
    TRY(policy ? db_query(session->db, SQL_disposal_open_policy, 5, as_policy, &row)
               : db_query(session->db, SQL_disposal_open_subject, 10, as_subject, &row));
    if (db_rows(row) == 0)
        return OK;
    d->id = db_int64(row, 0, 0);
    JsonDoc *fields = session_fields(session, d);
    jsondoc_set_string(fields, "ground", d->ground);
    jsondoc_set_instant(fields, "as_of", d->as_of);
    jsondoc_set_instant(fields, "cutoff", d->cutoff);
    TRY(disposals_record(arena, session->db, d->id, "opened", fields));
    TRY(disposals_claim(session->db, d->id, &claimed)); /* its entries are ours alone to write to the ledger */
    TRY(db_commit(&tx));
    TRY(session_flush(session, d->id, !claimed));
    return claimed ? disposals_unclaim(session->db, d->id) : OK;
}
