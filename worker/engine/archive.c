/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/coverage.h"
#include "engine/depot.h"
#include "engine/orphans.h"
#include "engine/stop.h"
#include "sql.h"
#include "store/catalog.h"

#include <inttypes.h>
#include <string.h>

#define CUT_BYTES ((size_t)32 << 20) /* of a copy that is under way */

void
archive_freep(Archive *archive)
{
    secret_free(archive->key);
    archive->key = NULL;
}

Err
archive_sink(void *writer, const char *row, size_t length)
{
    return frames_add(writer, row, length);
}

/* -- the snapshot -------------------------------------------------------------------------------------------------- */

static const StoreRule *
store_by_name(const Rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->store_count; i++)
        if (strcmp(rules->stores[i].name, name) == 0)
            return &rules->stores[i];
    return NULL;
}

Err
archive_find(const Session *session, Arena *arena, const Disposal *disposal, Snapshot *ret_snapshot, bool *ret_found)
{
    *ret_found = disposal->snapshot_name != NULL;
    if (!*ret_found)
        return OK;
    const StoreRule *store = store_by_name(session->rules, disposal->store);
    if (store == NULL)
        return err_new(ERR_CONFIG,
                       "the snapshot of disposal %" PRId64
                       " lies in store \"%s\", which the configuration does not have any more",
                       disposal->id, disposal->store);
    *ret_snapshot = (Snapshot){ .store_path = store->path,
                                .name = arena_strdup(arena, disposal->snapshot_name),
                                .key_id = disposal->key_id,
                                .database = session->database->name,
                                .disposal_id = disposal->id,
                                .kind = disposal->kind,
                                .commitment = disposal->commitment };
    if (disposal->snapshot_id == NULL || !text_unhex(disposal->snapshot_id, ret_snapshot->id, sizeof ret_snapshot->id))
        return err_new(ERR_INTERNAL, "the snapshot id of disposal %" PRId64 " is damaged", disposal->id);
    return OK;
}

static Err
name_snapshot(Job *job)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    CLEANUP(db_result_freep) DbResult *done = NULL;
    Disposal *d = job->disposal;
    unsigned char id[16];
    char key_id[KEYS_ID_TEXT];

    if (job->session->store == NULL)
        return err_new(ERR_CONFIG, "no store with role \"snapshots\" is configured for database \"%s\"",
                       job->session->database->name);
    TRY(session_key_make(job->session->house, key_id, &key));
    fault_point("archive.key_made");
    seal_random(id, sizeof id);
    d->store = job->session->store->name;
    d->snapshot_id = text_hex(job->arena, id, sizeof id);
    d->snapshot_name = arena_printf(job->arena, "%s-%" PRId64 "-%.8s", job->session->database->name, d->id,
                                    d->snapshot_id);
    d->key_id = arena_strdup(job->arena, key_id);
    const char *params[] = { arena_printf(job->arena, "%" PRId64, d->id), d->store, d->snapshot_name, d->snapshot_id,
                             d->key_id };
    TRY(db_query(job->session->db, SQL_disposal_snapshot, 5, params, &done));
    if (db_affected(done) != 1)
        return err_new(ERR_AGAIN, "another worker named the snapshot of disposal %" PRId64 " first", d->id);
    fault_point("archive.named");
    JsonDoc *fields = session_fields(job->session, d);
    jsondoc_set_string(fields, "store", d->store);
    jsondoc_set_string(fields, "snapshot", d->snapshot_name);
    jsondoc_set_string(fields, "key", d->key_id);
    return session_record(job->session, d, "archiving", fields);
}

/* An array without the keys of the rows that went: those of another file, as a restore stages it. */
static const char *
without_keys(Job *job, const GraphEdge *edge)
{
    const Scope *scope = job->target->scope;
    const GraphTable *child = &scope->graph->tables[edge->child], *parent = &scope->graph->tables[edge->parent];
    const int number = job_number(job, scope_position(scope, edge->parent));

    return arena_printf(
        job->arena,
        "array(select e.v from unnest(%s) with ordinality e(v, n) where (e.v in (select p.%s%s from " SNAPSHOT_STAGE
        "%d p)) is not true order by e.n)",
        child->columns[edge->child_columns[0]].quoted, parent->columns[edge->parent_columns[0]].quoted,
        edge->as_text != NULL && edge->as_text[0] ? "::text" : "", number);
}

static const char *
what_becomes(Job *job, const GraphEdge *edge, size_t set)
{
    switch (edge->action)
    {
    case EDGE_SET_NULL: return "null";
    case EDGE_SET_DEFAULT: return "default";
    case EDGE_REMOVE_ELEMENT: return without_keys(job, edge);
    default: return edge->rule->sets[set].expression;
    }
}

