/* SPDX-License-Identifier: Apache-2.0 */
/* restore_keys.c -- the part of restore that looks for taken keys and missing parents. */
#include "engine/restore_private.h"

#include "sql.h"

#include <inttypes.h>
#include <string.h>

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

/* Rows that stay as they are: those into which values go back are judged as they will be. */
static char *
live_rows(const Restore *restore, const RestoreFile *file, const char *from)
{
    Text text = TEXT_INIT(restore->arena);
    text_addf(&text, "(select * from %s t where true", from);
    for (size_t i = 0; i < restore->file_count; i++)
    {
        const RestoreFile *other = &restore->files[i];
        if (other->values && other->staged && other->table == file->table)
            text_addf(&text, " and not exists (select from %s v where %s and v.expunge_fate = 'b')", other->stage,
                      restore_sql_join(restore->arena, other, "t", "v"));
    }
    text_add(&text, ")");
    return text_done(&text);
}

typedef struct Key
{
    const RestoreFile *file;
    const DbResult *rows; /* as restore_keys says */
    size_t row;
    const char **expressions;
    const char **operators;
    size_t count;
} Key;

/* Rows of one source that have the key in common with rows of another. */
static Err
judge_taken(Restore *restore, const Key *key, const char *source, const char *others)
{
    Text sql = TEXT_INIT(restore->arena);
    const char *predicate = db_text(key->rows, key->row, 5);
    int64_t rows;

    text_addf(&sql, "select count(*) from %s s where exists (select from %s t where ",
              keyed(restore, key->expressions, key->count, source, predicate),
              keyed(restore, key->expressions, key->count, others, predicate));
    for (size_t i = 0; i < key->count; i++)
        text_addf(&sql,
                  db_bool(key->rows, key->row, 6)
                      ? "%s(t.expunge_k%zu %s s.expunge_k%zu or (t.expunge_k%zu is null and s.expunge_k%zu is null))"
                      : "%st.expunge_k%zu %s s.expunge_k%zu",
                  i > 0 ? " and " : "", i, key->operators[i], i, i, i);
    text_add(&sql, ")");
    TRY(restore_count(restore, text_done(&sql), &rows));
    if (rows > 0)
        restore_reason(restore, "%s: %s of it are taken (\"%s\")", restore_table_name(restore, key->file),
                       arena_printf(restore->arena, "%" PRId64 " key%s", rows, rows == 1 ? "" : "s"),
                       db_text(key->rows, key->row, 0));
    return OK;
}

/* A key that is younger than the snapshot: rows of it may have it in common with each other. */
static Err
judge_twice(Restore *restore, const Key *key, const char *source)
{
    Text names = TEXT_INIT(restore->arena);
    int64_t rows;

    if (!db_bool(key->rows, key->row, 8))
        return OK; /* exclusion: the server compares */
    for (size_t i = 0; i < key->count; i++)
        text_addf(&names, "%ss.expunge_k%zu", i > 0 ? ", " : "", i);
    const char *list = text_done(&names);
    TRY(restore_count(
        restore,
        arena_printf(restore->arena,
                     "select coalesce(sum(n), 0)::bigint from (select count(*) as n from %s s%s%s%s group by %s having "
                     "count(*) > 1) twice",
                     keyed(restore, key->expressions, key->count, source, db_text(key->rows, key->row, 5)),
                     db_bool(key->rows, key->row, 6) ? "" : " where num_nulls(",
                     db_bool(key->rows, key->row, 6) ? "" : list, db_bool(key->rows, key->row, 6) ? "" : ") = 0", list),
        &rows));
    if (rows > 0)
        restore_reason(restore, "%s: %s of the snapshot have a key in common (\"%s\")",
                       restore_table_name(restore, key->file), restore_rows_word(restore, rows),
                       db_text(key->rows, key->row, 0));
    return OK;
}

