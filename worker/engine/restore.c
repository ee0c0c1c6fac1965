/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/restore_private.h"

#include "base/fault.h"
#include "engine/dispose.h"
#include "engine/erase.h"
#include "engine/stop.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

/* -- a snapshot, open ---------------------------------------------------------------------------------------------- */

void
restore_closep(Restore *restore)
{
    secret_free(restore->key);
    restore->key = NULL;
    depot_leavep(&restore->visit);
}

static const char *
id_of(const Restore *restore)
{
    return arena_printf(restore->arena, "%s-%" PRId64, restore->session->database->name, restore->disposal->id);
}

static Err
judge_snapshot(const Restore *restore)
{
    const Disposal *d = restore->disposal;

    if (d->snapshot_name == NULL)
        return err_new(ERR_USAGE, "disposal %s has no snapshot: %s", id_of(restore),
                       d->immediate ? "it was immediate" : "none was made");
    if (d->key_destroyed_at != INSTANT_NONE || d->state == STATE_CLEARED || d->state == STATE_WITHDRAWN)
        return err_new(ERR_EVIDENCE, "the key of the snapshot of disposal %s was destroyed (%s): nobody can restore it",
                       id_of(restore),
                       instant_format(restore->arena,
                                      d->key_destroyed_at == INSTANT_NONE ? d->withdrawn_at : d->key_destroyed_at));
    if (d->state == STATE_OPEN)
        return err_new(ERR_AGAIN,
                       "the snapshot of disposal %s is not finished yet: \"expunge run --disposal %s\" finishes it",
                       id_of(restore), id_of(restore));
    return OK;
}

static void
choose_files(Restore *restore)
{
    const Snapshot *snapshot = restore->snapshot;
    const Graph *graph = restore->session->graph;

    restore->files = ARENA_ARRAY(restore->arena, RestoreFile, snapshot->file_count + 1);
    for (size_t i = 0; i < snapshot->file_count; i++)
    {
        const SnapshotFile *told = &snapshot->files[i];
        const size_t table = graph_table(graph, told->schema, told->table);
        if (told->digest.mark.rows == 0)
            continue;
        restore->files[restore->file_count++] = (RestoreFile){
            .told = told,
            .table = table == GRAPH_NONE ? NULL : &graph->tables[table],
            .values = strcmp(told->role, "values") == 0,
            .stage = arena_printf(restore->arena, SNAPSHOT_STAGE "%" PRIu32, told->number),
            .result = { .table = arena_printf(restore->arena, "%s.%s", told->schema, told->table), .role = told->role }
        };
    }
    for (size_t i = 0; i < restore->file_count; i++)
        for (size_t r = 0; restore->files[i].values && r < restore->file_count; r++)
            if (!restore->files[r].values &&
                strcmp(restore->files[r].result.table, restore->files[i].result.table) == 0)
                restore->files[i].rows = &restore->files[r];
}

Err
restore_open(Session *session, int64_t id, Restoration *out, Restore *ret)
{
    CLEANUP(restore_closep) Restore restore = { .session = session, .arena = out->arena, .out = out };
    Snapshot place;
    bool found;

    TRY(disposals_load(out->arena, session->db, id, &restore.disposal));
    out->disposal = restore.disposal;
    TRY(judge_snapshot(&restore));
    TRY(archive_find(session, out->arena, restore.disposal, &place, &found));
    TRY(session_key_load(session->house, restore.disposal->key_id, &restore.key));
    TRY(depot_visit(session, out->arena, restore.disposal->store, place.name, &restore.visit, &place.store_path));
    TRY(snapshots_load(out->arena, place.store_path, place.name, restore.disposal->snapshot_digest, &restore.snapshot));
    if (memcmp(restore.snapshot->id, place.id, sizeof place.id) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" holds another snapshot than the one of this disposal",
                       snapshots_dir(out->arena, &place, false));
    choose_files(&restore);
    *ret = restore;
    restore.key = NULL;
    restore.visit.fetched = NULL;
    return OK;
}

/* -- rows in and out ----------------------------------------------------------------------------------------------- */

static Err
put_piece(void *db, const char *plain, size_t length)
{
    TRY(stop_judge());
    return db_copy_in_put(db, plain, length);
}

