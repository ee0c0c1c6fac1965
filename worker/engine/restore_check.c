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

static void
lacking(Restore *restore, const char *what, const char *remedy)
{
    const bool others = restore->out->reason_count > 0 && !restore->out->only_rights;
    restore_reason(restore, "the role %s: %s", what, remedy);
    restore->out->only_rights = !others;
}

static const char *
table_name(const Restore *restore, const RestoreFile *file)
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
                           table_name(restore, file), told->name);
        else if (column->generated)
            restore_reason(restore, "%s: column \"%s\" is generated now, and was not", table_name(restore, file),
                           told->name);
        else if (strcmp(column->type, told->type) != 0)
            restore_reason(restore, "%s: column \"%s\" was of type %s and is of type %s now", table_name(restore, file),
                           told->name, told->type, column->type);
    }
}

static Err
judge_rights(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };
    const char *name = table_name(restore, file);

    TRY(db_query_row(restore->session->db, SQL_restore_rights, 1, params, &row));
    const char *role = restore->role = arena_strdup(restore->arena, db_text(row, 0, 5));
    const char *wanted = file->values ? "UPDATE" : "INSERT";
    if (!db_bool(row, 0, 0) || !db_bool(row, 0, file->values ? 2 : 1))
        lacking(restore, arena_printf(restore->arena, "lacks SELECT or %s on %s", wanted, name),
                arena_printf(restore->arena, "GRANT SELECT, %s ON TABLE %s TO %s", wanted, file->table->quoted, role));
    if (db_bool(row, 0, 3))
        lacking(restore, arena_printf(restore->arena, "is subject to row security on %s", name),
                arena_printf(restore->arena, "ALTER ROLE %s BYPASSRLS", role));
    if (!db_bool(row, 0, 4))
        lacking(restore, "may not keep triggers off while rows come back",
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
            restore_reason(restore, "%s: the table is not there any more", table_name(restore, file));
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

static Err
count_rows(Restore *restore, const char *sql, int64_t *ret_rows)
{
    return session_number(restore->session, sql, ret_rows);
}

static const char *
rows_word(const Restore *restore, int64_t rows)
{
    return arena_printf(restore->arena, "%" PRId64 " row%s", rows, rows == 1 ? "" : "s");
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
        TRY(count_rows(restore,
                       arena_printf(restore->arena, "select count(*) from %s s where s.%s is not null", file->stage,
                                    db_ident(restore->arena, name).quoted),
                       &rows));
        if (rows > 0)
            restore_reason(restore, "%s: column \"%s\" is not there any more, and %s hold data in it",
                           table_name(restore, file), name, rows_word(restore, rows));
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
        TRY(count_rows(restore,
                       arena_printf(restore->arena, "select count(*) from %s s where s.%s is null", file->stage,
                                    column->quoted),
                       &rows));
        if (rows > 0)
            restore_reason(restore, "%s: column \"%s\" is NOT NULL now%s, and %s have no value for it",
                           table_name(restore, file), column->name,
                           told || file->has_default[c] ? "" : " without a default", rows_word(restore, rows));
    }
    return OK;
}

/* Rows of a staged file that are to be written; part: of which partition (SQL), or NULL. */
static char *
staged(const Restore *restore, const RestoreFile *file, const char *part)
{
    return arena_printf(restore->arena, "(select * from %s where not expunge_live%s%s%s)", file->stage,
                        part == NULL ? "" : " and (", part == NULL ? "" : part, part == NULL ? "" : ")");
}

static Err
judge_conditions(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *found = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    TRY(db_query(restore->session->db, SQL_restore_conditions, 1, params, &found));
    for (size_t i = 0; i < db_rows(found); i++)
    {
        int64_t rows;
        const char *name = db_text(found, i, 0);
        TRY(count_rows(restore,
                       arena_printf(restore->arena, "select count(*) from %s s where (%s) is false",
                                    staged(restore, file, db_text(found, i, 2)), db_text(found, i, 1)),
                       &rows));
        if (rows > 0 && name != NULL)
            restore_reason(restore, "%s: %s do not satisfy \"%s\"", table_name(restore, file), rows_word(restore, rows),
                           name);
        else if (rows > 0)
            restore_reason(restore, "%s: there is no partition for %s", table_name(restore, file),
                           rows_word(restore, rows));
    }
    return OK;
}

/* -- taken keys ---------------------------------------------------------------------------------------------------- */

static Err
parse_list(const Restore *restore, const char *json, const char ***ret_items, size_t *ret_count)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;
    TRY(jsondoc_parse(json, strlen(json), &doc));
    *ret_count = jsondoc_count(doc);
    *ret_items = ARENA_ARRAY(restore->arena, const char *, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++)
    {
        const char *item = jsondoc_text(jsondoc_at(doc, i));
        (*ret_items)[i] = item == NULL ? "=" : arena_strdup(restore->arena, item);
    }
    return OK;
}