/* The columns of a file: a table's own, or the key and what changes. */
static void
describe_columns(Job *job, size_t index, SnapshotFile *file)
{
    const Scope *scope = job->target->scope;
    const size_t numbers = scope->table_count + scope->change_count;
    const GraphEdge *edge = index < scope->table_count || index >= numbers
                                ? NULL
                                : &scope->graph->edges[scope->changes[index - scope->table_count].edge];
    const GraphTable *table = &scope->graph->tables[index >= numbers ? scope->orphans[index - numbers].table
                                                    : edge == NULL   ? scope->tables[index].table
                                                                     : edge->child];
    size_t *list = ARENA_ARRAY(job->arena, size_t,
                               table->column_count + table->key_count +
                                   (edge == NULL || edge->rule == NULL ? 0 : edge->rule->set_count));
    size_t count = 0;

    file->schema = table->schema;
    file->table = table->name;
    file->role = edge == NULL ? "rows" : "values";
    for (size_t c = 0; edge == NULL && c < table->column_count; c++)
        if (!table->columns[c].generated)
            list[count++] = c;
    for (size_t k = 0; edge != NULL && k < table->key_count; k++)
        list[count++] = table->key[k];
    if (edge != NULL && graph_sets_reference(edge->action))
        for (size_t c = 0; c < edge->set_count; c++)
            list[count++] = edge->set_columns[c];
    else if (edge != NULL)
        for (size_t i = 0; i < edge->rule->set_count; i++)
            list[count++] = graph_column(table, edge->rule->sets[i].column);
    file->columns = ARENA_ARRAY(job->arena, SnapshotColumn, count + 1);
    file->column_count = count;
    for (size_t i = 0; i < count; i++)
        file->columns[i] = (SnapshotColumn){ .name = table->columns[list[i]].name,
                                             .type = table->columns[list[i]].type };
    for (size_t i = table->key_count; edge != NULL && i < count; i++)
        file->columns[i].becomes = what_becomes(job, edge, i - table->key_count);
}

Err
archive_prepare(Job *job, Archive *ret_archive)
{
    CLEANUP(archive_freep) Archive archive = { .key = NULL };
    DisposalTable *tables;
    bool found;

    if (job->disposal->snapshot_name == NULL)
        TRY(name_snapshot(job));
    TRY(archive_find(job->session, job->arena, job->disposal, &archive.snapshot, &found));
    TRY(session_key_load(job->session->house, job->disposal->key_id, &archive.key));
    Snapshot *s = &archive.snapshot;
    s->fingerprint = catalog_fingerprint(job->arena, job->target->graph);
    TRY(job_tables(job, job->arena, &tables, &s->file_count));
    s->files = ARENA_ARRAY(job->arena, SnapshotFile, s->file_count);
    TRY(session_now(job->session, &s->made_at));
    for (size_t i = 0; i < s->file_count; i++)
    {
        SnapshotFile *file = &s->files[tables[i].number - 1]; /* numbers are those of the scope, in some order */
        file->number = (uint32_t)tables[i].number;
        describe_columns(job, i, file);
    }
    *ret_archive = archive;
    archive.key = NULL;
    return OK;
}

Err
archive_writer(Job *job, const Archive *archive, int number, const FrameMark *mark, FrameWriter **ret_writer)
{
    FrameFile file = { .path = snapshots_file_path(job->arena, &archive->snapshot, true, (uint32_t)number),
                       .key = archive->key,
                       .number = (uint32_t)number,
                       .level = (int)job->session->rules->compression_level };
    memcpy(file.snapshot_id, archive->snapshot.id, sizeof file.snapshot_id);
    return frames_writer_open(&file, mark, ret_writer);
}

void
archive_note(Archive *archive, int number, FrameWriter *writer, const FrameMark *mark)
{
    SnapshotFile *file = &archive->snapshot.files[number - 1];
    file->is_read_back = frames_writer_digest(writer, mark, &file->digest);
}

/* -- sealing ------------------------------------------------------------------------------------------------------- */