Err
restore_load(Restore *restore, const RestoreFile *file, const char *into)
{
    Db *db = restore->session->db;
    const SnapshotFile *told = file->told;
    FrameFile frames = { .path = snapshots_file_path(restore->arena, restore->snapshot, false, told->number),
                         .key = restore->key,
                         .number = told->number };
    FrameDigest found;
    int64_t rows;

    memcpy(frames.snapshot_id, restore->snapshot->id, sizeof frames.snapshot_id);
    TRY(db_copy_in_begin(db, arena_printf(restore->arena, "copy %s (%s) from stdin", into,
                                          restore_sql_names(restore->arena, file, ""))));
    TRY(frames_read(&frames, -1, put_piece, db, &found));
    TRY(db_copy_in_end(db, &rows));
    if (found.mark.rows != told->digest.mark.rows || rows != told->digest.mark.rows ||
        strcmp(found.sha256, told->digest.sha256) != 0 || strcmp(found.rows, told->digest.rows) != 0)
        return err_new(ERR_EVIDENCE, "\"%s\" is not the file of the manifest", frames.path);
    return OK;
}

Err
restore_sum(void *sum, const char *row, size_t length)
{
    frames_sum_add(sum, row, length);
    return OK;
}

Err
restore_compare(const RestoreFile *file, const char *where, Err code)
{
    char rows[65];

    frames_sum_text(&file->sum, rows);
    if (file->sum.rows == file->told->digest.mark.rows && strcmp(rows, file->told->digest.rows) == 0)
        return OK;
    return err_new(code,
                   "what would stand in %s is not what was archived (%" PRId64 " rows, %" PRId64
                   " in the snapshot): a trigger that fires always, or a default, changed it; nothing was restored",
                   where, file->sum.rows, file->told->digest.mark.rows);
}

JsonDoc *
restore_fields(const Restore *restore)
{
    JsonDoc *fields = session_fields(restore->session, restore->disposal);
    JsonDoc *tables = jsondoc_array();

    jsondoc_set_string(fields, "manifest", restore->disposal->snapshot_digest);
    for (size_t i = 0; i < restore->file_count; i++)
    {
        const RestoreTable *result = &restore->files[i].result;
        JsonDoc *table = jsondoc_object();
        jsondoc_set_string(table, "table", result->table);
        jsondoc_set_string(table, "role", result->role);
        jsondoc_set_integer(table, "rows", result->rows);
        if (result->present > 0)
            jsondoc_set_integer(table, "present", result->present);
        if (result->left > 0)
            jsondoc_set_integer(table, "left", result->left);
        jsondoc_push(tables, table);
    }
    jsondoc_set(fields, "tables", tables);
    return fields;
}

void
restore_results(Restore *restore)
{
    Restoration *out = restore->out;
    for (size_t i = 0; i < restore->file_count; i++)
        ARENA_PUSH(out->arena, out->tables, out->table_count, out->table_room, restore->files[i].result);
}

/* -- into the live tables: gather ---------------------------------------------------------------------------------- */

/* Rows that an erasure under way has not reached yet are there still; those of a table without a key go all at once.
 * Shared rows stay until the end of the grace period, and whoever else uses them may have changed them since. */
static Err
mark_live(Restore *restore, RestoreFile *file)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;

    if (disposals_is_policy(restore->disposal) || !(restore->disposal->state == STATE_ERASING || file->shared))
        return OK;
    if (file->table->key_count == 0)
    {
        file->all_live = file->rows_done == 0;
        return file->all_live ? db_exec(restore->session->db,
                                        arena_printf(restore->arena, "update %s set expunge_live = true", file->stage))
                              : OK;
    }
    TRY(db_query(restore->session->db,
                 file->shared ? restore_sql_shared(restore->arena, file)
                              : restore_sql_live(restore->arena, file, restore->files, restore->file_count),
                 0, NULL, &done));
    file->result.present = db_affected(done);
    if (file->incarnation == NULL || file->result.present > 0)
        return OK;
    CLEANUP(db_result_freep) DbResult *back = NULL;
    TRY(db_query(restore->session->db, restore_sql_root(restore->arena, file), 0, NULL, &back));
    file->result.present = db_affected(back);
    file->shared = file->result.present > 0;
    return OK;
}

