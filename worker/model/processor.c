/* SPDX-License-Identifier: Apache-2.0 */
#include "model/processor.h"

#include <inttypes.h>
#include <string.h>

static const char *const state_names[TASK_STATES] = { "waiting",   "requested", "accepted",
                                                      "confirmed", "settled",   "not_concerned" };

const char *
processor_state_name(TaskState state)
{
    return state_names[state];
}

bool
processor_state_parse(const char *name, TaskState *ret)
{
    for (size_t i = 0; i < TASK_STATES; i++)
        if (strcmp(state_names[i], name) == 0)
        {
            *ret = (TaskState)i;
            return true;
        }
    return false;
}

bool
processor_is_over(TaskState state)
{
    return state == TASK_CONFIRMED || state == TASK_SETTLED || state == TASK_NOT_CONCERNED;
}

static bool
has_status(const int64_t *list, size_t count, int64_t status)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == status)
            return true;
    return false;
}

static bool
has_word(const char *const *list, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], word) == 0)
            return true;
    return false;
}

Verdict
processor_judge(Arena *arena, const ProcessorCall *call, const ProcessorAnswer *answer, const char **ret_why)
{
    const bool done = has_status(call->done, call->done_count, answer->status);
    const Verdict good = done ? VERDICT_DONE : VERDICT_ACCEPTED;

    if (!done && !has_status(call->accepted, call->accepted_count, answer->status))
    {
        *ret_why = arena_printf(arena, "it answered with status %" PRId64 "%s", answer->status,
                                answer->status >= 300 && answer->status < 400 ? "; redirects are not followed" : "");
        return VERDICT_RETRY;
    }
    if (call->pointer == NULL || answer->status >= 300) /* an error that means "gone" has a body of its own kind */
        return good;
    if (answer->word != NULL && has_word(call->values, call->value_count, answer->word))
        return good;
    if (answer->word != NULL && has_word(call->waiting, call->waiting_count, answer->word))
        return VERDICT_WAITING;
    if (answer->word != NULL && has_word(call->failed, call->failed_count, answer->word))
    {
        *ret_why = arena_printf(arena, "it gave up: \"%s\" is \"%s\"", call->pointer, answer->word);
        return VERDICT_AFRESH;
    }
    *ret_why = arena_printf(arena, "it answered with status %" PRId64 ", but %s at \"%s\"", answer->status,
                            answer->word == NULL ? "nothing is" : "nothing that is known is", call->pointer);
    return VERDICT_RETRY;
}

int64_t
processor_pause(int64_t attempts, unsigned jitter, int64_t retry_after_s)
{
    static const int64_t pauses[] = { 5 * INSTANT_SECOND, 5 * INSTANT_MINUTE, 30 * INSTANT_MINUTE,
                                      2 * INSTANT_HOUR,   5 * INSTANT_HOUR,   10 * INSTANT_HOUR,
                                      14 * INSTANT_HOUR,  20 * INSTANT_HOUR,  24 * INSTANT_HOUR };
    static const int64_t count = sizeof pauses / sizeof *pauses;
    static const int64_t week_s = 7 * 24 * 3600;
    const int64_t at = attempts < 1 ? 0 : attempts > count ? count - 1 : attempts - 1;
    const int64_t asked = (retry_after_s > week_s ? week_s : retry_after_s) * INSTANT_SECOND;
    const int64_t base = pauses[at] > asked ? pauses[at] : asked;

    return base + base / 5000 * (int64_t)(jitter % 1000);
}
