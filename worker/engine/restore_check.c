/* SPDX-License-Identifier: Apache-2.0 */
/* restore_check.c -- the part of restore that gathers every reason against it, before the first row is written. */
#include "engine/restore_private.h"

#include "sql.h"

#include <inttypes.h>
#include <string.h>

void
restore_reason(Restore *restore, const char *format, ...)
{
    Restoration *out = restore->out;
    va_list args;

    va_start(args, format);
    const char *reason = arena_vprintf(restore->arena, format, args);
    va_end(args);
    for (size_t i = 0; i < out->reason_count; i++)
        if (strcmp(out->reasons[i], reason) == 0)
            return;
    ARENA_PUSH(restore->arena, out->reasons, out->reason_count, out->reason_room, reason);
    out->only_rights = false;
}

void
restore_lacking(Restore *restore, const char *what, const char *remedy)
{
    const bool others = restore->out->reason_count > 0 && !restore->out->only_rights;
    restore_reason(restore, "the role %s: %s", what, remedy);
    restore->out->only_rights = !others;
}

const char *
restore_table_name(const Restore *restore, const RestoreFile *file)
{
    return arena_printf(restore->arena, "%s.%s", file->told->schema, file->told->table);
}

/* -- without the rows ---------------------------------------------------------------------------------------------- */

static void
judge_columns(Restore *restore, RestoreFile *file)
{
    for (size_t i = 0; i < file->told->column_count; i++)
    {
        const SnapshotColumn *told = &file->told->columns[i];
        const size_t at = graph_column(file->table, told->name);
        if (at == GRAPH_NONE && !file->values)
            continue; /* a column that held nothing is not missed: judged by its rows */
        const GraphColumn *column = at == GRAPH_NONE ? NULL : &file->table->columns[at];
        file->staged = file->staged && column != NULL && !column->generated && strcmp(column->type, told->type) == 0;
        if (column == NULL)
            restore_reason(restore, "%s: column \"%s\" is not there any more, and values of it are to be put back",
                           restore_table_name(restore, file), told->name);
        else if (column->generated)
            restore_reason(restore, "%s: column \"%s\" is generated now, and was not",
                           restore_table_name(restore, file), told->name);
        else if (strcmp(column->type, told->type) != 0)
            restore_reason(restore, "%s: column \"%s\" was of type %s and is of type %s now",
                           restore_table_name(restore, file), told->name, told->type, column->type);
    }
}

static Err
judge_rights(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };
    const char *name = restore_table_name(restore, file);

    TRY(db_query_row(restore->session->db, SQL_restore_rights, 1, params, &row));
    const char *role = restore->role = arena_strdup(restore->arena, db_text(row, 0, 5));
    const char *wanted = file->values ? "UPDATE" : "INSERT";
    if (!db_bool(row, 0, 0) || !db_bool(row, 0, file->values ? 2 : 1))
        restore_lacking(restore, arena_printf(restore->arena, "lacks SELECT or %s on %s", wanted, name),
                        arena_printf(restore->arena, "GRANT SELECT, %s ON TABLE %s TO %s", wanted, file->table->quoted,
                                     role));
    if (db_bool(row, 0, 3))
        restore_lacking(restore, arena_printf(restore->arena, "is subject to row security on %s", name),
                        arena_printf(restore->arena, "ALTER ROLE %s BYPASSRLS", role));
    if (!db_bool(row, 0, 4))
        restore_lacking(restore, "may not keep triggers off while rows come back",
                        arena_printf(restore->arena, "GRANT SET ON PARAMETER session_replication_role TO %s", role));
    return OK;
}

