/* SPDX-License-Identifier: Apache-2.0 */
/* jobtables.c -- the part of job.h that ties a scope to the rows of disposal_table.  A row's number is its file's in the
 * snapshot, and stays, whatever a migration does to the order of the tables: what came into the scope since the disposal
 * began gets a number behind the others, what left it stays written down with what was done to it. */
#include "engine/job.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* Places of a scope: its tables, then its changes, then shared rows. */
static size_t
count_places(const Job *job)
{
    const Scope *scope = job->target->scope;
    return scope->table_count + scope->change_count + scope->orphan_count;
}

int
job_number(const Job *job, size_t position)
{
    return job->numbers == NULL ? (int)position + 1 : job->numbers[position];
}

int
job_change_number(const Job *job, size_t change)
{
    return job_number(job, job->target->scope->table_count + change);
}

int
job_orphan_number(const Job *job, size_t orphan)
{
    return job_number(job, job->target->scope->table_count + job->target->scope->change_count + orphan);
}

static const GraphEdge *
edge_of(const Scope *scope, size_t place)
{
    return place < scope->table_count ? NULL : &scope->graph->edges[scope->changes[place - scope->table_count].edge];
}

/* NULL: the place is none of shared rows. */
static const ScopeOrphan *
orphan_of(const Scope *scope, size_t place)
{
    const size_t before = scope->table_count + scope->change_count;
    return place < before ? NULL : &scope->orphans[place - before];
}

/* Two edges of a table may have the same name and action: they are told apart by their order. */
static const char *
name_edge(Arena *arena, const Scope *scope, size_t place)
{
    const GraphEdge *edge = edge_of(scope, place);
    size_t before = 0;

    for (size_t i = scope->table_count; i < place; i++)
    {
        const GraphEdge *other = edge_of(scope, i);
        before += other->child == edge->child && other->action == edge->action && strcmp(other->name, edge->name) == 0
                      ? 1
                      : 0;
    }
    return before == 0 ? edge->name : arena_printf(arena, "%s #%zu", edge->name, before + 1);
}

static DisposalTable
describe(Arena *arena, const Scope *scope, size_t place)
{
    const ScopeOrphan *orphan = orphan_of(scope, place);
    if (orphan != NULL) /* unlike a table of the scope, it has an edge */
        return (DisposalTable){ .schema = scope->graph->tables[orphan->table].schema,
                                .table = scope->graph->tables[orphan->table].name,
                                .action = "delete",
                                .edge = scope->graph->edges[orphan->edges[0]].name };
    const GraphEdge *edge = edge_of(scope, place);
    const GraphTable *table = &scope->graph->tables[edge == NULL ? scope->tables[place].table : edge->child];

    return (DisposalTable){ .schema = table->schema,
                            .table = table->name,
                            .action = edge == NULL ? "delete" : edge_action_name(edge->action),
                            .edge = edge == NULL ? "" : name_edge(arena, scope, place) };
}

static bool
is_same(const DisposalTable *a, const DisposalTable *b)
{
    return strcmp(a->table, b->table) == 0 && strcmp(a->schema, b->schema) == 0 && strcmp(a->action, b->action) == 0 &&
           strcmp(a->edge, b->edge) == 0;
}

static const DisposalTable *
find_row(const DisposalTable *rows, size_t count, const DisposalTable *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (is_same(&rows[i], wanted))
            return &rows[i];
    return NULL;
}

/* The first row that no place of the scope stands for any more; NULL: there is none. */
static const DisposalTable *
find_stray(Arena *arena, const Scope *scope, size_t places, const DisposalTable *rows, size_t count)
{
    for (size_t r = 0; r < count; r++)
    {
        bool found = false;
        for (size_t i = 0; i < places && !found; i++)
        {
            const DisposalTable wanted = describe(arena, scope, i);
            found = is_same(&rows[r], &wanted);
        }
        if (!found)
            return &rows[r];
    }
    return NULL;
}

