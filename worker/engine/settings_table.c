/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settings_table.h"

#include "model/rules.h"

#define IN(Type, member) .place = SETTING_AT(Type, member)
#define COUNT(Type, member) .count_place = SETTING_AT(Type, member)
#define RANGE(from, to) .min = (from), .max = (to)
#define SETTINGS(array) .settings = (array), .count = sizeof(array) / sizeof((array)[0])

/* ---- worker ---- */

static const Setting batch_settings[] = {
    { "target_ms", SETTING_INTEGER, IN(Rules, batch_target_ms), RANGE(1, 10000), .fallback = "5",
      .help = "how long one batch should take: what a neighbour feels" },
    { "max_rows", SETTING_INTEGER, IN(Rules, batch_max_rows), RANGE(1, 1000000), .fallback = "50000",
      .help = "rows of one batch at most" },
};
static const SettingGroup batch_group = { SETTINGS(batch_settings) };

static const Setting pace_settings[] = {
    { "duty", SETTING_SHARE, IN(Rules, duty), RANGE(0.01, 1), .fallback = "0.5",
      .help = "share of the time in which batches run" },
    { "max_replica_lag", SETTING_INTERVAL, IN(Rules, max_replica_lag),
      .help = "wait while a replica is further behind" },
    { "max_wal_per_second", SETTING_SIZE, IN(Rules, max_wal_per_second), RANGE(1, 1e15),
      .help = "wait while more WAL is written" },
};
static const SettingGroup pace_group = { SETTINGS(pace_settings) };

static const Setting worker_settings[] = {
    { "state_dir", SETTING_PATH, .required = true, IN(Rules, state_dir),
      .help = "directory of the ledger and the keys" },
    { "master_key", SETTING_SECRET, .required = true, IN(Rules, master_key),
      .help = "the key that wraps all keys: a systemd credential or a private file" },
    { "next_master_key", SETTING_SECRET, IN(Rules, next_master_key),
      .help = "the key that comes after it, for \"expunge init --rotate-master\"" },
    { "jobs", SETTING_INTEGER, IN(Rules, jobs), RANGE(1, 16), .fallback = "1",
      .help = "disposals worked on side by side" },
    { "compression_level", SETTING_INTEGER, IN(Rules, compression_level), RANGE(1, 19),
      .help = "zstd level of snapshots; not set: 3 where that makes a table a tenth smaller than 1, otherwise 1" },
    { "window", SETTING_WINDOW, IN(Rules, window),
      .help = "hours in which deletion is allowed, UTC; immediate requests ignore it" },
    { "batch", SETTING_GROUP, .group = &batch_group, .help = "the length of a batch" },
    { "pace", SETTING_GROUP, .group = &pace_group, .help = "the pauses between batches" },
};
static const SettingGroup worker_group = { SETTINGS(worker_settings) };

/* ---- databases ---- */

static const Setting database_settings[] = {
    { "name", SETTING_NAME, .required = true, IN(DatabaseRule, name), .help = "what expunge calls the database" },
    { "conninfo", SETTING_TEXT, .required = true, IN(DatabaseRule, conninfo), .help = "libpq connection string" },
    { "region", SETTING_NAME, IN(DatabaseRule, region), .help = "where its data must stay, snapshots included" },
    { "refresh", SETTING_LIST, .element = SETTING_TABLE, IN(DatabaseRule, refresh), COUNT(DatabaseRule, refresh_count),
      .help = "materialized views to refresh when rows that they read have gone" },
};
static const SettingGroup database_group = {
    SETTINGS(database_settings),
    .size = sizeof(DatabaseRule),
    .line_place = SETTING_AT(DatabaseRule, line),
};

/* ---- edges, of policies and subjects ---- */

static const char *const edge_actions[] = { "delete", "set_null",       "set_default", "anonymise",
                                            "keep",   "remove_element", NULL };
static const char *const match_words[] = { "equal", "element", NULL };
static const char *const orphan_words[] = { "keep", "delete", NULL };

