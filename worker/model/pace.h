/* SPDX-License-Identifier: Apache-2.0 */
/* pace.h -- how large the next batch is and how long to rest after one.  Pure: no clock. */
#ifndef EXPUNGE_PACE_H
#define EXPUNGE_PACE_H

#include "base/instant.h"

typedef struct Pace
{
    int64_t target_us; /* how long one batch should take: what a neighbour feels */
    int64_t max_rows;
    double duty;  /* share of the time in which we work */
    int64_t rows; /* of the next batch */
} Pace;

Pace pace_new(int64_t target_ms, int64_t max_rows, double duty);
/* A batch of done rows took elapsed_us: adapt, at most by a factor of two; at least 500 rows (or max_rows). */
void pace_adapt(Pace *pace, int64_t done_rows, int64_t elapsed_us);
/* Rest after a batch, microseconds. */
int64_t pace_rest(const Pace *pace, int64_t elapsed_us);

#endif
