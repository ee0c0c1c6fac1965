/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h -- the last run's figures for node_exporter's textfile collector (notify.metrics). */
#ifndef EXPUNGE_METRICS_H
#define EXPUNGE_METRICS_H

#include "model/rules.h"

typedef struct MetricsRun
{
    int64_t rows_archived;
    int64_t rows_erased;
    int64_t rows_left;
    int64_t overdue;
    int exit_status;
} MetricsRun;

/* Returns outcome, the run's own result, so that a file that could not be written never hides it; where the run was
 * fine, ERR_IO says that the file could not be written.  Nothing to do without notify.metrics. */
NODISCARD Err metrics_write(Arena *arena, const Rules *rules, const MetricsRun *run, Err outcome);

#endif
