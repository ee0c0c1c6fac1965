/* SPDX-License-Identifier: Apache-2.0 */
#include "report/statusview.h"

#include "report/layout.h"

#include <inttypes.h>
#include <string.h>

static const char *
disposal_id(Arena *arena, const StatusDatabase *database, const Disposal *disposal)
{
    return arena_printf(arena, "%s-%" PRId64, database->name, disposal->id);
}

/* -- counting ------------------------------------------------------------------------------------------------------ */

typedef struct Tally
{
    int64_t standings[STANDING_COUNT];
    int64_t overdue;
    int64_t due;
} Tally;

static Tally
count_all(const StatusDatabase *database)
{
    Tally tally = { .due = (int64_t)database->due_count };
    for (size_t i = 0; i < database->disposal_count; i++)
    {
        tally.standings[collect_standing(&database->disposals[i], database->now)]++;
        tally.overdue += database->disposals[i].overdue ? 1 : 0;
    }
    for (size_t i = 0; i < database->due_count; i++)
        tally.overdue += database->due[i].overdue;
    return tally;
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static void
set_hold(JsonDoc *doc, const StatusDisposal *s)
{
    if (s->hold_id == 0)
    {
        jsondoc_set_null(doc, "hold");
        return;
    }
    JsonDoc *hold = jsondoc_object();
    jsondoc_set_integer(hold, "id", s->hold_id);
    jsondoc_set_string(hold, "type", s->hold_type);
    jsondoc_set_instant(hold, "until", s->hold_until);
    jsondoc_set(doc, "hold", hold);
}

static void
set_tables(Arena *arena, JsonDoc *doc, const StatusDisposal *s)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < s->table_count; i++)
    {
        const DisposalTable *t = &s->tables[i];
        JsonDoc *table = jsondoc_object();
        jsondoc_set_string(table, "table", arena_printf(arena, "%s.%s", t->schema, t->table));
        jsondoc_set_string(table, "action", t->action);
        jsondoc_set_integer(table, "rows_archived", t->rows_archived);
        jsondoc_set_integer(table, "rows_done", t->rows_done);
        jsondoc_push(list, table);
    }
    jsondoc_set(doc, "tables", list);
}

bool
statusview_is_late(const StatusDisposal *disposal)
{
    return disposal->overdue || disposal->disposal->attempts > 0;
}

static JsonDoc *
copies_json(const StatusDisposal *s)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < s->copy_count; i++)
    {
        const CopyRow *row = &s->copies[i];
        JsonDoc *copy = jsondoc_object();
        jsondoc_set_string(copy, "store", row->store);
        jsondoc_set_string(copy, "state", copystates_name(row->state));
        jsondoc_set_integer(copy, "items", row->items);
        jsondoc_set_instant(copy, "until", row->state == COPY_GONE ? row->gone_at : row->until);
        jsondoc_set_string(copy, "detail", row->detail);
        jsondoc_set_bool(copy, "late", row->late);
        jsondoc_set_instant(copy, "checked_at", row->checked_at);
        jsondoc_set_integer(copy, "attempts", row->attempts);
        jsondoc_set_string(copy, "last_error", row->last_error);
        jsondoc_set_instant(copy, "next_attempt_at", row->next_attempt_at);
        jsondoc_push(list, copy);
    }
    return list;
}

