/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h -- the configuration as the rest of the program sees it: checked, complete, read-only.  Pure data.
 *
 * Durations stay texts (PostgreSQL intervals): the database itself parses them.  engine/settings fills all this. */
#ifndef EXPUNGE_RULES_H
#define EXPUNGE_RULES_H

#include "base/instant.h"
#include "model/window.h"

typedef enum EdgeAction
{
    EDGE_DELETE,
    EDGE_SET_NULL,
    EDGE_SET_DEFAULT,
    EDGE_ANONYMISE,
    EDGE_KEEP,
    EDGE_REMOVE_ELEMENT /* the key leaves the array that holds it, the row stays */
} EdgeAction;
const char *edge_action_name(EdgeAction action); /* "delete", "set_null", … */

/* A table's or column's place as the configuration names it.  Parts are plain names, not quoted. */
typedef struct TableName
{
    const char *schema;
    const char *table;
} TableName;

typedef struct SetRule
{
    const char *column;
    const char *expression; /* SQL */
} SetRule;

typedef struct EdgeRule
{
    TableName child;
    const char **child_columns;
    TableName parent;
    const char **parent_columns;
    size_t column_count;
    const char *where;      /* SQL condition on the child's row: only these refer (owner_type = 'x'); NULL: all */
    const char *expression; /* SQL: the value that refers, made of the child's one column; NULL: the column itself */
    bool element;           /* that value is an array of keys: each of them refers */
    bool orphans;           /* a parent that nothing refers to any more, once the children are gone, goes as well */
    EdgeAction action;
    bool action_given; /* written down: meant also for a row that belongs to somebody else by another edge */
    SetRule *sets;
    size_t set_count;
    const char *keep_for; /* keep: NULL or an interval */
    const char *purpose;
    const char *basis;
    int line;
} EdgeRule;

typedef struct ExemptRule
{
    const char *where; /* SQL condition on the policy's table */
    const char *keep_for;
    const char *purpose;
    const char *basis;
    int line;
} ExemptRule;

typedef struct PolicyRule
{
    const char *name;
    const char *class_name;
    const char **databases; /* NULL: all */
    size_t database_count;
    TableName table;
    const char *age; /* a column, or an SQL expression of type timestamptz, timestamp or date */
    const char *keep_for;
    const char *grace; /* NULL: no snapshot, rows are erased at once */
    const char
        *cleared_within; /* interval from the erasure until the last copy is to be gone; NULL: nothing is promised */
    const char *purpose;
    const char *basis;
    const char *subject_kind; /* NULL, or whose rows these are: a hold on that subject is honoured */
    const char *subject_column;
    ExemptRule *exempts;
    size_t exempt_count;
    EdgeRule *edges; /* for what hangs on the policy's rows */
    size_t edge_count;
    int line;
} PolicyRule;

/* Columns that look like a subject's key and are none. */
typedef struct NotKeyRule
{
    TableName table;
    const char **columns;
    size_t column_count;
    const char *why;
    int line;
} NotKeyRule;

typedef struct SubjectRule
{
    const char *kind;
    const char **databases; /* NULL: all */
    size_t database_count;
    TableName root;
    const char *key;
    const char *label;       /* column; NULL: none */
    const char *incarnation; /* column; NULL: none */
    const char *region;      /* column; NULL: none */
    const char *ended_at;    /* column; NULL: only by request */
    const char *confirm;     /* SQL condition on the root's row; NULL: none */
    const char *grace;
    const char *cleared_within; /* as a policy's */
    bool removed_during_grace;  /* during_grace = "remove" */
    bool immediate_needs_approval;
    EdgeRule *edges;
    size_t edge_count;
    NotKeyRule *not_keys;
    size_t not_key_count;
    const char **processors;
    size_t processor_count;
    const char *purpose;
    const char *basis;
    int line;
} SubjectRule;

typedef struct DatabaseRule
{
    const char *name;
    const char *conninfo;
    const char *region; /* NULL: residency is not judged */
    TableName *refresh; /* materialized views, refreshed when rows that they read have gone */
    size_t refresh_count;
    int line;
} DatabaseRule;

typedef enum StoreRole
{
    STORE_SNAPSHOTS, /* expunge's own */
    STORE_COPIES,    /* of a subject's rows, found by its key */
    STORE_BACKUPS    /* of whole databases, told by when they were made */
} StoreRole;

typedef enum StorePurge
{
    STORE_EXPIRE, /* wait until the store's own retention takes them */
    STORE_REPLACE /* make a new one first, then let the older ones go */
} StorePurge;

typedef struct StoreRule
{
    const char *name;
    const char *kind; /* "directory", "s3", … */
    StoreRole role;
    const char *region;     /* NULL: any */
    const char **databases; /* whose copies it holds; NULL: all of its region */
    size_t database_count;
    const char **subjects; /* copies: of these kinds; NULL: of the only kind that there is */
    size_t subject_count;
    const char *timeout; /* interval: how long one request or program may take */
    /* directory */
    const char *path;
    const char *match;  /* copies: names below path, with ${key} */
    const char *marker; /* copies: a file below path without which the right file system is not mounted; NULL */
    /* s3; path: snapshots, where they are meanwhile */
    const char *endpoint;
    const char *bucket;
    const char *prefix;     /* copies: with ${key} */
    const char *access_key; /* "credential:NAME" or "file:/path", as all secrets */
    const char *secret_key;
    const char *signing_region; /* that requests are signed for */
    const char **private_hosts;
    size_t private_count;
    const char *ca_file; /* NULL: the system's */
    /* pgbackrest, barman */
    const char *stanza;
    const char *server;
    const char *config; /* their configuration file; NULL: their own default */
    StorePurge purge;
    const char *scratch;   /* pgbackrest, STORE_REPLACE: where a new set is restored to for a proof */
    int64_t rewrite_up_to; /* bytes of a table that is rewritten, with its indexes */
    /* restic */
    const char *repository;
    const char *password;
    const char *tag; /* with ${key} */
    /* command */
    const char **command;
    size_t command_count;
    int line;
} StoreRule;

