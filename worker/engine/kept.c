/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/kept.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

static const GraphEdge *
edge_at(const Job *job, size_t change)
{
    return &job->target->graph->edges[job->target->scope->changes[change].edge];
}

Err
kept_notes(Job *job, const char *disposal, const KeptNote **ret_notes)
{
    const Scope *scope = job->target->scope;
    KeptNote *notes = ARENA_ARRAY(job->arena, KeptNote, scope->change_count + 1);
    Instant now, until;

    TRY(session_now(job->session, &now));
    for (size_t i = 0; i < scope->change_count; i++)
    {
        const GraphEdge *edge = edge_at(job, i);
        if (edge->action != EDGE_KEEP)
            continue;
        TRY(session_add(job->session, now, edge->rule->keep_for, &until));
        notes[i] = (KeptNote){ .disposal = disposal,
                               .number = job_change_number(job, i),
                               .since = instant_format(job->arena, now),
                               .until = instant_format(job->arena, until) };
    }
    *ret_notes = notes;
    return OK;
}

Err
kept_begin(Job *job)
{
    return kept_notes(job, arena_printf(job->arena, "%" PRId64, job->disposal->id), &job->selector.kept);
}

Err
kept_record(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < scope->change_count; i++)
        if (edge_at(job, i)->action == EDGE_KEEP && !graph_edge_is_cut(scope->graph, edge_at(job, i)))
            TRY(db_query(job->session->db, selector_keep(&job->selector, i), 0, NULL, NULL));
    return OK;
}

/* -- telling ---------------------------------------------------------------------------------------------------------- */

/* Until when: by the policy that will take the kept rows, from the newest of them, or by the edge's own window: whichever
 * ends first. */
static Err
keep_until(Job *job, const EdgeRule *rule, const Target *policy, const char *newest, Instant *ret_until)
{
    Instant from, by_policy;
    TRY(session_now(job->session, &from));
    TRY(session_add(job->session, from, rule->keep_for, ret_until));
    if (policy == NULL || newest == NULL || !instant_parse(newest, &from))
        return OK;
    TRY(session_add(job->session, from, policy->policy->keep_for, &by_policy));
    if (by_policy < *ret_until)
        *ret_until = by_policy;
    return OK;
}

static const Target *
policy_on(const Targets *targets, const GraphTable *table)
{
    for (size_t i = 0; i < targets->count; i++)
    {
        const Target *target = &targets->list[i];
        if (target->policy != NULL && target->owner == NULL && strcmp(target->policy->table.table, table->name) == 0 &&
            strcmp(target->policy->table.schema, table->schema) == 0)
            return target;
    }
    return NULL;
}

static Err
count_edge(Job *job, size_t change, OutcomeStay *ret_stay)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const GraphEdge *edge = edge_at(job, change);
    const GraphTable *table = &job->target->graph->tables[edge->child];
    const Target *policy = policy_on(&job->session->targets, table);

    TRY(db_query_row(job->session->db,
                     selector_count_kept(&job->selector, change, policy == NULL ? GRAPH_NONE : policy->age), 0, NULL,
                     &row));
    *ret_stay = (OutcomeStay){ .table = arena_printf(job->arena, "%s.%s", table->schema, table->name),
                               .why = arena_printf(job->arena, "%s (%s)", edge->rule->purpose, edge->rule->basis),
                               .rows = db_int64(row, 0, 0) };
    return keep_until(job, edge->rule, policy, db_text(row, 0, 1), &ret_stay->until);
}

Err
kept_count(Job *job, OutcomeStay **ret_stays, size_t *ret_count)
{
    const Scope *scope = job->target->scope;
    OutcomeStay *stays = ARENA_ARRAY(job->arena, OutcomeStay, scope->change_count + 1);
    size_t count = 0;

    for (size_t i = 0; i < scope->change_count; i++)
    {
        if (edge_at(job, i)->action != EDGE_KEEP)
            continue;
        TRY(count_edge(job, i, &stays[count]));
        count += stays[count].rows > 0 ? 1 : 0;
    }
    *ret_stays = stays;
    *ret_count = count;
    return OK;
}

