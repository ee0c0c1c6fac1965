/* SPDX-License-Identifier: Apache-2.0 */
/* What settings.c refuses, setting by setting. */
#include "settings_support.h"

/* ---- what is wrong ---- */

/* A line of good_text is replaced by put; the fault is told at line (0: that same line). */
typedef struct Wrong
{
    int number;
    const char *put;
    int line;
    const char *words;
} Wrong;

static const Wrong wrongs[] = {
    /* worker */
    { 3, "", 2, "worker.state_dir: is missing; must be an absolute path" },
    { 3, "state_dir = \"var/lib\";", 0, "worker.state_dir: is not an absolute path; must be an absolute path" },
    { 3, "state_dir = \"/var/../lib\";", 0, "worker.state_dir: goes through" },
    { 4, "", 2, "worker.master_key: is missing; must be \"credential:NAME\" or \"file:/absolute/path\"" },
    { 4, "master_key = \"hunter2\";", 0, "worker.master_key: begins with neither" },
    { 4, "master_key = \"credential:a/b\";", 0, "worker.master_key: holds a character" },
    { 4, "master_key = \"file:key\";", 0, "worker.master_key: is not an absolute path" },
    { 5, "jobs = 0;", 0, "worker.jobs: 0 is out of range; must be a whole number from 1 to 16" },
    { 5, "jobs = 17;", 0, "worker.jobs: 17 is out of range" },
    { 5, "jobs = 2.0;", 0, "worker.jobs: is a number with a point; must be a whole number from 1 to 16" },
    { 5, "job = 2;", 0, "worker.job: unknown setting \"job\"; did you mean \"jobs\"?" },
    { 6, "compression_level = 20;", 0, "must be a whole number from 1 to 19" },
    { 6, "compression_level = 0;", 0, "must be a whole number from 1 to 19" },
    { 7, "window = \"always\";", 0, "worker.window: is not a window of hours; must be hours of the day in UTC" },
    { 7, "window = \"05:00-05:00\";", 0, "worker.window: is not a window of hours" },
    { 9, "target_ms = 0;", 0, "worker.batch.target_ms: 0 is out of range; must be a whole number from 1 to 10000" },
    { 9, "target_ms = 10001;", 0, "worker.batch.target_ms: 10001 is out of range" },
    { 10, "max_rows = 1000001;", 0, "worker.batch.max_rows: 1000001 is out of range" },
    { 13, "duty = 0.0;", 0, "worker.pace.duty: 0 is out of range; must be a number from 0.01 to 1" },
    { 13, "duty = 1.01;", 0, "worker.pace.duty: 1.01 is out of range" },
    { 14, "max_replica_lag = \"0 s\";", 0, "worker.pace.max_replica_lag: is zero" },
    { 15, "max_wal_per_second = \"64 apples\";", 0, "is not a size; must be a size such as \"64MB\"" },
    { 15, "max_wal_per_second = \"0\";", 0, "worker.pace.max_wal_per_second: is out of range" },
    /* databases */ { 21, "", 19, "databases[0].conninfo: is missing" },
    { 21, "conninfo = \"\";", 0, "databases[0].conninfo: is blank" },
    { 27, "region = \"asia\";", 0, "database \"us\" has region \"asia\", but no snapshot store has it; must have" },
    /* policies */
    { 32, "", 31, "policies[0].name: is missing" },
    { 33, "", 31, "policies[0].class: is missing" },
    { 34, "databases = [ \"eu\", \"asia\" ];", 0,
      "policies[0].databases[1]: \"asia\" is not in databases; must be the name" },
    { 34, "databases = [ \"eu1\" ];", 0,
      "policies[0].databases[0]: \"eu1\" is not in databases; did you mean \"eu\"?" },
    { 34, "databases = [ \"eu\", \"eu\" ];", 0,
      "policies[0].databases[1]: \"eu\" is in line 34 already; must be unique" },
    { 34, "databases = [ ];", 0, "policies[0].databases: is empty; must be a list" },
    { 35, "", 31, "policies[0].table: is missing; must be a table with its schema" },
    { 35, "table = \"usage_event\";", 0,
      "policies[0].table: names no schema; must be a table with its schema such as" },
    { 35, "table = \"a.b.c\";", 0, "policies[0].table: has more than two parts" },
    { 35, "table = \"\\\"a.b\";", 0, "policies[0].table: has an unclosed quote" },
    { 35, "table = \"expunge.hold\";", 0, "policies[0].table: names a table of expunge itself" },
    { 35, "table = \"pg_catalog.pg_class\";", 0, "policies[0].table: names a table of PostgreSQL itself" },
    { 36, "", 31, "policies[0].age: is missing; must be one SQL expression" },
    { 36, "age = \"a; drop table b\";", 0, "policies[0].age: holds a semicolon; must be one SQL expression" },
    { 36, "age = \"a -- b\";", 0, "policies[0].age: holds a comment; must be one SQL expression" },
    { 36, "age = \"(a\";", 0, "policies[0].age: has unbalanced parentheses; must be one SQL expression" },
    { 37, "keepfor = \"90 days\"; keep_for = \"90 days\";", 0,
      "unknown setting \"keepfor\"; did you mean \"keep_for\"?" },
    { 37, "", 31, "policies[0].keep_for: is missing; must be a PostgreSQL interval such as \"90 days\"" },
    { 37, "keep_for = \"-3 days\";", 0, "policies[0].keep_for: is negative; must be a PostgreSQL interval such as" },
    { 37, "keep_for = \"3 days ago\";", 0, "policies[0].keep_for: is negative" },
    { 37, "keep_for = \"90\";", 0,
      "policies[0].keep_for: has no unit; must be a PostgreSQL interval such as \"90 days\"" },
    { 37, "keep_for = 90;", 0, "policies[0].keep_for: is a whole number; must be a PostgreSQL interval" },
    { 37, "keep_for = \"90 dyas\";", 0, "policies[0].keep_for: has the unknown unit \"dyas\"" },
    { 37, "keep_for = \" \";", 0, "policies[0].keep_for: is blank" },
    { 37, "keep_for = \"P0D\";", 0, "policies[0].keep_for: is zero" },
    { 37, "keep_for = \"3 m\";", 0, "which may be minutes or months" },
    { 38, "grace = \"0 days\";", 0, "policies[0].grace: is zero" },
    { 39, "", 31, "policies[0].purpose: is missing" },
    { 40, "", 31, "policies[0].basis: is missing" },
    { 40, "basis = \"caf\xe9\";", 0, "policies[0].basis: is not UTF-8" },
    { 42, "kind = \"workspaces\";", 0, "policies[0].subject.kind: \"workspaces\" is not in subjects; did you mean" },
    { 42, "kind = \"customer\";", 0, "\"customer\" is not in subjects; must be the kind of one of them" },
    { 42, "", 41, "policies[0].subject.kind: is missing" },
    { 43, "", 41, "policies[0].subject.column: is missing; must be one column's name" },
    { 43, "column = \"a.b\";", 0, "policies[0].subject.column: has something behind the name" },
    { 47, "", 46, "policies[0].exempt[0].where: is missing" },
    { 47, "where = \"a = 'b\";", 0, "policies[0].exempt[0].where: has an unclosed quote; must be one SQL expression" },
    { 48, "", 46, "policies[0].exempt[0].keep_for: is missing" },
    { 49, "", 46, "policies[0].exempt[0].purpose: is missing" },
    { 50, "", 46, "policies[0].exempt[0].basis: is missing" },
    { 55, "from = \"telemetry.detail\";", 0, "policies[0].edges[0].from: names no columns; must be \"schema.table(" },
    { 61, "name = \"usage-events\";", 0, "policies[1].name: \"usage-events\" is in line 32 already" },
    /* subjects */ { 73, "databases = [ \"us\", \"se\" ];", 0, "subjects[0].databases[1]: \"se\" is not in databases" },
    { 74, "root = \"workspace\";", 0, "subjects[0].root: names no schema" },
    { 74, "root = \"cloud.plan\";", 0,
      "subjects[0].root: \"cloud.plan\" is one of global_tables, which hold nobody's" },
    { 75, "", 71, "subjects[0].key: is missing" },
    { 75, "key = \"lower(id)\";", 0, "subjects[0].key: has something behind the name; must be one column's name" },
    { 80, "confirm = \"a = $1\";", 0, "subjects[0].confirm: holds a parameter" },
    { 80, "confirm = \"a, b\";", 0, "subjects[0].confirm: holds a comma between two expressions" },
    { 81, "", 71, "subjects[0].grace: is missing" },
    { 82, "during_grace = \"removed\";", 0,
      "\"removed\" is not known, did you mean \"remove\"; must be one of \"keep\", \"remove\"" },
    { 84, "", 83, "subjects[0].immediate.approval: is missing; must be true or false" },
    { 84, "approval = 1;", 0, "subjects[0].immediate.approval: is a whole number; must be true or false" },
    { 84, "approval = \"yes\";", 0, "subjects[0].immediate.approval: is a string; must be true or false" },
    { 88, "from = \"billing.invoice(a)\";", 89, "edges[0].to: names 2 columns, but \"from\" names 1; must be as many" },
    { 88, "from = \"cloud.plan(a, b)\";", 0, "edges[0].from: \"cloud.plan\" is one of global_tables" },
    { 88, "from = \"billing.invoice(a, a)\";", 0, "edges[0].from: names a column twice" },
    { 88, "from = \"cloud.workspace(id, \\\"Region\\\")\";", 89, "subjects[0].edges[0].to: is the same as \"from\"" },
    { 89, "", 87, "subjects[0].edges[0].to: is missing" },
    { 90, "action = \"kep\";", 0,
      "subjects[0].edges[0].action: \"kep\" is not known, did you mean \"keep\"; must be one of" },
    { 92, "note = \"a; b\";", 0, "subjects[0].edges[0].set.note: holds a semicolon; must be one SQL expression" },
    { 92, "note = 3;", 0, "subjects[0].edges[0].set.note: is a whole number; must be one SQL expression" },
    { 92, "", 91, "subjects[0].edges[0].set: is empty; must set one column or more" },
    { 94, "", 87, "subjects[0].edges[0].keep_for: is missing; must be there for action \"keep\"" },
    { 95, "", 87, "subjects[0].edges[0].purpose: is missing; must be there for action \"keep\"" },
    { 96, "", 87, "subjects[0].edges[0].basis: is missing; must be there for action \"keep\"" },
    { 101, "action = \"delete\";", 102,
      "edges[1].set: cannot go with action \"delete\"; must be left out, or the action be" },
    { 101, "action = \"anonymise\"; keep_for = \"1 day\";", 0, "keep_for: cannot go with action \"anonymise\"" },
    { 110, "action = \"anonymise\";", 107,
      "subjects[0].edges[2].set: is missing; must be there for action \"anonymise\"" },
    { 110, "match = \"elements\";", 0, "edges[2].match: \"elements\" is not known, did you mean \"element\"" },
    { 110, "match = \"element\";", 107, "edges[2].action: is missing; must be there for match = \"element\"" },
    { 110, "match = \"element\"; action = \"set_null\";", 0, "edges[2].action: would change the whole column" },
    { 110, "expression = \"a\"; action = \"set_default\";", 0, "edges[2].action: would change the whole column" },
    { 110, "action = \"remove_element\";", 0, "edges[2].action: \"remove_element\" is for arrays" },
    { 110, "match = \"element\"; expression = \"a\"; action = \"remove_element\";", 0,
      "edges[2].action: cannot take an element out of an expression" },
    { 110, "where = \"a; b\";", 0, "edges[2].where: holds a semicolon; must be one SQL expression" },
    { 110, "expression = \"a, b\";", 0, "edges[2].expression: holds a comma" },
    { 110, "orphans = \"remove\";", 0, "edges[2].orphans: " },
    { 110, "orphans = \"delete\"; where = \"a\";", 0, "edges[2].orphans: cannot go with \"where\"" },
    { 110, "orphans = \"delete\"; expression = \"a\";", 0, "edges[2].orphans: cannot go with \"expression\"" },
    { 113, "processors = [ \"stripe\" ];", 0,
      "subjects[0].processors[0]: \"stripe\" is not in processors; must be the name of one of them" },
    { 118, "kind = \"policy\";", 0, "subjects[1].kind: \"policy\" is what disposals by a policy are called; must be" },
    { 118, "kind = \"workspace\";", 0, "subjects[1].kind: \"workspace\" is in line 72 already; must be unique" },
    /* the rest */
    { 126, "\"cloud.region\" ];", 0, "global_tables[1]: \"cloud.region\" is in line 125 already; must be unique" },
    { 126, "\"plan\" ];", 0, "global_tables[1]: names no schema" },
    { 131, "kind = \"ftp\";", 0,
      "stores[0].kind: is a word that is not known here; must be one of \"directory\", \"s3\"" },
    { 131, "", 129, "stores[0].kind: is missing; must be one of \"directory\"" },
    { 132, "role = \"snapshot\";", 0, "stores[0].role: \"snapshot\" is not known, did you mean \"snapshots\"" },
    { 133, "", 129, "stores[0].path: is missing" },
    { 133, "path = \"/x\"; match = \"*\";", 0, "stores[0].match: cannot go with role \"snapshots\"; must be left out" },
    { 134, "", 22, "databases[0].region: database \"eu\" has region \"eu\", but no snapshot store has it" },
    { 137, "name = \"snapshots-eu\";", 0, "stores[1].name: \"snapshots-eu\" is in line 130 already" },
    { 140, "path = \"/var/lib/expunge/snapshots/eu\";", 0,
      "stores[1].path: \"/var/lib/expunge/snapshots/eu\" is in line 133" },
    { 146, "max_rows = 0;", 0, "safety.max_rows: 0 is out of range; must be a whole number from 1 to 2147483647" },
    { 147, "max_share = 0.0;", 0, "safety.max_share: 0 is out of range; must be a number above 0 and at most 1" },
    { 147, "max_share = 1.5;", 0, "safety.max_share: 1.5 is out of range" },
    { 148, "max_subjects = 0;", 0, "safety.max_subjects: 0 is out of range" },
    { 149, "max_clock_skew = \"0 seconds\";", 0, "safety.max_clock_skew: is zero" },
    { 150, "overdue_after = \"-1 day\";", 0, "safety.overdue_after: is negative" },
    { 154, "metrics = \"expunge.prom\";", 0, "notify.metrics: is not an absolute path" },
    { 157, "name = \"a b\";", 0, "evidence.name: " },
    { 161, "key = \"ssh-rsa AAAAB3NzaC1yc2E=\";", 0,
      "evidence.auditors[0].key: is no Ed25519 public key in OpenSSH's form" },
    { 164, "timestamp = [ \"curl\" ];", 0,
      "evidence.timestamp: begins with \"curl\"; must begin with a program's absolute path" },
    { 165, "timestamp_seconds = 601;", 0, "evidence.timestamp_seconds: 601 is out of range" },
    { 154, "telegram = \"@us\";", 0, "notify.telegram: unknown setting \"telegram\"; \"expunge help config\" lists" },
};

