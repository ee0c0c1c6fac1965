/* SPDX-License-Identifier: Apache-2.0 */
#include "model/outcome.h"

static const char *
copy_text(Arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_strdup(arena, text);
}

static OutcomeStay *
copy_stays(Arena *arena, const OutcomeStay *stays, size_t count)
{
    OutcomeStay *copy = ARENA_ARRAY(arena, OutcomeStay, count + 1);
    for (size_t i = 0; i < count; i++)
    {
        copy[i] = stays[i];
        copy[i].table = copy_text(arena, stays[i].table);
        copy[i].why = copy_text(arena, stays[i].why);
    }
    return copy;
}

static OutcomeCopy *
copy_copies(Arena *arena, const Outcome *outcome)
{
    OutcomeCopy *copy = ARENA_ARRAY(arena, OutcomeCopy, outcome->copy_count + 1);
    for (size_t i = 0; i < outcome->copy_count; i++)
    {
        const OutcomeCopy *from = &outcome->copies[i];
        copy[i] = (OutcomeCopy){ .store = copy_text(arena, from->store),
                                 .state = from->state, /* a constant */
                                 .until = from->until,
                                 .detail = copy_text(arena, from->detail),
                                 .error = copy_text(arena, from->error) };
    }
    return copy;
}

static OutcomeIndex *
copy_indexes(Arena *arena, const Outcome *outcome)
{
    OutcomeIndex *copy = ARENA_ARRAY(arena, OutcomeIndex, outcome->index_count + 1);
    for (size_t i = 0; i < outcome->index_count; i++)
        copy[i] = (OutcomeIndex){ .table = copy_text(arena, outcome->indexes[i].table),
                                  .columns = copy_text(arena, outcome->indexes[i].columns),
                                  .cost = copy_text(arena, outcome->indexes[i].cost),
                                  .create = copy_text(arena, outcome->indexes[i].create) };
    return copy;
}

static OutcomeView *
copy_views(Arena *arena, const Outcome *outcome)
{
    OutcomeView *copy = ARENA_ARRAY(arena, OutcomeView, outcome->view_count + 1);
    for (size_t i = 0; i < outcome->view_count; i++)
        copy[i] = (OutcomeView){ .view = copy_text(arena, outcome->views[i].view),
                                 .table = copy_text(arena, outcome->views[i].table),
                                 .refreshed = outcome->views[i].refreshed };
    return copy;
}

static OutcomeStatement *
copy_statements(Arena *arena, const Outcome *outcome)
{
    OutcomeStatement *copy = ARENA_ARRAY(arena, OutcomeStatement, outcome->statement_count + 1);
    for (size_t i = 0; i < outcome->statement_count; i++)
    {
        const OutcomeStatement *from = &outcome->statements[i];
        copy[i] = (OutcomeStatement){ .step = from->step, /* a constant */
                                      .table = copy_text(arena, from->table),
                                      .comment = copy_text(arena, from->comment),
                                      .statement = copy_text(arena, from->statement),
                                      .again = copy_text(arena, from->again) };
    }
    return copy;
}

Outcome *
outcome_copy(Arena *arena, const Outcome *outcome)
{
    Outcome *copy = ARENA_NEW(arena, Outcome);
    *copy = *outcome;
    copy->database = copy_text(arena, outcome->database);
    copy->kind = copy_text(arena, outcome->kind);
    copy->name = copy_text(arena, outcome->name);
    copy->step = copy_text(arena, outcome->step);
    copy->digest = copy_text(arena, outcome->digest);
    copy->waits = copy_text(arena, outcome->waits);
    copy->error = copy_text(arena, outcome->error);
    copy->settle = copy_text(arena, outcome->settle);
    copy->tables = ARENA_ARRAY(arena, OutcomeTable, outcome->table_count + 1);
    for (size_t i = 0; i < outcome->table_count; i++)
    {
        copy->tables[i] = outcome->tables[i];
        copy->tables[i].table = copy_text(arena, outcome->tables[i].table);
        copy->tables[i].action = copy_text(arena, outcome->tables[i].action);
    }
    copy->held = copy_stays(arena, outcome->held, outcome->held_count);
    copy->kept = copy_stays(arena, outcome->kept, outcome->kept_count);
    copy->copies = copy_copies(arena, outcome);
    copy->indexes = copy_indexes(arena, outcome);
    copy->index_room = outcome->index_count;
    copy->views = copy_views(arena, outcome);
    copy->view_room = outcome->view_count;
    copy->statements = copy_statements(arena, outcome);
    copy->statement_room = outcome->statement_count;
    copy->table_room = outcome->table_count;
    copy->held_room = outcome->held_count;
    copy->kept_room = outcome->kept_count;
    return copy;
}
