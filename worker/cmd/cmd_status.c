/* SPDX-License-Identifier: Apache-2.0 */
/* status -- what is under way, waiting, held, overdue and failing; or one disposal, or one subject.  Looks only. */
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/looks.h"
#include "cmd/passes.h"
#include "report/statusview.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_USER
};

static const OptionRule options[] = {
    [OPT_USER] = { "--user", OPTION_TEXT, "ROLE", "KIND KEY, as this role of the database: what support may see" },
};

/* -- what the next run will open ----------------------------------------------------------------------------------- */

static bool
is_open_policy(const StatusDatabase *status, const char *name)
{
    for (size_t i = 0; i < status->disposal_count; i++)
    {
        const Disposal *d = status->disposals[i].disposal;
        if (d->state == STATE_OPEN && disposals_is_policy(d) && strcmp(d->name, name) == 0)
            return true;
    }
    return false;
}

static Err
due_policy(Session *session, Arena *arena, const Target *target, const StatusDatabase *status, Instant late,
           StatusDue *ret)
{
    bool due = false, overdue = false;

    if (target->problem == NULL && !is_open_policy(status, target->name))
    {
        TRY(looks_any_due(session, arena, target, status->now, &due));
        if (due)
            TRY(looks_any_due(session, arena, target, late, &overdue));
    }
    if (due || target->problem != NULL)
        *ret = (StatusDue){ .kind = "policy",
                            .name = arena_strdup(arena, target->name),
                            .overdue = overdue ? 1 : 0,
                            .problem = target->problem };
    return OK;
}

static Err
due_subjects(Session *session, Arena *arena, const Target *target, const StatusDatabase *status, Instant late,
             StatusDue *ret)
{
    StatusDue due = { .kind = target->name, .problem = target->problem };

    if (target->subject->ended_at == NULL)
        return OK;
    if (target->problem == NULL)
        TRY(looks_ended(session, arena, target, status->now, late, &due.subjects, &due.overdue));
    if (due.subjects > 0 || due.problem != NULL)
        *ret = due;
    return OK;
}

static Err
gather_due(Session *session, Arena *arena, StatusDatabase *status)
{
    Instant late;

    TRY(session_subtract(session, status->now, session->rules->overdue_after, &late));
    status->due = ARENA_ARRAY(arena, StatusDue, session->targets.count + 1);
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        StatusDue *next = &status->due[status->due_count];
        TRY((target->policy != NULL ? due_policy : due_subjects)(session, arena, target, status, late, next));
        if (next->problem != NULL)
            next->problem = arena_strdup(arena, next->problem); /* the session's own memory ends before the telling */
        status->due_count += next->kind != NULL ? 1 : 0;
    }
    return OK;
}

/* -- one subject --------------------------------------------------------------------------------------------------- */

static void
add_note(Arena *arena, StatusDatabase *status, const char *note)
{
    size_t room = status->note_count; /* few: grown one by one */
    ARENA_PUSH(arena, status->notes, status->note_count, room, note);
}

/* The subject's row as it is now; its incarnation, where the row is there. */
static Err
look_at_root(Session *session, Arena *arena, const Target *target, const char *key, bool *ret_present, bool *ret_ended,
             const char **ret_incarnation)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Selector selector = { .arena = arena, .target = target };

    TRY(session_set_key(session, key));
    const Err e = db_query(session->db, selector_root_state(&selector, ""), 0, NULL, &row);
    if (e != OK && strncmp(db_sqlstate(session->db), "22", 2) == 0)
        return err_new(ERR_USAGE, "that cannot be the key of a %s: column \"%s\" of \"%s.%s\" takes no such value",
                       target->name, target->subject->key, target->subject->root.schema, target->subject->root.table);
    TRY(e);
    *ret_present = db_rows(row) > 0;
    *ret_ended = *ret_present && db_bool(row, 0, 0);
    *ret_incarnation = *ret_present && db_text(row, 0, 1) != NULL ? arena_strdup(arena, db_text(row, 0, 1)) : NULL;
    return OK;
}

static Err
note_hold(Session *session, Arena *arena, const Target *target, StatusDatabase *status)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Selector selector = { .arena = arena, .target = target };

    TRY(db_query(session->db, selector_hold(&selector), 0, NULL, &row)); /* the key was set when its root was asked */
    if (db_rows(row) > 0)
        add_note(arena, status,
                 arena_printf(arena, "hold %s (%s) is in force%s%s", db_text(row, 0, 0), db_text(row, 0, 1),
                              db_text(row, 0, 2) == NULL ? "" : " until ",
                              db_text(row, 0, 2) == NULL ? "" : instant_format(arena, db_int64(row, 0, 2))));
    return OK;
}