JsonDoc *
statusview_disposal(Arena *arena, const StatusDatabase *database, const StatusDisposal *s)
{
    const Disposal *d = s->disposal;
    JsonDoc *doc = jsondoc_object();

    jsondoc_set_string(doc, "id", disposal_id(arena, database, d));
    jsondoc_set_string(doc, "kind", d->kind);
    jsondoc_set_string(doc, "name", d->name);
    jsondoc_set_string(doc, "state", lifecycle_state_name(d->state));
    jsondoc_set_string(doc, "standing", collect_standing_name(collect_standing(s, database->now)));
    jsondoc_set_bool(doc, "overdue", s->overdue);
    jsondoc_set_string(doc, "subject_commitment", d->commitment);
    jsondoc_set_string(doc, "ground", d->ground);
    jsondoc_set_bool(doc, "immediate", d->immediate);
    jsondoc_set_instant(doc, "requested_at", d->requested_at);
    jsondoc_set_instant(doc, "withdrawal_at", d->withdrawal_at);
    jsondoc_set_string(doc, "plan_digest", d->plan_digest);
    jsondoc_set_bool(doc, "approved", d->approved);
    jsondoc_set_instant(doc, "cutoff", d->cutoff);
    jsondoc_set_instant(doc, "ended_at", d->ended_at);
    jsondoc_set_instant(doc, "opened_at", d->opened_at);
    jsondoc_set_instant(doc, "archived_at", d->archived_at);
    jsondoc_set_instant(doc, "erase_after", d->erase_after);
    jsondoc_set_instant(doc, "erasing_at", d->erasing_at);
    jsondoc_set_instant(doc, "erased_at", d->erased_at);
    jsondoc_set_instant(doc, "cleared_at", d->cleared_at);
    jsondoc_set_instant(doc, "withdrawn_at", d->withdrawn_at);
    jsondoc_set_instant(doc, "restored_at", d->restored_at);
    jsondoc_set_instant(doc, "due_at", s->due_at);
    jsondoc_set_integer(doc, "rows_archived", s->rows_archived);
    jsondoc_set_integer(doc, "rows_done", s->rows_done);
    set_hold(doc, s);
    jsondoc_set_integer(doc, "attempts", d->attempts);
    jsondoc_set_string(doc, "last_error", d->last_error);
    jsondoc_set_instant(doc, "next_attempt_at", d->next_attempt_at);
    jsondoc_set(doc, "copies", copies_json(s));
    jsondoc_set_integer(doc, "processors_outstanding", s->told.outstanding);
    jsondoc_set_integer(doc, "processors_overdue", s->told.overdue);
    if (s->table_count > 0)
        set_tables(arena, doc, s);
    return doc;
}

