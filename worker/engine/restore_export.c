/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/restore_export_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/coverage.h"
#include "engine/job.h"
#include "engine/orphans.h"
#include "engine/restore_private.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>

#define FORMAT_VERSION 1

/* Values as they are written whatever the database's own settings are. */
#define FORM                                                                                                           \
    "set local datestyle = 'ISO, YMD'; set local intervalstyle = 'iso_8601'; set local bytea_output = 'hex'; "         \
    "set local timezone = 'UTC'; set local extra_float_digits = 1; set local xmlbinary = 'base64'"

typedef struct Exporting
{
    Job job;
    Disposal disposal; /* of a subject that may have none */
    Outcome outcome;
    const ExportWish *wish;
    Restore *restore; /* NULL: live rows */
    ExportPlace place;
    Export *out;
} Exporting;

/* -- which tables -------------------------------------------------------------------------------------------------- */

static JsonDoc *
edge_json(const Exporting *x, size_t index, const char *action)
{
    const Graph *graph = x->job.target->graph;
    const GraphEdge *edge = &graph->edges[index];
    const GraphTable *child = &graph->tables[edge->child], *parent = &graph->tables[edge->parent];
    JsonDoc *doc = jsondoc_object(), *from = jsondoc_array(), *to = jsondoc_array();

    for (size_t c = 0; c < edge->column_count; c++)
    {
        jsondoc_push_string(from, child->columns[edge->child_columns[c]].name);
        jsondoc_push_string(to, parent->columns[edge->parent_columns[c]].name);
    }
    jsondoc_set_string(doc, "from", arena_printf(x->out->arena, "%s.%s", child->schema, child->name));
    jsondoc_set(doc, "columns", from);
    jsondoc_set_string(doc, "to", arena_printf(x->out->arena, "%s.%s", parent->schema, parent->name));
    jsondoc_set(doc, "to_columns", to);
    jsondoc_set_bool(doc, "foreign_key", edge->declared);
    jsondoc_set_string(doc, "action", action);
    return doc;
}

/* By which edges its rows are reached; the root's by none. */
static JsonDoc *
relation_json(const Exporting *x, const SelectorExport *e)
{
    const Scope *scope = x->job.target->scope;
    JsonDoc *list = jsondoc_array();

    for (size_t i = 0; e->position != GRAPH_NONE && i < scope->tables[e->position].edge_count; i++)
        jsondoc_push(list, edge_json(x, scope->tables[e->position].edges[i], "delete"));
    for (size_t i = 0; e->orphan != GRAPH_NONE && i < scope->orphans[e->orphan].edge_count; i++)
        jsondoc_push(list, edge_json(x, scope->orphans[e->orphan].edges[i], "delete"));
    for (size_t c = 0; c < scope->change_count; c++)
    {
        const GraphEdge *edge = &scope->graph->edges[scope->changes[c].edge];
        if (&scope->graph->tables[edge->child] == e->table)
            jsondoc_push(list, edge_json(x, scope->changes[c].edge, edge_action_name(edge->action)));
    }
    return list;
}

static const char *
action_of(const Exporting *x, const SelectorExport *e)
{
    const Scope *scope = x->job.target->scope;
    const char *action = "delete";
    if (e->position != GRAPH_NONE || e->orphan != GRAPH_NONE)
        return action;
    for (size_t c = scope->change_count; c-- > 0;)
        if (&scope->graph->tables[scope->graph->edges[scope->changes[c].edge].child] == e->table)
            action = edge_action_name(scope->graph->edges[scope->changes[c].edge].action);
    return action;
}

static JsonDoc *
columns_json(const Exporting *x, const SelectorExport *e, const RestoreFile *staged)
{
    JsonDoc *list = jsondoc_array();
    const size_t count = staged != NULL ? staged->told->column_count : e->table->column_count;

    (void)x;
    for (size_t i = 0; i < count; i++)
    {
        JsonDoc *column = jsondoc_object();
        if (staged == NULL && e->table->columns[i].generated)
        {
            jsondoc_freep(&column);
            continue;
        }
        jsondoc_set_string(column, "name", staged != NULL ? staged->told->columns[i].name : e->table->columns[i].name);
        jsondoc_set_string(column, "type", staged != NULL ? staged->told->columns[i].type : e->table->columns[i].type);
        jsondoc_push(list, column);
    }
    return list;
}