static Err
tell_fates(Restore *restore, const RestoreFile *file)
{
    Db *db = restore->session->db;
    CLEANUP(db_result_freep) DbResult *locked = NULL;

    TRY(db_query(db, restore_sql_lock(restore->arena, file), 0, NULL, &locked));
    if (file->rows != NULL && file->rows->staged)
        TRY(db_exec(db, restore_sql_fate(restore->arena, file, true)));
    return db_exec(db, restore_sql_fate(restore->arena, file, false));
}

/* A value that the type does not take any more (a label of an enum that was dropped) is a reason like others; but a transaction
 * that failed gathers no more. */
static Err
stage_file(Restore *restore, RestoreFile *file)
{
    Db *db = restore->session->db;

    TRY(db_exec(db, restore_sql_stage(restore->arena, file)));
    TRY(db_exec(db, "savepoint expunge_stage"));
    const Err e = restore_load(restore, file, file->stage);
    if (e == ERR_DATABASE && (strncmp(db_sqlstate(db), "22", 2) == 0 || strncmp(db_sqlstate(db), "23", 2) == 0))
    {
        restore_reason(restore, "%s: its rows do not fit into the table's types any more: %s", file->result.table,
                       err_joined());
        err_clear();
        file->staged = false;
        return db_exec(db, "rollback to savepoint expunge_stage");
    }
    TRY(e);
    fault_point("restore.staged");
    return db_exec(db, arena_printf(restore->arena, "release savepoint expunge_stage; analyze %s", file->stage));
}

static Err
gather(Restore *restore)
{
    TRY(restore_judge_tables(restore));
    for (size_t i = 0; i < restore->file_count; i++)
        if (restore->files[i].staged)
            TRY(stage_file(restore, &restore->files[i]));
    TRY(session_judge_schema(restore->session)); /* from here on our locks keep it as it is */
    for (size_t i = 0; i < restore->file_count; i++)
        if (restore->files[i].staged && !restore->files[i].values)
            TRY(mark_live(restore, &restore->files[i]));
    for (size_t i = 0; i < restore->file_count; i++)
        if (restore->files[i].staged && restore->files[i].values)
            TRY(tell_fates(restore, &restore->files[i]));
    return restore_judge_rows(restore);
}

static Err
decide(const Restore *restore)
{
    const Restoration *out = restore->out;

    if (out->reason_count == 0)
        return OK;
    return err_new(out->only_rights ? ERR_PERMISSION : ERR_RAIL,
                   "%zu reason%s against it; nothing was restored.  \"--into SCHEMA\" puts the rows elsewhere",
                   out->reason_count, out->reason_count == 1 ? "" : "s");
}

/* -- into the live tables: act ------------------------------------------------------------------------------------- */

static Err
put_rows(Restore *restore, RestoreFile *file)
{
    if (file->all_live)
    {
        file->result.present = file->told->digest.mark.rows;
        return OK;
    }
    TRY(stop_judge());
    const Err e = db_copy_out(restore->session->db, restore_sql_put(restore->arena, file), restore_sum, &file->sum,
                              &file->result.rows);
    fault_point("restore.put");
    return e == OK ? OK : err_note(e, "while putting rows back into %s", file->table->quoted);
}

static Err
count_fates(Restore *restore, const RestoreFile *file, const char *fates, int64_t *ret_rows)
{
    return session_number(
        restore->session,
        arena_printf(restore->arena,
                     "select count(*) from %s v where v.expunge_fate = any (string_to_array('%s', null))", file->stage,
                     fates),
        ret_rows);
}

/* inside: in rows that were just put back, triggers off; otherwise in rows that lived on, triggers on, as the erasure changed
 * them. */
static Err
put_values(Restore *restore, RestoreFile *file, bool inside)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    int64_t wanted;

    TRY(count_fates(restore, file, inside ? "B" : "b", &wanted));
    if (wanted == 0)
        return OK;
    const Err e = db_query(restore->session->db, restore_sql_back(restore->arena, file, inside), 0, NULL, &done);
    if (e != OK)
        return err_note(e, "while putting values back into %s", file->table->quoted);
    if (db_affected(done) != wanted)
        return err_new(ERR_RAIL,
                       "%" PRId64 " values were to be put back into %s, and %" PRId64
                       " rows changed: a trigger or a rule objects, or its key is none any more; nothing was restored",
                       wanted, file->table->quoted, db_affected(done));
    file->result.rows += wanted;
    return OK;
}