static const Setting edge_settings[] = {
    { "from", SETTING_EDGE_END, .required = true, IN(EdgeRule, child),
      .columns_place = SETTING_AT(EdgeRule, child_columns), COUNT(EdgeRule, column_count),
      .help = "the columns that refer, \"schema.table(column)\"" },
    { "to", SETTING_EDGE_END, .required = true, IN(EdgeRule, parent),
      .columns_place = SETTING_AT(EdgeRule, parent_columns), .help = "the columns they refer to" },
    { "where", SETTING_SQL, IN(EdgeRule, where), .help = "which rows refer, when not all do; no FOREIGN KEY then" },
    { "expression", SETTING_SQL, IN(EdgeRule, expression),
      .help = "the value that refers, where it has to be taken out of from's column" },
    { "match", SETTING_SWITCH, IN(EdgeRule, element), .words = match_words, .fallback = "equal",
      .help = "element: the value is an array, and each of its elements refers" },
    { "action", SETTING_ENUM, IN(EdgeRule, action), .words = edge_actions, .fallback = "delete",
      .help = "what happens to the rows that refer" },
    { "orphans", SETTING_SWITCH, IN(EdgeRule, orphans), .words = orphan_words, .fallback = "keep",
      .help = "delete: rows of to that nothing refers to any more go as well" },
    { "set", SETTING_SETS, IN(EdgeRule, sets), COUNT(EdgeRule, set_count),
      .help = "new values of columns, for anonymise and keep" },
    { "keep_for", SETTING_INTERVAL, IN(EdgeRule, keep_for), .help = "how long kept rows stay" },
    { "purpose", SETTING_TEXT, IN(EdgeRule, purpose), .help = "what kept rows are kept for" },
    { "basis", SETTING_TEXT, IN(EdgeRule, basis), .help = "the law that allows or asks for it" },
};
static const SettingGroup edge_group = {
    SETTINGS(edge_settings),
    .size = sizeof(EdgeRule),
    .line_place = SETTING_AT(EdgeRule, line),
};

/* ---- policies ---- */

static const Setting exempt_settings[] = {
    { "where", SETTING_SQL, .required = true, IN(ExemptRule, where), .help = "which rows stay longer" },
    { "keep_for", SETTING_INTERVAL, .required = true, IN(ExemptRule, keep_for), .help = "how long these stay" },
    { "purpose", SETTING_TEXT, .required = true, IN(ExemptRule, purpose), .help = "what they are kept for" },
    { "basis", SETTING_TEXT, .required = true, IN(ExemptRule, basis), .help = "the law that allows or asks for it" },
};
static const SettingGroup exempt_group = {
    SETTINGS(exempt_settings),
    .size = sizeof(ExemptRule),
    .line_place = SETTING_AT(ExemptRule, line),
};

static const Setting policy_subject_settings[] = {
    { "kind", SETTING_NAME, .required = true, IN(PolicyRule, subject_kind), .help = "a subject's kind" },
    { "column", SETTING_COLUMN, .required = true, IN(PolicyRule, subject_column), .help = "the column with its key" },
};
static const SettingGroup policy_subject_group = { SETTINGS(policy_subject_settings) };

