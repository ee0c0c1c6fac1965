/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/restored.h"
#include "engine/softedge.h"
#include "sql.h"
#include "store/catalog.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_TOLD 20
#define CHANGES_TOLD 30

/* -- the rails at the start ---------------------------------------------------------------------------------------- */

static Err
judge_clock(Session *session, Instant database_now)
{
    Instant limit;
    const Instant here = instant_now();
    const Instant earlier = here < database_now ? here : database_now;
    const Instant later = here < database_now ? database_now : here;

    TRY(session_add(session, earlier, session->rules->max_clock_skew, &limit));
    if (later > limit)
        return err_new(
            ERR_RAIL,
            "the clocks of this machine and of database \"%s\" differ by %s (safety.max_clock_skew allows %s): "
            "nothing is judged by a clock that may be wrong",
            session->database->name, instant_format_age(session->arena, later - earlier),
            session->rules->max_clock_skew);
    return OK;
}

static Err
read_facts(Session *session)
{
    CLEANUP(db_result_freep) DbResult *facts = NULL;

    TRY(db_query_row(session->db, SQL_session_facts, 0, NULL, &facts));
    TRY(judge_clock(session, db_int64(facts, 0, 0)));
    snprintf(session->system_identifier, sizeof session->system_identifier, "%s", db_text(facts, 0, 1));
    session->timeline = db_int64(facts, 0, 2);
    if (db_bool(facts, 0, 4))
        return err_new(ERR_DATABASE, "database \"%s\" is a standby: expunge works on the primary",
                       session->database->name);
    return OK;
}

static Err
judge_version(Session *session)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    int64_t version = 0;

    TRY(db_query_row(session->db, SQL_installation_exists, 0, NULL, &row));
    const bool installed = db_bool(row, 0, 0);
    if (installed)
        TRY(session_number(session, SQL_installation_version, &version));
    const int newest = SQL_MIGRATIONS[SQL_MIGRATION_COUNT - 1].version;
    if (!installed || version < newest)
        return err_new(ERR_CONFIG, "database \"%s\" has %s: run \"expunge init\" first", session->database->name,
                       installed ? "an older schema expunge" : "no schema expunge yet");
    if (version > newest)
        return err_new(ERR_CONFIG,
                       "database \"%s\" has a newer schema expunge (%" PRId64 ") than this program knows (%d)",
                       session->database->name, version, newest);
    return OK;
}

static Err
read_installation(Session *session)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const DatabaseRule *database = session->database;

    TRY(db_query_row(session->db, SQL_installation_load, 0, NULL, &row));
    snprintf(session->installation, sizeof session->installation, "%s", db_text(row, 0, 0));
    if (strcmp(db_text(row, 0, 1), database->name) != 0)
        return err_new(ERR_RAIL, "the conninfo of database \"%s\" leads to a database that was installed as \"%s\"",
                       database->name, db_text(row, 0, 1));
    if (!text_equal(db_text(row, 0, 2), database->region))
        return err_new(
            ERR_RAIL,
            "database \"%s\" was installed with region \"%s\", the configuration says \"%s\": data would cross",
            database->name, db_text(row, 0, 2) == NULL ? "none" : db_text(row, 0, 2),
            database->region == NULL ? "none" : database->region);
    session->replaying = db_bool(row, 0, 7);
    session->paused = db_text(row, 0, 3) != NULL;
    if (session->paused)
        session->pause_story =
            arena_printf(session->arena, "paused since %s by \"%s\": %s",
                         instant_format(session->arena, db_int64(row, 0, 3) / INSTANT_SECOND * INSTANT_SECOND),
                         db_text(row, 0, 4), db_text(row, 0, 5) == NULL ? "no reason given" : db_text(row, 0, 5));
    return OK;
}

