/* SPDX-License-Identifier: Apache-2.0 */
/* check -- is everything in place?  Every finding with its remedy; --accept takes the scope as it is. */
#include "base/text.h"
#include "cmd/command.h"
#include "engine/inspect.h"
#include "sql.h"
#include "store/catalog.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_ACCEPT
};

static const OptionRule options[] = {
    [OPT_ACCEPT] = { "--accept", OPTION_FLAG, NULL,
                     "take the scope as it is now: what changes later stops the erasure of subjects" },
};

/* -- accepting ----------------------------------------------------------------------------------------------------- */

typedef struct Acceptance
{
    const char *database;
    const char *fingerprint;
    size_t item_count;
    bool first;
    const char **changes;
    size_t change_count;
} Acceptance;

static Err
accept_scope(Context *context, Session *session, Acceptance *ret)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const char **items;
    bool accepted;

    ret->database = session->database->name;
    TRY(catalog_drift(context->arena, session->db, session->graph, &accepted, &ret->changes, &ret->change_count));
    ret->first = !accepted;
    catalog_items(context->arena, session->graph, &items, &ret->item_count);
    ret->fingerprint = catalog_fingerprint(context->arena, session->graph);
    const char *params[] = { disposals_array(context->arena, items, ret->item_count) };
    TRY(db_begin(session->db, "", &tx));
    TRY(db_query(session->db, SQL_accepted_save, 1, params, NULL));
    JsonDoc *fields = session_fields(session, NULL);
    jsondoc_set_string(fields, "fingerprint", ret->fingerprint);
    jsondoc_set_integer(fields, "items", (int64_t)ret->item_count);
    TRY(disposals_record(context->arena, session->db, 0, "scope_accepted", fields));
    TRY(db_commit(&tx));
    return session_flush(session, 0, true);
}