static const char *
requested(Arena *arena, const SubjectItem *item)
{
    return arena_printf(arena, "request %" PRId64 " (%s%s) of %s", item->id, item->ground,
                        item->immediate ? ", without a grace period" : "", instant_format(arena, item->since));
}

static const char *
hold_ended(Arena *arena, const SubjectItem *item)
{
    return arena_printf(arena, "hold %" PRId64 " (%s) %s %s", item->id, item->ground,
                        strcmp(item->state, "over") == 0 ? "is over since" : "was released on",
                        instant_format(arena, item->until));
}

/* What the functions for support say of it; nothing where they do not know its kind. */
static void
note_wishes(Session *session, Arena *arena, const char *kind, const char *key, StatusDatabase *status)
{
    SubjectItem *items;
    size_t count;

    if (requests_status(arena, session->db, kind, key, &items, &count) != OK)
    {
        err_clear();
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].item, "request") == 0)
            add_note(arena, status, requested(arena, &items[i]));
        else if (strcmp(items[i].item, "hold") == 0 && strcmp(items[i].state, "in force") != 0)
            add_note(arena, status, hold_ended(arena, &items[i]));
}

static Err
gather_subject(Session *session, Arena *arena, const char *kind, const char *key, StatusDatabase *status)
{
    const Target *target = targets_find(&session->targets, kind, key);
    const char *incarnation = NULL;
    bool present = false, ended = false;

    if (target == NULL)
        return OK;
    if (target->policy != NULL)
    {
        const CollectWhich policy = { .kind = kind, .key = key };
        TRY(collect_status(arena, session->db, session->rules->overdue_after, &policy, status));
        if (status->disposal_count == 0)
            add_note(arena, status, arena_printf(arena, "no disposal of policy \"%s\" is under way", key));
        status->knows_subject = true;
        return OK;
    }
    TRY(look_at_root(session, arena, target, key, &present, &ended, &incarnation));
    const char *commitments[] = { session_commitment(session->house, arena, kind, key, incarnation),
                                  session_commitment(session->house, arena, kind, key, NULL) };
    const CollectWhich which = { .kind = kind, .key = key, .commitments = commitments, .commitment_count = 2 };
    TRY(collect_status(arena, session->db, session->rules->overdue_after, &which, status));
    TRY(note_hold(session, arena, target, status));
    status->knows_subject = status->disposal_count > 0 || present;
    if (status->disposal_count == 0 && present)
        add_note(arena, status,
                 arena_printf(arena,
                              ended ? "this %s has ended and has no disposal yet: the next run opens it"
                                    : "this %s is live and has not ended: nothing is to be done",
                              kind));
    return OK;
}

/* -- one database -------------------------------------------------------------------------------------------------- */

/* All of it in one look, and the server forbids any change. */
static Err
gather_in(Session *session, Context *context, StatusDatabase *status)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const CollectWhich all = { .id = 0 };

    TRY(session_now(session, &status->now));
    if (context->operand_count == 2 && strcmp(context->operands[0], "policy") != 0)
        note_wishes(session, context->arena, context->operands[0], context->operands[1], status);
    TRY(db_begin(session->db, "isolation level repeatable read read only", &tx));
    if (context->operand_count == 2)
        TRY(gather_subject(session, context->arena, context->operands[0], context->operands[1], status));
    else
    {
        TRY(collect_status(context->arena, session->db, session->rules->overdue_after, &all, status));
        TRY(gather_due(session, context->arena, status));
    }
    return db_commit(&tx);
}