/* -- one table ----------------------------------------------------------------------------------------------------- */

static Err
write_table(Exporting *x, const SelectorExport *e, const RestoreFile *staged)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Selector selector = x->job.selector;
    ExportFile file = { .table = arena_printf(x->out->arena, "%s.%s", e->table->schema, e->table->name) };
    JsonDoc *doc;
    char sha256[65];

    selector.arena = scratch;
    if (!selector_exports(&selector, e))
        return OK;
    const Err failed = export_place_copy(x->out->arena, &x->place, x->job.session->db,
                                         selector_export(&selector, e, x->wish->csv), x->wish->csv, &file, sha256);
    if (failed != OK)
        return err_note(failed, "while exporting %s", e->table->quoted);
    doc = jsondoc_object();
    jsondoc_set_string(doc, "table", file.table);
    jsondoc_set_string(doc, "action", action_of(x, e));
    jsondoc_set_string(doc, "file", file.name);
    jsondoc_set_integer(doc, "rows", file.rows);
    jsondoc_set_integer(doc, "bytes", file.bytes);
    jsondoc_set_string(doc, "sha256", file.name == NULL ? NULL : sha256);
    jsondoc_set(doc, "columns", columns_json(x, e, staged));
    jsondoc_set_bool(doc, "root", e->position == 0);
    jsondoc_set(doc, "relation", relation_json(x, e));
    jsondoc_push(x->place.tables, doc);
    x->out->rows += file.rows;
    ARENA_PUSH(x->out->arena, x->out->files, x->out->file_count, x->out->file_room, file);
    return OK;
}

static const RestoreFile *
staged_rows(const Exporting *x, const GraphTable *table)
{
    for (size_t i = 0; x->restore != NULL && i < x->restore->file_count; i++)
        if (x->restore->files[i].table == table && !x->restore->files[i].values)
            return &x->restore->files[i];
    return NULL;
}

static const char *const *
column_names(Arena *arena, const SnapshotFile *told)
{
    const char **names = ARENA_ARRAY(arena, const char *, told->column_count + 1);
    for (size_t i = 0; i < told->column_count; i++)
        names[i] = told->columns[i].name;
    return names;
}

static void
add_values(const Exporting *x, SelectorExport *e)
{
    size_t room = 0;
    ExportValues *list = NULL;
    for (size_t i = 0; x->restore != NULL && i < x->restore->file_count; i++)
    {
        const RestoreFile *file = &x->restore->files[i];
        const ExportValues values = { .stage = file->result.into,
                                      .columns = column_names(x->out->arena, file->told),
                                      .column_count = file->told->column_count };
        if (file->table == e->table && file->values)
            ARENA_PUSH(x->out->arena, list, e->value_count, room, values);
    }
    e->values = list;
}

static Err
export_table(Exporting *x, size_t index, size_t position, size_t orphan)
{
    SelectorExport e = { .table = &x->job.target->graph->tables[index],
                         .position = position,
                         .orphan = orphan,
                         .from_snapshot = x->restore != NULL };
    const RestoreFile *staged = staged_rows(x, e.table);

    if (staged != NULL)
    {
        e.staged = staged->result.into;
        e.columns = column_names(x->out->arena, staged->told);
        e.column_count = staged->told->column_count;
    }
    add_values(x, &e);
    return write_table(x, &e, staged);
}

static size_t
find_orphan(const Scope *scope, size_t table)
{
    for (size_t o = 0; o < scope->orphan_count; o++)
        if (scope->orphans[o].table == table)
            return o;
    return GRAPH_NONE;
}