static Err
judge_residency(Session *session)
{
    if (session->database->region == NULL)
        return OK;
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->subject == NULL || target->subject->region == NULL || target->subject->ended_at == NULL ||
            target->scope == NULL)
            continue;
        CLEANUP(db_result_freep) DbResult *row = NULL;
        const Selector selector = { .arena = session->arena, .target = target };
        const char *params[] = { session->database->region };
        TRY(db_query_row(session->db, selector_misplaced_roots(&selector), 1, params, &row));
        if (db_int64(row, 0, 0) > 0)
            return err_new(ERR_RAIL,
                           "database \"%s\" of region \"%s\" holds %" PRId64
                           " ended %s(s) of another region: their rows would "
                           "be archived where they may not be",
                           session->database->name, session->database->region, db_int64(row, 0, 0), target->name);
    }
    return OK;
}

static void
judge_coverage(Session *session)
{
    size_t count, told = 0;
    const bool *uncovered = targets_uncovered(session->arena, session->rules, session->graph, &session->targets,
                                              &count);
    Text text = TEXT_INIT(session->arena);

    text_addf(&text,
              "%zu table(s) are reached by no subject, named by no policy and not listed in global_tables: ", count);
    for (size_t t = 0; t < session->graph->table_count && told < TABLES_TOLD; t++)
        if (uncovered[t])
            text_addf(&text, "%s%s", told++ > 0 ? ", " : "", session->graph->tables[t].quoted);
    if (count > told)
        text_addf(&text, " and %zu more", count - told);
    text_add(&text, "; name each in an edge, a policy or global_tables");
    if (count > 0)
        session->coverage_problem = text_done(&text);
}

/* What has changed since "check --accept": new, gone, or different. */
static Err
judge_drift(Session *session)
{
    const char **changes;
    size_t count;
    bool accepted;
    Text text = TEXT_INIT(session->arena);

    TRY(catalog_drift(session->arena, session->db, session->graph, &accepted, &changes, &count));
    for (size_t i = 0; i < count && i < CHANGES_TOLD; i++)
        text_addf(&text, "%s%s", i > 0 ? "; " : "", changes[i]);
    if (count > CHANGES_TOLD)
        text_addf(&text, "; and %zu more, which \"expunge check\" names", count - CHANGES_TOLD);
    if (count > 0 && session->coverage_problem == NULL)
        session->coverage_problem =
            arena_printf(session->arena,
                         "the schema has changed since \"expunge check --accept\" (%zu changes): %s; see that the "
                         "configuration says what happens to these rows, then accept the scope again",
                         count, text_done(&text));
    return OK;
}

static Err
read_stamp(Session *session, Arena *arena, const char **ret_stamp)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    TRY(db_query_row(session->db, SQL_catalog_stamp, 0, NULL, &row));
    *ret_stamp = arena_strdup(arena, db_text(row, 0, 0));
    return OK;
}

Err
session_judge_schema(Session *session)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    const char *now;
    TRY(read_stamp(session, scratch, &now));
    if (strcmp(now, session->schema_stamp) != 0)
        return err_new(ERR_AGAIN,
                       "the schema of database \"%s\" changed while it was worked on: the next run reads it anew",
                       session->database->name);
    return OK;
}

/* What the server says an age is; a date is older only when its whole day is. */
static Err
bind_age(Session *session, Target *target)
{
    static const char *const known[] = { "date", "timestamp without time zone", "timestamp with time zone" };
    const GraphTable *table = &target->graph->tables[target->root];

    if (target->age_type == NULL)
    {
        CLEANUP(db_result_freep) DbResult *row = NULL;
        TRY(db_query_row(session->db,
                         arena_printf(session->arena, "select pg_typeof((select (%s) from %s t limit 0))::text",
                                      target->policy->age, table->quoted),
                         0, NULL, &row));
        target->age_type = arena_strdup(session->arena, db_text(row, 0, 0));
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(target->age_type, known[i]) == 0)
            return OK;
    return err_new(ERR_CONFIG, "%s:%d: age: \"%s\" is of type %s; must be a date, timestamp or timestamptz",
                   session->rules->config_path, target->policy->line, target->policy->age, target->age_type);
}