/* Somebody else who signs checkpoints: an anchor outside our reach. */
typedef struct AuditorRule
{
    const char *name;
    const char *key; /* "ssh-ed25519 AAAA…" */
    int line;
} AuditorRule;

/* One request to a processor, and what its answers mean. */
typedef struct ProcessorCall
{
    const char *method; /* NULL: there is no such request */
    const char *url;    /* url, headers and body with ${placeholders}: copies/template */
    const char **headers;
    size_t header_count;
    const char *body; /* NULL: none */
    const char *content_type;
    int64_t *done; /* statuses that mean: erased */
    size_t done_count;
    int64_t *accepted; /* statuses that mean: taken, not erased yet */
    size_t accepted_count;
    const char *pointer; /* JSON pointer: where a 2xx says what came of it; NULL: the status says it all */
    const char **values; /* words there that are as good as the status */
    size_t value_count;
    const char **waiting; /* not yet: asked again */
    size_t waiting_count;
    const char **failed; /* never: begun again */
    size_t failed_count;
    const char *receipt; /* JSON pointer: what the processor calls the request; NULL: a digest of its answer */
    const char *every;   /* polls: an interval between two of them; NULL: not a poll */
    int line;
} ProcessorCall;

typedef struct ProcessorStep
{
    ProcessorCall request;
    ProcessorCall poll; /* method NULL: none */
} ProcessorStep;

/* What the processor calls the subject: a column of the root, or of a table of its scope. */
typedef struct ProcessorValue
{
    const char *name;
    const char *kind; /* of subject; NULL: all that name the processor */
    TableName table;
    const char **columns; /* one */
    size_t column_count;
    int line;
} ProcessorValue;

typedef struct ProcessorRule
{
    const char *name;
    const char *purpose;
    const char *deadline;      /* interval: how long it may take, from when the live rows are gone */
    const char *erased_within; /* interval after its acceptance: its own word, where it tells no end; NULL */
    const char *timeout;       /* interval: for one request */
    const char **private_hosts;
    size_t private_count;
    const char *ca_file; /* NULL: the system's */
    const char *signing; /* "v1" or "v1a" of Standard Webhooks; NULL: none */
    const char *signing_secret;
    ProcessorValue *values;
    size_t value_count;
    ProcessorStep only; /* where there are no steps */
    ProcessorStep *steps;
    size_t step_count;
    const ProcessorCall **calls; /* all of them, in their order */
    size_t call_count;
    int line;
} ProcessorRule;

typedef struct Rules
{
    const char *config_path;
    char config_digest[65];

    const char *state_dir;
    const char *master_key;      /* "credential:NAME" or "file:/path" */
    const char *next_master_key; /* likewise: the one that a rotation goes to; NULL: none */
    int64_t jobs;
    int64_t batch_target_ms;
    int64_t batch_max_rows;
    double duty;
    const char *max_replica_lag; /* interval; NULL: not judged */
    int64_t max_wal_per_second;  /* bytes; 0: not judged */
    int64_t compression_level;   /* 0: chosen for each file */
    Window window;               /* hours of deletion, UTC; window_always when not set */

    DatabaseRule *databases;
    size_t database_count;
    PolicyRule *policies;
    size_t policy_count;
    SubjectRule *subjects;
    size_t subject_count;
    TableName *global_tables;
    size_t global_count;
    StoreRule *stores;
    size_t store_count;
    ProcessorRule *processors;
    size_t processor_count;

    const char *evidence_name; /* the origin of the checkpoints is "expunge@" and this */
    AuditorRule *auditors;
    size_t auditor_count;
    const char **timestamp; /* a command: program and arguments */
    size_t timestamp_count; /* 0: none */
    int64_t timestamp_seconds;

    int64_t max_rows;
    double max_share;
    int64_t max_subjects;
    const char *max_clock_skew; /* interval */
    const char *overdue_after;  /* interval: how late a due step may be before it is called overdue */
    bool allow_as_of;
    const char *metrics_path; /* NULL: none */
} Rules;

/* The snapshot store for a database: role snapshots, of the same region (or, when either has none, any); NULL: none. */
const StoreRule *rules_snapshot_store(const Rules *rules, const DatabaseRule *database);
/* The store holds copies of what a disposal of this kind ("policy", or a kind of subject) erases in this database. */
bool rules_store_applies(const StoreRule *store, const DatabaseRule *database, const char *kind);
bool rules_store_may_hold(const StoreRule *store, const DatabaseRule *database); /* ... of any kind */
/* NULL: the configuration has none of that name. */
const StoreRule *rules_store(const Rules *rules, const char *name);
/* The promised window of a disposal's copies, cleared_within; NULL: none. */
const char *rules_cleared_within(const Rules *rules, const char *kind, const char *name);
bool rules_policy_applies(const PolicyRule *policy, const char *database);
bool rules_subject_applies(const SubjectRule *subject, const char *database);
const ProcessorRule *rules_processor(const Rules *rules, const char *name); /* NULL: none of that name */
/* The value of that name for a kind of subject; NULL: the processor has none. */
const ProcessorValue *rules_value(const ProcessorRule *processor, const char *name, const char *kind);

/* The table is one of global_tables. */
bool rules_global(const Rules *rules, const char *schema, const char *table);

#endif
