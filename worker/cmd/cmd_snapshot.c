/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot -- list them, look at one, read a table of one as COPY text. */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/archive.h"
#include "engine/depot.h"
#include "sql.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum
{
    OPT_ALL
};

static const OptionRule options[] = {
    [OPT_ALL] = { "--all", OPTION_FLAG, NULL, "list: those that were destroyed as well" },
};

/* -- list ---------------------------------------------------------------------------------------------------------- */

/* Without parts of a second. */
static const char *
moment(Arena *arena, Instant at)
{
    return instant_format(arena, at == INSTANT_NONE ? at : at - at % INSTANT_SECOND);
}

static void
list_one(Context *context, const Session *session, const DbResult *rows, size_t row, JsonDoc *list)
{
    Arena *arena = context->arena;
    JsonDoc *entry = jsondoc_object();
    const char *id = arena_printf(arena, "%s-%s", session->database->name, db_text(rows, row, 0));
    const bool policy = strcmp(db_text(rows, row, 1), "policy") == 0;
    const Instant made = db_instant(rows, row, 4), until = db_instant(rows, row, 5),
                  destroyed = db_instant(rows, row, 6);
    const char *state = destroyed != INSTANT_NONE ? "destroyed"
                        : made == INSTANT_NONE    ? "unfinished"
                                                  : db_text(rows, row, 3);

    jsondoc_set_string(entry, "id", id);
    jsondoc_set_integer(entry, "disposal", db_int64(rows, row, 0));
    jsondoc_set_string(entry, "database", session->database->name);
    jsondoc_set_string(entry, "kind", db_text(rows, row, 1));
    jsondoc_set_string(entry, "name", db_text(rows, row, 2));
    jsondoc_set_string(entry, "state", db_text(rows, row, 3));
    jsondoc_set_bool(entry, "finished", made != INSTANT_NONE);
    jsondoc_set_instant(entry, "made_at", made);
    jsondoc_set_instant(entry, "erase_after", until);
    jsondoc_set_instant(entry, "key_destroyed_at", destroyed);
    jsondoc_set_integer(entry, "rows", db_int64(rows, row, 9));
    jsondoc_set_integer(entry, "bytes", db_int64(rows, row, 10));
    jsondoc_set_string(entry, "store", db_text(rows, row, 7));
    jsondoc_set_string(entry, "snapshot", db_text(rows, row, 8));
    jsondoc_push(list, entry);
    command_say(context, "%-10s  %-10s  %-20s  %-20s  %12s  %10s  %s %s\n", id, state, moment(arena, made),
                moment(arena, destroyed != INSTANT_NONE ? destroyed : until),
                text_thousands(arena, db_int64(rows, row, 9)), text_bytes(arena, db_int64(rows, row, 10)),
                policy ? "policy" : db_text(rows, row, 1), db_text(rows, row, 2));
}

