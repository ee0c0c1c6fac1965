/* SPDX-License-Identifier: Apache-2.0 */
/* processor.h -- what a processor's answer means, and what comes next.  Pure.
 *
 * waiting → requested (something was sent) → accepted (it has a receipt) → confirmed (it says that all is gone, or its own
 * term for it is over).  settled: a person says so.  not_concerned: the subject has no value that names it there. */
#ifndef EXPUNGE_PROCESSOR_H
#define EXPUNGE_PROCESSOR_H

#include "model/rules.h"

typedef enum TaskState
{
    TASK_WAITING,
    TASK_REQUESTED,
    TASK_ACCEPTED,
    TASK_CONFIRMED,
    TASK_SETTLED,
    TASK_NOT_CONCERNED,
    TASK_STATES
} TaskState;

const char *processor_state_name(TaskState state); /* "not_concerned" */
bool processor_state_parse(const char *name, TaskState *ret);
bool processor_is_over(TaskState state);

typedef struct ProcessorAnswer
{
    int64_t status;
    const char *word; /* at the call's pointer; NULL: nothing is there */
} ProcessorAnswer;

typedef enum Verdict
{
    VERDICT_DONE,     /* erased */
    VERDICT_ACCEPTED, /* the next call, or its own term */
    VERDICT_WAITING,  /* the same call again, later */
    VERDICT_AFRESH,   /* it gave up: begin again with the first call */
    VERDICT_RETRY     /* not what was agreed: the same call again, after a pause */
} Verdict;

/* ret_why: for AFRESH and RETRY, in the arena, without a word of the answer that the configuration does not know. */
Verdict processor_judge(Arena *arena, const ProcessorCall *call, const ProcessorAnswer *answer, const char **ret_why);

/* Pause before the next attempt, in microseconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, then 24 h (Standard
 * Webhooks 1.0.0), longer by up to a fifth (jitter: 0 to 999), and never shorter than the other side asked for, of which
 * no more than a week is granted. */
int64_t processor_pause(int64_t attempts, unsigned jitter, int64_t retry_after_s);

#endif
