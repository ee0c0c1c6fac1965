/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/caps.h"

#include "model/cap.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

typedef struct Caps
{
    Arena *arena;
    CapLimits limits;
    CapTable *tables;
    size_t count;
    size_t room;
    int64_t subjects;
} Caps;

static Caps
caps_of(Arena *arena, const Rules *rules)
{
    return (Caps){
        .arena = arena,
        .limits = { .max_rows = rules->max_rows, .max_share = rules->max_share, .max_subjects = rules->max_subjects }
    };
}

/* The server's estimate; a table that was never analysed is counted. */
static int64_t
count_table(Session *session, const GraphTable *table)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    int64_t rows = table->row_estimate;
    if (rows == 0 &&
        session_number(session, arena_printf(scratch, "select count(*) from %s", table->quoted), &rows) != OK)
        err_clear();
    return rows;
}

static CapTable *
entry_of(Caps *caps, const Due *due, const char *table)
{
    for (size_t i = 0; i < caps->count; i++)
        if (strcmp(caps->tables[i].table, table) == 0 && strcmp(caps->tables[i].database, due->outcome->database) == 0)
            return &caps->tables[i];
    CapTable entry = { .database = due->outcome->database, .table = table };
    for (size_t t = 0; t < due->session->graph->table_count; t++)
    {
        const GraphTable *known = &due->session->graph->tables[t];
        if (strcmp(arena_printf(caps->arena, "%s.%s", known->schema, known->name), table) == 0)
            entry.table_rows = count_table(due->session, known);
    }
    ARENA_PUSH(caps->arena, caps->tables, caps->count, caps->room, entry);
    return &caps->tables[caps->count - 1];
}

static bool
takes(const Due *due)
{
    return due->outcome->removes && due->outcome->code == OK;
}

static bool
is_asked_for(const Due *due)
{
    return due->disposal->immediate && due->disposal->requested_at != INSTANT_NONE;
}

static void
add(Caps *caps, const Due *due)
{
    caps->subjects += disposals_is_policy(due->disposal) ? 0 : 1;
    for (size_t t = 0; t < due->outcome->table_count; t++)
        entry_of(caps, due, due->outcome->tables[t].table)->rows += due->outcome->tables[t].rows;
}

/* Written down as well: whoever asked sees why nothing happens. */
static Err
stop(Arena *arena, Due *due)
{
    due->outcome->code = ERR_RAIL;
    due->outcome->error = arena_strdup(arena, err_joined());
    err_clear();
    const char *params[] = { arena_printf(arena, "%" PRId64, due->disposal->id), due->outcome->error };
    return db_query(due->session->db, SQL_wish_too_large, 2, params, NULL);
}

/* before: subjects that were begun within the last day, and in this run. */
static Err
judge_alone(Arena *arena, const Rules *rules, Due *due, int64_t *before)
{
    Caps caps = caps_of(arena, rules);
    const State state = due->disposal->state;

    add(&caps, due);
    const int64_t begins = state == STATE_OPEN || state == STATE_ARCHIVED ? caps.subjects : 0;
    const int64_t subjects = begins == 0 ? 0 : *before + begins;
    Err e = cap_judge(&caps.limits, caps.tables, due->disposal->approved ? 0 : caps.count, subjects);
    if (e != OK && subjects > rules->max_subjects)
        e = err_note(e, "with those that were asked for within the last 24 hours");
    if (e != OK)
        return stop(arena, due);
    *before += begins;
    return OK;
}

static Err
judge_asked(Arena *arena, const Rules *rules, const DueList *due, bool one_by_one)
{
    const Session *counted = NULL;
    int64_t recent = 0, before = 0;

    for (size_t i = 0; i < due->count; i++)
    {
        Due *one = &due->list[i];
        if (!takes(one) || (!one_by_one && !is_asked_for(one)))
            continue;
        if (one->session != counted) /* a list has one database after the other */
            TRY(session_number(one->session, SQL_wish_recent, &recent));
        before += one->session != counted ? recent : 0;
        counted = one->session;
        TRY(judge_alone(arena, rules, one, &before));
    }
    return OK;
}

Err
caps_judge(Arena *arena, const Rules *rules, const DueList *due, bool one_by_one)
{
    Caps caps = caps_of(arena, rules);

    TRY(judge_asked(arena, rules, due, one_by_one));
    for (size_t i = 0; i < due->count && !one_by_one; i++)
        if (takes(&due->list[i]) && !is_asked_for(&due->list[i]))
            add(&caps, &due->list[i]);
    return cap_judge(&caps.limits, caps.tables, caps.count, caps.subjects);
}

Err
caps_forget(Session *session)
{
    return db_query(session->db, SQL_wish_allow_large, 0, NULL, NULL);
}