static Err
bind_ages(Session *session)
{
    for (size_t i = 0; i < session->targets.count; i++)
        if (session->targets.list[i].policy != NULL)
            TRY(bind_age(session, &session->targets.list[i]));
    return OK;
}

static Err
judge_restored(Session *session)
{
    TRY(restored_judge(session));
    if (session->restored_story == NULL || session->house->lets_restored || session->look_only)
        return OK;
    return err_new(ERR_RESTORED, "%s; \"expunge replay\" erases again what is back (\"replay --plan\" shows it first)",
                   session->restored_story);
}

static Err
open_whole(Session *session)
{
    Graph *graph;

    TRY(read_facts(session));
    TRY(judge_version(session));
    TRY(read_installation(session));
    TRY(judge_restored(session));
    TRY(read_stamp(session, session->arena, &session->schema_stamp)); /* before: a change in between is noticed */
    TRY(catalog_load(session->arena, session->db, &graph));
    session->graph = graph;
    TRY(targets_bind(session->arena, session->rules, session->database, graph, &session->targets));
    TRY(bind_ages(session));
    TRY(softedge_bind(session));
    session->work_made = ARENA_ARRAY(session->arena, bool, session->targets.count + 1);
    judge_coverage(session);
    TRY(judge_drift(session));
    return judge_residency(session);
}

/* Whatever the role that logs in may do: from here on it may not. */
static Err
open_notifier(Session *session)
{
    const Err e = db_exec(session->db, "set role expunge_notifier");

    if (e != OK && strcmp(db_sqlstate(session->db), "22023") == 0)
        return err_new(ERR_CONFIG, "there is no role expunge_notifier yet: run \"expunge init\" first");
    if (e != OK)
        return err_note(e,
                        "the role that logs in must be a member of expunge_notifier: grant expunge_notifier to ROLE");
    TRY(read_facts(session));
    TRY(judge_version(session));
    TRY(read_installation(session));
    return judge_restored(session);
}

/* A lock that somebody holds for longer than this is not waited for: the disposal is tried again later. */
static Err
connect(Session *session, const char *user, Db **ret_db)
{
    TRY(db_open(session->database->conninfo, user, session->database->name, ret_db));
    return db_exec(*ret_db, "set lock_timeout = '" SESSION_LOCK_TIMEOUT "'");
}

static Session *
new_session(const House *house, const DatabaseRule *database)
{
    Session *session = mem_alloc(sizeof *session);
    session->arena = arena_new();
    session->house = house;
    session->rules = house->rules;
    session->database = database;
    session->store = rules_snapshot_store(house->rules, database);
    return session;
}

Err
session_open(const House *house, const DatabaseRule *database, const SessionNeeds *needs, Session **ret_session)
{
    CLEANUP(session_closep) Session *session = new_session(house, database);
    Err e = connect(session, needs == NULL ? NULL : needs->user, &session->db);
    session->look_only = needs != NULL && needs->look_only;
    if (e == OK && session->look_only) /* the configuration's own expressions may call functions that write */
        e = db_exec(session->db, "set default_transaction_read_only = on");
    if (e == OK && needs != NULL && needs->notifies)
        e = open_notifier(session);
    else if (e == OK && (needs == NULL || !needs->only_connect))
        e = open_whole(session);
    if (e != OK)
        return err_note(e, "database \"%s\"", database->name);
    *ret_session = session;
    session = NULL;
    return OK;
}

Err
session_fork(const Session *session, Session **ret_session)
{
    CLEANUP(session_closep) Session *fork = new_session(session->house, session->database);
    TRY(connect(fork, NULL, &fork->db));
    fork->graph = session->graph;
    fork->targets = session->targets;
    fork->work_made = ARENA_ARRAY(fork->arena, bool, fork->targets.count + 1);
    fork->coverage_problem = session->coverage_problem;
    fork->gaps = session->gaps;
    fork->schema_stamp = session->schema_stamp;
    memcpy(fork->installation, session->installation, sizeof fork->installation);
    memcpy(fork->system_identifier, session->system_identifier, sizeof fork->system_identifier);
    fork->timeline = session->timeline;
    *ret_session = fork;
    fork = NULL;
    return OK;
}

