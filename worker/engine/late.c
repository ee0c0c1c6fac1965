/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/late.h"

#include <inttypes.h>

void
late_begin(Job *job)
{
    job->selector.late = arena_printf(job->arena, "%" PRId64, job->disposal->id);
}

Err
late_note(Job *job)
{
    const Graph *graph = job->target->graph;
    for (size_t e = 0; e < graph->edge_count; e++)
        if (selector_remembers(&job->selector, e))
            TRY(db_query(job->session->db, selector_note_late(&job->selector, e), 0, NULL, NULL));
    return OK;
}

Err
late_forget(Job *job)
{
    return db_query(job->session->db, selector_forget_late(&job->selector), 0, NULL, NULL);
}
