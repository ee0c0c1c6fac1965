/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/looks.h"

#include "base/text.h"
#include "engine/coverage.h"

#include <string.h>

#define ENDED_COUNTED "10000"

static const char *
joined(Arena *arena, const char *const *words, size_t count)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    return text_done(&text);
}

Err
looks_format(Context *context, size_t option, const char *const *formats, size_t count, const char **ret_format)
{
    const char *format = context->values[option];
    size_t at = 0;

    *ret_format = context->json ? "json" : "text";
    if (format == NULL)
        return OK;
    while (at < count && strcmp(format, formats[at]) != 0)
        at++;
    if (at == count)
    {
        const int near = text_nearest(format, formats, count);
        return err_new(ERR_USAGE, "--format is %s, not \"%s\"%s%s%s", joined(context->arena, formats, count), format,
                       near < 0 ? "" : "; did you mean \"", near < 0 ? "" : formats[near], near < 0 ? "" : "\"?");
    }
    if (strcmp(format, "json") == 0)
        context->json = true;
    else if (context->json)
        return err_new(ERR_USAGE, "--json and --format %s contradict each other", format);
    *ret_format = formats[at];
    return OK;
}

void
looks_describe(Arena *arena, const Session *session, StatusDatabase *ret_status)
{
    ret_status->paused = session->paused;
    if (session->pause_story != NULL)
        ret_status->pause_story = arena_strdup(arena, session->pause_story);
    ret_status->restored_story = session->restored_story == NULL ? NULL : arena_strdup(arena, session->restored_story);
    if (session->coverage_problem != NULL)
        ret_status->coverage_problem = arena_strdup(arena, session->coverage_problem);
    else
        ret_status->coverage_problem = coverage_named_gaps(arena, session);
}

/* The database's own name in front of the story goes: whoever reads it sees it beside the name. */
void
looks_keep_error(Arena *arena, Err code, StatusDatabase *ret_status)
{
    Text text = TEXT_INIT(arena);
    const char *name = arena_printf(arena, "database \"%s\"", ret_status->name);
    const size_t first = err_lines() > 1 && text_equal(err_line(0), name) ? 1 : 0;

    for (size_t i = first; i < err_lines(); i++)
        text_addf(&text, "%s%s", i > first ? ": " : "", err_line(i));
    ret_status->code = code;
    ret_status->error = text_done(&text);
    err_clear();
}

Err
looks_verdict(const StatusDatabase *status)
{
    if (status->error == NULL)
        return OK;
    const Err e = err_new(status->code, "%s", status->error);
    return status->code == ERR_USAGE ? e : err_note(e, "database \"%s\"", status->name);
}

Err
looks_ended(Session *session, Arena *arena, const Target *target, Instant now, Instant late, int64_t *ret_ended,
            int64_t *ret_late)
{
    CLEANUP(db_result_freep) DbResult *roots = NULL;
    const Selector selector = { .arena = arena, .target = target };
    const char *params[] = { instant_format(arena, now), ENDED_COUNTED };
    int64_t count = 0;
    Instant ended_at;

    TRY(db_query(session->db, selector_ended_roots(&selector), 2, params, &roots));
    for (size_t i = 0; i < db_rows(roots); i++)
        count += instant_parse(db_text(roots, i, 2), &ended_at) && ended_at < late ? 1 : 0;
    *ret_ended = (int64_t)db_rows(roots);
    *ret_late = count;
    return OK;
}

Err
looks_any_due(Session *session, Arena *arena, const Target *target, Instant as_of, bool *ret_due)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    Selector selector = { .arena = arena, .target = target };

    TRY(session_cutoffs(session, arena, target, as_of, &selector.cutoffs));
    TRY(db_query_row(session->db, selector_any_due(&selector), 0, NULL, &row));
    *ret_due = db_bool(row, 0, 0);
    return OK;
}
