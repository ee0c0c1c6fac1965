/* SPDX-License-Identifier: Apache-2.0 */
/* session.h -- one database with all that work in it needs: connection, rules, graph, targets, keys, ledger. */
#ifndef EXPUNGE_SESSION_H
#define EXPUNGE_SESSION_H

#include "engine/selector.h"
#include "engine/target.h"
#include "store/disposals.h"
#include "store/keys.h"
#include "store/ledger.h"

/* What a whole command shares, over all databases and threads. */
typedef struct House
{
    const Rules *rules;
    Keys *keys;     /* NULL: the command needs none */
    Ledger *ledger; /* NULL likewise */
    Instant as_of;  /* --as-of; INSTANT_NONE: the database's clock */
    bool
        lets_restored; /* a database that was restored from a backup is opened all the same: who looks, and who replays */
} House;

/* Columns that look like a subject's key and are covered by nothing. */
typedef struct SessionGap
{
    const char *story; /* NULL: there are none */
    const char *settle;
} SessionGap;

typedef struct Session
{
    const House *house;
    const Rules *rules;
    const DatabaseRule *database;
    const StoreRule *store; /* for snapshots; NULL: none configured */
    Arena *arena;           /* as long as the session */
    Db *db;
    Db *second; /* opened when a fast move needs it */
    const Graph *graph;
    Targets targets;
    bool *work_made;              /* per target: its work tables exist on this connection */
    bool *taken;                  /* plan: per table, whether taken keys are written down; NULL: not a plan */
    const char *coverage_problem; /* why no subject may be erased here; NULL: fine */
    const char *coverage_settle; /* the lines that would settle it, once somebody asked (engine/coverage); NULL: none */
    const SessionGap *gaps;      /* per target, by its number; NULL: not looked at yet (engine/coverage) */
    struct RefreshView *views;   /* plan: materialized views, once they are read (engine/refresh) */
    size_t view_count;
    bool views_read;
    char installation[40];
    char system_identifier[32];
    int64_t timeline;
    bool look_only;
    bool tells_sql;           /* plan --sql: a survey writes down the statements, too */
    const char *schema_stamp; /* of the catalog that graph was read from */
    bool paused;
    const char *pause_story;
    bool replaying; /* a replay has begun and is not done */
    const char *
        restored_story; /* why it seems to have been restored from a backup; NULL: it was not, or no ledger was asked */
} Session;

/* What must be there before anything is done; a command asks for what it needs. */
typedef struct SessionNeeds
{
    const char *user;  /* another role than the conninfo's; NULL */
    bool only_connect; /* init: no schema expunge yet */
    bool notifies;     /* as role expunge_notifier, without the catalog: it has no right to delete */
    bool look_only;    /* READ ONLY from the first statement on, but for own temporary tables: the server sees to it */
} SessionNeeds;

/* Connects, then judges the rails: schema expunge of this version, region, clock; reads the catalog and binds the
 * targets.  Fails with ERR_DATABASE, ERR_CONFIG, ERR_RAIL (clock, residency), ERR_PERMISSION, and with ERR_RESTORED where
 * the house has a ledger that has seen more of the database than is there. */
NODISCARD Err session_open(const House *house, const DatabaseRule *database, const SessionNeeds *needs,
                           Session **ret_session);
#define SESSION_LOCK_TIMEOUT "20s" /* a lock that is held for longer is not waited for: the disposal is tried again */
/* A second worker on the same database: own connection and work tables, the graph and targets of the first. */
NODISCARD Err session_fork(const Session *session, Session **ret_session);
/* ERR_AGAIN when columns, foreign keys or triggers are not those that the session read. */
NODISCARD Err session_judge_schema(Session *session);
/* Ranges of an order: planned once for all values, and along the index that orders them, whatever the planner thinks of
 * a table that is being emptied. */
#define SESSION_RANGE_PLANS "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_sort = off"
/* The second connection, opened when it is not there.  It works on ranges alone. */
NODISCARD Err session_open_second(Session *session);
/* One of its connections is gone: what failed is no fault of the disposal's. */
bool session_is_broken(const Session *session);
void session_close(Session *session);
void session_closep(Session **session);

/* The point in time from which windows are judged: --as-of, or the database's clock. */
NODISCARD Err session_now(Session *session, Instant *ret_now);
/* A point in time plus or minus an interval, by the database. */
NODISCARD Err session_add(Session *session, Instant at, const char *interval, Instant *ret);
NODISCARD Err session_subtract(Session *session, Instant at, const char *interval, Instant *ret);
/* The cutoffs of a policy as of a point in time; texts in arena. */
NODISCARD Err session_cutoffs(Session *session, Arena *arena, const Target *target, Instant as_of,
                              Cutoffs *ret_cutoffs);
/* One number from a query without parameters. */
NODISCARD Err session_number(Session *session, const char *sql, int64_t *ret);

/* Make (once per connection) or empty the target's work tables; set the subject's key for the statements to come. */
NODISCARD Err session_prepare_work(Session *session, const Selector *selector);
/* While disposals are surveyed: tables of taken keys for each table that more than one target reaches. */
NODISCARD Err session_prepare_taken(Session *session);
NODISCARD Err session_forget_taken(Session *session);
NODISCARD Err session_set_key(Session *session, const char *key);

/* HEX commitment to a subject: kind, key, incarnation. */
char *session_commitment(const House *house, Arena *arena, const char *kind, const char *key, const char *incarnation);
/* A subject's disposal that nobody wrote a commitment down for: it, and the name that people read, from its key. */
void session_name_subject(const House *house, Arena *arena, Disposal *disposal);

/* Keys, one thread at a time. */
NODISCARD Err session_key_make(const House *house, char ret_id[KEYS_ID_TEXT], Secret **ret_key);
NODISCARD Err session_key_load(const House *house, const char *id, Secret **ret_key);
NODISCARD Err session_key_destroy(const House *house, const char *id);

/* The ledger fields that every entry about a disposal has. */
JsonDoc *session_fields(const Session *session, const Disposal *disposal);
/* Outbox → ledger.  leftovers: entries of an earlier, interrupted process may be in the file already: look there. */
NODISCARD Err session_flush(Session *session, int64_t disposal_id, bool leftovers);
/* One entry in a transaction of its own, flushed. */
NODISCARD Err session_record(Session *session, const Disposal *disposal, const char *event, JsonDoc *fields);

#endif
