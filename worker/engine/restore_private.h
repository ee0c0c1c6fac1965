/* SPDX-License-Identifier: Apache-2.0 */
/* restore_private.h -- what the files of restore share. */
#ifndef EXPUNGE_RESTORE_PRIVATE_H
#define EXPUNGE_RESTORE_PRIVATE_H

#include "base/text.h"
#include "engine/archive.h"
#include "engine/depot.h"
#include "engine/restore.h"

/* A file of the snapshot, beside the table that it came from. */
typedef struct RestoreFile
{
    const SnapshotFile *told;
    const GraphTable *table; /* as it is now; NULL: it is not there */
    const char *stage;       /* temporary table: its rows, before they are written */
    bool values;             /* role "values" */
    bool staged;             /* false: it fits no more, and nothing more is asked of it */
    const char
        *incarnation; /* erasing: the subject's root, which the customer who is back has changed: its column, or "" */
    bool shared;      /* rows of others as well, which are there still, whatever became of them */
    bool all_live;    /* ... and are, every one */
    const char **defaults;    /* per column of the table: SQL, or NULL */
    bool *has_default;        /* per column of the table; an identity is one */
    bool *identity;           /* per column of the table */
    struct RestoreFile *rows; /* of values: the file that holds rows of the same table; NULL */
    int64_t rows_done;        /* erased, as the database says */
    FrameSum sum;             /* of what stands in the table in the end */
    RestoreTable result;
} RestoreFile;

typedef struct Restore
{
    Session *session;
    Arena *arena;
    Disposal *disposal;
    Snapshot *snapshot;
    Secret *key;
    RestoreFile *files; /* those that hold rows */
    size_t file_count;
    Restoration *out;
    const char *role; /* quoted */
    DepotVisit visit;
} Restore;

/* -- restore.c */
/* Disposal, manifest and key; ERR_USAGE and ERR_EVIDENCE as restore.h says. */
NODISCARD Err restore_open(Session *session, int64_t id, Restoration *out, Restore *ret);
void restore_closep(Restore *restore);
/* The file's rows into columns of a table, a frame at a time; what was read is what the manifest says. */
NODISCARD Err restore_load(Restore *restore, const RestoreFile *file, const char *into);
Err restore_sum(void *sum, const char *row, size_t length); /* for db_copy_out */
/* The digest of file->sum is the manifest's; fails with code. */
NODISCARD Err restore_compare(const RestoreFile *file, const char *where, Err code);
/* Per file: table, role, rows; for the ledger. */
JsonDoc *restore_fields(const Restore *restore);
/* Copy the files' results out. */
void restore_results(Restore *restore);

/* -- restore_into.c */
/* "create KIND" for each file's result.into, of the columns that the manifest tells, filled and compared. */
NODISCARD Err restore_make_tables(Restore *restore, const char *kind, const char *end);

/* -- restore_check.c: what stands against it */
void restore_reason(Restore *restore, const char *format, ...) PRINTF_LIKE(2, 3);
/* What can be seen without the rows: tables, columns, types, privileges.  Marks files that cannot be staged. */
NODISCARD Err restore_judge_tables(Restore *restore);
/* What the staged rows say: values that a column does not take, taken keys, missing parents (their rows are locked). */
NODISCARD Err restore_judge_rows(Restore *restore);
bool restore_is_changed(const RestoreFile *file, const char *column); /* values: a value of it goes back */
const char *restore_table_name(const Restore *restore, const RestoreFile *file);
const char *restore_rows_word(const Restore *restore, int64_t rows); /* "1 row", "2 rows" */
NODISCARD Err restore_count(Restore *restore, const char *sql, int64_t *ret_rows);
void restore_lacking(Restore *restore, const char *what, const char *remedy);
/* Rows of a staged file that are to be written; part: of which partition (SQL), or NULL. */
char *restore_staged(const Restore *restore, const RestoreFile *file, const char *part);
/* Every column of the table as it will be when the values are back: in rows that lived on, and (inside) in rows that are
 * restored.  changed: only where this holds of t, the row, and v, the values; or NULL. */
char *restore_with_values(const Restore *restore, const RestoreFile *file, const char *part, bool inside,
                          const char *changed);
/* One of the two, as the file is. */
char *restore_rows_to_be(const Restore *restore, const RestoreFile *file, const char *part, bool inside);

/* -- restore_keys.c: of the same, keys and parents */
NODISCARD Err restore_judge_keys(Restore *restore, const RestoreFile *file);
NODISCARD Err restore_judge_parents(Restore *restore, const RestoreFile *file);

/* -- restore_sql.c: the statements */
char *restore_sql_names(Arena *arena, const RestoreFile *file, const char *alias); /* "a", "b": the file's columns */
char *restore_sql_stage(Arena *arena, const RestoreFile *file);                    /* DDL */
/* marks staged rows that are in the table still; files: all of them */
char *restore_sql_live(Arena *arena, const RestoreFile *file, const RestoreFile *files, size_t count);
/* the same of shared rows, by their key alone */
char *restore_sql_shared(Arena *arena, const RestoreFile *file);
/* the same of the root, when it is the same one */
char *restore_sql_root(Arena *arena, const RestoreFile *file);
char *restore_sql_put(Arena *arena, const RestoreFile *file);     /* COPY (INSERT … RETURNING …) TO STDOUT */
char *restore_sql_present(Arena *arena, const RestoreFile *file); /* COPY of those that restore_sql_live marked */
/* Values: lock the rows that lived on; tell each value's fate: 'b' to be put back, 's' is back, 'c' changed or gone; in
 * capitals where the row itself is restored. */
char *restore_sql_lock(Arena *arena, const RestoreFile *file);
char *restore_sql_fate(Arena *arena, const RestoreFile *file, bool inside);
char *restore_sql_back(Arena *arena, const RestoreFile *file, bool inside);
char *restore_sql_differs(Arena *arena, const RestoreFile *file); /* columns: values that are not as they should be */
char *restore_sql_join(Arena *arena, const RestoreFile *file, const char *a, const char *b); /* a.key = b.key */

#endif
