/* SPDX-License-Identifier: Apache-2.0 */
#include "model/cap.h"

#include <inttypes.h>

Err
cap_judge(const CapLimits *limits, const CapTable *tables, size_t count, int64_t subjects)
{
    Err result = OK;
    int64_t total = 0;

    err_clear();
    for (size_t i = 0; i < count; i++)
    {
        const CapTable *t = &tables[i];
        total += t->rows;
        if (t->table_rows < CAP_SHARE_FLOOR_ROWS || (double)t->rows <= limits->max_share * (double)t->table_rows)
            continue;
        result = err_note(ERR_RAIL,
                          "%s: %" PRId64 " of about %" PRId64
                          " rows of \"%s\" would go (%.0f %%); safety.max_share allows %.0f %%",
                          t->database, t->rows, t->table_rows, t->table,
                          100.0 * (double)t->rows / (double)t->table_rows, 100.0 * limits->max_share);
    }
    if (total > limits->max_rows)
        result = err_note(ERR_RAIL, "%" PRId64 " rows would go in this run; safety.max_rows allows %" PRId64, total,
                          limits->max_rows);
    if (subjects > limits->max_subjects)
        result = err_note(ERR_RAIL,
                          "%" PRId64 " subjects would be erased in this run; safety.max_subjects allows %" PRId64,
                          subjects, limits->max_subjects);
    if (result == OK)
        return OK;
    return err_note(result,
                    "nothing was changed: this run is larger than its caps; look at \"expunge plan\", and if it "
                    "is right, run once with --allow-large");
}