static const Setting policy_settings[] = {
    { "name", SETTING_NAME, .required = true, IN(PolicyRule, name), .help = "the policy's name" },
    { "class", SETTING_TEXT, .required = true, IN(PolicyRule, class_name), .help = "class of data, for the report" },
    { "databases", SETTING_LIST, .element = SETTING_NAME, .filled = true, IN(PolicyRule, databases),
      COUNT(PolicyRule, database_count), .help = "where it applies; default: all databases" },
    { "table", SETTING_TABLE, .required = true, IN(PolicyRule, table), .help = "the table whose rows expire" },
    { "age", SETTING_SQL, .required = true, IN(PolicyRule, age), .help = "column or expression of a row's time" },
    { "keep_for", SETTING_INTERVAL, .required = true, IN(PolicyRule, keep_for), .help = "how long rows stay" },
    { "grace", SETTING_INTERVAL, IN(PolicyRule, grace),
      .help = "how long the snapshot stays; default: none is made, rows are erased at once" },
    { "cleared_within", SETTING_INTERVAL, IN(PolicyRule, cleared_within),
      .help = "how long after the erasure the last copy may be there, backups included" },
    { "purpose", SETTING_TEXT, .required = true, IN(PolicyRule, purpose), .help = "what the data is processed for" },
    { "basis", SETTING_TEXT, .required = true, IN(PolicyRule, basis), .help = "legal basis" },
    { "subject", SETTING_GROUP, .group = &policy_subject_group, .help = "whose rows these are, so that holds count" },
    { "exempt", SETTING_GROUPS, .group = &exempt_group, IN(PolicyRule, exempts), COUNT(PolicyRule, exempt_count),
      .help = "rows with a longer window of their own" },
    { "edges", SETTING_GROUPS, .group = &edge_group, IN(PolicyRule, edges), COUNT(PolicyRule, edge_count),
      .help = "edges that no FOREIGN KEY declares, or that act otherwise" },
};
static const SettingGroup policy_group = {
    SETTINGS(policy_settings),
    .size = sizeof(PolicyRule),
    .line_place = SETTING_AT(PolicyRule, line),
};

/* ---- subjects ---- */

static const char *const during_grace_words[] = { "keep", "remove", NULL };

static const Setting immediate_settings[] = {
    { "approval", SETTING_BOOLEAN, .required = true, IN(SubjectRule, immediate_needs_approval),
      .help = "a second person must approve an erasure without grace" },
};
static const SettingGroup immediate_group = { SETTINGS(immediate_settings) };

static const Setting not_key_settings[] = {
    { "columns", SETTING_EDGE_END, .required = true, IN(NotKeyRule, table),
      .columns_place = SETTING_AT(NotKeyRule, columns), COUNT(NotKeyRule, column_count),
      .help = "columns of a table that look like the subject's key" },
    { "why", SETTING_TEXT, .required = true, IN(NotKeyRule, why), .help = "what they hold instead" },
};
static const SettingGroup not_key_group = {
    SETTINGS(not_key_settings),
    .size = sizeof(NotKeyRule),
    .line_place = SETTING_AT(NotKeyRule, line),
};

static const Setting subject_settings[] = {
    { "kind", SETTING_NAME, .required = true, IN(SubjectRule, kind), .help = "what such a subject is called" },
    { "databases", SETTING_LIST, .element = SETTING_NAME, .filled = true, IN(SubjectRule, databases),
      COUNT(SubjectRule, database_count), .help = "where it lives; default: all databases" },
    { "root", SETTING_TABLE, .required = true, IN(SubjectRule, root), .help = "the table with one row for each" },
    { "key", SETTING_COLUMN, .required = true, IN(SubjectRule, key), .help = "the column that names one" },
    { "label", SETTING_COLUMN, IN(SubjectRule, label), .help = "the column that a person types again" },
    { "incarnation", SETTING_COLUMN, IN(SubjectRule, incarnation),
      .help = "the column that tells a new row from an old one with the same key" },
    { "region", SETTING_COLUMN, IN(SubjectRule, region), .help = "the column with the region of its data" },
    { "ended_at", SETTING_COLUMN, IN(SubjectRule, ended_at), .help = "the column that starts the grace period" },
    { "confirm", SETTING_SQL, IN(SubjectRule, confirm), .help = "what must be true of the root before it is erased" },
    { "grace", SETTING_INTERVAL, .required = true, IN(SubjectRule, grace), .help = "how long it can come back" },
    { "cleared_within", SETTING_INTERVAL, IN(SubjectRule, cleared_within),
      .help = "how long after the erasure the last copy may be there, backups included" },
    { "during_grace", SETTING_SWITCH, IN(SubjectRule, removed_during_grace), .words = during_grace_words,
      .fallback = "keep", .help = "whether live rows stay during the grace period" },
    { "immediate", SETTING_GROUP, .group = &immediate_group, .help = "erasure without grace" },
    { "edges", SETTING_GROUPS, .group = &edge_group, IN(SubjectRule, edges), COUNT(SubjectRule, edge_count),
      .help = "edges that no FOREIGN KEY declares, or that act otherwise" },
    { "not_keys", SETTING_GROUPS, .group = &not_key_group, IN(SubjectRule, not_keys), COUNT(SubjectRule, not_key_count),
      .help = "columns that look like its key and are none" },
    { "processors", SETTING_LIST, .element = SETTING_NAME, IN(SubjectRule, processors),
      COUNT(SubjectRule, processor_count), .help = "who else must erase" },
    { "purpose", SETTING_TEXT, IN(SubjectRule, purpose), .help = "what the data is processed for" },
    { "basis", SETTING_TEXT, IN(SubjectRule, basis), .help = "legal basis" },
};
static const SettingGroup subject_group = {
    SETTINGS(subject_settings),
    .size = sizeof(SubjectRule),
    .line_place = SETTING_AT(SubjectRule, line),
};

