/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lifecycle.h"

#include <assert.h>
#include <string.h>

static const char *const state_names[STATE_COUNT] = { "open", "archived", "erasing", "erased", "cleared", "withdrawn" };

const char *
lifecycle_state_name(State state)
{
    assert(state < STATE_COUNT);
    return state_names[state];
}

bool
lifecycle_state_parse(const char *name, State *ret)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0)
        {
            *ret = (State)i;
            return true;
        }
    return false;
}

const char *
lifecycle_step_name(Step step)
{
    static const char *const names[] = {
        "nothing", "held", "withdraw", "refuse", "archive", "begin", "erase", "clear"
    };
    return names[step];
}

static Step
next_before_erasing(const Situation *s)
{
    if (!s->ended)
        return s->rows_removed ? STEP_REFUSE : STEP_WITHDRAW;
    if (s->state == STATE_OPEN && s->archives && !s->immediate)
        return STEP_ARCHIVE; /* a hold forbids no copy; a move judges holds row by row */
    if (s->erase_after != INSTANT_NONE && s->now < s->erase_after && !s->immediate)
        return STEP_NOTHING;
    return s->held ? STEP_HELD : STEP_BEGIN;
}

Step
lifecycle_next(const Situation *s)
{
    if (s->state == STATE_CLEARED || s->state == STATE_WITHDRAWN)
        return STEP_NOTHING;
    if (s->next_attempt_at != INSTANT_NONE && s->now < s->next_attempt_at)
        return STEP_NOTHING;
    if (s->restored)
        return STEP_WITHDRAW;
    switch (s->state)
    {
    case STATE_OPEN:
    case STATE_ARCHIVED: return next_before_erasing(s);
    case STATE_ERASING:
        if (!s->ended)
            return STEP_REFUSE;
        return s->held ? STEP_HELD : STEP_ERASE;
    case STATE_ERASED: return s->held ? STEP_HELD : s->told ? STEP_NOTHING : STEP_CLEAR;
    default: return STEP_NOTHING;
    }
}

bool
lifecycle_allows(State from, State to)
{
    /* from erasing and erased to withdrawn: when the rows were restored */
    static const bool allowed[STATE_COUNT][STATE_COUNT] = {
        [STATE_OPEN] = { [STATE_ARCHIVED] = true, [STATE_ERASING] = true, [STATE_WITHDRAWN] = true },
        [STATE_ARCHIVED] = { [STATE_ERASING] = true, [STATE_WITHDRAWN] = true },
        [STATE_ERASING] = { [STATE_ERASED] = true, [STATE_WITHDRAWN] = true },
        [STATE_ERASED] = { [STATE_CLEARED] = true, [STATE_WITHDRAWN] = true },
    };
    assert(from < STATE_COUNT && to < STATE_COUNT);
    return allowed[from][to];
}

int64_t
lifecycle_backoff(int64_t attempts)
{
    static const int64_t steps[] = { INSTANT_MINUTE, 5 * INSTANT_MINUTE, 30 * INSTANT_MINUTE, 2 * INSTANT_HOUR };
    if (attempts < 1)
        return 0;
    return attempts <= 4 ? steps[attempts - 1] : 6 * INSTANT_HOUR;
}
