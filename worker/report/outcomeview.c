/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outcomeview.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static JsonDoc *
stays_json(const OutcomeStay *stays, size_t count)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "table", stays[i].table);
        jsondoc_set_string(entry, "why", stays[i].why);
        jsondoc_set_integer(entry, "rows", stays[i].rows);
        jsondoc_set_instant(entry, "until", stays[i].until);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
indexes_json(const Outcome *o)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < o->index_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "table", o->indexes[i].table);
        jsondoc_set_string(entry, "columns", o->indexes[i].columns);
        jsondoc_set_string(entry, "cost", o->indexes[i].cost);
        jsondoc_set_string(entry, "create", o->indexes[i].create);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
views_json(const Outcome *o)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < o->view_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "view", o->views[i].view);
        jsondoc_set_string(entry, "table", o->views[i].table);
        jsondoc_set_bool(entry, "refreshed", o->views[i].refreshed);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
copies_json(const Outcome *o)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < o->copy_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "store", o->copies[i].store);
        jsondoc_set_string(entry, "state", o->copies[i].state);
        jsondoc_set_instant(entry, "until", o->copies[i].until);
        jsondoc_set_string(entry, "detail", o->copies[i].detail);
        jsondoc_set_string(entry, "error", o->copies[i].error);
        jsondoc_push(list, entry);
    }
    return list;
}

static size_t
line_length(const char *lines)
{
    return strcspn(lines, "\n");
}

static const char *
next_line(const char *lines)
{
    const char *end = lines + line_length(lines);
    return *end == '\n' ? end + 1 : end;
}

static JsonDoc *
settle_json(Arena *arena, const char *lines)
{
    JsonDoc *list = jsondoc_array();
    for (const char *at = lines; at != NULL && *at != '\0'; at = next_line(at))
        jsondoc_push_string(list, arena_strndup(arena, at, line_length(at)));
    return list;
}

static void
add_settle(Text *text, const char *lines)
{
    for (const char *at = lines; at != NULL && *at != '\0'; at = next_line(at))
        text_addf(text, "      → %.*s\n", (int)line_length(at), at);
}

JsonDoc *
outcomeview_json(Arena *arena, const Outcome *o)
{
    JsonDoc *doc = jsondoc_object();
    JsonDoc *tables = jsondoc_array();

    jsondoc_set_string(doc, "id", o->id == 0 ? NULL : arena_printf(arena, "%s-%" PRId64, o->database, o->id));
    jsondoc_set_string(doc, "database", o->database);
    jsondoc_set_string(doc, "kind", o->kind);
    jsondoc_set_string(doc, "name", o->name);
    jsondoc_set_string(doc, "step", o->step == NULL ? "wait" : o->step);
    jsondoc_set_string(doc, "state", lifecycle_state_name(o->state));
    jsondoc_set_instant(doc, "cutoff", o->cutoff);
    for (size_t i = 0; i < o->table_count; i++)
    {
        JsonDoc *table = jsondoc_object();
        jsondoc_set_string(table, "table", o->tables[i].table);
        jsondoc_set_string(table, "action", o->tables[i].action);
        jsondoc_set_integer(table, "rows", o->tables[i].rows);
        jsondoc_set_integer(table, "bytes", o->tables[i].bytes);
        jsondoc_push(tables, table);
    }
    jsondoc_set(doc, "tables", tables);
    jsondoc_set(doc, "held", stays_json(o->held, o->held_count));
    jsondoc_set(doc, "kept", stays_json(o->kept, o->kept_count));
    jsondoc_set(doc, "copies", copies_json(o));
    jsondoc_set(doc, "missing_indexes", indexes_json(o));
    jsondoc_set(doc, "views", views_json(o));
    jsondoc_set_bool(doc, "overdue", o->overdue);
    jsondoc_set_string(doc, "digest", o->digest);
    jsondoc_set_string(doc, "error", o->error);
    jsondoc_set_string(doc, "waits_for", o->waits);
    jsondoc_set_instant(doc, "waits_until", o->waits == NULL ? INSTANT_NONE : o->waits_until);
    jsondoc_set(doc, "settle", settle_json(arena, o->settle));
    return doc;
}

static void
add_stays(Text *text, Arena *arena, const char *word, const OutcomeStay *stays, size_t count)
{
    for (size_t i = 0; i < count; i++)
    {
        text_addf(text, "    %-34s %-11s %12s  %s", stays[i].table, word, text_thousands(arena, stays[i].rows),
                  stays[i].why);
        if (stays[i].until != INSTANT_NONE)
            text_addf(text, ", until %s", instant_format_day(arena, stays[i].until));
        text_add(text, "\n");
    }
}

/* What is only copied is told in one line: nothing is taken away. */
static void
add_copies(Text *text, Arena *arena, const Outcome *o)
{
    int64_t rows = 0, bytes = 0;
    size_t tables = 0;
    for (size_t i = 0; i < o->table_count; i++)
        if (strcmp(o->tables[i].action, "copy") == 0)
        {
            rows += o->tables[i].rows;
            bytes += o->tables[i].bytes;
            tables++;
        }
    if (tables > 0)
        text_addf(text, "    %-34s %-11s %12s  %s\n", arena_printf(arena, "%zu tables", tables), "copy",
                  text_thousands(arena, rows), text_bytes(arena, bytes));
}

