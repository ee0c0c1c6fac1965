/* SPDX-License-Identifier: Apache-2.0 */
/* notifier.h -- one pass over the messages to processors: sent, asked after, confirmed.  It works as role expunge_notifier,
 * which can delete nothing; ledger entries stay in the outbox until the next run of the worker. */
#ifndef EXPUNGE_NOTIFIER_H
#define EXPUNGE_NOTIFIER_H

#include "engine/session.h"
#include "store/tasks.h"

typedef struct NotifyFilter
{
    const char *user;      /* role that logs in; NULL: the conninfo's */
    const char *database;  /* NULL: all */
    int64_t disposal;      /* 0: all */
    const char *processor; /* NULL: all */
} NotifyFilter;

/* A message that is, or was, outstanding in this pass. */
typedef struct NotifyLine
{
    const char *database;
    const Task *task; /* as the pass left it */
    const char *told; /* what became of it, or what it waits for: a sentence without a full stop */
} NotifyLine;

typedef struct NotifyResult
{
    NotifyLine *lines;
    size_t count;
    size_t room;
    int64_t confirmed;   /* in this pass */
    int64_t failed;      /* attempts that wait for another one */
    int64_t outstanding; /* at its end */
    int64_t overdue;
    const char **notes; /* databases that were left out */
    size_t note_count;
    size_t note_room;
} NotifyResult;

/* ret_result is filled as far as it got, also when an error is returned. */
NODISCARD Err notifier_run(const House *house, Arena *arena, const NotifyFilter *filter, NotifyResult *ret_result);

/* A person says that a processor is done with a disposal (filter has all of them). ret_settled: messages. */
NODISCARD Err notifier_settle(const House *house, Arena *arena, const NotifyFilter *filter, const char *reason,
                              int64_t *ret_settled);

#endif
