/* SPDX-License-Identifier: Apache-2.0 */
/* init -- schema expunge and the roles in each database, the key file, the ledger's first entry. */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/settings.h"
#include "engine/stop.h"
#include "engine/wishes.h"
#include "sql.h"
#include "store/signing.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS 20

enum
{
    OPT_DATABASE,
    OPT_USER,
    OPT_ROTATE,
    OPT_ROTATE_SIGNING
};

static const OptionRule options[] = {
    [OPT_DATABASE] = { "--database", OPTION_TEXT, "NAME", "only this database of the configuration" },
    [OPT_USER] = { "--user", OPTION_TEXT, "ROLE",
                   "connect as this role instead of the conninfo's (it must be able to create a schema and roles)" },
    [OPT_ROTATE] = { "--rotate-master", OPTION_FLAG, NULL,
                     "wrap every living key under worker.next_master_key, and do nothing else" },
    [OPT_ROTATE_SIGNING] = { "--rotate-signing-key", OPTION_FLAG, NULL,
                             "sign checkpoints with a new key from now on; the old one announces it, and is destroyed" },
};

/* One migration, one transaction: it is there as a whole or not at all. */
static Err
apply(Session *session, Arena *arena, const SqlMigration *migration)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const char *params[] = { arena_printf(arena, "%d", migration->version), migration->name };
    TRY(db_begin(session->db, "", &tx));
    TRY(db_exec(session->db, migration->sql));
    TRY(db_query(session->db, SQL_migration_record, 2, params, NULL));
    return db_commit(&tx);
}

static Err
upgrade(Context *context, Session *session, int *ret_applied)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    int64_t version = 0;

    *ret_applied = 0;
    TRY(db_query_row(session->db, SQL_installation_exists, 0, NULL, &row));
    if (db_bool(row, 0, 0))
        TRY(session_number(session, SQL_installation_version, &version));
    for (size_t i = 0; i < SQL_MIGRATION_COUNT; i++)
        if (SQL_MIGRATIONS[i].version > version)
        {
            TRY(apply(session, context->arena, &SQL_MIGRATIONS[i]));
            (*ret_applied)++;
        }
    return OK;
}

/* Roles belong to the whole server: an init in another database makes or grants the same ones at this moment, and the server
 * lets one of the two fail ("tuple concurrently updated", a role that is there by now). */
static bool
was_in_the_way(const Session *session)
{
    static const char *const states[] = { "XX000", "23505", "42710", "40001", "40P01" };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(db_sqlstate(session->db), states[i]) == 0)
            return true;
    return false;
}

static bool
may_try_again(const Session *session, Err e, int attempt)
{
    if (e == OK || attempt >= ATTEMPTS || db_is_broken(session->db) || !was_in_the_way(session))
        return false;
    err_clear();
    stop_sleep((int64_t)(getpid() % 7 + 1) * attempt * 10000);
    return true;
}

/* What the worker's role needs on every table that a policy or subject reaches. */
static Err
grant_table(Session *session, Arena *arena, const GraphTable *table)
{
    return db_exec(
        session->db,
        arena_printf(
            arena,
            "grant usage on schema %s to expunge_worker; grant select, update, delete on table %s to expunge_worker",
            db_ident(arena, table->schema).quoted, table->quoted));
}

static Err
grant_all(Session *session, Arena *arena)
{
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        for (size_t t = 0; target->scope != NULL && t < target->scope->table_count; t++)
            TRY(grant_table(session, arena, &target->graph->tables[target->scope->tables[t].table]));
        for (size_t o = 0; target->scope != NULL && o < target->scope->orphan_count; o++)
            TRY(grant_table(session, arena, &target->graph->tables[target->scope->orphans[o].table]));
        for (size_t c = 0; target->scope != NULL && c < target->scope->change_count; c++)
            TRY(grant_table(session, arena,
                            &target->graph->tables[target->graph->edges[target->scope->changes[c].edge].child]));
    }
    return OK;
}

/* One at a time in a database; the lock goes with the connection. */
static Err
install_schema(Context *context, Session *bare, const DatabaseRule *database, int *ret_applied)
{
    const char *params[] = { database->name, database->region };
    int attempt = 0;
    Err e = db_exec(bare->db, "select pg_advisory_lock(hashtextextended('expunge init', 0))");

    if (e == OK)
        do
            e = upgrade(context, bare, ret_applied);
        while (may_try_again(bare, e, ++attempt));
    if (e == OK)
        e = db_query(bare->db, SQL_installation_create, 2, params, NULL);
    return e == OK ? OK : err_note(e, "database \"%s\": could not install schema expunge", database->name);
}