static bool
is_untouched(const DisposalTable *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].rows_archived > 0 || rows[i].rows_done > 0 || rows[i].mark.bytes > 0)
            return false;
    return true;
}

/* A snapshot that is not complete: files and scope must be the same.  Where no row has left its table yet, or all of them
 * are still there (a subject's), it is begun anew. */
static Err
judge_open(Job *job, Arena *arena, const DisposalTable *rows, size_t count, bool *ret_anew)
{
    const DisposalTable *stray = find_stray(arena, job->target->scope, count_places(job), rows, count);

    *ret_anew = count > 0 && (job->target->subject != NULL || is_untouched(rows, count));
    if (*ret_anew || stray == NULL)
        return OK;
    return err_new(ERR_RAIL,
                   "rows of disposal %" PRId64 " were moved into its snapshot, and \"%s.%s\" (%s) has left its scope "
                   "since: give the table, or its edge, back until the move has come to its end",
                   job->disposal->id, stray->schema, stray->table, stray->action);
}

static Err
add_missing(Job *job, Arena *arena, const DisposalTable *rows, size_t count)
{
    const char *id[] = { arena_printf(arena, "%" PRId64, job->disposal->id) };
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    bool anew = false;
    int number = 0;

    if (job->disposal->state == STATE_OPEN)
        TRY(judge_open(job, arena, rows, count, &anew));
    for (size_t i = 0; i < count && !anew; i++)
        number = rows[i].number > number ? rows[i].number : number;
    TRY(db_begin(job->session->db, "", &tx));
    if (anew)
        TRY(db_query(job->session->db, SQL_table_clear, 1, id, NULL));
    else if (count > 0) /* what a pass goes by may be another order now */
        TRY(db_query(job->session->db, SQL_table_rewind, 1, id, NULL));
    for (size_t i = 0; i < count_places(job); i++)
    {
        DisposalTable row = describe(arena, job->target->scope, i);
        if (!anew && find_row(rows, count, &row) != NULL)
            continue;
        row.number = ++number;
        TRY(disposals_table_add(arena, job->session->db, job->disposal->id, &row));
    }
    return db_commit(&tx);
}

/* The rows in the order of the scope's places; false when one is missing. */
static bool
arrange(const Job *job, Arena *arena, const DisposalTable *rows, size_t count, DisposalTable *ret_tables)
{
    for (size_t i = 0; i < count_places(job); i++)
    {
        const DisposalTable wanted = describe(arena, job->target->scope, i);
        const DisposalTable *row = find_row(rows, count, &wanted);
        if (row == NULL)
            return false;
        ret_tables[i] = *row;
    }
    return true;
}

/* Nothing but the places of the scope, for a snapshot that is not complete yet. */
static bool
is_whole(const Job *job, Arena *arena, const DisposalTable *rows, size_t count)
{
    return job->disposal->state != STATE_OPEN || count == 0 ||
           find_stray(arena, job->target->scope, count_places(job), rows, count) == NULL;
}

Err
job_tables(Job *job, Arena *arena, DisposalTable **ret_tables, size_t *ret_count)
{
    const size_t places = count_places(job);
    DisposalTable *tables = ARENA_ARRAY(arena, DisposalTable, places + 1);
    DisposalTable *rows;
    size_t count;

    TRY(disposals_tables(arena, job->session->db, job->disposal->id, &rows, &count));
    if (!arrange(job, arena, rows, count, tables) || !is_whole(job, arena, rows, count))
    {
        TRY(add_missing(job, arena, rows, count));
        TRY(disposals_tables(arena, job->session->db, job->disposal->id, &rows, &count));
        if (!arrange(job, arena, rows, count, tables))
            return err_new(ERR_AGAIN, "another worker wrote down the tables of disposal %" PRId64 " first",
                           job->disposal->id);
    }
    int *numbers = ARENA_ARRAY(job->arena, int, places + 1);
    for (size_t i = 0; i < places; i++)
        numbers[i] = tables[i].number;
    job->numbers = numbers;
    *ret_tables = tables;
    *ret_count = places;
    return OK;
}