/* The same, where something else becomes wrong by it. */
static const Wrong wrongs_with_more[] = {

    { 18, "databasez = (", 0, "databasez: unknown setting \"databasez\"; did you mean \"databases\"?" },
    { 20, "name = \"e u\";", 0, "databases[0].name: holds a character that no name may have; must be a name" },
    { 25, "name = \"eu\";", 0, "databases[1].name: \"eu\" is in line 20 already; must be unique" },
    { 34, "databases = [ 1, 2 ];", 0, "policies[0].databases[1]: is a whole number; must be a name" },

    { 72, "", 71, "subjects[0].kind: is missing" },
    { 102, "other = {", 0, "subjects[0].edges[1].other: unknown setting \"other\"" },
};

static void
try_wrong(const Wrong *wrong)
{
    load_bad(replace_line(good_text, wrong->number, wrong->put));
    assert_said(wrong->line != 0 ? wrong->line : wrong->number, wrong->words);
}

START_TEST(a_wrong_setting_is_refused_with_its_line_and_what_would_be_right)
{
    try_wrong(&wrongs[_i]);
    ck_assert_msg(err_lines() == 1, "more than one fault: %s", err_joined());
}
END_TEST

START_TEST(a_wrong_setting_that_makes_others_wrong_is_refused_as_well)
{
    try_wrong(&wrongs_with_more[_i]);
    ck_assert_uint_gt(err_lines(), 1);
}
END_TEST