static Err
install(Context *context, const Workshop *workshop, const DatabaseRule *database, JsonDoc *list)
{
    CLEANUP(session_closep) Session *bare = NULL;
    CLEANUP(session_closep) Session *session = NULL;
    const SessionNeeds connect = { .user = context->values[OPT_USER], .only_connect = true };
    const SessionNeeds whole = { .user = context->values[OPT_USER] };
    int applied = 0, attempt = 0;
    Err e;

    TRY(session_open(&workshop->house, database, &connect, &bare));
    TRY(install_schema(context, bare, database, &applied));
    TRY(session_open(&workshop->house, database, &whole, &session));
    do
        e = grant_all(session, context->arena);
    while (may_try_again(session, e, ++attempt));
    TRY(e);
    TRY(wishes_publish(session));
    if (applied > 0)
        TRY(session_record(session, NULL, "installed", session_fields(session, NULL)));
    TRY(session_flush(session, 0, true));
    JsonDoc *entry = jsondoc_object();
    jsondoc_set_string(entry, "database", database->name);
    jsondoc_set_integer(entry, "migrations", applied);
    jsondoc_set_string(entry, "installation", session->installation);
    jsondoc_push(list, entry);
    command_say(context, "database \"%s\": %s; role expunge_worker may read and delete in %zu tables' reach\n",
                database->name, applied > 0 ? "schema expunge installed" : "schema expunge is up to date",
                session->graph->table_count);
    return OK;
}

/* State directory, key file, signing key and ledger: made once, never replaced. */
static Err
make_state(Context *context, const Rules *rules)
{
    CLEANUP(secret_freep) Secret *master = NULL;
    CLEANUP(ledger_closep) Ledger *ledger = NULL;
    const char *keys = arena_printf(context->arena, "%s/keys", rules->state_dir);
    bool made;

    TRY(settings_master_key(rules, &master));
    TRY(file_make_dirs(rules->state_dir, 0700));
    for (size_t i = 0; i < rules->store_count; i++)
        if (rules->stores[i].role == STORE_SNAPSHOTS)
            TRY(file_make_dirs(rules->stores[i].path, 0700));
    if (!file_exists(keys))
    {
        TRY(keys_create(keys, master));
        command_say(context,
                    "key file %s made: keep the master key elsewhere, and keep both out of the database's backups\n",
                    keys);
    }
    TRY(evidence_create(rules, master, &made));
    if (made)
        command_say(context, "signing key made: give the auditors %s/allowed_signers, now\n", rules->state_dir);
    return ledger_open(arena_printf(context->arena, "%s/ledger.jsonl", rules->state_dir), false, &ledger);
}

/* The public files are written last: they follow from the key, and from the checkpoints that name it. */
static Err
settle_evidence(Context *context, const Workshop *workshop)
{
    Sealed sealed;

    if (command_given(context, OPT_ROTATE_SIGNING))
    {
        TRY(evidence_rotate(context->evidence, workshop->ledger, &sealed));
        command_say(context, "checkpoint %" PRId64 " announces a new signing key; the old one is destroyed\n",
                    sealed.number);
    }
    return evidence_publish(context->evidence);
}

static bool
is_chosen(const Context *context, const DatabaseRule *database)
{
    return !command_given(context, OPT_DATABASE) || strcmp(context->values[OPT_DATABASE], database->name) == 0;
}

/* A history in a database whose ledger and keys are somewhere else: new ones would only hide that. */
static Err
refuse_second_state(const Context *context, const Rules *rules)
{
    const House house = { .rules = rules, .as_of = INSTANT_NONE };
    const SessionNeeds connect = { .user = context->values[OPT_USER], .only_connect = true };

    if (file_exists(arena_printf(context->arena, "%s/ledger.jsonl", rules->state_dir)) ||
        file_exists(arena_printf(context->arena, "%s/keys", rules->state_dir)))
        return OK;
    for (size_t i = 0; i < rules->database_count; i++)
    {
        CLEANUP(session_closep) Session *bare = NULL;
        CLEANUP(db_result_freep) DbResult *row = NULL;
        if (!is_chosen(context, &rules->databases[i]))
            continue;
        TRY(session_open(&house, &rules->databases[i], &connect, &bare));
        TRY(db_query_row(bare->db, SQL_installation_exists, 0, NULL, &row));
        if (db_bool(row, 0, 0))
            return err_new(ERR_CONFIG,
                           "database \"%s\" has schema expunge already, but \"%s\" has neither its ledger nor its key "
                           "file: was the state directory moved?  If both are lost, drop schema expunge and begin anew",
                           rules->databases[i].name, rules->state_dir);
    }
    return OK;
}

