/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inspect_private.h"

#include "base/text.h"
#include "engine/settings.h"

#include <inttypes.h>
#include <string.h>

#define SKEW_WORTH_TELLING INSTANT_SECOND
#define SERVER_TESTED 150000

const char *
inspect_severity_name(Severity severity)
{
    static const char *const names[] = {
        [SEVERITY_ERROR] = "error", [SEVERITY_WARNING] = "warning", [SEVERITY_NOTE] = "note"
    };
    return names[severity];
}

const char *
inspect_table_name(Arena *arena, const GraphTable *table)
{
    return arena_printf(arena, "%s.%s", table->schema, table->name);
}

void
inspect_add(Findings *findings, Finding finding)
{
    finding.database = findings->database;
    if (finding.severity != SEVERITY_ERROR)
        finding.code = OK;
    ARENA_PUSH(findings->arena, findings->list, findings->count, findings->room, finding);
}

void
inspect_story(Findings *findings, Err code, const char *where, const char *remedy, size_t skipped)
{
    Text what = TEXT_INIT(findings->arena);

    for (size_t i = skipped; i < err_lines(); i++)
        text_addf(&what, "%s%s", i > skipped ? ": " : "", err_line(i));
    err_clear();
    inspect_add(findings, (Finding){ .severity = SEVERITY_ERROR,
                                     .code = code,
                                     .where = where,
                                     .what = text_done(&what),
                                     .remedy = remedy });
}

/* -- the configuration --------------------------------------------------------------------------------------------- */

/* "FILE:LINE: setting: what is wrong; what would be right" */
static void
add_setting(Findings *findings, const char *path, const char *line)
{
    Arena *arena = findings->arena;
    const size_t length = strlen(path);
    const char *colon = text_starts(line, path) && line[length] == ':' ? strstr(line + length, ": ") : NULL;
    const char *what = colon == NULL ? line : colon + 2;
    const char *last = NULL;

    for (const char *at = strstr(what, "; "); at != NULL; at = strstr(at + 1, "; "))
        last = at;
    inspect_add(findings,
                (Finding){ .severity = SEVERITY_ERROR,
                           .code = ERR_CONFIG,
                           .where = colon == NULL ? arena_strdup(arena, path)
                                                  : arena_strndup(arena, line, (size_t)(colon - line)),
                           .what = last == NULL ? arena_strdup(arena, what)
                                                : arena_strndup(arena, what, (size_t)(last - what)),
                           .remedy = last == NULL ? "correct the configuration" : arena_strdup(arena, last + 2) });
}

void
inspect_settings(Findings *findings, const char *path, Rules **ret_rules)
{
    *ret_rules = NULL;
    const Err e = settings_load(findings->arena, path, ret_rules);
    if (e == OK)
        return;
    *ret_rules = NULL;
    if (e != ERR_CONFIG || err_lines() == 0 || !text_starts(err_line(0), path))
    {
        inspect_story(findings, ERR_CONFIG, path,
                      "name the right file with --config, and let the user that runs expunge read it", 0);
        return;
    }
    for (size_t i = 0; i < err_lines(); i++)
        add_setting(findings, path, err_line(i));
    err_clear();
}

/* -- a database ---------------------------------------------------------------------------------------------------- */

static const char *
open_remedy(const Findings *findings, const Rules *rules, const DatabaseRule *database, Err code)
{
    switch (code)
    {
    case ERR_DATABASE:
        return arena_printf(findings->arena,
                            "see that the server is up, and that databases.conninfo (%s:%d) leads to it",
                            rules->config_path, database->line);
    case ERR_PERMISSION:
        return arena_printf(findings->arena,
                            "let the role in (pg_hba.conf), and give it what it needs: "
                            "expunge init --database %s --user OWNER, then GRANT expunge_worker TO it",
                            database->name);
    case ERR_CONFIG:
        return arena_printf(findings->arena,
                            "install or upgrade schema expunge (expunge init --database %s), "
                            "or correct the line of the configuration",
                            database->name);
    case ERR_RESTORED: return "expunge replay --plan, then expunge replay";
    case ERR_RAIL: return "settle it before anything runs here: until then nothing of this database is disposed of";
    default: return "see what the server says about it";
    }
}