static void
tell_acceptance(Context *context, const Acceptance *a, JsonDoc *list)
{
    JsonDoc *entry = jsondoc_object();
    JsonDoc *changes = jsondoc_array();

    jsondoc_set_string(entry, "database", a->database);
    jsondoc_set_string(entry, "fingerprint", a->fingerprint);
    jsondoc_set_integer(entry, "items", (int64_t)a->item_count);
    for (size_t i = 0; i < a->change_count; i++)
        jsondoc_push_string(changes, a->changes[i]);
    jsondoc_set(entry, "changes", changes);
    jsondoc_push(list, entry);
    command_say(context, "database \"%s\": accepted %zu tables, columns, edges and triggers, fingerprint %.16s…%s\n",
                a->database, a->item_count, a->fingerprint,
                a->first               ? ", for the first time"
                : a->change_count == 0 ? ", as they were before"
                                       : "; what is different:");
    for (size_t i = 0; i < a->change_count; i++)
        command_say(context, "  %s\n", a->changes[i]);
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

static void
tell_json(Context *context, const Findings *findings)
{
    JsonDoc *list = jsondoc_array();
    int64_t counts[SEVERITY_NOTE + 1] = { 0 };

    for (size_t i = 0; i < findings->count; i++)
    {
        const Finding *f = &findings->list[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "severity", inspect_severity_name(f->severity));
        jsondoc_set_string(entry, "database", f->database);
        jsondoc_set_string(entry, "what", f->what);
        jsondoc_set_string(entry, "where", f->where);
        jsondoc_set_string(entry, "remedy", f->remedy);
        if (f->severity == SEVERITY_ERROR)
            jsondoc_set_string(entry, "code", err_name(f->code));
        jsondoc_push(list, entry);
        counts[f->severity]++;
    }
    jsondoc_set(context->out, "findings", list);
    jsondoc_set_integer(context->out, "errors", counts[SEVERITY_ERROR]);
    jsondoc_set_integer(context->out, "warnings", counts[SEVERITY_WARNING]);
    jsondoc_set_integer(context->out, "notes", counts[SEVERITY_NOTE]);
}

static void
tell_finding(const Context *context, const Finding *f)
{
    static const char *const colors[] = {
        [SEVERITY_ERROR] = "\033[31m", [SEVERITY_WARNING] = "\033[33m", [SEVERITY_NOTE] = ""
    };
    const bool colored = context->color && f->severity != SEVERITY_NOTE;

    command_say(context, "  %s%-7s%s  %s: %s\n", colored ? colors[f->severity] : "", inspect_severity_name(f->severity),
                colored ? "\033[0m" : "", f->where, f->what);
    for (const char *line = f->remedy; line != NULL;)
    {
        const char *end = strchr(line, '\n');
        command_say(context, "             → %.*s\n", end == NULL ? (int)strlen(line) : (int)(end - line), line);
        line = end == NULL ? NULL : end + 1;
    }
}

/* A paragraph for this machine or a database: errors first. */
static void
tell_group(const Context *context, const Findings *findings, const char *database)
{
    size_t told = 0;

    if (database == NULL)
        command_say(context, "this machine and its configuration\n");
    else
        command_say(context, "database \"%s\"\n", database);
    for (Severity severity = SEVERITY_ERROR; severity <= SEVERITY_NOTE; severity++)
        for (size_t i = 0; i < findings->count; i++)
            if (findings->list[i].severity == severity && text_equal(findings->list[i].database, database))
            {
                tell_finding(context, &findings->list[i]);
                told++;
            }
    if (told == 0)
        command_say(context, "  everything is in place\n");
    command_say(context, "\n");
}

static void
tell(Context *context, const Findings *findings, const Rules *rules)
{
    size_t counts[SEVERITY_NOTE + 1] = { 0 };

    tell_json(context, findings);
    tell_group(context, findings, NULL);
    for (size_t i = 0; rules != NULL && i < rules->database_count; i++)
        tell_group(context, findings, rules->databases[i].name);
    for (size_t i = 0; i < findings->count; i++)
        counts[findings->list[i].severity]++;
    command_say(context, "%zu error%s, %zu warning%s, %zu note%s\n", counts[SEVERITY_ERROR],
                counts[SEVERITY_ERROR] == 1 ? "" : "s", counts[SEVERITY_WARNING],
                counts[SEVERITY_WARNING] == 1 ? "" : "s", counts[SEVERITY_NOTE], counts[SEVERITY_NOTE] == 1 ? "" : "s");
}

/* -- the command --------------------------------------------------------------------------------------------------- */

/* Accept when asked to; a failure is told at once, for what else there is to say must not hide it. */
static Err
accept_and_tell(Context *context, Session *session, JsonDoc *list)
{
    Acceptance acceptance = { 0 };
    const Err e = accept_scope(context, session, &acceptance);

    if (e == OK)
        tell_acceptance(context, &acceptance, list);
    else
        command_note(context, "expunge: could not accept the scope of database \"%s\": %s\n", session->database->name,
                     err_joined());
    return e;
}

static Err
look_at_all(Context *context, const House *house, Findings *findings)
{
    JsonDoc *accepted = jsondoc_array();
    Err code = OK;

    jsondoc_set(context->out, "accepted", accepted);
    for (size_t i = 0; i < house->rules->database_count; i++)
    {
        CLEANUP(session_closep) Session *session = NULL;
        inspect_open(findings, house, &house->rules->databases[i], &session);
        if (session == NULL)
            continue;
        const bool accepts = command_given(context, OPT_ACCEPT) && house->ledger != NULL;
        const Err e = accepts ? accept_and_tell(context, session, accepted) : OK;
        code = code == OK ? e : code;
        inspect_database(findings, session);
    }
    return code;
}

static Err
run_check(Context *context)
{
    CLEANUP(ledger_closep) Ledger *ledger = NULL;
    Findings findings = { .arena = context->arena };
    House house = { .as_of = INSTANT_NONE };
    Rules *rules;
    Err code = OK;

    inspect_settings(&findings, context->config_path, &rules);
    if (rules != NULL)
    {
        inspect_machine(&findings, rules);
        if (ledger_open(arena_printf(context->arena, "%s/ledger.jsonl", rules->state_dir), true, &ledger) != OK)
            err_clear(); /* a finding says so; without a ledger nothing is accepted */
        house.rules = rules;
        house.ledger = ledger;
        code = look_at_all(context, &house, &findings);
    }
    tell(context, &findings, rules);
    TRY(inspect_verdict(&findings));
    return code == OK ? OK : err_new(code, "the scope was not accepted everywhere");
}

const Command command_check = {
    .name = "check",
    .operands = "",
    .summary = "everything in place?  every finding with its remedy",
    .description =
        "Looks at the configuration, this machine (state directory, keys, ledger, stores) and each database (schema expunge,\n"
        "region, clock, privileges, tables that nothing covers, columns that look like a subject's key, indexes, triggers,\n"
        "row security, changes since the scope was accepted).  Changes nothing, but for --accept.  Exit status: 0 without\n"
        "errors, otherwise 69, 78, 77 or 11 (database, configuration, permission, rail), the first of these that applies; 15\n"
        "where a database was restored from a backup.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_check,
};