static JsonDoc *
archived_fields(Job *job, const Archive *archive, const char *digest, bool removed)
{
    JsonDoc *fields = session_fields(job->session, job->disposal);
    JsonDoc *tables = jsondoc_array();
    jsondoc_set_string(fields, "manifest", digest);
    jsondoc_set_string(fields, "key", archive->snapshot.key_id);
    if (removed)
        jsondoc_set_bool(fields, "removed", true);
    for (size_t i = 0; i < archive->snapshot.file_count; i++)
    {
        const SnapshotFile *file = &archive->snapshot.files[i];
        if (file->digest.mark.rows == 0)
            continue;
        JsonDoc *table = jsondoc_object();
        jsondoc_set_string(table, "table", arena_printf(job->arena, "%s.%s", file->schema, file->table));
        jsondoc_set_string(table, "role", file->role);
        jsondoc_set_integer(table, "rows", file->digest.mark.rows);
        jsondoc_set_string(table, "sha256", file->digest.sha256);
        jsondoc_push(tables, table);
    }
    jsondoc_set(fields, "tables", tables);
    return fields;
}

Err
archive_seal_files(Job *job, Archive *archive, const int64_t *expected, char ret_digest[65])
{
    TRY(session_judge_schema(job->session)); /* columns that came meanwhile are not in the files */
    TRY(snapshots_seal(job->arena, &archive->snapshot, archive->key, expected, ret_digest));
    fault_point("archive.sealed");
    return depot_keep(job->session, job->disposal->store, archive->snapshot.name);
}

Err
archive_transit(Job *job, const Archive *archive, const char *digest, bool removed)
{
    const Instant as_of = job->session->house->as_of;
    const Transit transit = { .from = STATE_OPEN,
                              .to = STATE_ARCHIVED,
                              .grace = job->target->policy == NULL ? NULL : job->target->policy->grace,
                              .snapshot_digest = digest,
                              .as_of = as_of == INSTANT_NONE ? NULL : instant_format(job->arena, as_of) };

    TRY(disposals_transit(job->session->db, job->disposal->id, &transit));
    return disposals_record(job->arena, job->session->db, job->disposal->id, "archived",
                            archived_fields(job, archive, digest, removed));
}

Err
archive_seal(Job *job, Archive *archive)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    DisposalTable *tables;
    size_t count;
    char digest[65];

    TRY(job_tables(job, job->arena, &tables, &count));
    int64_t *expected = ARENA_ARRAY(job->arena, int64_t, count + 1);
    for (size_t i = 0; i < count; i++)
    {
        expected[tables[i].number - 1] = tables[i].rows_archived;
        if (job->target->policy != NULL && strcmp(tables[i].action, "delete") == 0 &&
            tables[i].rows_archived != tables[i].rows_done)
            return err_new(ERR_EVIDENCE, "%" PRId64 " rows left \"%s.%s\", but %" PRId64 " are in the snapshot",
                           tables[i].rows_done, tables[i].schema, tables[i].table, tables[i].rows_archived);
    }
    TRY(archive_seal_files(job, archive, expected, digest));
    TRY(db_begin(job->session->db, "", &tx));
    TRY(archive_transit(job, archive, digest, false));
    TRY(db_commit(&tx));
    fault_point("archive.transited");
    TRY(depot_kept(job->session, job->disposal->store, archive->snapshot.name));
    return session_flush(job->session, job->disposal->id, false);
}

/* -- copying a subject --------------------------------------------------------------------------------------------- */

typedef struct Copy
{
    FrameWriter *writer;
    size_t uncut_bytes;
    bool is_cut; /* and was not waited for */
} Copy;

/* Synced and read back while more is coming: the writer's thread has time, for the server is the slower one. */
static Err
cut_copy(Copy *copy, FrameMark *ret_mark)
{
    TRY(frames_cut(copy->writer, true));
    if (copy->is_cut)
        TRY(frames_wait(copy->writer, ret_mark));
    copy->is_cut = true;
    copy->uncut_bytes = 0;
    return OK;
}

static Err
copy_sink(void *context, const char *row, size_t length)
{
    Copy *copy = context;
    FrameMark ignored;

    copy->uncut_bytes += length;
    TRY(frames_add(copy->writer, row, length));
    return copy->uncut_bytes < CUT_BYTES ? OK : cut_copy(copy, &ignored);
}

Err
archive_copy_rows(Job *job, const char *sql, FrameWriter *writer, int64_t *ret_rows, FrameMark *ret_mark)
{
    Copy copy = { .writer = writer };

    TRY(db_copy_out(job->session->db, sql, copy_sink, &copy, ret_rows));
    fault_point("copy.received");
    TRY(cut_copy(&copy, ret_mark));
    return frames_wait(writer, ret_mark);
}

