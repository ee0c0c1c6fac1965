/* SPDX-License-Identifier: Apache-2.0 */
/* restore -- rows of a snapshot back into the live tables, or elsewhere to look. */
#include "engine/restore.h"

#include "base/text.h"
#include "cmd/command.h"
#include "engine/stop.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_INTO
};

static const OptionRule options[] = {
    [OPT_INTO] = { "--into", OPTION_TEXT, "SCHEMA", "into tables made there, to look or to compare" },
};

static void
tell_tables(Context *context, const Restoration *r)
{
    JsonDoc *list = jsondoc_array();

    for (size_t i = 0; i < r->table_count; i++)
    {
        const RestoreTable *t = &r->tables[i];
        const bool values = strcmp(t->role, "values") == 0;
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "table", t->table);
        jsondoc_set_string(entry, "role", t->role);
        jsondoc_set_string(entry, "into", t->into);
        jsondoc_set_integer(entry, "rows", t->rows);
        jsondoc_set_integer(entry, "present", t->present);
        jsondoc_set_integer(entry, "left", t->left);
        jsondoc_push(list, entry);
        command_say(context, "%12s  %-32s  %s%s%s%s\n", text_thousands(context->arena, t->rows), t->table,
                    values ? "values" : "rows", t->into == NULL ? "" : " → ", t->into == NULL ? "" : t->into,
                    t->present == 0
                        ? ""
                        : arena_printf(context->arena, "; %s were there", text_thousands(context->arena, t->present)));
        if (t->left > 0)
            command_say(context, "%12s  %-32s  values left as they are: the row is gone, or was changed since\n",
                        text_thousands(context->arena, t->left), t->table);
    }
    jsondoc_set(context->out, "tables", list);
}

static void
tell_reasons(Context *context, const Restoration *r)
{
    JsonDoc *list = jsondoc_array();

    for (size_t i = 0; i < r->reason_count; i++)
    {
        jsondoc_push_string(list, r->reasons[i]);
        command_say(context, "refused: %s\n", r->reasons[i]);
    }
    jsondoc_set(context->out, "reasons", list);
}

static int64_t
sum_rows(const Restoration *r, const char *role)
{
    int64_t rows = 0;
    for (size_t i = 0; i < r->table_count; i++)
        rows += strcmp(r->tables[i].role, role) == 0 ? r->tables[i].rows : 0;
    return rows;
}

static void
tell_future(Context *context, const Restoration *r)
{
    jsondoc_set_bool(context->out, "due_again", r->due_again);
    jsondoc_set_instant(context->out, "due_at", r->due_at);
    if (!r->due_again)
        return;
    if (r->due_at == INSTANT_NONE)
        command_say(
            context,
            "note: these rows are still past the window of policy \"%s\": the next run moves them again, with a new grace\n"
            "period, unless a hold is placed on their subject or the policy is changed before\n",
            r->disposal->name);
    else
        command_say(
            context,
            "note: the root still says that it has ended: unless it says otherwise by then, it is erased after a new\n"
            "grace period, on %s\n",
            instant_format(context->arena, r->due_at));
}

static void
tell_live(Context *context, const Restoration *r, const char *id)
{
    jsondoc_set_bool(context->out, "snapshot_destroyed", r->ended);
    jsondoc_set_string(context->out, "snapshot_kept", r->story);
    if (r->was_done)
        command_say(context, "the rows of disposal %s were back already\n", id);
    else
        command_say(context, "%s rows and %s values of disposal %s are back in the live tables\n",
                    text_thousands(context->arena, sum_rows(r, "rows")),
                    text_thousands(context->arena, sum_rows(r, "values")), id);
    if (r->ended)
        command_say(context, "its snapshot is destroyed, and it is withdrawn\n");
    else
        command_say(context, "its snapshot is still there, and a later run ends it: %s\n", r->story);
    tell_future(context, r);
}

static Err
run_restore(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    CLEANUP(session_closep) Session *session = NULL;
    Restoration r = { .arena = context->arena };
    Disposal *disposal;
    const char *schema = context->values[OPT_INTO];

    stop_install();
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    TRY(command_disposal_session(context, &workshop, context->operands[0], &session, &disposal));
    const char *id = arena_printf(context->arena, "%s-%" PRId64, session->database->name, disposal->id);
    jsondoc_set_string(context->out, "id", id);
    jsondoc_set_string(context->out, "kind", disposal->kind);
    jsondoc_set_string(context->out, "name", disposal->name);
    jsondoc_set_string(context->out, "into", schema);
    const Err e = schema != NULL ? restore_into(session, disposal->id, schema, &r)
                                 : restore_live(session, disposal->id, &r);
    tell_reasons(context, &r);
    tell_tables(context, &r);
    if (e != OK)
        return e;
    if (schema == NULL)
        tell_live(context, &r, id);
    else
        command_say(
            context,
            "%s rows and %s values of disposal %s are in schema \"%s\", equal to the manifest; drop it when you have seen\n"
            "enough: it is personal data that no policy covers, and while it is there no subject is erased\n",
            text_thousands(context->arena, sum_rows(&r, "rows")),
            text_thousands(context->arena, sum_rows(&r, "values")), id, schema);
    return OK;
}

const Command command_restore = {
    .name = "restore",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "rows of a snapshot back into the live tables",
    .description =
        "In one transaction: the rows, then the values that the erasure nulled, set or made anonymous, where nobody changed\n"
        "them since.  Refused before the first row is written, with every reason at once: a changed type, a column or table\n"
        "that is gone, a column that takes no NULL any more, a taken key, a missing parent, a privilege.  Triggers are kept\n"
        "off, sequences are not touched, and the digest of the rows is the manifest's, or nothing is done.  The disposal ends\n"
        "as withdrawn, and its snapshot is destroyed.  A subject has its whole grace period again from then on; rows of a\n"
        "policy are moved again by the next run, unless a hold or another window keeps them.\n"
        "--into SCHEMA changes no disposal: it makes the tables there, without keys and triggers, and fills them.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_restore,
    .judges_evidence = true,
};
