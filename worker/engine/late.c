/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/late.h"

#include <inttypes.h>

/* The job's selector, as of one that looks for late rows. */
static Selector
looking(const Job *job, Arena *arena)
{
    Selector s = job->selector;
    s.arena = arena;
    s.late = arena_printf(arena, "%" PRId64, job->disposal->id);
    return s;
}

void
late_begin(Job *job)
{
    job->selector.late = looking(job, job->arena).late;
}

void
late_end(Job *job)
{
    job->selector.late = NULL;
}

bool
late_remembers(const Job *job)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const Selector s = looking(job, scratch);
    for (size_t e = 0; e < job->target->graph->edge_count; e++)
        if (selector_remembers(&s, e))
            return true;
    return false;
}

Err
late_note(Job *job)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const Selector s = looking(job, scratch);
    for (size_t e = 0; e < job->target->graph->edge_count; e++)
        if (selector_remembers(&s, e))
            TRY(db_query(job->session->db, selector_note_late(&s, e), 0, NULL, NULL));
    return OK;
}

Err
late_forget(Job *job)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const Selector s = looking(job, scratch);
    return db_query(job->session->db, selector_forget_late(&s), 0, NULL, NULL);
}