static Err
check_values(Restore *restore, RestoreFile *file)
{
    int64_t differ;

    TRY(count_fates(restore, file, "cC", &file->result.left));
    TRY(count_fates(restore, file, "sS", &file->result.present));
    TRY(session_number(restore->session, restore_sql_differs(restore->arena, file), &differ));
    if (differ == 0)
        return OK;
    return err_new(ERR_RAIL,
                   "%" PRId64 " values of %s do not stand as they were archived: a trigger changed them; nothing was "
                   "restored",
                   differ, file->table->quoted);
}

/* Newest change first. */
static Err
put_all_values(Restore *restore, bool inside)
{
    for (size_t i = restore->file_count; i-- > 0;)
        if (restore->files[i].values)
            TRY(put_values(restore, &restore->files[i], inside));
    return OK;
}

/* Rows of all tables, then the values in them; and then, with triggers on, the values in rows that lived on. */
static Err
write_all(Restore *restore)
{
    Db *db = restore->session->db;

    TRY(db_exec(db, "set local session_replication_role = replica"));
    for (size_t i = 0; i < restore->file_count; i++)
        if (!restore->files[i].values)
            TRY(put_rows(restore, &restore->files[i]));
    TRY(put_all_values(restore, true));
    TRY(db_exec(db, "set local session_replication_role = origin"));
    TRY(put_all_values(restore, false));
    TRY(db_exec(db, "set constraints all immediate")); /* what is deferred to the end is judged while it can be told */
    for (size_t i = 0; i < restore->file_count; i++)
    {
        RestoreFile *file = &restore->files[i];
        if (file->values)
            TRY(check_values(restore, file));
        else if (file->result.present > 0 && !file->all_live)
            TRY(db_copy_out(db, restore_sql_present(restore->arena, file), restore_sum, &file->sum, NULL));
        if (!file->values && !file->all_live && !(file->shared && file->result.present > 0))
            TRY(restore_compare(file, file->table->quoted, ERR_RAIL));
    }
    return OK;
}

static Err
mark_disposal(Restore *restore)
{
    CLEANUP(db_result_freep) DbResult *done = NULL;
    const Disposal *d = restore->disposal;
    const char *params[] = { arena_printf(restore->arena, "%" PRId64, d->id), lifecycle_state_name(d->state) };

    TRY(db_query(restore->session->db, SQL_restore_mark, 2, params, &done));
    if (db_affected(done) != 1)
        return err_new(ERR_AGAIN, "disposal %s is not %s any more: another worker was faster", id_of(restore),
                       lifecycle_state_name(d->state));
    return disposals_record(restore->arena, restore->session->db, d->id, "restored", restore_fields(restore));
}

static Err
restore_rows(Restore *restore)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(db_begin(restore->session->db, "", &tx));
    TRY(gather(restore));
    TRY(decide(restore));
    TRY(write_all(restore));
    fault_point("restore.written");
    TRY(mark_disposal(restore));
    fault_point("restore.marked");
    TRY(db_commit(&tx));
    fault_point("restore.committed");
    restore_results(restore);
    return session_flush(restore->session, restore->disposal->id, false);
}

/* -- what remains -------------------------------------------------------------------------------------------------- */

/* A customer who came back while the erasure was under way has said so in the root's row: that one stays as it is. */
static void
note_root(Restore *restore)
{
    const Disposal *d = restore->disposal;
    const Target *target = targets_find(&restore->session->targets, d->kind, d->name);

    if (d->state != STATE_ERASING || d->root_erased || target == NULL || target->subject == NULL)
        return;
    const GraphTable *root = &target->graph->tables[target->root];
    for (size_t f = 0; f < restore->file_count; f++)
    {
        RestoreFile *file = &restore->files[f];
        if (!file->values && file->told->digest.mark.rows == 1 && strcmp(file->told->schema, root->schema) == 0 &&
            strcmp(file->told->table, root->name) == 0)
            file->incarnation = target->subject->incarnation == NULL ? "" : target->subject->incarnation;
    }
}

