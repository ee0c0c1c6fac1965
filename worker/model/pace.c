/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pace.h"

#define FIRST_ROWS 1000
#define LEAST_ROWS 500 /* fewer make a batch no shorter: what is left of it is what a transaction costs by itself */

static int64_t
clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        value = low;
    return value > high ? high : value;
}

Pace
pace_new(int64_t target_ms, int64_t max_rows, double duty)
{
    return (Pace){
        .target_us = target_ms * 1000, .max_rows = max_rows, .duty = duty, .rows = clamp(FIRST_ROWS, 1, max_rows)
    };
}

void
pace_adapt(Pace *pace, int64_t done_rows, int64_t elapsed_us)
{
    if (done_rows < pace->rows || elapsed_us < 1)
        return; /* the last, short batch of a table says nothing */
    const double ideal = (double)done_rows * (double)pace->target_us / (double)elapsed_us;
    const double bounded = ideal > 2.0 * (double)pace->rows ? 2.0 * (double)pace->rows : ideal;
    const int64_t wanted = (int64_t)(bounded < 0.5 * (double)pace->rows ? 0.5 * (double)pace->rows : bounded);
    pace->rows = clamp(wanted, LEAST_ROWS, INT64_MAX);
    pace->rows = clamp(pace->rows, 1, pace->max_rows);
}

int64_t
pace_rest(const Pace *pace, int64_t elapsed_us)
{
    if (pace->duty >= 1.0)
        return 0;
    const double rest = (double)elapsed_us * (1.0 - pace->duty) / pace->duty;
    return rest > 1e6 ? 1000000 : (int64_t)rest;
}