bool
session_is_broken(const Session *session)
{
    return db_is_broken(session->db) || (session->second != NULL && db_is_broken(session->second));
}

Err
session_open_second(Session *session)
{
    if (session->second != NULL)
        return OK;
    TRY(connect(session, NULL, &session->second));
    return db_exec(session->second, SESSION_RANGE_PLANS);
}

void
session_close(Session *session)
{
    if (session == NULL)
        return;
    db_close(session->second);
    db_close(session->db);
    arena_free(session->arena);
    mem_free(session);
}

void
session_closep(Session **session)
{
    session_close(*session);
    *session = NULL;
}

/* -- times --------------------------------------------------------------------------------------------------------- */

Err
session_number(Session *session, const char *sql, int64_t *ret)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    TRY(db_query_row(session->db, sql, 0, NULL, &row));
    *ret = db_int64(row, 0, 0);
    return OK;
}

Err
session_now(Session *session, Instant *ret_now)
{
    if (session->house->as_of != INSTANT_NONE)
    {
        *ret_now = session->house->as_of;
        return OK;
    }
    return session_number(session, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", ret_now);
}

static Err
shift(Session *session, const char *sql, Instant at, const char *interval, Instant *ret)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *params[] = { instant_format(scratch, at), interval };
    TRY(db_query_row(session->db, sql, 2, params, &row));
    *ret = db_int64(row, 0, 0);
    return OK;
}

Err
session_add(Session *session, Instant at, const char *interval, Instant *ret)
{
    return shift(session, SQL_interval_add, at, interval, ret);
}

Err
session_subtract(Session *session, Instant at, const char *interval, Instant *ret)
{
    return shift(session, SQL_interval_subtract, at, interval, ret);
}

Err
session_cutoffs(Session *session, Arena *arena, const Target *target, Instant as_of, Cutoffs *ret_cutoffs)
{
    const PolicyRule *policy = target->policy;
    Instant at;

    TRY(session_subtract(session, as_of, policy->keep_for, &at));
    ret_cutoffs->main = instant_format(arena, at);
    ret_cutoffs->exempts = ARENA_ARRAY(arena, const char *, policy->exempt_count + 1);
    for (size_t i = 0; i < policy->exempt_count; i++)
    {
        TRY(session_subtract(session, as_of, policy->exempts[i].keep_for, &at));
        ret_cutoffs->exempts[i] = instant_format(arena, at);
    }
    return OK;
}

/* -- the key ------------------------------------------------------------------------------------------------------- */

Err
session_set_key(Session *session, const char *key)
{
    const char *params[] = { key };
    return db_query(session->db, "select set_config('expunge.key', $1::text, false)", 1, params, NULL);
}

char *
session_commitment(const House *house, Arena *arena, const char *kind, const char *key, const char *incarnation)
{
    unsigned char digest[SEAL_HASH_BYTES];
    const char *parts[] = { kind, key, incarnation == NULL ? "" : incarnation };
    Text text = TEXT_INIT(arena);
    for (size_t i = 0; i < 3; i++)
        text_addf(&text, "%zu:%s", strlen(parts[i]), parts[i]);
    seal_mac(keys_commitment_key(house->keys), text_done(&text), text.length, digest);
    return text_hex(arena, digest, sizeof digest);
}