/* ---- stores ---- */

static const char *const store_kinds[] = { "directory", "s3", "pgbackrest", "barman", "restic", "command", NULL };
static const char *const store_roles[] = { "snapshots", "copies", "backups", NULL };
static const char *const purge_words[] = { "expire", "replace", NULL };

static const Setting store_settings[] = {
    { "name", SETTING_NAME, .required = true, IN(StoreRule, name), .help = "what expunge calls the store" },
    { "kind", SETTING_CHOICE, .required = true, IN(StoreRule, kind), .words = store_kinds,
      .help = "how it is reached" },
    { "role", SETTING_ENUM, .required = true, IN(StoreRule, role), .words = store_roles, .help = "what it holds" },
    { "region", SETTING_NAME, IN(StoreRule, region), .help = "where it is" },
    { "databases", SETTING_LIST, .element = SETTING_NAME, .filled = true, IN(StoreRule, databases),
      COUNT(StoreRule, database_count), .help = "whose copies it holds; default: all databases of its region" },
    { "subjects", SETTING_LIST, .element = SETTING_NAME, .filled = true, IN(StoreRule, subjects),
      COUNT(StoreRule, subject_count), .help = "copies: the kinds of subjects whose keys ${key} stands for" },
    { "timeout", SETTING_INTERVAL, IN(StoreRule, timeout), .fallback = "10 minutes",
      .help = "how long one request to it may take" },
};
static const Setting directory_settings[] = {
    { "path", SETTING_PATH, .required = true, IN(StoreRule, path), .help = "the directory" },
    { "match", SETTING_TEXT, IN(StoreRule, match), .help = "copies: names of a subject's files below it, with ${key}" },
    { "marker", SETTING_TEXT, IN(StoreRule, marker),
      .help = "copies: a file below it that is there as long as the right file system is mounted" },
};
static const Setting s3_settings[] = {
    { "endpoint", SETTING_TEXT, .required = true, IN(StoreRule, endpoint), .help = "URL of the service" },
    { "bucket", SETTING_TEXT, .required = true, IN(StoreRule, bucket), .help = "the bucket" },
    { "prefix", SETTING_TEXT, IN(StoreRule, prefix),
      .help = "copies: of a subject's objects, with ${key}, and \"/\" at its end; snapshots: of all of them" },
    { "path", SETTING_PATH, IN(StoreRule, path), .help = "snapshots: where they are on this machine meanwhile" },
    { "access_key", SETTING_SECRET, .required = true, IN(StoreRule, access_key), .help = "access key" },
    { "secret_key", SETTING_SECRET, .required = true, IN(StoreRule, secret_key), .help = "secret key" },
    { "signing_region", SETTING_NAME, IN(StoreRule, signing_region), .fallback = "us-east-1",
      .help = "what the service calls the bucket's region" },
    { "private_hosts", SETTING_LIST, .element = SETTING_TEXT, IN(StoreRule, private_hosts),
      COUNT(StoreRule, private_count), .help = "the endpoint's host, where it may have a private address" },
    { "ca_file", SETTING_PATH, IN(StoreRule, ca_file), .help = "certificate authorities, instead of the system's" },
};
static const Setting pgbackrest_settings[] = {
    { "stanza", SETTING_NAME, .required = true, IN(StoreRule, stanza), .help = "the stanza" },
    { "config", SETTING_PATH, IN(StoreRule, config), .help = "pgBackRest's configuration; default: its own" },
    { "purge", SETTING_ENUM, IN(StoreRule, purge), .words = purge_words, .fallback = "expire",
      .help = "let old sets expire, or replace them" },
    { "scratch", SETTING_PATH, IN(StoreRule, scratch),
      .help = "replace: where a new set is restored to for a proof, and removed again" },
    { "rewrite_up_to", SETTING_SIZE, IN(StoreRule, rewrite_up_to), RANGE(0, 1e15), .fallback = "1 GB",
      .help = "how large a table may be, with its indexes, to be rewritten after an erasure" },
};
static const Setting barman_settings[] = {
    { "server", SETTING_NAME, .required = true, IN(StoreRule, server), .help = "the server's name in barman" },
    { "config", SETTING_PATH, IN(StoreRule, config), .help = "barman's configuration; default: its own" },
    { "purge", SETTING_ENUM, IN(StoreRule, purge), .words = purge_words, .fallback = "expire",
      .help = "let old sets expire, or replace them" },
    { "rewrite_up_to", SETTING_SIZE, IN(StoreRule, rewrite_up_to), RANGE(0, 1e15), .fallback = "1 GB",
      .help = "how large a table may be, with its indexes, to be rewritten after an erasure" },
};
static const Setting restic_settings[] = {
    { "repository", SETTING_TEXT, .required = true, IN(StoreRule, repository), .help = "the repository" },
    { "password", SETTING_SECRET, .required = true, IN(StoreRule, password), .help = "its password" },
    { "tag", SETTING_TEXT, .required = true, IN(StoreRule, tag), .help = "of a subject's snapshots, with ${key}" },
};
static const Setting command_settings[] = {
    { "command", SETTING_LIST, .element = SETTING_TEXT, .required = true, .filled = true, IN(StoreRule, command),
      COUNT(StoreRule, command_count), .help = "program, arguments" },
};
static const SettingGroup directory_group = { SETTINGS(directory_settings) };
static const SettingGroup s3_group = { SETTINGS(s3_settings) };
static const SettingGroup pgbackrest_group = { SETTINGS(pgbackrest_settings) };
static const SettingGroup barman_group = { SETTINGS(barman_settings) };
static const SettingGroup restic_group = { SETTINGS(restic_settings) };
static const SettingGroup command_group = { SETTINGS(command_settings) };