static void
gather(Context *context, const Workshop *workshop, const DatabaseRule *database, StatusDatabase *status)
{
    CLEANUP(session_closep) Session *session = NULL;

    *status = (StatusDatabase){ .name = database->name, .region = database->region, .now = INSTANT_NONE };
    Err e = session_open(&workshop->house, database, NULL, &session);
    if (e == OK)
    {
        looks_describe(context->arena, session, status);
        e = gather_in(session, context, status);
    }
    if (e != OK)
        looks_keep_error(context->arena, e, status);
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

static void
tell(Context *context, const StatusDatabase *list, size_t count)
{
    const bool one = context->operand_count > 0;
    JsonDoc *databases = jsondoc_array();

    for (size_t i = 0; i < count; i++)
    {
        const StatusDatabase *status = &list[i];
        jsondoc_push(databases, statusview_json(context->arena, status));
        if (!one || status->error != NULL)
            command_say(context, "%s%s", i > 0 ? "\n" : "", statusview_text(context->arena, status));
        for (size_t d = 0; one && d < status->disposal_count; d++)
            command_say(context, "%s%s", i + d > 0 ? "\n" : "",
                        statusview_story(context->arena, status, &status->disposals[d]));
        for (size_t n = 0; n < status->note_count; n++)
            command_say(context, "%s: %s\n", status->name, status->notes[n]);
    }
    jsondoc_set(context->out, "databases", databases);
}

/* What was erased cannot be found by its key: that is the point of it. */
static void
tell_unknown(Context *context, const StatusDatabase *list, size_t count)
{
    bool known = false;
    for (size_t i = 0; i < count; i++)
        known = known || list[i].knows_subject || list[i].error != NULL;
    jsondoc_set_bool(context->out, "known", known);
    if (!known)
        command_say(
            context,
            "nothing is known of this %s: it has no row, and no disposal of it is under way.  What was erased is\n"
            "found by its number alone (\"expunge certificate ID\"), for its key is forgotten.\n",
            context->operands[0]);
}

static Err
status_of_disposal(Context *context, Workshop *workshop)
{
    CLEANUP(session_closep) Session *session = NULL;
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Disposal *disposal;

    TRY(command_disposal_session(context, workshop, context->operands[0], &session, &disposal));
    StatusDatabase status = { .name = session->database->name, .region = session->database->region };
    const CollectWhich which = { .id = disposal->id };
    looks_describe(context->arena, session, &status);
    TRY(session_now(session, &status.now));
    TRY(db_begin(session->db, "isolation level repeatable read read only", &tx));
    TRY(collect_status(context->arena, session->db, workshop->rules->overdue_after, &which, &status));
    TRY(db_commit(&tx));
    tell(context, &status, 1);
    return OK;
}

static Err
status_for_support(Context *context)
{
    CLEANUP(desk_closep) Desk desk = { .db = NULL };

    if (context->operand_count != 2)
        return err_new(ERR_USAGE, "--user asks for one subject: expunge status --user ROLE KIND KEY");
    TRY(desk_open(context, context->values[OPT_USER], NULL, &desk));
    TRY(desk_check_subject(&desk, context->operands[0], context->operands[1]));
    return desk_tell_subject(&desk, context->operands[0], context->operands[1]);
}

static Err
run_status(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    const bool subject = context->operand_count == 2;
    const bool policy = subject && strcmp(context->operands[0], "policy") == 0;

    if (subject)
        TRY(command_check_key(context->operands[1]));
    if (command_given(context, OPT_USER))
        return status_for_support(context);
    /* whoever has no master key may still look: only the search for a subject needs it */
    TRY(workshop_open(context, subject && !policy ? WORKSHOP_ALL : WORKSHOP_RULES, &workshop));
    workshop.house.lets_restored = true;
    if (context->operand_count == 1)
        return status_of_disposal(context, &workshop);
    if (subject)
        TRY(policy ? passes_check_policy(workshop.rules, context->operands[1])
                   : passes_check_kind(workshop.rules, context->operands[0]));
    const size_t count = workshop.rules->database_count;
    StatusDatabase *list = ARENA_ARRAY(context->arena, StatusDatabase, count + 1);
    for (size_t i = 0; i < count; i++)
    {
        gather(context, &workshop, &workshop.rules->databases[i], &list[i]);
        if (list[i].code == ERR_USAGE)
            return looks_verdict(&list[i]);
    }
    tell(context, list, count);
    if (subject)
        tell_unknown(context, list, count);
    for (size_t i = 0; i < count; i++)
        TRY(looks_verdict(&list[i]));
    return OK;
}

const Command command_status = {
    .name = "status",
    .operands = "[ID | KIND KEY]",
    .operands_max = 2,
    .summary = "what is under way, waiting, held, overdue, failing",
    .description =
        "Every disposal that is not over, those that need a person first, and what the next run will open.  With an ID\n"
        "such as eu-17, with a KIND and KEY, or with \"policy\" and its name: the whole story of those.  Changes nothing.\n"
        "With --user: what a member of expunge_support may see of a subject, without the worker's keys.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_status,
};
