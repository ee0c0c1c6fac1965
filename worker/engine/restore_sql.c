/* SPDX-License-Identifier: Apache-2.0 */
/* restore_sql.c -- the statements of a restore on user tables.  Rows are compared as texts: not every type has an "=". */
#include "engine/restore_private.h"

#include <string.h>

static const char *
quoted(Arena *arena, const char *name)
{
    return db_ident(arena, name).quoted;
}

/* Columns that changed, or (false) those that tell the row. */
static char *
value_names(Arena *arena, const RestoreFile *file, const char *alias, bool changed)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < file->told->column_count; i++)
        if ((file->told->columns[i].becomes != NULL) == changed)
            text_addf(&text, "%s%s.%s", text.length > 0 ? ", " : "", alias, quoted(arena, file->told->columns[i].name));
    return text_done(&text);
}

char *
restore_sql_names(Arena *arena, const RestoreFile *file, const char *alias)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < file->told->column_count; i++)
        text_addf(&text, "%s%s%s%s", i > 0 ? ", " : "", alias, alias[0] == '\0' ? "" : ".",
                  quoted(arena, file->told->columns[i].name));
    return text_done(&text);
}

char *
restore_sql_join(Arena *arena, const RestoreFile *file, const char *a, const char *b)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; file->values && i < file->told->column_count; i++)
        if (file->told->columns[i].becomes == NULL)
        {
            const char *name = quoted(arena, file->told->columns[i].name);
            text_addf(&text, "%s%s.%s = %s.%s", text.length > 0 ? " and " : "", a, name, b, name);
        }
    for (size_t i = 0; !file->values && i < file->table->key_count; i++)
    {
        const char *name = file->table->columns[file->table->key[i]].quoted;
        text_addf(&text, "%s%s.%s = %s.%s", i > 0 ? " and " : "", a, name, b, name);
    }
    return text_done(&text);
}

/* -- staging ------------------------------------------------------------------------------------------------------- */

static const SnapshotColumn *
told_column(const RestoreFile *file, const char *name)
{
    for (size_t i = 0; i < file->told->column_count; i++)
        if (strcmp(file->told->columns[i].name, name) == 0)
            return &file->told->columns[i];
    return NULL;
}

/* Made like the table, so that defaults of new columns and generated ones stand in it as they will in the table; columns that the
 * table does not have any more are texts. */
static char *
stage_rows(Arena *arena, const RestoreFile *file)
{
    Text text = TEXT_INIT(arena);
    text_addf(&text, "create temporary table %s (like %s including defaults including generated) on commit drop",
              file->stage, file->table->quoted);
    for (size_t c = 0; c < file->table->column_count; c++)
        if (file->table->columns[c].not_null)
            text_addf(&text, ";\nalter table %s alter column %s drop not null", file->stage,
                      file->table->columns[c].quoted);
    for (size_t i = 0; i < file->told->column_count; i++)
        if (graph_column(file->table, file->told->columns[i].name) == GRAPH_NONE)
            text_addf(&text, ";\nalter table %s add column %s text", file->stage,
                      quoted(arena, file->told->columns[i].name));
    text_addf(&text, ";\nalter table %s add column expunge_live boolean not null default false", file->stage);
    return text_done(&text);
}

char *
restore_sql_stage(Arena *arena, const RestoreFile *file)
{
    if (!file->values)
        return stage_rows(arena, file);
    return arena_printf(arena,
                        "create temporary table %s on commit drop as select %s from %s t with no data;\n"
                        "alter table %s add column expunge_fate text not null default 'c'",
                        file->stage, restore_sql_names(arena, file, "t"), file->table->quoted, file->stage);
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

/* All that the file holds of a row, but for what the erasure may have changed in it before it was to go. */
static char *
row_text(Arena *arena, const RestoreFile *file, const RestoreFile *files, size_t count, const char *alias)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < file->told->column_count; i++)
    {
        const SnapshotColumn *column = &file->told->columns[i];
        bool changes = graph_column(file->table, column->name) == GRAPH_NONE;
        for (size_t f = 0; f < count; f++)
        {
            const SnapshotColumn *other = files[f].rows == file ? told_column(&files[f], column->name) : NULL;
            changes = changes || (other != NULL && other->becomes != NULL);
        }
        if (!changes)
            text_addf(&text, "%s%s.%s", text.length > 0 ? ", " : "", alias, quoted(arena, column->name));
    }
    return arena_printf(arena, "row(%s)::text", text_done(&text));
}

char *
restore_sql_live(Arena *arena, const RestoreFile *file, const RestoreFile *files, size_t count)
{
    return arena_printf(arena, "update %s s set expunge_live = true from %s t where %s and %s = %s", file->stage,
                        file->table->from, restore_sql_join(arena, file, "t", "s"),
                        row_text(arena, file, files, count, "t"), row_text(arena, file, files, count, "s"));
}

char *
restore_sql_shared(Arena *arena, const RestoreFile *file)
{
    return arena_printf(arena, "update %s s set expunge_live = true from %s t where %s", file->stage, file->table->from,
                        restore_sql_join(arena, file, "t", "s"));
}

char *
restore_sql_root(Arena *arena, const RestoreFile *file)
{
    const char *column = quoted(arena, file->incarnation);
    return arena_printf(arena, "%s%s", restore_sql_shared(arena, file),
                        file->incarnation[0] == '\0'
                            ? ""
                            : arena_printf(arena, " and t.%s is not distinct from s.%s", column, column));
}