static const SettingVariant store_variants[] = {
    { "directory", &directory_group }, { "s3", &s3_group },         { "pgbackrest", &pgbackrest_group },
    { "barman", &barman_group },       { "restic", &restic_group }, { "command", &command_group },
};
static const SettingGroup store_group = {
    SETTINGS(store_settings),
    .size = sizeof(StoreRule),
    .line_place = SETTING_AT(StoreRule, line),
    .selector = "kind",
    .variants = store_variants,
    .variant_count = sizeof(store_variants) / sizeof(store_variants[0]),
};

/* ---- processors ---- */

static const char *const methods[] = { "DELETE", "POST", "PUT", "PATCH", "GET", NULL };
static const char *const content_types[] = { "application/json", "application/x-www-form-urlencoded", NULL };
static const char *const signing_words[] = { "v1", "v1a", NULL };

/* A request and a poll have the same settings; both are a processor's own, or one of its steps'. */
/* clang-format off */
#define CALL(Type, member)                                                                                             \
    { "method", SETTING_CHOICE, .required = true, IN(Type, member.method), .words = methods,                           \
      .help = "HTTP method" },                                                                                         \
    { "url", SETTING_TEXT, .required = true, IN(Type, member.url), .help = "address, with ${NAME} of values" },        \
    { "headers", SETTING_LIST, .element = SETTING_TEXT, IN(Type, member.headers), COUNT(Type, member.header_count),    \
      .help = "further headers, with ${credential:NAME}" },                                                            \
    { "body", SETTING_TEXT, IN(Type, member.body), .help = "what is sent, with ${NAME}" },                             \
    { "content_type", SETTING_CHOICE, IN(Type, member.content_type), .words = content_types,                           \
      .help = "of the body: how values are escaped in it" },                                                           \
    { "done", SETTING_LIST, .element = SETTING_INTEGER, IN(Type, member.done), COUNT(Type, member.done_count),         \
      .help = "statuses that mean: erased" },                                                                          \
    { "accepted", SETTING_LIST, .element = SETTING_INTEGER, IN(Type, member.accepted), COUNT(Type, member.accepted_count),\
      .help = "statuses that mean: taken, and not erased yet" },                                                       \
    { "pointer", SETTING_TEXT, IN(Type, member.pointer),                                                               \
      .help = "JSON pointer: where the answer says what came of it" },                                                 \
    { "value", SETTING_LIST, .element = SETTING_TEXT, IN(Type, member.values), COUNT(Type, member.value_count),        \
      .help = "words there that are as good as the status" },                                                          \
    { "failed", SETTING_LIST, .element = SETTING_TEXT, IN(Type, member.failed), COUNT(Type, member.failed_count),      \
      .help = "words there that mean: it gave up, begin again" },                                                      \
    { "receipt", SETTING_TEXT, IN(Type, member.receipt), .help = "JSON pointer: its name for the request" }