static Err
rewrap_signing_key(const Context *context, const Rules *rules)
{
    CLEANUP(secret_freep) Secret *master = NULL;
    CLEANUP(secret_freep) Secret *next = NULL;

    TRY(settings_master_key(rules, &master));
    TRY(settings_next_master_key(rules, &next));
    return signing_rewrap(evidence_key_path(context->arena, rules), master, next);
}

/* From the master key to the next one.  The ledger's entry comes behind: it tells what is done. */
static Err
rotate_master(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    JsonDoc *fields = jsondoc_object();
    size_t count = 0;

    Err e = workshop_open(context, WORKSHOP_ALL, &workshop);
    if (e == OK && workshop.rules->next_master_key == NULL)
        e = err_new(
            ERR_CONFIG,
            "%s: worker.next_master_key: is missing; must name the new master key, 32 random bytes beside the old "
            "one, until the rotation is done",
            workshop.rules->config_path);
    if (e == OK)
        e = rewrap_signing_key(context, workshop.rules);
    if (e == OK)
        e = keys_rotate(workshop.keys, &count);
    if (e != OK)
    {
        jsondoc_freep(&fields);
        return e;
    }
    jsondoc_set_integer(context->out, "keys", (int64_t)count);
    jsondoc_set_integer(fields, "keys", (int64_t)count);
    jsondoc_set_string(fields, "configuration", workshop.rules->config_digest);
    if (count == 0)
        jsondoc_freep(&fields);
    else
        TRY(ledger_append(workshop.ledger, "master_rotated", NULL, fields, NULL));
    command_say(
        context,
        "%zu key(s) are wrapped under the next master key%s\n"
        "now let worker.master_key (and the units' LoadCredential) name it, remove worker.next_master_key, and\n"
        "destroy the old master key: copies of the key file from before open nothing then\n",
        count, count == 0 ? ": it was done before" : "");
    return OK;
}

static Err
run_init(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    Rules *rules;
    JsonDoc *list = jsondoc_array();
    size_t done = 0;

    jsondoc_set(context->out, "databases", list);
    if (command_given(context, OPT_ROTATE))
        return rotate_master(context);
    TRY(settings_load(context->arena, context->config_path, &rules));
    TRY(refuse_second_state(context, rules));
    TRY(make_state(context, rules));
    TRY(workshop_open(context, WORKSHOP_ALL, &workshop));
    for (size_t i = 0; i < workshop.rules->database_count; i++)
    {
        const DatabaseRule *database = &workshop.rules->databases[i];
        if (!is_chosen(context, database))
            continue;
        TRY(install(context, &workshop, database, list));
        done++;
    }
    if (done == 0)
        return err_new(ERR_USAGE, "the configuration has no database \"%s\"", context->values[OPT_DATABASE]);
    return settle_evidence(context, &workshop);
}

const Command command_init = {
    .name = "init",
    .operands = "",
    .summary = "install or upgrade schema expunge and the roles in each database",
    .description =
        "Makes the state directory, the key file, the signing key and the ledger when they are missing, then installs or\n"
        "upgrades schema expunge in each database, creates the roles expunge_worker, expunge_notifier, expunge_support and\n"
        "expunge_auditor, and grants expunge_worker what it needs on the tables that the configuration reaches.  Running it\n"
        "again changes nothing.  It writes what an auditor needs to check the ledger: allowed_signers, expunge-N.pub\n"
        "(minisign) and expunge-N.pem (openssl), beside it.\n"
        "--rotate-master wraps every living key under worker.next_master_key, in place: whatever is interrupted is gone on\n"
        "with by the next call, and copies of the key file from before open nothing once the old master key is destroyed.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_init,
    .judges_evidence = true,
};
