/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/coverage.h"

#include "base/text.h"
#include "engine/lookalikes.h"
#include "engine/settle.h"

#include <inttypes.h>
#include <string.h>

#define TOLD 20

/* -- tables -------------------------------------------------------------------------------------------------------- */

static void
add_lines(Text *text, const char *lines)
{
    text_addf(text, "%s%s", text->length > 0 ? "\n" : "", lines);
}

/* Lines of the tables that nothing covers; a column that looks like a subject's key wants an edge. */
static const char *
settle_tables(Arena *arena, const Session *session)
{
    size_t count, told = 0;
    const bool *uncovered = targets_uncovered(arena, session->rules, session->graph, &session->targets, &count);
    Text text = TEXT_INIT(arena);

    if (count == 0)
        return NULL;
    const Undeclared undeclared = undeclared_find(arena, session);
    for (size_t t = 0; t < session->graph->table_count && told < TOLD; t++)
        if (uncovered[t])
        {
            add_lines(&text, settle_uncovered(arena, session, &undeclared, t));
            told++;
        }
    return text_done(&text);
}

/* -- columns ------------------------------------------------------------------------------------------------------- */

static void
tell_columns(Arena *arena, const Session *session, const Lookalikes *looks, const Target *target, SessionGap *gap)
{
    Text story = TEXT_INIT(arena), lines = TEXT_INIT(arena);
    size_t count = 0;

    for (size_t i = 0; i < looks->count; i++)
    {
        const Lookalike *look = &looks->list[i];
        if (look->owner != target || count++ >= TOLD)
            continue;
        text_addf(&story, "%s%s %s", story.length > 0 ? "; " : "", lookalikes_where(arena, session, look),
                  lookalikes_story(arena, session, look));
        add_lines(&lines, lookalikes_lines(arena, session, look));
    }
    if (count > TOLD)
        text_addf(&story, "; and %zu more", count - TOLD);
    if (count > 0)
        *gap = (SessionGap){ .story = text_done(&story), .settle = text_done(&lines) };
}

static Err
judge_columns(Session *session)
{
    Lookalikes looks;

    if (session->gaps != NULL)
        return OK;
    TRY(lookalikes_find(session->arena, session, &looks));
    SessionGap *gaps = ARENA_ARRAY(session->arena, SessionGap, session->targets.count + 1);
    for (size_t i = 0; i < session->targets.count; i++)
        tell_columns(session->arena, session, &looks, &session->targets.list[i], &gaps[i]);
    session->gaps = gaps;
    return OK;
}

/* -- the judgement ------------------------------------------------------------------------------------------------- */

Err
coverage_judge(Arena *arena, Session *session, const Target *target, Outcome *outcome)
{
    if (target->subject == NULL)
        return OK;
    if (session->coverage_problem != NULL)
    {
        if (session->coverage_settle == NULL)
            session->coverage_settle = settle_tables(session->arena, session);
        outcome->settle = session->coverage_settle == NULL ? NULL : arena_strdup(arena, session->coverage_settle);
        return err_new(ERR_RAIL, "%s", session->coverage_problem);
    }
    TRY(judge_columns(session));
    const SessionGap *gap = &session->gaps[target->number];
    if (gap->story == NULL)
        return OK;
    outcome->settle = arena_strdup(arena, gap->settle);
    return err_new(ERR_RAIL, "%s; no %s is archived or erased until an edge or not_keys says what it is", gap->story,
                   target->name);
}

const char *
coverage_named_gaps(Arena *arena, const Session *session)
{
    Lookalikes looks;
    Text text = TEXT_INIT(arena);

    lookalikes_named(arena, session, &looks);
    for (size_t i = 0; i < looks.count && i < TOLD; i++)
        text_addf(&text, "%s%s %s", i > 0 ? "; " : "", lookalikes_where(arena, session, &looks.list[i]),
                  lookalikes_story(arena, session, &looks.list[i]));
    return looks.count == 0 ? NULL : text_done(&text);
}