/* (select EXPRESSION as k0, … from FROM x [where PREDICATE]) */
static char *
keyed(const Restore *restore, const char *const *expressions, size_t count, const char *from, const char *predicate)
{
    Text text = TEXT_INIT(restore->arena);
    text_add(&text, "(select ");
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%s%s as expunge_k%zu", i > 0 ? ", " : "", expressions[i], i);
    text_addf(&text, " from %s x", from);
    if (predicate != NULL)
        text_addf(&text, " where %s", predicate);
    text_add(&text, ")");
    return text_done(&text);
}

/* Columns: as restore_keys says. */
static Err
judge_key(Restore *restore, const RestoreFile *file, const DbResult *keys, size_t row)
{
    const char **expressions, **operators;
    size_t count, operator_count;
    int64_t rows;
    Text sql = TEXT_INIT(restore->arena);
    const char *predicate = db_text(keys, row, 5);

    TRY(parse_list(restore, db_text(keys, row, 3), &expressions, &count));
    TRY(parse_list(restore, db_text(keys, row, 4), &operators, &operator_count));
    if (!db_bool(keys, row,
                 7)) /* judged when it is written by a trigger that is off: nobody else may write meanwhile */
        TRY(db_exec(restore->session->db,
                    arena_printf(restore->arena, "lock table %s in share row exclusive mode", db_text(keys, row, 1))));
    text_addf(&sql, "select count(*) from %s s where exists (select from %s t where ",
              keyed(restore, expressions, count, staged(restore, file, db_text(keys, row, 2)), predicate),
              keyed(restore, expressions, count, db_text(keys, row, 9), predicate));
    for (size_t i = 0; i < count && i < operator_count; i++)
        text_addf(&sql,
                  db_bool(keys, row, 6)
                      ? "%s(t.expunge_k%zu %s s.expunge_k%zu or (t.expunge_k%zu is null and s.expunge_k%zu is null))"
                      : "%st.expunge_k%zu %s s.expunge_k%zu",
                  i > 0 ? " and " : "", i, operators[i], i, i, i);
    text_add(&sql, ")");
    TRY(count_rows(restore, text_done(&sql), &rows));
    if (rows > 0)
        restore_reason(restore, "%s: %s of it are taken (\"%s\")", table_name(restore, file),
                       arena_printf(restore->arena, "%" PRId64 " key%s", rows, rows == 1 ? "" : "s"),
                       db_text(keys, row, 0));
    return OK;
}

static Err
judge_keys(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *keys = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    TRY(db_query(restore->session->db, SQL_restore_keys, 1, params, &keys));
    for (size_t i = 0; i < db_rows(keys); i++)
        TRY(judge_key(restore, file, keys, i));
    return OK;
}

/* -- missing parents ----------------------------------------------------------------------------------------------- */

typedef struct Parent
{
    const RestoreFile *file;
    const DbResult *rows; /* as restore_parents says */
    size_t row;
    const char **columns;
    const char **keys;
    const char **operators;
    size_t count;
    const char *source; /* rows with the child's columns: staged ones, or with values put back */
} Parent;

static const RestoreFile *
staged_table(const Restore *restore, int64_t oid)
{
    for (size_t i = 0; i < restore->file_count; i++)
        if (restore->files[i].table != NULL && restore->files[i].table->oid == oid && !restore->files[i].values)
            return &restore->files[i];
    return NULL;
}

static char *
matches(const Restore *restore, const Parent *p)
{
    Text text = TEXT_INIT(restore->arena);
    for (size_t i = 0; i < p->count; i++)
        text_addf(&text, "%sp.%s %s s.%s", i > 0 ? " and " : "", db_ident(restore->arena, p->keys[i]).quoted,
                  p->operators[i], db_ident(restore->arena, p->columns[i]).quoted);
    return text_done(&text);
}

/* s.a WORD and s.b WORD */
static char *
each_column(const Restore *restore, const Parent *p, const char *word, const char *between)
{
    Text text = TEXT_INIT(restore->arena);
    for (size_t i = 0; i < p->count; i++)
        text_addf(&text, "%ss.%s %s", i > 0 ? between : "", db_ident(restore->arena, p->columns[i]).quoted, word);
    return text_done(&text);
}

static char *
column_list(const Restore *restore, const Parent *p)
{
    Text text = TEXT_INIT(restore->arena);
    for (size_t i = 0; i < p->count; i++)
        text_addf(&text, "%ss.%s", i > 0 ? ", " : "", db_ident(restore->arena, p->columns[i]).quoted);
    return text_done(&text);
}