/* Parents first; then what is shared, and what stays. */
static Err
export_tables(Exporting *x)
{
    const Scope *scope = x->job.target->scope;
    bool *done = ARENA_ARRAY(x->out->arena, bool, scope->graph->table_count + 1);

    for (size_t i = 0; i < scope->table_count; i++)
    {
        done[scope->tables[i].table] = true;
        TRY(export_table(x, scope->tables[i].table, i, find_orphan(scope, scope->tables[i].table)));
    }
    for (size_t o = 0; o < scope->orphan_count; o++)
        if (!done[scope->orphans[o].table])
        {
            done[scope->orphans[o].table] = true;
            TRY(export_table(x, scope->orphans[o].table, GRAPH_NONE, o));
        }
    for (size_t c = 0; c < scope->change_count; c++)
    {
        const size_t child = scope->graph->edges[scope->changes[c].edge].child;
        if (!done[child])
            TRY(export_table(x, child, GRAPH_NONE, GRAPH_NONE));
        done[child] = true;
    }
    return OK;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static Err
write_manifest(Exporting *x)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    const Session *session = x->job.session;
    Instant now;

    TRY(session_now(x->job.session, &now));
    jsondoc_set_integer(doc, "format_version", FORMAT_VERSION);
    jsondoc_set_string(doc, "format", x->wish->csv ? "csv" : "jsonl");
    jsondoc_set_string(doc, "database", session->database->name);
    jsondoc_set_string(doc, "kind", x->job.target->name);
    jsondoc_set_string(doc, "subject_commitment", x->out->commitment);
    jsondoc_set_string(doc, "source", x->restore == NULL ? "live" : "snapshot");
    jsondoc_set_string(doc, "disposal",
                       x->restore == NULL
                           ? NULL
                           : arena_printf(x->out->arena, "%s-%" PRId64, session->database->name, x->job.disposal->id));
    jsondoc_set_instant(doc, "exported_at", now);
    jsondoc_set_instant(doc, "as_of", x->restore == NULL ? now : x->restore->snapshot->made_at);
    jsondoc_set_integer(doc, "rows", x->out->rows);
    jsondoc_set(doc, "tables", x->place.tables);
    x->place.tables = NULL;
    return export_place_seal(x->out->arena, &x->place, doc, x->out->manifest);
}

/* In the ledger before anybody can find the copy. */
static Err
record(Exporting *x)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Session *session = x->job.session;
    const int64_t id = x->restore == NULL ? 0 : x->job.disposal->id;
    JsonDoc *fields = session_fields(session, x->restore == NULL ? NULL : x->job.disposal), *tables = jsondoc_array();

    jsondoc_set_string(fields, "kind", x->job.target->name);
    jsondoc_set_string(fields, "subject", x->out->commitment);
    jsondoc_set_string(fields, "format", x->wish->csv ? "csv" : "jsonl");
    jsondoc_set_string(fields, "source", x->restore == NULL ? "live" : "snapshot");
    jsondoc_set_string(fields, "manifest", x->out->manifest);
    jsondoc_set_integer(fields, "rows", x->out->rows);
    for (size_t i = 0; i < x->out->file_count; i++)
        if (x->out->files[i].rows > 0)
        {
            JsonDoc *table = jsondoc_object();
            jsondoc_set_string(table, "table", x->out->files[i].table);
            jsondoc_set_integer(table, "rows", x->out->files[i].rows);
            jsondoc_push(tables, table);
        }
    jsondoc_set(fields, "tables", tables);
    TRY(db_begin(session->db, "", &tx));
    TRY(disposals_record(x->out->arena, session->db, id, "exported", fields));
    TRY(db_commit(&tx));
    fault_point("export.recorded");
    return session_flush(session, id, true);
}

static Err
finish(Exporting *x)
{
    TRY(write_manifest(x));
    TRY(record(x));
    return file_rename_fresh(x->place.partial, x->place.directory);
}

static Err
key_error(const Session *session, const Target *target, Err e)
{
    if (e != ERR_DATABASE || strncmp(db_sqlstate(session->db), "22", 2) != 0)
        return e;
    return err_new(ERR_USAGE, "that is no key of a %s: \"%s\".\"%s\" has another type", target->name,
                   target->graph->tables[target->root].name,
                   target->graph->tables[target->root].columns[target->key].name);
}

Err
export_find(Session *session, const Target *target, const char *key, bool *ret_found)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Selector selector = { .arena = scratch, .target = target };

    if (target->problem != NULL)
        return err_new(ERR_RAIL, "%s", target->problem);
    TRY(session_set_key(session, key));
    const Err e = db_query(session->db, selector_root_state(&selector, ""), 0, NULL, &row);
    if (e != OK)
        return key_error(session, target, e);
    *ret_found = db_rows(row) > 0;
    return OK;
}