void
inspect_open(Findings *findings, const House *house, const DatabaseRule *database, Session **ret_session)
{
    *ret_session = NULL;
    findings->database = database->name;
    const Err e = session_open(house, database, NULL, ret_session);
    if (e == OK)
        return;
    *ret_session = NULL;
    inspect_story(findings, e, "connection", open_remedy(findings, house->rules, database, e),
                  err_lines() > 1 ? 1 : 0); /* the first line names the database */
}

static Err
inspect_server(Findings *findings, Session *session)
{
    Instant there;

    if (db_server_version(session->db) < SERVER_TESTED)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = "server",
                               .what = arena_printf(findings->arena,
                                                    "it is PostgreSQL %d; expunge is tested with 15 and later",
                                                    db_server_version(session->db) / 10000),
                               .remedy = "upgrade the server, or try on a copy first" });
    TRY(session_now(session, &there));
    const Instant here = instant_now();
    const int64_t skew = here < there ? there - here : here - there;
    if (skew > SKEW_WORTH_TELLING)
        inspect_add(findings,
                    (Finding){ .severity = SEVERITY_WARNING,
                               .where = "clock",
                               .what = arena_printf(findings->arena,
                                                    "the clocks of this machine and of the server differ by %s",
                                                    instant_format_age(findings->arena, skew)),
                               .remedy = "let both machines keep their time by NTP" });
    if (session->paused)
        inspect_add(findings, (Finding){ .severity = SEVERITY_WARNING,
                                         .where = "worker",
                                         .what = arena_strdup(findings->arena, session->pause_story),
                                         .remedy = "expunge resume" });
    return OK;
}

void
inspect_database(Findings *findings, Session *session)
{
    static const struct
    {
        const char *what;
        Err (*look)(Findings *findings, Session *session);
    } looks[] = {
        { "server", inspect_server },     { "role", inspect_role },           { "targets", inspect_targets },
        { "coverage", inspect_coverage }, { "coverage", inspect_lookalikes }, { "drift", inspect_drift },
        { "kept rows", inspect_kept },    { "tables", inspect_tables },       { "indexes", inspect_indexes },
        { "effects", inspect_effects },   { "restore", inspect_restore },     { "locks", inspect_locks },
        { "time zone", inspect_zone },    { "holds", inspect_holds },
    };

    findings->database = session->database->name;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
    {
        const Err e = looks[i].look(findings, session);
        if (e != OK)
            inspect_story(findings, e, looks[i].what,
                          "settle this first: what else was to be looked at here is not known", 0);
        if (db_is_broken(session->db))
            return;
    }
}

/* -- the verdict --------------------------------------------------------------------------------------------------- */

Err
inspect_verdict(const Findings *findings)
{
    static const Err order[] = { ERR_DATABASE, ERR_CONFIG, ERR_PERMISSION, ERR_RAIL, ERR_EVIDENCE, ERR_IO };
    size_t errors = 0;
    Err code = OK;

    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].severity == SEVERITY_ERROR)
        {
            errors++;
            code = findings->list[i].code;
        }
    if (errors == 0)
        return OK;
    for (size_t o = sizeof order / sizeof *order; o-- > 0;)
        for (size_t i = 0; i < findings->count; i++)
            if (findings->list[i].severity == SEVERITY_ERROR && findings->list[i].code == order[o])
                code = order[o];
    return err_new(code, "not everything is in place: %zu error%s among %zu finding%s", errors, errors == 1 ? "" : "s",
                   findings->count, findings->count == 1 ? "" : "s");
}