/* Nothing of a subject in its grace period was removed. */
static Err
judge_removed(Restore *restore)
{
    DisposalTable *tables;
    size_t count;
    int64_t done = 0;

    TRY(disposals_tables(restore->arena, restore->session->db, restore->disposal->id, &tables, &count));
    for (size_t i = 0; i < count; i++)
    {
        done += tables[i].rows_done;
        for (size_t f = 0; f < restore->file_count; f++)
            if (restore->files[f].told->number == (uint32_t)tables[i].number)
            {
                restore->files[f].rows_done = tables[i].rows_done;
                restore->files[f].shared = restore->disposal->state == STATE_ARCHIVED && !restore->files[f].values &&
                                           tables[i].edge[0] != '\0';
            }
    }
    note_root(restore);
    if (restore->disposal->state != STATE_ARCHIVED || done > 0)
        return OK;
    return err_new(
        ERR_USAGE,
        "nothing of disposal %s was removed yet: its rows are live, and stay until %s.  It is withdrawn as "
        "soon as its root does not say any more that it has ended; \"--into SCHEMA\" shows what is in the snapshot",
        id_of(restore), instant_format(restore->arena, restore->disposal->erase_after));
}

/* The snapshot's rows would be there twice: its key dies.  A hold that forbids that is no failure of the restore. */
static Err
end_snapshot(Session *session, Restoration *out, int64_t id)
{
    Outcome outcome = { .database = session->database->name, .id = id };
    Disposal *disposal;
    Job job;

    TRY(disposals_load(out->arena, session->db, id, &disposal));
    Err e = job_begin(session, out->arena, disposal, &outcome, &job);
    if (e == OK)
        e = erase_withdraw(&job);
    out->ended = e == OK;
    if (e == OK || db_is_broken(session->db) || (e != ERR_HELD && e != ERR_RAIL))
        return e;
    out->story = arena_strdup(out->arena, err_joined());
    err_clear();
    return OK;
}

/* Would the next run begin again? */
static Err
look_ahead(Session *session, Restoration *out)
{
    Outcome outcome = { .database = session->database->name };
    Disposal before = *out->disposal;
    Job job;
    RootState root;
    Instant now;

    if (disposals_is_policy(&before))
    {
        out->due_again = true;
        return OK;
    }
    const Err e = job_begin(session, out->arena, &before, &outcome, &job);
    if (e == ERR_RAIL) /* a kind that is not configured any more is nobody's business */
        err_clear();
    if (e != OK)
        return e == ERR_RAIL ? OK : e;
    TRY(job_root(&job, "", &root));
    out->due_again = root.present && root.ended && job.target->subject->ended_at != NULL;
    if (!out->due_again)
        return OK;
    TRY(session_now(session, &now));
    return session_add(session, now, job.target->subject->grace, &out->due_at);
}

static Err
restore_claimed(Session *session, int64_t id, Restoration *out)
{
    CLEANUP(restore_closep) Restore restore = { .key = NULL };
    Disposal *disposal;

    TRY(session_flush(session, id, true)); /* what one who was interrupted left behind */
    TRY(disposals_load(out->arena, session->db, id, &disposal));
    out->disposal = disposal;
    out->was_done = disposal->restored_at != INSTANT_NONE && disposal->state != STATE_WITHDRAWN;
    if (!out->was_done)
    {
        TRY(restore_open(session, id, out, &restore));
        TRY(judge_removed(&restore));
        TRY(restore_rows(&restore));
        TRY(look_ahead(session, out));
    }
    return end_snapshot(session, out, id);
}

Err
restore_live(Session *session, int64_t id, Restoration *out)
{
    bool claimed;

    TRY(dispose_claim(session, id, &claimed));
    if (!claimed)
        return err_new(ERR_AGAIN, "a worker is busy with this disposal: pause it, or wait until it is done");
    out->due_at = INSTANT_NONE;
    const Err e = restore_claimed(session, id, out);
    if (e != OK || db_is_broken(session->db))
        return e;
    return disposals_unclaim(session->db, id);
}
