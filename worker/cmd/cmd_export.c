/* SPDX-License-Identifier: Apache-2.0 */
/* export -- a subject's data for the subject: access and portability (P8). */
#include "engine/restore_export.h"

#include "base/text.h"
#include "cmd/command.h"
#include "cmd/passes.h"
#include "engine/stop.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_FORMAT,
    OPT_OUTPUT,
    OPT_DISPOSAL,
    OPT_DATABASE
};

static const OptionRule options[] = {
    [OPT_FORMAT] = { "--format", OPTION_TEXT, "jsonl|csv", "lines of JSON, or CSV with a header (required)" },
    [OPT_OUTPUT] = { "--output", OPTION_TEXT, "DIR", "where to; must not be there yet (required)" },
    [OPT_DISPOSAL] = { "--disposal", OPTION_TEXT, "ID", "from the snapshot of this disposal" },
    [OPT_DATABASE] = { "--database", OPTION_TEXT, "NAME", "where more than one database has this subject" },
};

static Err
judge_options(const Context *context, ExportWish *ret_wish)
{
    const char *format = context->values[OPT_FORMAT], *output = context->values[OPT_OUTPUT];

    TRY(command_check_key(context->operands[1]));
    if (format == NULL || (strcmp(format, "jsonl") != 0 && strcmp(format, "csv") != 0))
        return err_new(ERR_USAGE, "say --format jsonl or --format csv");
    if (text_blank(output))
        return err_new(ERR_USAGE, "say where to: --output DIR, which must not be there yet");
    size_t length = strlen(output);
    while (length > 1 && output[length - 1] == '/')
        length--;
    ret_wish->key = context->operands[1];
    ret_wish->csv = strcmp(format, "csv") == 0;
    ret_wish->directory = arena_strndup(context->arena, output, length);
    return export_judge_place(context->arena, ret_wish->directory);
}

/* A subject whose rows have left is in a snapshot still. */
static Err
judge_snapshots(Session *session, Arena *arena, const char *kind, const char *key)
{
    Disposal **list;
    size_t count;

    TRY(disposals_unfinished(arena, session->db, &list, &count));
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i]->kind, kind) == 0 && text_equal(list[i]->subject_key, key) && list[i]->snapshot_name != NULL)
            return err_new(ERR_USAGE,
                           "its rows are not in the live tables of database \"%s\" any more: \"--disposal %s-%" PRId64
                           "\" exports them from the snapshot",
                           session->database->name, session->database->name, list[i]->id);
    return OK;
}

/* The database that has the subject's root. */
static Err
find_subject(Context *context, Workshop *workshop, Session **ret_session, const Target **ret_target)
{
    CLEANUP(session_closep) Session *found = NULL;
    const char *only = context->values[OPT_DATABASE], *kind = context->operands[0], *key = context->operands[1];
    bool known = false;

    for (size_t i = 0; i < workshop->rules->database_count; i++)
    {
        CLEANUP(session_closep) Session *session = NULL;
        bool here;
        if (only != NULL && strcmp(workshop->rules->databases[i].name, only) != 0)
            continue;
        known = true;
        TRY(session_open(&workshop->house, &workshop->rules->databases[i], NULL, &session));
        const Target *target = targets_find(&session->targets, kind, "");
        if (target == NULL)
            continue;
        TRY(export_find(session, target, key, &here));
        if (!here)
        {
            TRY(judge_snapshots(session, context->arena, kind, key));
            continue;
        }
        if (found != NULL)
            return err_new(ERR_USAGE, "databases \"%s\" and \"%s\" both have it: say which with --database NAME",
                           found->database->name, session->database->name);
        found = session;
        session = NULL;
        *ret_target = target;
    }
    if (!known)
        return err_new(ERR_USAGE, "the configuration has no database \"%s\"", only);
    if (found == NULL)
        return err_new(ERR_USAGE, "there is no %s with this key%s%s%s", kind, only == NULL ? "" : " in database \"",
                       only == NULL ? "" : only, only == NULL ? "" : "\"");
    *ret_session = found;
    found = NULL;
    return OK;
}

static void
tell(Context *context, const Session *session, const ExportWish *wish, const Export *export)
{
    JsonDoc *list = jsondoc_array();
    size_t files = 0;

    jsondoc_set_string(context->out, "database", session->database->name);
    jsondoc_set_string(context->out, "kind", context->operands[0]);
    jsondoc_set_string(context->out, "subject_commitment", export->commitment);
    jsondoc_set_string(context->out, "format", wish->csv ? "csv" : "jsonl");
    jsondoc_set_string(context->out, "output", wish->directory);
    for (size_t i = 0; i < export->file_count; i++)
    {
        const ExportFile *file = &export->files[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "table", file->table);
        jsondoc_set_string(entry, "file", file->name);
        jsondoc_set_integer(entry, "rows", file->rows);
        jsondoc_set_integer(entry, "bytes", file->bytes);
        jsondoc_push(list, entry);
        if (file->name == NULL)
            continue;
        files++;
        command_say(context, "%12s  %-34s  %s\n", text_thousands(context->arena, file->rows), file->table, file->name);
    }
    jsondoc_set(context->out, "tables", list);
    jsondoc_set_integer(context->out, "rows", export->rows);
    jsondoc_set_string(context->out, "manifest_sha256", export->manifest);
    command_say(
        context,
        "%s rows in %zu files and manifest.json (SHA-256 %s)\nare in %s: personal data, readable for you alone\n",
        text_thousands(context->arena, export->rows), files, export->manifest, wish->directory);
}

static Err
run_export(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    CLEANUP(session_closep) Session *session = NULL;
    ExportWish wish = { .key = NULL };
    Export export = { .arena = context->arena };
    const Target *target = NULL;
    Disposal *disposal;

    TRY(judge_options(context, &wish));
    stop_install();
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    TRY(passes_check_kind(workshop.rules, context->operands[0]));
    if (context->values[OPT_DISPOSAL] == NULL)
    {
        TRY(find_subject(context, &workshop, &session, &target));
        TRY(export_live(session, target, &wish, &export));
    }
    else
    {
        TRY(command_disposal_session(context, &workshop, context->values[OPT_DISPOSAL], &session, &disposal));
        if (strcmp(disposal->kind, context->operands[0]) != 0 || !text_equal(disposal->subject_key, wish.key))
            return err_new(ERR_USAGE, "disposal %s is not about this %s, or its key is forgotten already",
                           context->values[OPT_DISPOSAL], context->operands[0]);
        TRY(export_snapshot(session, disposal->id, &wish, &export));
    }
    tell(context, session, &wish, &export);
    return OK;
}

const Command command_export = {
    .name = "export",
    .operands = "KIND KEY",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "a subject's data, for access or portability",
    .description =
        "Every row that an erasure would take, and those that would stay and concern the subject: one file per table, in one\n"
        "snapshot of the database, with manifest.json: tables, columns, types, rows, SHA-256, and by which edges each table is\n"
        "reached.  What would stop an erasure because nobody classified it, or because it is somebody else's, stops the export.\n"
        "DIR is made (mode 0700, files 0600) and nothing is overwritten; what fails leaves nothing.  The ledger gets an entry.\n"
        "With --disposal: from that disposal's snapshot; of rows that stayed, the values that the snapshot has, and all else as\n"
        "it is now.  Values of lines of JSON: numbers with all their digits, bytea as \"\\\\x…\", infinity and NaN as texts, times\n"
        "in UTC; columns that the server generates are left out.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_export,
};
