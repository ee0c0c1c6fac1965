/* SPDX-License-Identifier: Apache-2.0 */
/* restore_into.c -- the part of restore that touches no live table: a schema to look at, and the drill. */
#include "engine/restore_private.h"

#include "base/fault.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

#define NAME_BYTES 63

/* -- names --------------------------------------------------------------------------------------------------------- */

/* The table's own name where no other file wants it; values beside their rows. */
static const char *
name_for(const Restore *restore, size_t file)
{
    const SnapshotFile *told = restore->files[file].told;
    const char *name = restore->files[file].values
                           ? arena_printf(restore->arena, "%s_values_%" PRIu32, told->table, told->number)
                           : told->table;
    bool taken = strlen(name) > NAME_BYTES;

    for (size_t i = 0; i < restore->file_count; i++)
        taken = taken || (i != file && !restore->files[i].values && strcmp(restore->files[i].told->table, name) == 0);
    return taken ? arena_printf(restore->arena, "file_%04" PRIu32, told->number) : name;
}

/* -- tables -------------------------------------------------------------------------------------------------------- */

static char *
table_sql(const Restore *restore, const RestoreFile *file, const char *kind, const char *end)
{
    Text text = TEXT_INIT(restore->arena);
    text_addf(&text, "create %s %s (", kind, file->result.into);
    for (size_t i = 0; i < file->told->column_count; i++)
        text_addf(&text, "%s%s %s", i > 0 ? ", " : "", db_ident(restore->arena, file->told->columns[i].name).quoted,
                  file->told->columns[i].type);
    text_addf(&text, ")%s", end);
    return text_done(&text);
}

static Err
fill_table(Restore *restore, RestoreFile *file)
{
    Db *db = restore->session->db;

    TRY(restore_load(restore, file, file->result.into));
    TRY(db_copy_out(db,
                    arena_printf(restore->arena, "copy (select %s from %s t) to stdout",
                                 restore_sql_names(restore->arena, file, "t"), file->result.into),
                    restore_sum, &file->sum, &file->result.rows));
    return restore_compare(file, file->result.into, ERR_EVIDENCE);
}

Err
restore_make_tables(Restore *restore, const char *kind, const char *end)
{
    for (size_t i = 0; i < restore->file_count; i++)
    {
        RestoreFile *file = &restore->files[i];
        Err e = db_exec(restore->session->db, table_sql(restore, file, kind, end));
        if (e == OK)
            e = fill_table(restore, file);
        if (e != OK)
            return err_note(e, "while restoring \"%s\" into %s", file->result.table, file->result.into);
        fault_point("restore.into");
    }
    return OK;
}

/* -- a schema ------------------------------------------------------------------------------------------------------ */

static Err
judge_schema_name(const char *schema)
{
    if (text_blank(schema) || strlen(schema) > NAME_BYTES)
        return err_new(ERR_USAGE, "--into wants the name of a schema, of 63 bytes at most");
    if (strncmp(schema, "pg_", 3) == 0 || strcmp(schema, "expunge") == 0 || strcmp(schema, "information_schema") == 0)
        return err_new(ERR_USAGE, "schema \"%s\" is not for rows: name another one", schema);
    return OK;
}

static Err
make_schema(Restore *restore, const char *schema)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *quoted = db_ident(restore->arena, schema).quoted;

    TRY(db_query_row(restore->session->db, SQL_restore_place, 1, &schema, &row));
    if (db_int64(row, 0, 1) > 0)
        return err_new(ERR_RAIL,
                       "schema %s holds %" PRId64 " tables or other relations already: name another one, or drop it",
                       quoted, db_int64(row, 0, 1));
    if (!db_bool(row, 0, 0) && !db_bool(row, 0, 2))
        return err_new(ERR_PERMISSION,
                       "the role may not make a schema here: GRANT CREATE ON DATABASE %s TO %s, or let its owner "
                       "make one and GRANT CREATE ON SCHEMA %s TO %s",
                       db_text(row, 0, 3), db_text(row, 0, 4), quoted, db_text(row, 0, 4));
    if (db_bool(row, 0, 0) && !db_bool(row, 0, 5))
        return err_new(ERR_PERMISSION,
                       "the role may not make tables in schema %s: GRANT CREATE, USAGE ON SCHEMA %s TO %s", quoted,
                       quoted, db_text(row, 0, 4));
    if (db_bool(row, 0, 0))
        return OK;
    return db_exec(restore->session->db, arena_printf(restore->arena, "create schema %s", quoted));
}

Err
restore_into(Session *session, int64_t id, const char *schema, Restoration *out)
{
    CLEANUP(restore_closep) Restore restore = { .key = NULL };
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(judge_schema_name(schema));
    TRY(restore_open(session, id, out, &restore));
    for (size_t i = 0; i < restore.file_count; i++)
        restore.files[i].result.into = db_ident2(out->arena, schema, name_for(&restore, i)).quoted;
    TRY(db_begin(session->db, "", &tx));
    TRY(make_schema(&restore, schema));
    TRY(restore_make_tables(&restore, "table", ""));
    JsonDoc *fields = restore_fields(&restore);
    jsondoc_set_string(fields, "into", schema);
    TRY(disposals_record(out->arena, session->db, id, "restored_into", fields));
    TRY(db_commit(&tx));
    fault_point("restore.into_committed");
    restore_results(&restore);
    return session_flush(session, id, true);
}

/* -- the drill ----------------------------------------------------------------------------------------------------- */

static Err
drill_tables(Session *session, int64_t id, Restoration *out, Restore *restore)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 }; /* rolled back: the tables and their rows are gone */

    TRY(restore_open(session, id, out, restore));
    for (size_t i = 0; i < restore->file_count; i++)
        restore->files[i].result.into = arena_printf(out->arena, "pg_temp.expunge_drill%" PRIu32,
                                                     restore->files[i].told->number);
    TRY(db_begin(session->db, "", &tx));
    TRY(restore_make_tables(restore, "temporary table", " on commit drop"));
    restore_results(restore);
    return OK;
}

Err
restore_drill(Session *session, int64_t id, Restoration *out)
{
    CLEANUP(restore_closep) Restore restore = { .key = NULL };
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    const Err e = drill_tables(session, id, out, &restore);
    if (out->disposal == NULL || db_is_broken(session->db))
        return e;
    const char *story = e == OK ? NULL : arena_strdup(out->arena, err_joined());
    JsonDoc *fields = restore.disposal == NULL ? session_fields(session, out->disposal) : restore_fields(&restore);
    jsondoc_set_string(fields, "result", e == OK ? "as archived" : "failed");
    TRY(db_begin(session->db, "", &tx));
    TRY(disposals_record(out->arena, session->db, id, "drilled", fields));
    TRY(db_commit(&tx));
    fault_point("drill.recorded");
    TRY(session_flush(session, id, true));
    return e == OK ? OK : err_new(e, "%s", story);
}
