/* SPDX-License-Identifier: Apache-2.0 */
/* run.h -- one pass over everything due, in all databases: gather, judge the caps, act. */
#ifndef EXPUNGE_RUN_H
#define EXPUNGE_RUN_H

#include "engine/discover.h"

typedef struct RunOptions
{
    DiscoverFilter filter;
    bool allow_large;
    int64_t jobs;                                            /* 0: as configured */
    bool look_only;                                          /* plan */
    bool patient;                                            /* a store that failed has its pause */
    bool tells_sql;                                          /* plan --sql */
    void (*progress)(void *context, const Outcome *outcome); /* NULL: nobody looks; called when a disposal ends */
    void *progress_context;
} RunOptions;

typedef struct RunResult
{
    Outcome **outcomes;
    size_t count;
    int64_t rows_archived;
    int64_t rows_erased;
    int64_t rows_left;  /* that were due and are still there */
    int64_t overdue;    /* disposals */
    const char **notes; /* paused, outside the window … */
    size_t note_count;
    char plan_digest[65];
} RunResult;

/* ret_result is filled as far as it got, also when an error is returned. */
NODISCARD Err run_all(const House *house, Arena *arena, const RunOptions *options, RunResult *ret_result);

#endif