/* Parents that are there stay until the rows are committed, as the server's own check would see to. */
static Err
lock_parents(Restore *restore, const Parent *p)
{
    CLEANUP(db_result_freep) DbResult *locked = NULL;
    return db_query(
        restore->session->db,
        arena_printf(restore->arena,
                     "select count(*) from (select from %s p join (select distinct %s from %s s where %s) s on "
                     "%s for key share of p) locked",
                     db_text(p->rows, p->row, 10), column_list(restore, p), p->source,
                     each_column(restore, p, "is not null", " and "), matches(restore, p)),
        0, NULL, &locked);
}

static Err
count_orphans(Restore *restore, const Parent *p, int64_t *ret_rows)
{
    Text sql = TEXT_INIT(restore->arena);
    const RestoreFile *parent = staged_table(restore, db_int64(p->rows, p->row, 4));
    const char *full = each_column(restore, p, "is not null", " and ");

    *ret_rows = 0;
    if (parent != NULL && !parent->staged)
        return OK; /* told already: that one cannot come back at all */
    text_addf(&sql, "select count(*) from %s s where ", p->source);
    if (db_bool(p->rows, p->row, 8)) /* MATCH FULL: all or none */
        text_addf(&sql, "not (%s) and (not (%s) or ", each_column(restore, p, "is null", " and "), full);
    else
        text_addf(&sql, "(%s) and (", full);
    text_addf(&sql, "(not exists (select from %s p where %s)", db_text(p->rows, p->row, 10), matches(restore, p));
    if (parent != NULL)
        text_addf(&sql, " and not exists (select from %s p where %s)",
                  staged(restore, parent, db_text(p->rows, p->row, 6)), matches(restore, p));
    text_add(&sql, "))");
    return count_rows(restore, text_done(&sql), ret_rows);
}

static Err
judge_parent(Restore *restore, Parent *p)
{
    int64_t rows;
    size_t count;
    const char *parent = db_text(p->rows, p->row, 3);

    TRY(parse_list(restore, db_text(p->rows, p->row, 1), &p->columns, &p->count));
    TRY(parse_list(restore, db_text(p->rows, p->row, 5), &p->keys, &count));
    TRY(parse_list(restore, db_text(p->rows, p->row, 7), &p->operators, &count));
    if (db_bool(p->rows, p->row, 9))
        TRY(lock_parents(restore, p));
    else
        lacking(restore,
                arena_printf(restore->arena, "lacks UPDATE on %s, without which it cannot lock rows there", parent),
                arena_printf(restore->arena, "GRANT UPDATE ON TABLE %s TO %s", parent, restore->role));
    TRY(count_orphans(restore, p, &rows));
    if (rows > 0)
        restore_reason(restore, "%s: the rows of %s that %s refer to are not there (\"%s\")",
                       table_name(restore, p->file), parent, rows_word(restore, rows), db_text(p->rows, p->row, 0));
    return OK;
}

/* Every column of the table as it will be when the values are back: in rows that lived on, and in rows that are restored. */
static char *
with_values(const Restore *restore, const RestoreFile *file, const char *part, bool inside)
{
    Text text = TEXT_INIT(restore->arena);
    text_add(&text, "(select * from (select ");
    for (size_t c = 0; c < file->table->column_count; c++)
    {
        const GraphColumn *column = &file->table->columns[c];
        bool changed = false;
        for (size_t i = 0; i < file->told->column_count; i++)
            changed = changed || (file->told->columns[i].becomes != NULL &&
                                  strcmp(file->told->columns[i].name, column->name) == 0);
        text_addf(&text, "%s%s.%s", c > 0 ? ", " : "", changed ? "v" : "t", column->quoted);
    }
    text_addf(&text, " from %s v join %s t on %s where v.expunge_fate = '%s') x", file->stage,
              inside ? file->rows->stage : file->table->from, restore_sql_join(restore->arena, file, "t", "v"),
              inside ? "B" : "b");
    if (part != NULL)
        text_addf(&text, " where %s", part);
    text_add(&text, ")");
    return text_done(&text);
}

static Err
judge_parents(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    TRY(db_query(restore->session->db, SQL_restore_parents, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Parent p = { .file = file, .rows = rows, .row = i };
        const char *part = db_text(rows, i, 2);
        p.source = file->values ? with_values(restore, file, part, false) : staged(restore, file, part);
        TRY(judge_parent(restore, &p));
        if (!file->values || file->rows == NULL)
            continue;
        p.source = with_values(restore, file, part, true);
        TRY(judge_parent(restore, &p));
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

    TRY(count_rows(restore,
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
                       table_name(restore, file), db_text(rows, i, 0));
    return OK;
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
            TRY(judge_conditions(restore, file));
            TRY(judge_keys(restore, file));
        }
        else
            TRY(judge_referred(restore, file));
        TRY(judge_parents(restore, file));
    }
    return OK;
}
