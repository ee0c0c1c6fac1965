/* SPDX-License-Identifier: Apache-2.0 */
/* cap.h -- how much one run may take away.  Pure. */
#ifndef EXPUNGE_CAP_H
#define EXPUNGE_CAP_H

#include "base/arena.h"
#include <stdbool.h>

typedef struct CapLimits
{
    int64_t max_rows;
    double max_share;
    int64_t max_subjects;
} CapLimits;

/* Small tables are not judged by share: half of ten rows is no alarm. */
#define CAP_SHARE_FLOOR_ROWS 1000

typedef struct CapTable
{
    const char *database;
    const char *table;
    int64_t rows;       /* that would go */
    int64_t table_rows; /* that are there */
} CapTable;

/* ERR_RAIL with a line for each cap that is exceeded and what to do about it; OK otherwise. */
NODISCARD Err cap_judge(const CapLimits *limits, const CapTable *tables, size_t count, int64_t subjects);

#endif