static JsonDoc *
due_json(const StatusDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->due_count; i++)
    {
        const StatusDue *due = &database->due[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "kind", due->kind);
        jsondoc_set_string(entry, "name", due->name);
        jsondoc_set_integer(entry, "subjects", due->subjects);
        jsondoc_set_integer(entry, "overdue", due->overdue);
        jsondoc_set_string(entry, "problem", due->problem);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
counts_json(const StatusDatabase *database)
{
    const Tally tally = count_all(database);
    JsonDoc *counts = jsondoc_object();
    for (State state = STATE_OPEN; state < STATE_COUNT; state++)
        jsondoc_set_integer(counts, lifecycle_state_name(state), database->states[state]);
    for (Standing standing = STANDING_UNDER_WAY; standing < STANDING_DONE; standing++)
        jsondoc_set_integer(counts, collect_standing_name(standing), tally.standings[standing]);
    jsondoc_set_integer(counts, "due", tally.due);
    jsondoc_set_integer(counts, "overdue", tally.overdue);
    return counts;
}

JsonDoc *
statusview_json(Arena *arena, const StatusDatabase *database)
{
    JsonDoc *doc = jsondoc_object();
    JsonDoc *list = jsondoc_array();
    JsonDoc *notes = jsondoc_array();

    for (size_t i = 0; i < database->disposal_count; i++)
        jsondoc_push(list, statusview_disposal(arena, database, &database->disposals[i]));
    for (size_t i = 0; i < database->note_count; i++)
        jsondoc_push_string(notes, database->notes[i]);
    jsondoc_set_string(doc, "name", database->name);
    jsondoc_set_string(doc, "region", database->region);
    jsondoc_set_instant(doc, "now", database->now);
    jsondoc_set_bool(doc, "paused", database->paused);
    jsondoc_set_string(doc, "pause", database->pause_story);
    jsondoc_set_string(doc, "problem", database->coverage_problem);
    jsondoc_set_string(doc, "restored", database->restored_story);
    jsondoc_set_string(doc, "error", database->error);
    jsondoc_set(doc, "disposals", list);
    jsondoc_set(doc, "due", due_json(database));
    jsondoc_set(doc, "counts", counts_json(database));
    jsondoc_set(doc, "notes", notes);
    return doc;
}

/* -- one disposal in a sentence ------------------------------------------------------------------------------------ */

static const char *
day_and_distance(Arena *arena, Instant now, Instant at)
{
    return arena_printf(arena, "%s (%s)", instant_format_day(arena, at), layout_away(arena, now, at));
}

static void
tell_hold(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    text_addf(text, "hold %" PRId64 " (%s)", s->hold_id, s->hold_type);
    if (s->hold_until != INSTANT_NONE)
        text_addf(text, " until %s", day_and_distance(arena, now, s->hold_until));
    if (s->disposal->erase_after != INSTANT_NONE && s->disposal->erase_after > now)
        text_addf(text, "; grace until %s", day_and_distance(arena, now, s->disposal->erase_after));
}

/* "exports present, cluster-eu until 2026-05-01 (in 30 days)" */
static void
tell_copies(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    const char *between = "";

    text_add(text, "copies elsewhere: ");
    for (size_t i = 0; i < s->copy_count; i++)
    {
        const CopyRow *row = &s->copies[i];
        if (row->state == COPY_GONE)
            continue;
        text_addf(text, "%s%s ", between, row->store);
        between = ", ";
        if (row->state == COPY_DATED && row->until != INSTANT_NONE)
            text_addf(text, "until %s", day_and_distance(arena, now, row->until));
        else
            text_add(text, row->state == COPY_PENDING ? "not asked yet"
                           : row->state == COPY_DATED ? "until its retention takes them"
                                                      : "present");
    }
}

/* Whose fault it is that it is not cleared. */
static void
tell_told(Text *text, Arena *arena, const StatusDisposal *s)
{
    text_addf(text, "%s outstanding: %s",
              layout_count(arena, s->told.outstanding, "message to a processor is", "messages to processors are"),
              s->told.processors);
    if (s->told.late != NULL)
        text_addf(text, "; %s: %s", s->told.overdue > 0 ? "late" : "failing", s->told.late);
    if (s->told.error != NULL)
        text_addf(text, ": %s", s->told.error);
}

static void
tell_erased(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    const bool copies = collect_waits_for_copies(s);
    text_addf(text, "the live rows went %s; ", day_and_distance(arena, now, s->disposal->erased_at));
    if (copies)
        tell_copies(text, arena, s, now);
    if (copies && s->told.outstanding > 0)
        text_add(text, "; ");
    if (s->told.outstanding > 0)
        tell_told(text, arena, s);
}

static void
tell_waiting(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    const Disposal *d = s->disposal;
    const char *rows = layout_count(arena, s->rows_archived, "row", "rows");
    if (d->state == STATE_ERASED)
        tell_erased(text, arena, s, now);
    else if (disposals_is_policy(d) || d->root_erased)
        text_addf(text, "%s moved into a snapshot, which goes after %s", rows,
                  day_and_distance(arena, now, d->erase_after));
    else
        text_addf(text, "grace until %s; %s copied, all still in their tables",
                  day_and_distance(arena, now, d->erase_after), rows);
}

static void
tell_failing(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    const Disposal *d = s->disposal;
    text_addf(text, "%s", layout_count(arena, d->attempts, "attempt", "attempts"));
    if (d->next_attempt_at != INSTANT_NONE && d->next_attempt_at > now)
        text_addf(text, ", the next %s", layout_away(arena, now, d->next_attempt_at));
    else
        text_add(text, ", the next run tries again");
    text_addf(text, ": %s", d->last_error == NULL ? "nothing is known of why" : d->last_error);
}

static void
tell_ready(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    const Disposal *d = s->disposal;
    const bool begun = d->state != STATE_OPEN && d->state != STATE_ARCHIVED;

    if (!begun && d->withdrawal_at != INSTANT_NONE)
    {
        text_add(text, "somebody withdrew it: the next run ends it, and destroys its snapshot");
        return;
    }
    if (!begun && d->immediate && d->plan_digest != NULL && !d->approved)
    {
        text_addf(text, "it waits for a second person's approval of plan %s", d->plan_digest);
        return;
    }
    switch (d->state)
    {
    case STATE_ARCHIVED:
        if (d->erase_after != INSTANT_NONE && !s->overdue)
            text_addf(text, "grace ended %s: ", day_and_distance(arena, now, d->erase_after));
        text_addf(text, "the next run %s", disposals_is_policy(d) ? "destroys its snapshot" : "erases it");
        break;
    case STATE_ERASING:
        text_addf(text, "%s done: the next run goes on", layout_count(arena, s->rows_done, "row", "rows"));
        break;
    case STATE_ERASED:
        text_addf(text, "the live rows went %s: the next run %s", day_and_distance(arena, now, d->erased_at),
                  d->snapshot_name == NULL ? "closes it" : "destroys its snapshot");
        break;
    default:
        if (s->rows_done > 0)
            text_addf(text, "%s done: ", layout_count(arena, s->rows_done, "row", "rows"));
        text_add(text, "the next run goes on");
    }
    if (d->last_error != NULL)
        text_addf(text, "; last time: %s", d->last_error);
}

static void
tell_done(Text *text, Arena *arena, const StatusDisposal *s, Instant now)
{
    const Disposal *d = s->disposal;
    if (d->state == STATE_WITHDRAWN)
        text_addf(text, "withdrawn %s: %s", day_and_distance(arena, now, d->withdrawn_at),
                  d->restored_at == INSTANT_NONE ? "nothing was erased" : "its rows were restored");
    else
        text_addf(text, "cleared %s: %s erased or changed, no snapshot left",
                  day_and_distance(arena, now, d->cleared_at), layout_count(arena, s->rows_done, "row", "rows"));
}

char *
statusview_sentence(Arena *arena, const StatusDisposal *s, Instant now)
{
    Text text = TEXT_INIT(arena);

    if (s->overdue && s->due_at != INSTANT_NONE && s->due_at <= now)
        text_addf(&text, "OVERDUE since %s: ", day_and_distance(arena, now, s->due_at));
    else if (s->overdue && s->due_at != INSTANT_NONE)
        text_addf(&text, "OVERDUE: a copy will be there beyond %s, when the last was promised to be gone: ",
                  day_and_distance(arena, now, s->due_at));
    else if (s->overdue)
        text_add(&text, "OVERDUE: ");
    switch (collect_standing(s, now))
    {
    case STANDING_UNDER_WAY:
        text_addf(&text, "a worker is busy with it: %s archived, %s done",
                  layout_count(arena, s->rows_archived, "row", "rows"), text_thousands(arena, s->rows_done));
        break;
    case STANDING_FAILING: tell_failing(&text, arena, s, now); break;
    case STANDING_HELD: tell_hold(&text, arena, s, now); break;
    case STANDING_WAITING: tell_waiting(&text, arena, s, now); break;
    case STANDING_DONE: tell_done(&text, arena, s, now); break;
    default: tell_ready(&text, arena, s, now);
    }
    return text_done(&text);
}

/* -- a database for people ----------------------------------------------------------------------------------------- */

/* What needs a person comes first. */
static int
rank(const StatusDisposal *s, Instant now)
{
    static const int ranks[STANDING_COUNT] = {
        [STANDING_FAILING] = 0, [STANDING_HELD] = 2,    [STANDING_UNDER_WAY] = 3,
        [STANDING_READY] = 4,   [STANDING_WAITING] = 5, [STANDING_DONE] = 6,
    };
    const Standing standing = collect_standing(s, now);
    return s->overdue && standing != STANDING_FAILING ? 1 : ranks[standing];
}

static const char *
standing_word(Standing standing)
{
    static const char *const words[STANDING_COUNT] = { "under way", "FAILING", "held", "waiting", "ready", "done" };
    return words[standing];
}

static void
add_disposal(Grid *grid, const StatusDatabase *database, const StatusDisposal *s)
{
    const Disposal *d = s->disposal;
    LAYOUT_ROW(grid, disposal_id(grid->arena, database, d), d->kind, d->name, lifecycle_state_name(d->state),
               standing_word(collect_standing(s, database->now)), statusview_sentence(grid->arena, s, database->now));
}

static const char *
due_sentence(Arena *arena, const StatusDue *due)
{
    if (due->problem != NULL)
        return due->problem;
    if (due->subjects == 0)
        return arena_printf(arena, "%srows are past their window: the next run takes them",
                            due->overdue > 0 ? "OVERDUE: " : "");
    const char *late = due->overdue == 0
                           ? ""
                           : arena_printf(arena, ", %s of them OVERDUE", text_thousands(arena, due->overdue));
    return arena_printf(arena, "%s ended%s: the next run opens %s", layout_count(arena, due->subjects, "has", "have"),
                        late, due->subjects == 1 ? "it" : "them");
}

static void
add_due(Grid *grid, const StatusDue *due)
{
    LAYOUT_ROW(grid, "new", due->kind, due->name, "", due->problem != NULL ? "STOPPED" : "due",
               due_sentence(grid->arena, due));
}

static void
add_head(Text *text, const StatusDatabase *database)
{
    text_addf(text, "%s", database->name);
    if (database->region != NULL)
        text_addf(text, " (region %s)", database->region);
    if (database->error != NULL)
        text_addf(text, ": COULD NOT BE ASKED: %s\n", database->error);
    else if (database->paused)
        text_addf(text, ": PAUSED, %s\n", database->pause_story);
    else
        text_add(text, ": not paused\n");
    if (database->restored_story != NULL)
        text_addf(text, "  nothing is done here before \"expunge replay\": %s\n", database->restored_story);
    if (database->coverage_problem != NULL)
        text_addf(text, "  no subject is erased here: %s\n", database->coverage_problem);
}

static void
add_counts(Text *text, Arena *arena, const StatusDatabase *database)
{
    static const Standing order[] = { STANDING_FAILING, STANDING_HELD, STANDING_UNDER_WAY, STANDING_READY,
                                      STANDING_WAITING };
    static const char *const words[] = { "failing", "held", "under way", "ready", "waiting" };
    const Tally tally = count_all(database);
    bool any = tally.overdue > 0;

    text_addf(text, "  %s overdue", text_thousands(arena, tally.overdue));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    {
        any = any || tally.standings[order[i]] > 0;
        text_addf(text, ", %s %s", text_thousands(arena, tally.standings[order[i]]), words[i]);
    }
    text_addf(text, "; since the beginning %s cleared, %s withdrawn\n",
              text_thousands(arena, database->states[STATE_CLEARED]),
              text_thousands(arena, database->states[STATE_WITHDRAWN]));
    if (!any && tally.due == 0)
        text_add(text, "  nothing is under way\n");
}

char *
statusview_text(Arena *arena, const StatusDatabase *database)
{
    Text text = TEXT_INIT(arena);
    Grid grid = layout_grid(arena, "llllll");

    add_head(&text, database);
    if (database->error != NULL)
        return text_done(&text);
    if (database->disposal_count + database->due_count > 0)
        LAYOUT_ROW(&grid, "id", "kind", "name", "state", "standing", "");
    for (int at = 0; at <= 6; at++)
        for (size_t i = 0; i < database->disposal_count; i++)
            if (rank(&database->disposals[i], database->now) == at)
                add_disposal(&grid, database, &database->disposals[i]);
    for (size_t i = 0; i < database->due_count; i++)
        add_due(&grid, &database->due[i]);
    layout_print(&grid, "  ", &text);
    add_counts(&text, arena, database);
    return text_done(&text);
}

/* -- one disposal's story ------------------------------------------------------------------------------------------ */

static void
add_moment(Grid *grid, const char *what, Instant at, Instant now)
{
    if (at != INSTANT_NONE)
        LAYOUT_ROW(grid, what,
                   arena_printf(grid->arena, "%s, %s", layout_moment(grid->arena, at),
                                layout_away(grid->arena, now, at)));
}

static void
add_moments(Text *text, Arena *arena, const Disposal *d, Instant now)
{
    Grid grid = layout_grid(arena, "ll");
    LAYOUT_ROW(&grid, "ground", d->ground);
    if (d->immediate)
        LAYOUT_ROW(&grid, "grace", "none: asked for at once");
    if (d->commitment != NULL)
        LAYOUT_ROW(&grid, "commitment", d->commitment);
    add_moment(&grid, "older than", d->cutoff, now);
    add_moment(&grid, "ended", d->ended_at, now);
    add_moment(&grid, "requested", d->requested_at, now);
    add_moment(&grid, "opened", d->opened_at, now);
    add_moment(&grid, "archived", d->archived_at, now);
    add_moment(&grid, "end of grace", d->erase_after, now);
    add_moment(&grid, "erasing since", d->erasing_at, now);
    add_moment(&grid, "erased", d->erased_at, now);
    add_moment(&grid, "key destroyed", d->key_destroyed_at, now);
    add_moment(&grid, "cleared", d->cleared_at, now);
    add_moment(&grid, "restored", d->restored_at, now);
    add_moment(&grid, "withdrawn", d->withdrawn_at, now);
    layout_print(&grid, "  ", text);
}

/* The tables that rows were taken from, or changed in. */
static void
add_story_tables(Text *text, Arena *arena, const StatusDisposal *s)
{
    Grid grid = layout_grid(arena, "llrr");
    for (size_t i = 0; i < s->table_count; i++)
    {
        const DisposalTable *t = &s->tables[i];
        if (t->rows_archived == 0 && t->rows_done == 0)
            continue;
        if (grid.count == 0)
            LAYOUT_ROW(&grid, "table", "action", "archived", "done");
        LAYOUT_ROW(&grid, arena_printf(arena, "%s.%s", t->schema, t->table), t->action,
                   text_thousands(arena, t->rows_archived), text_thousands(arena, t->rows_done));
    }
    if (grid.count > 0)
        text_add(text, "\n");
    layout_print(&grid, "  ", text);
}

static void
add_story_copies(Text *text, Arena *arena, const StatusDisposal *s)
{
    Grid grid = layout_grid(arena, "lllll");
    for (size_t i = 0; i < s->copy_count; i++)
    {
        const CopyRow *row = &s->copies[i];
        const Instant at = row->state == COPY_GONE ? row->gone_at : row->until;
        if (i == 0)
            LAYOUT_ROW(&grid, "store", "copies", "until", "late", "");
        LAYOUT_ROW(&grid, row->store, copystates_name(row->state), at == INSTANT_NONE ? "" : layout_moment(arena, at),
                   row->late ? "LATE" : "",
                   row->last_error != NULL ? row->last_error
                   : row->detail != NULL   ? row->detail
                                           : "");
    }
    if (grid.count > 0)
        text_add(text, "\n");
    layout_print(&grid, "  ", text);
}

char *
statusview_story(Arena *arena, const StatusDatabase *database, const StatusDisposal *s)
{
    Text text = TEXT_INIT(arena);
    const Disposal *d = s->disposal;

    text_addf(&text, "%s: %s %s is %s, %s\n", disposal_id(arena, database, d), d->kind, d->name,
              lifecycle_state_name(d->state), standing_word(collect_standing(s, database->now)));
    text_addf(&text, "  %s\n\n", statusview_sentence(arena, s, database->now));
    add_moments(&text, arena, d, database->now);
    add_story_tables(&text, arena, s);
    add_story_copies(&text, arena, s);
    return text_done(&text);
}