static Err
copy_file(Job *job, Archive *archive, int number, const char *sql, const GraphTable *table, FrameMark *ret_mark)
{
    CLEANUP(frames_writer_closep) FrameWriter *writer = NULL;
    const FrameMark start = { 0 };
    int64_t rows;

    TRY(stop_judge());
    TRY(archive_writer(job, archive, number, &start, &writer));
    TRY(archive_copy_rows(job, sql, writer, &rows, ret_mark));
    archive_note(archive, number, writer, ret_mark);
    if (ret_mark->rows != rows)
        return err_new(ERR_INTERNAL, "the server sent %" PRId64 " rows of %s, %" PRId64 " were written", rows,
                       table->quoted, ret_mark->rows);
    return OK;
}

Err
archive_copy_files(Job *job, Archive *archive, FrameMark *ret_marks)
{
    const Scope *scope = job->target->scope;

    for (size_t i = 0; i < scope->table_count; i++)
        TRY(copy_file(job, archive, job_number(job, i), selector_copy(&job->selector, i),
                      &scope->graph->tables[scope->tables[i].table], &ret_marks[i]));
    for (size_t i = 0; i < scope->change_count; i++)
        if (scope->changes[i].writes)
            TRY(copy_file(job, archive, job_change_number(job, i), selector_copy_change(&job->selector, i),
                          &scope->graph->tables[scope->graph->edges[scope->changes[i].edge].child],
                          &ret_marks[scope->table_count + i]));
        else
        {
            CLEANUP(frames_writer_closep) FrameWriter *writer = NULL; /* an empty file: every change has its number */
            TRY(archive_writer(job, archive, job_change_number(job, i), &ret_marks[scope->table_count + i], &writer));
        }
    TRY(orphans_foretell(job));
    for (size_t i = 0; i < scope->orphan_count; i++)
        TRY(copy_file(job, archive, job_orphan_number(job, i), selector_copy_orphans(&job->selector, i),
                      &scope->graph->tables[scope->orphans[i].table],
                      &ret_marks[scope->table_count + scope->change_count + i]));
    return OK;
}

static Err
copy_all(Job *job, Archive *archive, FrameMark *ret_marks)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(session_prepare_work(job->session, &job->selector));
    TRY(db_begin(job->session->db, "isolation level repeatable read", &tx));
    TRY(db_query(job->session->db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    TRY(job_fill_below(job));
    TRY(job_refuse_foreign(job));
    TRY(archive_copy_files(job, archive, ret_marks));
    return db_commit(&tx);
}

static const GraphTable *
table_of_place(const Scope *scope, size_t place)
{
    const size_t orphans = scope->table_count + scope->change_count;
    if (place < scope->table_count)
        return &scope->graph->tables[scope->tables[place].table];
    if (place < orphans)
        return &scope->graph->tables[scope->graph->edges[scope->changes[place - scope->table_count].edge].child];
    return &scope->graph->tables[scope->orphans[place - orphans].table];
}

void
archive_count_place(Job *job, size_t place, const char *action, const FrameMark *mark)
{
    job_count(job, table_of_place(job->target->scope, place), action, mark->rows, mark->plain_bytes);
}

Err
archive_mark_files(Job *job, const DisposalTable *tables, size_t count, const FrameMark *marks)
{
    for (size_t i = 0; i < count; i++)
        TRY(disposals_mark(job->arena, job->session->db, job->disposal->id, tables[i].number, tables[i].mark.bytes,
                           &marks[i]));
    return OK;
}

Err
archive_begin_copy(Job *job, Archive *ret_archive, DisposalTable **ret_tables, size_t *ret_count)
{
    CLEANUP(archive_freep) Archive archive = { .key = NULL };

    TRY(coverage_judge(job->arena, job->session, job->target, job->outcome));
    TRY(archive_prepare(job, &archive));
    TRY(snapshots_remove(archive.snapshot.store_path, archive.snapshot.name));
    TRY(snapshots_prepare(&archive.snapshot));
    TRY(job_tables(job, job->arena, ret_tables, ret_count));
    *ret_archive = archive;
    archive.key = NULL;
    return OK;
}

/* A copy starts anew each time: its one snapshot of the database ended with the attempt before. */
Err
archive_copy(Job *job)
{
    CLEANUP(archive_freep) Archive archive = { .key = NULL };
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    DisposalTable *tables;
    size_t count;

    TRY(archive_begin_copy(job, &archive, &tables, &count));
    FrameMark *marks = ARENA_ARRAY(job->arena, FrameMark, count + 1);
    TRY(copy_all(job, &archive, marks));
    fault_point("copy.done");
    for (size_t i = 0; i < count; i++)
        archive_count_place(job, i, "copy", &marks[i]);
    TRY(db_begin(job->session->db, "", &tx));
    TRY(archive_mark_files(job, tables, count, marks));
    TRY(db_commit(&tx));
    fault_point("copy.marked");
    return archive_seal(job, &archive);
}