/* The file's columns as the table has them; one that is gone held nothing but nulls. */
static char *
kept_names(Arena *arena, const RestoreFile *file)
{
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < file->told->column_count; i++)
        text_addf(&text, "%s%s%s", i > 0 ? ", " : "",
                  graph_column(file->table, file->told->columns[i].name) == GRAPH_NONE ? "null as " : "t.",
                  quoted(arena, file->told->columns[i].name));
    return text_done(&text);
}

char *
restore_sql_put(Arena *arena, const RestoreFile *file)
{
    Text columns = TEXT_INIT(arena);
    for (size_t c = 0; c < file->table->column_count; c++)
    {
        const GraphColumn *column = &file->table->columns[c];
        const bool fresh_identity = file->identity[c] && told_column(file, column->name) == NULL;
        if (!column->generated && !fresh_identity)
            text_addf(&columns, "%s%s", columns.length > 0 ? ", " : "", column->quoted);
    }
    const char *names = text_done(&columns);
    return arena_printf(arena,
                        "copy (insert into %s as t (%s) overriding system value select %s from %s s where not "
                        "s.expunge_live returning %s) to stdout",
                        file->table->quoted, names, names, file->stage, kept_names(arena, file));
}

char *
restore_sql_present(Arena *arena, const RestoreFile *file)
{
    return arena_printf(arena, "copy (select %s from %s t join %s s on %s where s.expunge_live) to stdout",
                        kept_names(arena, file), file->table->from, file->stage,
                        restore_sql_join(arena, file, "t", "s"));
}

/* -- values -------------------------------------------------------------------------------------------------------- */

/* What the erasure made of the values: its expressions, over the row as it was. */
static char *
made_of_it(Arena *arena, const RestoreFile *file)
{
    Text row = TEXT_INIT(arena), made = TEXT_INIT(arena);
    for (size_t c = 0; c < file->table->column_count; c++)
    {
        const SnapshotColumn *column = told_column(file, file->table->columns[c].name);
        const bool changed = column != NULL && column->becomes != NULL;
        text_addf(&row, "%s%s.%s as %s", c > 0 ? ", " : "", changed ? "w" : "t", file->table->columns[c].quoted,
                  file->table->columns[c].quoted);
    }
    for (size_t i = 0; i < file->told->column_count; i++)
    {
        const SnapshotColumn *column = &file->told->columns[i];
        if (column->becomes == NULL)
            continue;
        const size_t at = graph_column(file->table, column->name);
        const char *expression = column->becomes;
        if (strcmp(expression, "default") == 0)
            expression = file->defaults[at] == NULL ? "null" : file->defaults[at];
        text_addf(&made, "%s(%s)::%s", made.length > 0 ? ", " : "", expression, file->table->columns[at].type);
    }
    return arena_printf(arena, "(select row(%s)::text from (select %s) expunge_row)", text_done(&made),
                        text_done(&row));
}

char *
restore_sql_lock(Arena *arena, const RestoreFile *file)
{
    return arena_printf(arena, "select count(*) from (select from %s t join %s v on %s for update of t) locked",
                        file->table->from, file->stage, restore_sql_join(arena, file, "t", "v"));
}

char *
restore_sql_fate(Arena *arena, const RestoreFile *file, bool inside)
{
    const char *fates[2][3] = { { "s", "b", "c" }, { "S", "B", "C" } };
    return arena_printf(
        arena,
        "update %s v set expunge_fate = case when row(%s)::text = row(%s)::text then '%s' when row(%s)::text = %s then "
        "'%s' else '%s' end from %s w join %s t on %s where w.ctid = v.ctid and v.expunge_fate = 'c'%s",
        file->stage, value_names(arena, file, "t", true), value_names(arena, file, "w", true), fates[inside][0],
        value_names(arena, file, "t", true), made_of_it(arena, file), fates[inside][1], fates[inside][2], file->stage,
        inside ? file->rows->stage : file->table->from, restore_sql_join(arena, file, "t", "w"),
        inside ? " and not t.expunge_live" : "");
}

char *
restore_sql_back(Arena *arena, const RestoreFile *file, bool inside)
{
    Text set = TEXT_INIT(arena);
    for (size_t i = 0; i < file->told->column_count; i++)
        if (file->told->columns[i].becomes != NULL)
        {
            const char *name = quoted(arena, file->told->columns[i].name);
            text_addf(&set, "%s%s = v.%s", set.length > 0 ? ", " : "", name, name);
        }
    return arena_printf(arena, "update %s t set %s from %s v where %s and v.expunge_fate = '%s'", file->table->from,
                        text_done(&set), file->stage, restore_sql_join(arena, file, "t", "v"), inside ? "B" : "b");
}

char *
restore_sql_differs(Arena *arena, const RestoreFile *file)
{
    return arena_printf(
        arena,
        "select (select count(*) from %s v where v.expunge_fate not in ('c', 'C')) - (select count(*) "
        "from %s v join %s t on %s where v.expunge_fate not in ('c', 'C') and row(%s)::text = row(%s)::text)",
        file->stage, file->stage, file->table->from, restore_sql_join(arena, file, "t", "v"),
        value_names(arena, file, "t", true), value_names(arena, file, "v", true));
}