/* clang-format on */

static const Setting only_request_settings[] = { CALL(ProcessorRule, only.request) };
static const Setting only_poll_settings[] = {
    CALL(ProcessorRule, only.poll),
    { "waiting", SETTING_LIST, .element = SETTING_TEXT, IN(ProcessorRule, only.poll.waiting),
      COUNT(ProcessorRule, only.poll.waiting_count), .help = "words there that mean: ask again later" },
    { "every", SETTING_INTERVAL, IN(ProcessorRule, only.poll.every), .help = "how often it is asked" },
};
static const Setting step_request_settings[] = { CALL(ProcessorStep, request) };
static const Setting step_poll_settings[] = {
    CALL(ProcessorStep, poll),
    { "waiting", SETTING_LIST, .element = SETTING_TEXT, IN(ProcessorStep, poll.waiting),
      COUNT(ProcessorStep, poll.waiting_count), .help = "words there that mean: ask again later" },
    { "every", SETTING_INTERVAL, IN(ProcessorStep, poll.every), .help = "how often it is asked" },
};
static const SettingGroup only_request_group = { SETTINGS(only_request_settings),
                                                 .line_place = SETTING_AT(ProcessorRule, only.request.line) };
static const SettingGroup only_poll_group = { SETTINGS(only_poll_settings),
                                              .line_place = SETTING_AT(ProcessorRule, only.poll.line) };
static const SettingGroup step_request_group = { SETTINGS(step_request_settings),
                                                 .line_place = SETTING_AT(ProcessorStep, request.line) };
static const SettingGroup step_poll_group = { SETTINGS(step_poll_settings),
                                              .line_place = SETTING_AT(ProcessorStep, poll.line) };

static const Setting step_settings[] = {
    { "request", SETTING_GROUP, .required = true, .group = &step_request_group, .help = "what is asked" },
    { "poll", SETTING_GROUP, .group = &step_poll_group, .help = "how its end is asked for" },
};
static const SettingGroup step_group = { SETTINGS(step_settings), .size = sizeof(ProcessorStep) };

