/* SPDX-License-Identifier: Apache-2.0 */
/* The part of db.h that opens and closes connections. */
#include "wrap/db_private.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char session_settings[] = "set client_encoding = 'UTF8';"
                                       "set datestyle = 'ISO';"
                                       "set intervalstyle = 'postgres';"
                                       "set timezone = 'UTC';"
                                       "set extra_float_digits = 3;"
                                       "set bytea_output = 'hex';"
                                       "set lc_monetary = 'C';"
                                       "set xmloption = 'content';"
                                       "set standard_conforming_strings = on;"
                                       "set row_security = off;"
                                       "set lock_timeout = 0;"
                                       "set statement_timeout = 0;"
                                       "set jit = off;"
                                       "set max_parallel_workers_per_gather = 0;"
                                       "set idle_in_transaction_session_timeout = 0";

static void
drop_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice; /* an application's trigger may put a value into one */
}

/* libpq repeats parts of a string that it cannot read, and of a password with a bare "@" as the host: neither may
 * be told. */
static Err
check_conninfo(const char *conninfo)
{
    const bool is_uri = text_starts(conninfo, "postgresql://") || text_starts(conninfo, "postgres://");
    bool bad_host = false;

    if (!is_uri && strchr(conninfo, '=') == NULL)
        return OK; /* a database's name, or empty */
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    if (options == NULL)
        return err_new(ERR_DATABASE, "the connection string cannot be read; right are \"host=... dbname=...\" "
                                     "and \"postgresql://...\" (it is not shown, as it may hold a password)");
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
        if (option->val != NULL && strcmp(option->keyword, "host") == 0 && strchr(option->val, '@') > option->val)
            bad_host = true;
    PQconninfoFree(options);
    if (is_uri && bad_host)
        return err_new(ERR_DATABASE, "the connection string cannot be right: its host holds an \"@\"; "
                                     "within a password, write \"%%40\"");
    return OK;
}

/* The lines of libpq's message in one, without what the server adds to its primary message. */
static const char *
tidy_message(Arena *arena, const char *message)
{
    static const char *const dropped[] = { "LOCATION:", "DETAIL:", "HINT:", "CONTEXT:" };
    Text tidy = TEXT_INIT(arena);

    for (const char *line = message; *line != '\0';)
    {
        const size_t length = strcspn(line, "\n");
        bool wanted = length > 0;

        for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
            wanted = wanted && !text_starts(line, dropped[i]);
        for (size_t i = 0; wanted && i < length; i++)
            if (line[i] != '\t' && !(line[i] == ' ' && i + 1 < length && line[i + 1] == ' '))
                text_add_bytes(&tidy, &line[i], 1);
        line += length;
        line += *line == '\n';
        if (wanted && *line != '\0')
            text_add(&tidy, "; ");
    }
    char *text = text_done(&tidy);
    const size_t length = strlen(text);
    if (length >= 2 && strcmp(text + length - 2, "; ") == 0)
        text[length - 2] = '\0';
    return text;
}

/* "FATAL:  28P01: password authentication failed …": the severity may be translated, so only the rest is looked for. */
static bool
finds_class_28(const char *message)
{
    for (const char *at = strstr(message, ":  28"); at != NULL; at = strstr(at + 1, ":  28"))
        if (strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[8] == ':')
            return true;
    return false;
}

static Err
connect_to(Db *db, const char *conninfo, const char *user, const char *name)
{
    char application_name[64];
    const char *const keywords[] = { "dbname", "user", "application_name", NULL }; /* later ones win */
    const char *const values[] = { conninfo, user, application_name, NULL };

    (void)snprintf(application_name, sizeof application_name, "expunge %s", name);
    db->conn = PQconnectdbParams(keywords, values, 1);
    if (db->conn == NULL)
        return err_new(ERR_DATABASE, "could not connect to the database: out of memory");
    if (PQstatus(db->conn) == CONNECTION_BAD)
    {
        /* Asked once more: only a verbose message tells the SQLSTATE of a refused connection. */
        (void)PQsetErrorVerbosity(db->conn, PQERRORS_VERBOSE);
        PQreset(db->conn);
    }
    if (PQstatus(db->conn) == CONNECTION_BAD)
    {
        const char *message = PQerrorMessage(db->conn);

        return err_new(finds_class_28(message) ? ERR_PERMISSION : ERR_DATABASE, "could not connect to the database: %s",
                       tidy_message(db->scratch, message));
    }
    (void)PQsetErrorVerbosity(db->conn, PQERRORS_DEFAULT);
    (void)PQsetNoticeReceiver(db->conn, drop_notice, NULL);
    return OK;
}

static Err
set_session(Db *db)
{
    const Err e = db_exec(db, session_settings);

    if (e != OK)
        return err_note(e, "could not set up the database session");
    if (PQserverVersion(db->conn) >= 140000 && db_exec(db, "set client_connection_check_interval = '1s'") != OK)
    {
        /* some systems cannot: then a vanished worker is noticed later */
        err_clear();
        db->sqlstate[0] = db->own_message[0] = '\0';
    }
    return OK;
}

Err
db_open(const char *conninfo, const char *user, const char *name, Db **ret_db)
{
    CLEANUP(db_closep) Db *db = mem_alloc(sizeof *db);

    db->scratch = arena_new();
    db->kept_arena = arena_new();
    if (conninfo != NULL)
        TRY(check_conninfo(conninfo));
    TRY(connect_to(db, conninfo, user, name));
    TRY(set_session(db));
    *ret_db = db;
    db = NULL;
    return OK;
}

void
db_close(Db *db)
{
    if (db == NULL)
        return;
    PQfinish(db->conn);
    arena_free(db->scratch);
    arena_free(db->kept_arena);
    mem_free(db);
}

void
db_closep(Db **db)
{
    db_close(*db);
    *db = NULL;
}
