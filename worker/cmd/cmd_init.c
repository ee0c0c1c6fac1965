/* SPDX-License-Identifier: Apache-2.0 */
/* init -- schema expunge and the roles in each database, the key file, the ledger's first entry. */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/settings.h"
#include "sql.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_DATABASE,
    OPT_USER
};

static const OptionRule options[] = {
    [OPT_DATABASE] = { "--database", OPTION_TEXT, "NAME", "only this database of the configuration" },
    [OPT_USER] = { "--user", OPTION_TEXT, "ROLE",
                   "connect as this role instead of the conninfo's (it must be able to create a schema and roles)" },
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
        for (size_t c = 0; target->scope != NULL && c < target->scope->change_count; c++)
            TRY(grant_table(session, arena,
                            &target->graph->tables[target->graph->edges[target->scope->changes[c].edge].child]));
    }
    return OK;
}

static Err
install(Context *context, const Workshop *workshop, const DatabaseRule *database, JsonDoc *list)
{
    CLEANUP(session_closep) Session *bare = NULL;
    CLEANUP(session_closep) Session *session = NULL;
    const SessionNeeds connect = { .user = context->values[OPT_USER], .only_connect = true };
    const SessionNeeds whole = { .user = context->values[OPT_USER] };
    const char *params[] = { database->name, database->region };
    int applied;

    TRY(session_open(&workshop->house, database, &connect, &bare));
    Err e = upgrade(context, bare, &applied);
    if (e == OK)
        e = db_query(bare->db, SQL_installation_create, 2, params, NULL);
    if (e != OK)
        return err_note(e, "database \"%s\": could not install schema expunge", database->name);
    TRY(session_open(&workshop->house, database, &whole, &session));
    TRY(grant_all(session, context->arena));
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

/* State directory, key file and ledger: made once, never replaced. */
static Err
make_state(Context *context, const Rules *rules)
{
    CLEANUP(secret_freep) Secret *master = NULL;
    CLEANUP(ledger_closep) Ledger *ledger = NULL;
    const char *keys = arena_printf(context->arena, "%s/keys", rules->state_dir);

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
    return ledger_open(arena_printf(context->arena, "%s/ledger.jsonl", rules->state_dir), false, &ledger);
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
run_init(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    Rules *rules;
    JsonDoc *list = jsondoc_array();
    size_t done = 0;

    jsondoc_set(context->out, "databases", list);
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
    return OK;
}

const Command command_init = {
    .name = "init",
    .operands = "",
    .summary = "install or upgrade schema expunge and the roles in each database",
    .description =
        "Makes the state directory, the key file and the ledger when they are missing, then installs or upgrades schema\n"
        "expunge in each database, creates the roles expunge_worker, expunge_support, expunge_auditor and expunge_notifier, and grants\n"
        "expunge_worker what it needs on the tables that the configuration reaches.  Running it again changes nothing.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_init,
};