static const Setting value_settings[] = {
    { "name", SETTING_NAME, .required = true, IN(ProcessorValue, name), .help = "the placeholder's name" },
    { "column", SETTING_EDGE_END, .required = true, IN(ProcessorValue, table),
      .columns_place = SETTING_AT(ProcessorValue, columns), COUNT(ProcessorValue, column_count),
      .help = "of the root or of a table of its scope, \"schema.table(column)\"" },
    { "kind", SETTING_NAME, IN(ProcessorValue, kind), .help = "of subject; default: all that name the processor" },
};
static const SettingGroup value_group = {
    SETTINGS(value_settings),
    .size = sizeof(ProcessorValue),
    .line_place = SETTING_AT(ProcessorValue, line),
};

static const Setting signing_settings[] = {
    { "scheme", SETTING_CHOICE, .required = true, IN(ProcessorRule, signing), .words = signing_words,
      .help = "of Standard Webhooks: v1 is HMAC-SHA256, v1a is Ed25519" },
    { "secret", SETTING_SECRET, .required = true, IN(ProcessorRule, signing_secret),
      .help = "its key, whsec_… or whsk_…" },
};
static const SettingGroup signing_group = { SETTINGS(signing_settings) };

static const Setting processor_settings[] = {
    { "name", SETTING_NAME, .required = true, IN(ProcessorRule, name), .help = "the processor's name" },
    { "purpose", SETTING_TEXT, .required = true, IN(ProcessorRule, purpose), .help = "what it does for us" },
    { "deadline", SETTING_INTERVAL, .required = true, IN(ProcessorRule, deadline),
      .help = "how long it may take from when the live rows are gone" },
    { "values", SETTING_GROUPS, .group = &value_group, IN(ProcessorRule, values), COUNT(ProcessorRule, value_count),
      .help = "what it calls the subject" },
    { "request", SETTING_GROUP, .group = &only_request_group, .help = "how it is told" },
    { "poll", SETTING_GROUP, .group = &only_poll_group, .help = "how the end of its work is asked for" },
    { "steps", SETTING_GROUPS, .filled = true, .group = &step_group, IN(ProcessorRule, steps),
      COUNT(ProcessorRule, step_count), .help = "several requests, one after the other" },
    { "erased_within", SETTING_INTERVAL, IN(ProcessorRule, erased_within),
      .help = "its own term after it accepted, where it cannot be asked" },
    { "signing", SETTING_GROUP, .group = &signing_group, .help = "messages by Standard Webhooks 1.0.0" },
    { "timeout", SETTING_INTERVAL, IN(ProcessorRule, timeout), .fallback = "1 minute",
      .help = "how long one request may take" },
    { "private_hosts", SETTING_LIST, .element = SETTING_TEXT, IN(ProcessorRule, private_hosts),
      COUNT(ProcessorRule, private_count), .help = "hosts that may have a private address" },
    { "ca_file", SETTING_PATH, IN(ProcessorRule, ca_file), .help = "certificate authorities, instead of the system's" },
};
static const SettingGroup processor_group = {
    SETTINGS(processor_settings),
    .size = sizeof(ProcessorRule),
    .line_place = SETTING_AT(ProcessorRule, line),
};

/* ---- safety, notify, the whole ---- */