static Err
judge_key(Restore *restore, Key *key)
{
    const RestoreFile *file = key->file;
    const char *part = db_text(key->rows, key->row, 2), *from = db_text(key->rows, key->row, 9);
    size_t operators;

    TRY(parse_list(restore, db_text(key->rows, key->row, 3), &key->expressions, &key->count));
    TRY(parse_list(restore, db_text(key->rows, key->row, 4), &key->operators, &operators));
    /* judged when it is written by a trigger that is off: nobody else may write meanwhile */
    if (!db_bool(key->rows, key->row, 7))
        TRY(db_exec(restore->session->db, arena_printf(restore->arena, "lock table %s in share row exclusive mode",
                                                       db_text(key->rows, key->row, 1))));
    if (!file->values)
    {
        TRY(judge_taken(restore, key, restore_staged(restore, file, part), from));
        return judge_twice(restore, key, restore_staged(restore, file, part));
    }
    const char *lived_on = restore_with_values(restore, file, part, false, NULL);
    TRY(judge_taken(restore, key, lived_on, live_rows(restore, file, from)));
    if (file->rows == NULL || !file->rows->staged)
        return OK;
    TRY(judge_taken(restore, key, lived_on, restore_staged(restore, file->rows, part)));
    return judge_taken(restore, key, restore_with_values(restore, file, part, true, NULL),
                       live_rows(restore, file, from));
}

Err
restore_judge_keys(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *keys = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    TRY(db_query(restore->session->db, SQL_restore_keys, 1, params, &keys));
    for (size_t i = 0; i < db_rows(keys); i++)
    {
        Key key = { .file = file, .rows = keys, .row = i };
        TRY(judge_key(restore, &key));
    }
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
                  restore_staged(restore, parent, db_text(p->rows, p->row, 6)), matches(restore, p));
    text_add(&sql, "))");
    return restore_count(restore, text_done(&sql), ret_rows);
}

static Err
read_parent(const Restore *restore, Parent *p)
{
    size_t count;
    TRY(parse_list(restore, db_text(p->rows, p->row, 1), &p->columns, &p->count));
    TRY(parse_list(restore, db_text(p->rows, p->row, 5), &p->keys, &count));
    return parse_list(restore, db_text(p->rows, p->row, 7), &p->operators, &count);
}

static Err
judge_parent(Restore *restore, const Parent *p)
{
    int64_t rows;
    const char *parent = db_text(p->rows, p->row, 3);

    if (db_bool(p->rows, p->row, 9))
        TRY(lock_parents(restore, p));
    else
        restore_lacking(restore,
                        arena_printf(restore->arena, "lacks UPDATE on %s, without which it cannot lock rows there",
                                     parent),
                        arena_printf(restore->arena, "GRANT UPDATE ON TABLE %s TO %s", parent, restore->role));
    TRY(count_orphans(restore, p, &rows));
    if (rows > 0)
        restore_reason(restore, "%s: the rows of %s that %s refer to are not there (\"%s\")",
                       restore_table_name(restore, p->file), parent, restore_rows_word(restore, rows),
                       db_text(p->rows, p->row, 0));
    return OK;
}

/* A NOT VALID key promises nothing of the rows that are there, and is asked of those whose columns an UPDATE changes. */
static Err
judge_unproven(Restore *restore, Parent *p)
{
    Text changed = TEXT_INIT(restore->arena);

    if (!p->file->values)
        return OK;
    for (size_t i = 0; i < p->count; i++)
        if (restore_is_changed(p->file, p->columns[i]))
        {
            const char *name = db_ident(restore->arena, p->columns[i]).quoted;
            text_addf(&changed, "%st.%s is distinct from v.%s", changed.length > 0 ? " or " : "(", name, name);
        }
    if (changed.length == 0)
        return OK;
    text_add(&changed, ")");
    p->source = restore_with_values(restore, p->file, db_text(p->rows, p->row, 2), false, text_done(&changed));
    return judge_parent(restore, p);
}

Err
restore_judge_parents(Restore *restore, const RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, file->table->oid) };

    TRY(db_query(restore->session->db, SQL_restore_parents, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        Parent p = { .file = file, .rows = rows, .row = i };
        const char *part = db_text(rows, i, 2);
        TRY(read_parent(restore, &p));
        if (!db_bool(rows, i, 11))
        {
            TRY(judge_unproven(restore, &p));
            continue;
        }
        p.source = restore_rows_to_be(restore, file, part, false);
        TRY(judge_parent(restore, &p));
        if (!file->values || file->rows == NULL)
            continue;
        p.source = restore_rows_to_be(restore, file, part, true);
        TRY(judge_parent(restore, &p));
    }
    return OK;
}
