/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include "base/text.h"
#include "wrap/file.h"

#include <inttypes.h>

static void
add(Text *text, const char *name, const char *help, int64_t value)
{
    text_addf(text, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRId64 "\n", name, help, name, name, value);
}

Err
metrics_write(Arena *arena, const Rules *rules, const MetricsRun *run, Err outcome)
{
    Text text = TEXT_INIT(arena);

    if (rules->metrics_path == NULL)
        return outcome;
    add(&text, "expunge_last_run_timestamp_seconds", "When the last run ended.", instant_now() / INSTANT_SECOND);
    add(&text, "expunge_last_run_exit_status", "Its exit status.", run->exit_status);
    add(&text, "expunge_last_run_rows_archived", "Rows that it archived.", run->rows_archived);
    add(&text, "expunge_last_run_rows_erased", "Rows that it erased from the live tables.", run->rows_erased);
    add(&text, "expunge_last_run_rows_left", "Rows that were due and are still there.", run->rows_left);
    add(&text, "expunge_overdue_disposals", "Disposals that are overdue.", run->overdue);
    if (outcome != OK)
    {
        /* the run's story stays as it is: a failing write may not replace it, so it is not attempted twice */
        const char *story = arena_strdup(arena, err_joined());
        if (file_save(rules->metrics_path, text.bytes, text.length, 0644) != OK)
            err_clear();
        return err_new(outcome, "%s", story);
    }
    const Err e = file_save(rules->metrics_path, text.bytes, text.length, 0644);
    return e == OK ? OK : err_note(e, "the run itself was fine, but its metrics could not be written");
}