static Err
list_database(Context *context, Workshop *workshop, const DatabaseRule *database, JsonDoc *list, int64_t *destroyed)
{
    CLEANUP(session_closep) Session *session = NULL;
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { command_given(context, OPT_ALL) ? "true" : "false" };
    int64_t count;

    TRY(session_open(&workshop->house, database, NULL, &session));
    TRY(db_query(session->db, SQL_snapshot_list, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
        list_one(context, session, rows, i, list);
    TRY(session_number(session, SQL_snapshot_destroyed, &count));
    *destroyed += count;
    return OK;
}

static Err
run_list(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    JsonDoc *list = jsondoc_array();
    int64_t destroyed = 0;
    const char *missing = NULL;
    Err code = OK;

    jsondoc_set(context->out, "snapshots", list);
    TRY(workshop_open(context, WORKSHOP_RULES, &workshop));
    command_say(context, "%-10s  %-10s  %-20s  %-20s  %12s  %10s  %s\n", "ID", "STATE", "MADE", "UNTIL", "ROWS",
                "BYTES", "OF");
    for (size_t i = 0; i < workshop.rules->database_count; i++)
    {
        const Err e = list_database(context, &workshop, &workshop.rules->databases[i], list, &destroyed);
        if (e == OK)
            continue; /* one database that is down hides none of the others' */
        missing = missing == NULL ? arena_strdup(context->arena, err_joined()) : missing;
        code = code == OK ? e : code;
    }
    jsondoc_set_integer(context->out, "destroyed", destroyed);
    if (destroyed > 0 && !command_given(context, OPT_ALL))
        command_say(context, "\n%s more were destroyed at the end of their time; --all lists them\n",
                    text_thousands(context->arena, destroyed));
    return code == OK ? OK : err_new(code, "%s", missing);
}

/* -- one snapshot -------------------------------------------------------------------------------------------------- */

typedef struct Chosen
{
    Workshop workshop;
    Session *session;
    Disposal *disposal;
    Snapshot *snapshot; /* complete: from its manifest; unfinished: as the database says */
    bool finished;
    DepotVisit visit;
} Chosen;

static void
chosen_closep(Chosen *chosen)
{
    depot_leavep(&chosen->visit);
    session_closep(&chosen->session);
    workshop_closep(&chosen->workshop);
}

/* The files of an unfinished snapshot: what is committed of them. */
static Err
load_unfinished(Context *context, Chosen *chosen)
{
    DisposalTable *tables;
    size_t count;

    TRY(disposals_tables(context->arena, chosen->session->db, chosen->disposal->id, &tables, &count));
    chosen->snapshot->files = ARENA_ARRAY(context->arena, SnapshotFile, count + 1);
    chosen->snapshot->file_count = count;
    for (size_t i = 0; i < count; i++)
        chosen->snapshot->files[i] = (SnapshotFile){ .number = (uint32_t)tables[i].number,
                                                     .schema = tables[i].schema,
                                                     .table = tables[i].table,
                                                     .role = strcmp(tables[i].action, "delete") == 0 ? "rows"
                                                                                                     : "values",
                                                     .digest = { .mark = tables[i].mark } };
    chosen->snapshot->made_at = INSTANT_NONE;
    return OK;
}

static Err
choose(Context *context, WorkshopNeed need, Chosen *ret)
{
    Snapshot place, *snapshot;
    bool found;

    TRY(workshop_open(context, need, &ret->workshop));
    TRY(command_disposal_session(context, &ret->workshop, context->operands[1], &ret->session, &ret->disposal));
    const Disposal *d = ret->disposal;
    TRY(archive_find(ret->session, context->arena, d, &place, &found));
    if (!found)
        return err_new(ERR_USAGE, "disposal %s-%" PRId64 " has no snapshot: %s", ret->session->database->name, d->id,
                       d->immediate ? "it was immediate" : "none was made");
    if (d->key_destroyed_at != INSTANT_NONE)
        return err_new(ERR_EVIDENCE, "the key of this snapshot was destroyed on %s; nobody can read it",
                       moment(context->arena, d->key_destroyed_at));
    ret->finished = d->state != STATE_OPEN;
    ret->snapshot = ARENA_NEW(context->arena, Snapshot);
    *ret->snapshot = place;
    if (!ret->finished)
        return load_unfinished(context, ret);
    TRY(depot_visit(ret->session, context->arena, d->store, place.name, &ret->visit, &place.store_path));
    TRY(snapshots_load(context->arena, place.store_path, place.name, d->snapshot_digest, &snapshot));
    if (memcmp(snapshot->id, place.id, sizeof snapshot->id) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" holds another snapshot than the one of this disposal",
                       snapshots_dir(context->arena, &place, false));
    ret->snapshot = snapshot;
    return OK;
}

/* -- show ---------------------------------------------------------------------------------------------------------- */

static void
show_file(Context *context, const SnapshotFile *file, JsonDoc *list)
{
    Arena *arena = context->arena;
    JsonDoc *entry = jsondoc_object();
    JsonDoc *columns = jsondoc_array();
    Text names = TEXT_INIT(arena);

    for (size_t i = 0; i < file->column_count; i++)
    {
        JsonDoc *column = jsondoc_object();
        jsondoc_set_string(column, "name", file->columns[i].name);
        jsondoc_set_string(column, "type", file->columns[i].type);
        jsondoc_push(columns, column);
        text_addf(&names, "%s%s %s", i > 0 ? ", " : "", file->columns[i].name, file->columns[i].type);
    }
    jsondoc_set_integer(entry, "number", file->number);
    jsondoc_set_string(entry, "table", arena_printf(arena, "%s.%s", file->schema, file->table));
    jsondoc_set_string(entry, "role", file->role);
    jsondoc_set_integer(entry, "rows", file->digest.mark.rows);
    jsondoc_set_integer(entry, "plain_bytes", file->digest.mark.plain_bytes);
    jsondoc_set_integer(entry, "bytes", file->digest.mark.bytes);
    jsondoc_set_string(entry, "sha256", file->digest.sha256[0] == '\0' ? NULL : file->digest.sha256);
    jsondoc_set_string(entry, "rows_digest", file->digest.rows[0] == '\0' ? NULL : file->digest.rows);
    jsondoc_set(entry, "columns", columns);
    jsondoc_push(list, entry);
    command_say(context, "%6" PRIu32 "  %-32s  %-6s  %12s  %10s  %.16s%s\n", file->number,
                arena_printf(arena, "%s.%s", file->schema, file->table), file->role,
                text_thousands(arena, file->digest.mark.rows), text_bytes(arena, file->digest.mark.bytes),
                file->digest.sha256[0] == '\0' ? "-" : file->digest.sha256, file->digest.sha256[0] == '\0' ? "" : "…");
    if (context->verbose && names.length > 0)
        command_say(context, "        %s\n", text_done(&names));
}

static void
show_head(Context *context, const Chosen *chosen)
{
    Arena *arena = context->arena;
    const Disposal *d = chosen->disposal;
    const Snapshot *s = chosen->snapshot;
    const char *id = arena_printf(arena, "%s-%" PRId64, chosen->session->database->name, d->id);
    const char *directory = snapshots_dir(arena, s, !chosen->finished);

    jsondoc_set_string(context->out, "id", id);
    jsondoc_set_string(context->out, "kind", d->kind);
    jsondoc_set_string(context->out, "name", d->name);
    jsondoc_set_string(context->out, "state", lifecycle_state_name(d->state));
    jsondoc_set_bool(context->out, "finished", chosen->finished);
    jsondoc_set_instant(context->out, "made_at", s->made_at);
    jsondoc_set_instant(context->out, "erase_after", d->erase_after);
    jsondoc_set_string(context->out, "directory", directory);
    jsondoc_set_string(context->out, "snapshot_id", d->snapshot_id);
    jsondoc_set_string(context->out, "key_id", s->key_id);
    jsondoc_set_string(context->out, "fingerprint", s->fingerprint);
    jsondoc_set_string(context->out, "manifest_sha256", d->snapshot_digest);
    command_say(context, "snapshot   %s, of disposal %s: %s %s\n", s->name, id, d->kind, d->name);
    command_say(context, "state      %s, %s\n", lifecycle_state_name(d->state),
                !chosen->finished                ? "unfinished: what is committed so far"
                : d->erase_after == INSTANT_NONE ? "until it is cleared"
                                                 : arena_printf(arena, "kept until %s", moment(arena, d->erase_after)));
    command_say(context, "made       %s\n", moment(arena, s->made_at));
    command_say(context, "directory  %s\n", directory);
    command_say(context, "key        %s\n", s->key_id);
    if (chosen->finished)
        command_say(context, "schema     fingerprint %s\nmanifest   sha256 %s\n", s->fingerprint, d->snapshot_digest);
}

static Err
run_show(Context *context)
{
    CLEANUP(chosen_closep) Chosen chosen = { .session = NULL };
    JsonDoc *list = jsondoc_array();

    jsondoc_set(context->out, "files", list);
    TRY(choose(context, WORKSHOP_RULES, &chosen));
    show_head(context, &chosen);
    command_say(context, "\n%6s  %-32s  %-6s  %12s  %10s  %s\n", "FILE", "TABLE", "HOLDS", "ROWS", "BYTES", "SHA-256");
    for (size_t i = 0; i < chosen.snapshot->file_count; i++)
        show_file(context, &chosen.snapshot->files[i], list);
    return OK;
}

/* -- cat ----------------------------------------------------------------------------------------------------------- */

static Err
find_named(Context *context, const Snapshot *snapshot, const char *word, const SnapshotFile **ret_file)
{
    const char **names = ARENA_ARRAY(context->arena, const char *, snapshot->file_count + 1);
    const SnapshotFile *found = NULL;
    size_t matches = 0;

    for (size_t i = 0; i < snapshot->file_count; i++)
    {
        const SnapshotFile *file = &snapshot->files[i];
        names[i] = arena_printf(context->arena, "%s.%s", file->schema, file->table);
        if (strcmp(names[i], word) != 0)
            continue;
        if (found == NULL || strcmp(file->role, "rows") == 0)
            found = file;
        matches += 1;
    }
    if (found == NULL)
    {
        const int near = text_nearest(word, names, snapshot->file_count);
        return err_new(ERR_USAGE, "this snapshot has no table \"%s\"%s", word,
                       near < 0 ? arena_printf(context->arena, "; \"expunge snapshot show %s\" lists them",
                                               context->operands[1])
                                : arena_printf(context->arena, "; did you mean \"%s\"?", names[near]));
    }
    if (matches > 1)
        command_note(context, "%zu files of this snapshot are of table \"%s\": this is number %" PRIu32 " (%s)\n",
                     matches, word, found->number, found->role);
    *ret_file = found;
    return OK;
}

static Err
find_file(Context *context, const Snapshot *snapshot, const char *word, const SnapshotFile **ret_file)
{
    int64_t number;

    if (!text_int64(word, 0, INT32_MAX, &number))
        return find_named(context, snapshot, word, ret_file);
    for (size_t i = 0; i < snapshot->file_count; i++)
        if (snapshot->files[i].number == number)
        {
            *ret_file = &snapshot->files[i];
            return OK;
        }
    return err_new(ERR_USAGE, "this snapshot has no file %" PRId64 ": it has %zu", number, snapshot->file_count);
}

static Err
to_stdout(void *context, const char *plain, size_t length)
{
    (void)context;
    if (fwrite(plain, 1, length, stdout) != length)
        return err_new(ERR_IO, "could not write to standard output");
    return OK;
}

static Err
cat_file(Context *context, const Chosen *chosen, const SnapshotFile *file)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    const Snapshot *s = chosen->snapshot;
    FrameDigest digest;
    FrameFile frames = { .path = snapshots_file_path(context->arena, s, !chosen->finished, file->number),
                         .key = NULL,
                         .number = file->number };

    TRY(session_key_load(chosen->session->house, chosen->disposal->key_id, &key));
    frames.key = key;
    memcpy(frames.snapshot_id, s->id, sizeof frames.snapshot_id);
    if (!chosen->finished)
    {
        command_note(context, "this snapshot is unfinished: %" PRId64 " rows of \"%s.%s\" are committed to it so far\n",
                     file->digest.mark.rows, file->schema, file->table);
        if (file->digest.mark.bytes == 0)
            return OK;
        if (!file_exists(frames.path)) /* renamed already, and not yet called archived */
            frames.path = snapshots_file_path(context->arena, s, false, file->number);
        return frames_read(&frames, file->digest.mark.bytes, to_stdout, NULL, &digest);
    }
    TRY(frames_read(&frames, -1, to_stdout, NULL, &digest));
    if (strcmp(digest.sha256, file->digest.sha256) != 0 || strcmp(digest.rows, file->digest.rows) != 0 ||
        digest.mark.rows != file->digest.mark.rows)
        return err_new(ERR_EVIDENCE,
                       "\"%s\" is not the file of the manifest: what was written is not what was archived",
                       frames.path);
    return OK;
}

static Err
run_cat(Context *context)
{
    CLEANUP(chosen_closep) Chosen chosen = { .session = NULL };
    const SnapshotFile *file = NULL;

    if (context->json)
        return err_new(ERR_USAGE, "\"snapshot cat\" writes COPY text: leave out --json");
    TRY(choose(context, WORKSHOP_ALL, &chosen));
    TRY(find_file(context, chosen.snapshot, context->operands[2], &file));
    return cat_file(context, &chosen, file);
}

/* -- the command --------------------------------------------------------------------------------------------------- */

static Err
run_snapshot(Context *context)
{
    static const struct
    {
        const char *word;
        size_t operands;
        const char *usage;
        Err (*run)(Context *context);
    } actions[] = {
        { "list", 1, "expunge snapshot list [--all]", run_list },
        { "show", 2, "expunge snapshot show ID", run_show },
        { "cat", 3, "expunge snapshot cat ID TABLE", run_cat },
    };
    const char *words[] = { actions[0].word, actions[1].word, actions[2].word };

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    {
        if (strcmp(context->operands[0], actions[i].word) != 0)
            continue;
        if (context->operand_count != actions[i].operands)
            return err_new(ERR_USAGE, "it is: %s", actions[i].usage);
        if (i > 0 && command_given(context, OPT_ALL))
            return err_new(ERR_USAGE, "--all is for \"snapshot list\"");
        return actions[i].run(context);
    }
    const int near = text_nearest(context->operands[0], words, sizeof words / sizeof *words);
    return err_new(ERR_USAGE, "\"snapshot %s\" is nothing that can be done; %s", context->operands[0],
                   near < 0 ? "it is one of list, show, cat"
                            : arena_printf(context->arena, "did you mean \"%s\"?", words[near]));
}

const Command command_snapshot = {
    .name = "snapshot",
    .operands = "list|show ID|cat ID TABLE",
    .operands_min = 1,
    .operands_max = 3,
    .summary = "look at a snapshot; cat writes a table's rows as COPY text",
    .description =
        "list           the snapshots that are there, of all databases (--all: those that were destroyed as well)\n"
        "show ID        what the snapshot of a disposal holds: tables, rows, digests (--verbose: columns and their types)\n"
        "cat ID TABLE   the rows of one table (schema.table, or a file's number) as COPY text on standard output; of an\n"
        "               unfinished snapshot, what is committed to it so far",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_snapshot,
};