Err
kept_tell(Job *job)
{
    const Scope *scope = job->target->scope;
    for (size_t i = 0; i < scope->change_count; i++)
    {
        CLEANUP(db_result_freep) DbResult *row = NULL;
        OutcomeStay stay;
        const char *which[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id),
                                arena_printf(job->arena, "%d", job_change_number(job, i)) };
        if (edge_at(job, i)->action != EDGE_KEEP)
            continue;
        TRY(db_query_row(job->session->db, SQL_kept_count, 2, which, &row));
        if (db_int64(row, 0, 0) == 0)
            continue;
        TRY(count_edge(job, i, &stay));
        const char *params[] = { which[0], which[1],           stay.table,
                                 stay.why, db_text(row, 0, 0), instant_format(job->arena, stay.until) };
        TRY(db_query(job->session->db, SQL_not_erased_put, 6, params, NULL));
    }
    return OK;
}

Err
kept_tell_snapshots(Job *job)
{
    const Targets *targets = &job->session->targets;
    for (size_t i = 0; i < targets->count; i++)
    {
        const PolicyRule *policy = targets->list[i].policy;
        if (policy == NULL || !text_equal(policy->subject_kind, job->disposal->kind))
            continue;
        const char *params[] = { arena_printf(job->arena, "%" PRId64, job->disposal->id), job->disposal->kind,
                                 policy->name };
        TRY(db_query(job->session->db, SQL_not_erased_snapshots, 3, params, NULL));
    }
    return OK;
}

/* -- forgetting ------------------------------------------------------------------------------------------------------- */

Err
kept_purge(Session *session)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        CLEANUP(arena_freep) Arena *scratch = arena_new();
        Selector selector = { .arena = scratch, .target = &session->targets.list[i] };
        Instant now;
        if (selector.target->owner == NULL || selector.target->scope == NULL)
            continue;
        TRY(session_now(session, &now));
        TRY(session_cutoffs(session, scratch, selector.target, now, &selector.cutoffs));
        TRY(db_query(session->db, selector_purge_kept(&selector), 0, NULL, NULL));
    }
    return OK;
}

Err
kept_unclaimed(Session *session, Arena *arena, bool due, const char ***ret_stories, size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const size_t room = session->targets.count;
    const char **owners = ARENA_ARRAY(arena, const char *, room + 1);
    const char **edges = ARENA_ARRAY(arena, const char *, room + 1);
    size_t known = 0, count = 0;
    Instant now;

    for (size_t i = 0; i < room; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->owner == NULL || target->problem != NULL)
            continue;
        owners[known] = target_owner(arena, target);
        edges[known++] = target->graph->edges[target->kept_edge].name;
    }
    const char *params[] = { disposals_array(arena, owners, known), disposals_array(arena, edges, known) };
    TRY(session_now(session, &now));
    TRY(db_query(session->db, SQL_kept_unclaimed, 2, params, &rows));
    *ret_stories = ARENA_ARRAY(arena, const char *, db_rows(rows) + 1);
    for (size_t i = 0; i < db_rows(rows); i++)
        if (!due || db_int64(rows, i, 4) < now)
            (*ret_stories)[count++] = arena_printf(
                arena,
                "%s row(s) of %s were kept by the edge \"%s\" of %s, until %s at first, and nothing takes them: the "
                "configuration has no such edge with action \"keep\" any more, or one that \"expunge check\" objects to",
                db_text(rows, i, 3), db_text(rows, i, 0), db_text(rows, i, 2), db_text(rows, i, 1),
                instant_format_day(arena, db_int64(rows, i, 4)));
    *ret_count = count;
    return OK;
}