/* Of a disposal that is about to lose its rows, the names alone. */
static void
add_stores(Text *text, Arena *arena, const Outcome *o)
{
    const bool erased = o->state == STATE_ERASED || o->state == STATE_CLEARED;

    for (size_t i = 0; i < o->copy_count && erased; i++)
    {
        const OutcomeCopy *copy = &o->copies[i];
        text_addf(text, "    %-34s %-11s %12s", arena_printf(arena, "store %s", copy->store), copy->state, "");
        if (copy->until != INSTANT_NONE)
            text_addf(text, "  until %s", instant_format_day(arena, copy->until));
        text_addf(text, "%s%s\n", copy->detail == NULL ? "" : "  ", copy->detail == NULL ? "" : copy->detail);
    }
    for (size_t i = 0; i < o->copy_count && !erased && o->removes; i++)
        text_addf(text, "%s%s%s", i == 0 ? "    then copies in " : ", ", o->copies[i].store,
                  i + 1 == o->copy_count ? "\n" : "");
}

char *
outcomeview_text(Arena *arena, const Outcome *o, bool verbose)
{
    Text text = TEXT_INIT(arena);
    const char *id = o->id == 0 ? "new" : arena_printf(arena, "%s-%" PRId64, o->database, o->id);

    text_addf(&text, "%-4s %-8s %-10s %-26s %-9s %-9s", o->database, id, o->kind, o->name,
              o->step == NULL ? "wait" : o->step, lifecycle_state_name(o->state));
    if (o->cutoff != INSTANT_NONE)
        text_addf(&text, " older than %s", instant_format_day(arena, o->cutoff));
    text_addf(&text, "%s\n", o->overdue ? "  OVERDUE" : "");
    if (!verbose)
        add_copies(&text, arena, o);
    for (size_t i = 0; i < o->table_count; i++)
        if (verbose || strcmp(o->tables[i].action, "copy") != 0)
            text_addf(&text, "    %-34s %-11s %12s  %s\n", o->tables[i].table, o->tables[i].action,
                      text_thousands(arena, o->tables[i].rows), text_bytes(arena, o->tables[i].bytes));
    add_stays(&text, arena, "held", o->held, o->held_count);
    if (verbose || strcmp(o->step == NULL ? "wait" : o->step, "archive") != 0 || strcmp(o->kind, "policy") == 0)
        add_stays(&text, arena, "kept", o->kept, o->kept_count);
    if (o->step != NULL && strcmp(o->step, "approve") == 0 && o->digest != NULL)
        text_addf(&text, "    it waits for a second person: expunge approve %s --plan %s\n", id, o->digest);
    add_stores(&text, arena, o);
    if (o->error != NULL)
        text_addf(&text, "    ! %s\n", o->error);
    if (o->waits != NULL)
        text_addf(&text, "    waits until %s: %s\n",
                  instant_format(arena, o->waits_until - o->waits_until % INSTANT_SECOND), o->waits);
    add_settle(&text, o->settle);
    return text_done(&text);
}

/* All disposals of one policy or kind miss the same. */
static bool
is_first(Outcome *const *outcomes, size_t at)
{
    const Outcome *this = outcomes[at];
    for (size_t o = 0; o < at; o++)
        if (outcomes[o]->index_count > 0 && strcmp(outcomes[o]->database, this->database) == 0 &&
            strcmp(outcomes[o]->kind, this->kind) == 0 &&
            (strcmp(this->kind, "policy") != 0 || strcmp(outcomes[o]->name, this->name) == 0))
            return false;
    return true;
}

char *
outcomeview_indexes(Arena *arena, Outcome *const *outcomes, size_t count)
{
    Text text = TEXT_INIT(arena);
    for (size_t o = 0; o < count; o++)
        for (size_t i = 0; i < outcomes[o]->index_count && is_first(outcomes, o); i++)
            text_addf(&text, "  %s, %s(%s): %s\n", outcomes[o]->database, outcomes[o]->indexes[i].table,
                      outcomes[o]->indexes[i].columns, outcomes[o]->indexes[i].cost);
    return text_done(&text);
}

/* A view is told once, however many disposals it has copies of. */
static bool
is_first_view(Outcome *const *outcomes, size_t at, size_t view)
{
    const char *name = outcomes[at]->views[view].view;
    for (size_t o = 0; o < at; o++)
        for (size_t i = 0; i < outcomes[o]->view_count; i++)
            if (strcmp(outcomes[o]->database, outcomes[at]->database) == 0 &&
                strcmp(outcomes[o]->views[i].view, name) == 0)
                return false;
    return true;
}

char *
outcomeview_views(Arena *arena, Outcome *const *outcomes, size_t count)
{
    Text text = TEXT_INIT(arena);
    for (size_t o = 0; o < count; o++)
        for (size_t i = 0; i < outcomes[o]->view_count; i++)
            if (is_first_view(outcomes, o, i))
                text_addf(&text, "  %s, %s: copies of rows of %s, %s\n", outcomes[o]->database,
                          outcomes[o]->views[i].view, outcomes[o]->views[i].table,
                          outcomes[o]->views[i].refreshed ? "refreshed when they have gone"
                                                          : "which stay: \"expunge check\" prints what refreshes it");
    return text_done(&text);
}