void
session_name_subject(const House *house, Arena *arena, Disposal *disposal)
{
    if (disposal->commitment != NULL || disposal->subject_key == NULL)
        return;
    disposal->commitment = session_commitment(house, arena, disposal->kind, disposal->subject_key,
                                              disposal->incarnation);
    disposal->name = arena_strndup(arena, disposal->commitment, 12);
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t keys_mutex = PTHREAD_MUTEX_INITIALIZER;

Err
session_key_make(const House *house, char ret_id[KEYS_ID_TEXT], Secret **ret_key)
{
    pthread_mutex_lock(&keys_mutex);
    const Err e = keys_make(house->keys, ret_id, ret_key);
    pthread_mutex_unlock(&keys_mutex);
    return e;
}

Err
session_key_load(const House *house, const char *id, Secret **ret_key)
{
    pthread_mutex_lock(&keys_mutex);
    const Err e = keys_load(house->keys, id, ret_key);
    pthread_mutex_unlock(&keys_mutex);
    return e;
}

Err
session_key_destroy(const House *house, const char *id)
{
    pthread_mutex_lock(&keys_mutex);
    const Err e = keys_destroy(house->keys, id);
    pthread_mutex_unlock(&keys_mutex);
    return e;
}

/* -- the ledger ---------------------------------------------------------------------------------------------------- */

JsonDoc *
session_fields(const Session *session, const Disposal *disposal)
{
    JsonDoc *fields = jsondoc_object();
    jsondoc_set_string(fields, "database", session->database->name);
    jsondoc_set_string(fields, "installation", session->installation);
    jsondoc_set_string(fields, "configuration", session->rules->config_digest);
    jsondoc_set_string(fields, "version", EXPUNGE_VERSION);
    if (disposal == NULL)
        return fields;
    jsondoc_set_integer(fields, "disposal", disposal->id);
    jsondoc_set_string(fields, "kind", disposal->kind);
    if (disposals_is_policy(disposal))
        jsondoc_set_string(fields, "policy", disposal->name);
    else
        jsondoc_set_string(fields, "subject", disposal->commitment);
    return fields;
}

static Err
flush_one(Session *session, Arena *arena, int64_t disposal_id, bool leftovers, bool *ret_more)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    CLEANUP(db_result_freep) DbResult *row = NULL;
    CLEANUP(jsondoc_freep) JsonDoc *fields = NULL;
    LedgerHead head;
    int64_t wal;
    const char *which[] = { disposal_id == 0 ? NULL : arena_printf(arena, "%" PRId64, disposal_id) };

    *ret_more = false;
    TRY(session_number(session, SQL_wal_position, &wal));
    TRY(db_begin(session->db, "", &tx));
    TRY(db_query(session->db, SQL_outbox_next, 1, which, &row));
    if (db_rows(row) == 0)
        return OK;
    TRY(jsondoc_parse(db_text(row, 0, 3), strlen(db_text(row, 0, 3)), &fields));
    jsondoc_set_integer(fields, "wal", wal);
    jsondoc_set_string(fields, "system", session->system_identifier);
    jsondoc_set_integer(fields, "timeline", session->timeline);
    const char *id = db_text(row, 0, 0);
    JsonDoc *handed = fields;
    fields = NULL; /* the ledger's from here on */
    TRY(leftovers ? ledger_append(session->house->ledger, db_text(row, 0, 2), id, handed, &head)
                  : ledger_append_fresh(session->house->ledger, db_text(row, 0, 2), id, handed, &head));
    fault_point("outbox.appended");
    if (db_text(row, 0, 1) != NULL)
    {
        const char *params[] = { db_text(row, 0, 1), arena_printf(arena, "%" PRId64, head.seq), head.digest };
        TRY(db_query(session->db, SQL_disposal_ledger, 3, params, NULL));
    }
    TRY(db_query(session->db, SQL_outbox_done, 1, &id, NULL));
    *ret_more = true;
    TRY(db_commit(&tx));
    fault_point("outbox.flushed");
    return OK;
}

Err
session_flush(Session *session, int64_t disposal_id, bool leftovers)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    for (bool more = true; more; arena_reset(arena))
        TRY(flush_one(session, arena, disposal_id, leftovers, &more));
    return OK;
}

Err
session_record(Session *session, const Disposal *disposal, const char *event, JsonDoc *fields)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    TRY(db_begin(session->db, "", &tx));
    TRY(disposals_record(arena, session->db, disposal == NULL ? 0 : disposal->id, event, fields));
    TRY(db_commit(&tx));
    return session_flush(session, disposal == NULL ? 0 : disposal->id, disposal == NULL);
}