#define S3_STORES(settings)                                                                                            \
    "stores = ( { name = \"s\"; kind = \"directory\"; role = \"snapshots\"; path = \"/s\"; region = \"eu\"; },\n"      \
    "{ name = \"o\"; kind = \"s3\"; role = \"copies\"; subjects = [ \"workspace\" ]; access_key = \"file:/a\"; "       \
    "secret_key = \"file:/b\"; " settings " } );"

#define S3_SNAPSHOTS(settings)                                                                                         \
    "stores = ( { name = \"s\"; kind = \"s3\"; role = \"snapshots\"; region = \"eu\"; access_key = \"file:/a\"; "      \
    "secret_key = \"file:/b\"; endpoint = \"https://s3.example\"; bucket = \"b\"; " settings " } );"

/* Whole texts, or several lines of the good one. */
static const struct
{
    int first, last; /* of good_text; 0: put is the whole file */
    const char *put;
    int line;
    const char *words;
} wholes[] = {
    { 0, 0, "end = true;", 1, "worker: is missing; must be a group { state_dir; master_key; next_master_key … }" },
    { 0, 0, "end = true;", 1,
      "databases: is missing; must be a list of groups ( { name; conninfo; region; refresh }, … )" },
    { 0, 0, "worker = {};\ndatabases = ();\nend = true;", 2, "databases: is empty; must be a list of groups" },
    { 0, 0, "\nworker = 1;\nend = true;", 2, "worker: is a whole number; must be a group { state_dir" },
    { 0, 0, "\n\ndatabases = { };\nend = true;", 3, "databases: is a group { … }; must be a list of groups" },
    { 0, 0, "databases = (\n 1 );\nend = true;", 2, "databases[0]: is a whole number; must be a group { name" },
    { 0, 0, "x = \"\n", 1, "" },
    { 128, 143, "", 1,
      "stores: no store has the role \"snapshots\", which every subject and every policy with a grace" },
    { 128, 143, "stores = ( { name = \"x\"; kind = \"directory\"; role = \"copies\"; path = \"/x\"; } );", 128,
      "stores[0].match: is missing; must be there for role \"copies\"" },
    { 128, 143, S3_STORES("endpoint = \"https://s3.example\"; bucket = \"b\"; prefix = \"t/${key}\";"), 129,
      "stores[1].prefix: does not end in \"/\": it would fit longer keys as well; must be like" },
    { 128, 143, S3_STORES("endpoint = \"https://s3.example\"; bucket = \"b\"; prefix = \"t/\";"), 129,
      "stores[1].prefix: has no \"${key}\"" },
    { 128, 143, S3_STORES("endpoint = \"http://s3.example\"; bucket = \"b\"; prefix = \"t/${key}/\";"), 129,
      "stores[1].endpoint: is not https; must be \"https://HOST\"" },
    { 128, 143, S3_STORES("endpoint = \"https://s3.example/b\"; bucket = \"b\"; prefix = \"t/${key}/\";"), 129,
      "stores[1].endpoint: has something behind the host" },
    { 128, 143, S3_STORES("endpoint = \"https://a:b@s3.example\"; bucket = \"b\"; prefix = \"t/${key}/\";"), 129,
      "stores[1].endpoint: holds a user's name or a password" },
    { 128, 143, S3_STORES("endpoint = \"https://s3.example\"; bucket = \"b/c\"; prefix = \"t/${key}/\";"), 129,
      "stores[1].bucket: holds a character that no name may have; must be the name of a bucket" },
    { 128, 143, S3_STORES("endpoint = \"https://s3.example\"; bucket = \"b\";"), 129,
      "stores[1].prefix: is missing; must be there for role \"copies\"" },
    { 128, 143, S3_STORES("endpoint = \"https://s3.example\"; bucket = \"b\"; prefix = \"t/${key}/\"; path = \"/x\";"),
      129, "stores[1].path: cannot go with role \"copies\"; must be left out" },
    { 128, 143, S3_SNAPSHOTS(""), 128, "stores[0].path: is missing; must be there for role \"snapshots\"" },
    { 128, 143, S3_SNAPSHOTS("path = \"/x\"; prefix = \"x\";"), 128, "stores[0].prefix: does not end in \"/\"" },
    { 128, 143, S3_SNAPSHOTS("path = \"/x\"; prefix = \"${key}/\";"), 128, "stores[0].prefix: holds a \"$\"" },
    { 107, 111, "{ from = \"community.post(author_id)\"; to = \"cloud.account(id)\"; }", 107,
      "subjects[0].edges[2]: is the edge of line 98 again; must be there once" },
    { 144, 144, "processors = ( { name = \"a\"; purpose = \"b\"; deadline = \"-1 day\"; request = { }; } );", 144,
      "processors[0].deadline: is negative" },
};

START_TEST(a_wrong_whole_is_refused)
{
    load_bad(wholes[_i].first == 0 ? wholes[_i].put
                                   : replace_lines(good_text, wholes[_i].first, wholes[_i].last, wholes[_i].put));
    assert_said(wholes[_i].line, wholes[_i].words);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("settings_wrong");
    TCase *cases = tcase_create("settings_wrong");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, a_wrong_setting_is_refused_with_its_line_and_what_would_be_right, 0, COUNT(wrongs));
    tcase_add_loop_test(cases, a_wrong_setting_that_makes_others_wrong_is_refused_as_well, 0, COUNT(wrongs_with_more));
    tcase_add_loop_test(cases, a_wrong_whole_is_refused, 0, COUNT(wholes));
    return run_suite(suite);
}