static const Setting safety_settings[] = {
    { "max_rows", SETTING_INTEGER, IN(Rules, max_rows), RANGE(1, INT32_MAX), .fallback = "5000000",
      .help = "rows of one run at most" },
    { "max_share", SETTING_SHARE, IN(Rules, max_share), RANGE(0, 1), .fallback = "0.2",
      .help = "share of one table in one run at most" },
    { "max_subjects", SETTING_INTEGER, IN(Rules, max_subjects), RANGE(1, INT32_MAX), .fallback = "50",
      .help = "subjects of one run at most" },
    { "max_clock_skew", SETTING_INTERVAL, IN(Rules, max_clock_skew), .fallback = "5 minutes",
      .help = "difference between the clocks of the database and this machine at most" },
    { "overdue_after", SETTING_INTERVAL, .zero_allowed = true, IN(Rules, overdue_after), .fallback = "2 days",
      .help = "how late a due step may be before it is called overdue" },
    { "allow_as_of", SETTING_BOOLEAN, IN(Rules, allow_as_of), .fallback = "false",
      .help = "whether run takes --as-of, for tests" },
};
static const SettingGroup safety_group = { SETTINGS(safety_settings) };

static const Setting notify_settings[] = {
    { "metrics", SETTING_PATH, IN(Rules, metrics_path), .help = "file for node_exporter's textfile collector" },
};
static const SettingGroup notify_group = { SETTINGS(notify_settings) };

/* ---- evidence ---- */

static const Setting auditor_settings[] = {
    { "name", SETTING_NAME, .required = true, IN(AuditorRule, name), .help = "in the name of the signature's file" },
    { "key", SETTING_TEXT, .required = true, IN(AuditorRule, key), .help = "public key, \"ssh-ed25519 AAAA…\"" },
};
static const SettingGroup auditor_group = {
    SETTINGS(auditor_settings),
    .size = sizeof(AuditorRule),
    .line_place = SETTING_AT(AuditorRule, line),
};

static const Setting evidence_settings[] = {
    { "name", SETTING_NAME, IN(Rules, evidence_name), .fallback = "ledger",
      .help = "what signatures call this installation: \"expunge@NAME\"; cannot be changed later" },
    { "auditors", SETTING_GROUPS, .group = &auditor_group, IN(Rules, auditors), COUNT(Rules, auditor_count),
      .help = "who signs checkpoints as well, so that history cannot be rewritten unseen" },
    { "timestamp", SETTING_LIST, .element = SETTING_TEXT, .filled = true, IN(Rules, timestamp),
      COUNT(Rules, timestamp_count),
      .help = "command that takes an RFC 3161 query and answers it, with its arguments" },
    { "timestamp_seconds", SETTING_INTEGER, IN(Rules, timestamp_seconds), RANGE(1, 600), .fallback = "30",
      .help = "how long it may take" },
};
static const SettingGroup evidence_group = { SETTINGS(evidence_settings) };

static const Setting root_settings[] = {
    { "worker", SETTING_GROUP, .required = true, .group = &worker_group, .help = "the worker itself" },
    { "databases", SETTING_GROUPS, .required = true, .filled = true, .group = &database_group, IN(Rules, databases),
      COUNT(Rules, database_count), .help = "where it works" },
    { "policies", SETTING_GROUPS, .group = &policy_group, IN(Rules, policies), COUNT(Rules, policy_count),
      .help = "how long rows of a table stay" },
    { "subjects", SETTING_GROUPS, .group = &subject_group, IN(Rules, subjects), COUNT(Rules, subject_count),
      .help = "whose data is erased on request or at the end of a contract" },
    { "global_tables", SETTING_LIST, .element = SETTING_TABLE, IN(Rules, global_tables), COUNT(Rules, global_count),
      .help = "tables that hold nobody's data" },
    { "stores", SETTING_GROUPS, .group = &store_group, IN(Rules, stores), COUNT(Rules, store_count),
      .help = "places that hold copies" },
    { "processors", SETTING_GROUPS, .group = &processor_group, IN(Rules, processors), COUNT(Rules, processor_count),
      .help = "third parties that process data for us" },
    { "evidence", SETTING_GROUP, .group = &evidence_group, .help = "how the ledger is signed, and by whom" },
    { "safety", SETTING_GROUP, .group = &safety_group, .help = "the rails" },
    { "notify", SETTING_GROUP, .group = &notify_group, .help = "who is told" },
};
const SettingGroup settings_table = { SETTINGS(root_settings), .size = sizeof(Rules) };