static Err
read_columns(Restore *restore, RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    file->defaults = ARENA_ARRAY(restore->arena, const char *, file->table->column_count + 1);
    file->has_default = ARENA_ARRAY(restore->arena, bool, file->table->column_count + 1);
    file->identity = ARENA_ARRAY(restore->arena, bool, file->table->column_count + 1);
    TRY(db_query(restore->session->db, SQL_restore_columns, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_column(file->table, db_text(rows, i, 0));
        if (at == GRAPH_NONE)
            continue;
        file->has_default[at] = db_bool(rows, i, 1);
        file->identity[at] = db_bool(rows, i, 2);
        if (db_text(rows, i, 3) != NULL)
            file->defaults[at] = arena_strdup(restore->arena, db_text(rows, i, 3));
    }
    return OK;
}

Err
restore_judge_tables(Restore *restore)
{
    for (size_t i = 0; i < restore->file_count; i++)
    {
        RestoreFile *file = &restore->files[i];
        if (file->table == NULL)
        {
            restore_reason(restore, "%s: the table is not there any more", restore_table_name(restore, file));
            continue;
        }
        file->staged = true;
        judge_columns(restore, file);
        TRY(judge_rights(restore, file));
        TRY(read_columns(restore, file));
    }
    return OK;
}

/* -- values that a column does not take ---------------------------------------------------------------------------- */

Err
restore_count(Restore *restore, const char *sql, int64_t *ret_rows)
{
    return session_number(restore->session, sql, ret_rows);
}

const char *
restore_rows_word(const Restore *restore, int64_t rows)
{
    return arena_printf(restore->arena, "%" PRId64 " row%s", rows, rows == 1 ? "" : "s");
}

char *
restore_staged(const Restore *restore, const RestoreFile *file, const char *part)
{
    return arena_printf(restore->arena, "(select * from %s where not expunge_live%s%s%s)", file->stage,
                        part == NULL ? "" : " and (", part == NULL ? "" : part, part == NULL ? "" : ")");
}

bool
restore_is_changed(const RestoreFile *file, const char *column)
{
    for (size_t i = 0; i < file->told->column_count; i++)
        if (strcmp(file->told->columns[i].name, column) == 0)
            return file->told->columns[i].becomes != NULL;
    return false;
}

char *
restore_with_values(const Restore *restore, const RestoreFile *file, const char *part, bool inside, const char *changed)
{
    Text text = TEXT_INIT(restore->arena);
    text_add(&text, "(select * from (select ");
    for (size_t c = 0; c < file->table->column_count; c++)
        text_addf(&text, "%s%s.%s", c > 0 ? ", " : "",
                  restore_is_changed(file, file->table->columns[c].name) ? "v" : "t", file->table->columns[c].quoted);
    text_addf(&text, " from %s v join %s t on %s where v.expunge_fate = '%s'", file->stage,
              inside ? file->rows->stage : file->table->from, restore_sql_join(restore->arena, file, "t", "v"),
              inside ? "B" : "b");
    text_addf(&text, "%s%s) x", changed == NULL ? "" : " and ", changed == NULL ? "" : changed);
    if (part != NULL)
        text_addf(&text, " where %s", part);
    text_add(&text, ")");
    return text_done(&text);
}

char *
restore_rows_to_be(const Restore *restore, const RestoreFile *file, const char *part, bool inside)
{
    return file->values ? restore_with_values(restore, file, part, inside, NULL) : restore_staged(restore, file, part);
}

static Err
judge_gone_columns(Restore *restore, const RestoreFile *file)
{
    for (size_t i = 0; i < file->told->column_count; i++)
    {
        int64_t rows;
        const char *name = file->told->columns[i].name;
        if (graph_column(file->table, name) != GRAPH_NONE)
            continue;
        TRY(restore_count(restore,
                          arena_printf(restore->arena, "select count(*) from %s s where s.%s is not null", file->stage,
                                       db_ident(restore->arena, name).quoted),
                          &rows));
        if (rows > 0)
            restore_reason(restore, "%s: column \"%s\" is not there any more, and %s hold data in it",
                           restore_table_name(restore, file), name, restore_rows_word(restore, rows));
    }
    return OK;
}

static Err
judge_nulls(Restore *restore, const RestoreFile *file)
{
    for (size_t c = 0; c < file->table->column_count; c++)
    {
        const GraphColumn *column = &file->table->columns[c];
        int64_t rows;
        bool told = false;
        for (size_t i = 0; i < file->told->column_count; i++)
            told = told || strcmp(file->told->columns[i].name, column->name) == 0;
        if (!column->not_null || column->generated || (!told && file->identity[c]))
            continue;
        TRY(restore_count(restore,
                          arena_printf(restore->arena, "select count(*) from %s s where s.%s is null", file->stage,
                                       column->quoted),
                          &rows));
        if (rows > 0)
            restore_reason(restore, "%s: column \"%s\" is NOT NULL now%s, and %s have no value for it",
                           restore_table_name(restore, file), column->name,
                           told || file->has_default[c] ? "" : " without a default", restore_rows_word(restore, rows));
    }
    return OK;
}

static Err
judge_null_values(Restore *restore, const RestoreFile *file, bool inside)
{
    for (size_t c = 0; c < file->table->column_count; c++)
    {
        const GraphColumn *column = &file->table->columns[c];
        int64_t rows;
        if (!column->not_null || !restore_is_changed(file, column->name))
            continue;
        TRY(restore_count(restore,
                          arena_printf(restore->arena, "select count(*) from %s s where s.%s is null",
                                       restore_rows_to_be(restore, file, NULL, inside), column->quoted),
                          &rows));
        if (rows > 0)
            restore_reason(restore, "%s: column \"%s\" is NOT NULL now, and NULL is to be put back into %s",
                           restore_table_name(restore, file), column->name, restore_rows_word(restore, rows));
    }
    return OK;
}

static Err
judge_conditions(Restore *restore, const RestoreFile *file, bool inside)
{
    CLEANUP(db_result_freep) DbResult *found = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    TRY(db_query(restore->session->db, SQL_restore_conditions, 1, params, &found));
    for (size_t i = 0; i < db_rows(found); i++)
    {
        int64_t rows;
        const char *name = db_text(found, i, 0);
        TRY(restore_count(restore,
                          arena_printf(restore->arena, "select count(*) from %s s where (%s) is false",
                                       restore_rows_to_be(restore, file, db_text(found, i, 2), inside),
                                       db_text(found, i, 1)),
                          &rows));
        if (rows > 0 && name != NULL)
            restore_reason(restore, "%s: %s do not satisfy \"%s\"", restore_table_name(restore, file),
                           restore_rows_word(restore, rows), name);
        else if (rows > 0)
            restore_reason(restore, "%s: there is no partition for %s", restore_table_name(restore, file),
                           restore_rows_word(restore, rows));
    }
    return OK;
}

/* Nobody follows a value by ON UPDATE CASCADE while triggers are off. */
static Err
judge_referred(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char **names = ARENA_ARRAY(restore->arena, const char *, file->told->column_count + 1);
    size_t count = 0;
    int64_t back;

    TRY(restore_count(restore,
                      arena_printf(restore->arena, "select count(*) from %s v where v.expunge_fate = 'B'", file->stage),
                      &back));
    for (size_t i = 0; i < file->told->column_count; i++)
        if (file->told->columns[i].becomes != NULL)
            names[count++] = file->told->columns[i].name;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid),
                             disposals_array(restore->arena, names, count) };
    if (back == 0)
        return OK;
    TRY(db_query(restore->session->db, SQL_restore_referred, 2, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
        restore_reason(restore,
                       "%s: \"%s\" refers to a value that is to be put back, and was archived after its change",
                       restore_table_name(restore, file), db_text(rows, i, 0));
    return OK;
}

/* As the table will be with the values back. */
static Err
judge_values(Restore *restore, const RestoreFile *file)
{
    for (int inside = 0; inside <= (file->rows != NULL && file->rows->staged ? 1 : 0); inside++)
    {
        TRY(judge_null_values(restore, file, inside == 1));
        TRY(judge_conditions(restore, file, inside == 1));
    }
    return judge_referred(restore, file);
}

Err
restore_judge_rows(Restore *restore)
{
    for (size_t i = 0; i < restore->file_count; i++)
    {
        const RestoreFile *file = &restore->files[i];
        if (!file->staged || file->all_live)
            continue;
        if (!file->values)
        {
            TRY(judge_gone_columns(restore, file));
            TRY(judge_nulls(restore, file));
            TRY(judge_conditions(restore, file, false));
        }
        else
            TRY(judge_values(restore, file));
        TRY(restore_judge_keys(restore, file));
        TRY(restore_judge_parents(restore, file));
    }
    return OK;
}