/* Does what erasure would refuse before it begins: a table that nobody classified would be missing here as well. */
static Err
begin_job(Exporting *x, Session *session, const Target *target, Disposal *disposal)
{
    TRY(job_begin(session, x->out->arena, disposal, &x->outcome, &x->job));
    TRY(session_set_key(session, x->wish->key));
    TRY(session_judge_schema(session));
    return coverage_judge(x->out->arena, session, target, &x->outcome);
}

static Err
read_live(Exporting *x)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *root = NULL;
    Job *job = &x->job;
    Db *db = job->session->db;

    TRY(session_prepare_work(job->session, &job->selector));
    TRY(db_begin(db, "isolation level repeatable read read only; " FORM, &tx));
    TRY(db_query(db, selector_root_state(&job->selector, ""), 0, NULL, &root));
    if (db_rows(root) == 0)
        return err_new(ERR_AGAIN, "the %s went while it was to be exported", job->target->name);
    x->out->commitment = session_commitment(job->session->house, x->out->arena, job->target->name, x->wish->key,
                                            db_text(root, 0, 1));
    TRY(db_query(db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    TRY(job_fill_below(job));
    TRY(job_refuse_others(job));
    TRY(orphans_foretell(job));
    TRY(export_tables(x));
    return db_commit(&tx);
}

Err
export_live(Session *session, const Target *target, const ExportWish *wish, Export *ret)
{
    Exporting x = { .wish = wish, .out = ret };

    x.disposal = (Disposal){ .kind = target->name, .name = "export", .subject_key = wish->key, .state = STATE_OPEN };
    TRY(begin_job(&x, session, target, &x.disposal));
    TRY(export_place_make(ret->arena, wish->directory, &x.place));
    Err e = read_live(&x);
    if (e == OK)
        e = finish(&x);
    return export_place_end(ret->arena, &x.place, e);
}

/* -- from a snapshot ----------------------------------------------------------------------------------------------- */

/* Rows that stay are reached from those in the snapshot. */
static Err
fill_work(Exporting *x)
{
    const Scope *scope = x->job.target->scope;
    for (size_t i = 0; i < scope->table_count; i++)
    {
        const RestoreFile *staged = staged_rows(x, &scope->graph->tables[scope->tables[i].table]);
        if (staged != NULL && (scope->tables[i].method == SCOPE_KEYS || scope->tables[i].method == SCOPE_ROOT))
            TRY(db_query(x->job.session->db, selector_fill_staged(&x->job.selector, i, staged->result.into), 0, NULL,
                         NULL));
    }
    return OK;
}

static Err
read_snapshot(Exporting *x)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 }; /* rolled back: what is staged is gone */
    Restore *restore = x->restore;

    for (size_t i = 0; i < restore->file_count; i++)
    {
        const RestoreFile *file = &restore->files[i];
        const size_t table = graph_table(x->job.target->graph, file->told->schema, file->told->table);
        if (table == GRAPH_NONE)
            return err_new(ERR_RAIL,
                           "the snapshot has rows of \"%s\", which is not there any more: \"expunge snapshot cat\" "
                           "shows them",
                           file->result.table);
        restore->files[i].table = &x->job.target->graph->tables[table];
        restore->files[i].result.into = arena_printf(x->out->arena, "pg_temp.expunge_export%" PRIu32,
                                                     file->told->number);
    }
    TRY(session_prepare_work(x->job.session, &x->job.selector));
    TRY(db_begin(x->job.session->db, "isolation level repeatable read", &tx));
    TRY(restore_make_tables(restore, "temporary table", " on commit drop")); /* compared as they were archived */
    TRY(db_exec(x->job.session->db, FORM));
    TRY(fill_work(x));
    return export_tables(x);
}

Err
export_snapshot(Session *session, int64_t id, const ExportWish *wish, Export *ret)
{
    CLEANUP(restore_closep) Restore restore = { .key = NULL };
    Restoration about = { .arena = ret->arena };
    Exporting x = { .wish = wish, .out = ret, .restore = &restore };

    TRY(restore_open(session, id, &about, &restore));
    const Target *target = targets_find(&session->targets, restore.disposal->kind, restore.disposal->name);
    TRY(begin_job(&x, session, target, restore.disposal));
    ret->commitment = restore.disposal->commitment;
    TRY(export_place_make(ret->arena, wish->directory, &x.place));
    Err e = read_snapshot(&x);
    if (e == OK)
        e = finish(&x);
    return export_place_end(ret->arena, &x.place, e);
}
