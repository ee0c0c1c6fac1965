/* SPDX-License-Identifier: Apache-2.0 */
/* settings_support.h -- the configurations that the tests of settings start from, and what is asked of settings_load. */
#ifndef EXPUNGE_TEST_SETTINGS_SUPPORT_H
#define EXPUNGE_TEST_SETTINGS_SUPPORT_H

#include "base/text.h"
#include "engine/settings.h"
#include "wrap/file.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* ---- a line here is a line of the file ---- */

static const char good_text[] = "# a good one: every setting that this version works on, each in a line of its own\n"
                                "worker = {\n"
                                "  state_dir = \"/var/lib/expunge\";\n"
                                "  master_key = \"credential:expunge-master\";\n"
                                "  jobs = 2;\n"
                                "  compression_level = 5;\n"
                                "  window = \"01:00-05:00\";\n"
                                "  batch = {\n"
                                "    target_ms = 7;\n"
                                "    max_rows = 40000;\n" /* 10 */
                                "  };\n"
                                "  pace = {\n"
                                "    duty = 0.25;\n"
                                "    max_replica_lag = \"30 seconds\";\n"
                                "    max_wal_per_second = \"64MB\";\n"
                                "  };\n"
                                "};\n"
                                "databases = (\n"
                                "  {\n"
                                "    name = \"eu\";\n" /* 20 */
                                "    conninfo = \"service=cloud-eu\";\n"
                                "    region = \"eu\";\n"
                                "  },\n"
                                "  {\n"
                                "    name = \"us\";\n"
                                "    conninfo = \"service=cloud-us\";\n"
                                "    region = \"us\";\n"
                                "    refresh = [ \"app.days\" ];\n"
                                "  } );\n"
                                "policies = (\n" /* 30 */
                                "  {\n"
                                "    name = \"usage-events\";\n"
                                "    class = \"usage\";\n"
                                "    databases = [ \"eu\", \"us\" ];\n"
                                "    table = \"telemetry.usage_event\";\n"
                                "    age = \"occurred_at\";\n"
                                "    keep_for = \"90 days\";\n"
                                "    grace = \"14 days\";\n"
                                "    purpose = \"operate the service\";\n"
                                "    basis = \"GDPR Art. 6(1)(f)\";\n" /* 40 */
                                "    subject = {\n"
                                "      kind = \"workspace\";\n"
                                "      column = \"workspace_id\";\n"
                                "    };\n"
                                "    exempt = (\n"
                                "      {\n"
                                "        where = \"purpose = 'security'\";\n"
                                "        keep_for = \"1 year\";\n"
                                "        purpose = \"detect abuse\";\n"
                                "        basis = \"GDPR Art. 6(1)(c)\";\n" /* 50 */
                                "      }\n"
                                "    );\n"
                                "    edges = (\n"
                                "      {\n"
                                "        from = \"telemetry.detail(event_id)\";\n"
                                "        to = \"telemetry.usage_event(id)\";\n"
                                "      }\n"
                                "    );\n"
                                "  },\n"
                                "  {\n" /* 60 */
                                "    name = \"tokens\";\n"
                                "    class = \"push\";\n"
                                "    table = \"\\\"Push\\\".\\\"Token\\\"\";\n"
                                "    age = \"coalesce(used_at, made_at)\";\n"
                                "    keep_for = \"P6M\";\n"
                                "    purpose = \"deliver messages\";\n"
                                "    basis = \"contract\";\n"
                                "  }\n"
                                ");\n"
                                "subjects = (\n" /* 70 */
                                "  {\n"
                                "    kind = \"workspace\";\n"
                                "    databases = [ \"eu\" ];\n"
                                "    root = \"cloud.workspace\";\n"
                                "    key = \"id\";\n"
                                "    label = \"name\";\n"
                                "    incarnation = \"created_at\";\n"
                                "    region = \"\\\"Region\\\"\";\n"
                                "    ended_at = \"cancelled_at\";\n"
                                "    confirm = \"status = 'cancelled'\";\n" /* 80 */
                                "    grace = \"30 days\";\n"
                                "    during_grace = \"remove\";\n"
                                "    immediate = {\n"
                                "      approval = true;\n"
                                "    };\n"
                                "    edges = (\n"
                                "      {\n"
                                "        from = \"billing.invoice(workspace_id, region)\";\n"
                                "        to = \"cloud.workspace(id, \\\"Region\\\")\";\n"
                                "        action = \"keep\";\n" /* 90 */
                                "        set = {\n"
                                "          note = \"null\";\n"
                                "        };\n"
                                "        keep_for = \"10 years\";\n"
                                "        purpose = \"tax records\";\n"
                                "        basis = \"GDPR Art. 6(1)(c)\";\n"
                                "      },\n"
                                "      {\n"
                                "        from = \"community.post(author_id)\";\n"
                                "        to = \"cloud.account(id)\";\n" /* 100 */
                                "        action = \"anonymise\";\n"
                                "        set = {\n"
                                "          author_id = \"NULL\";\n"
                                "          author_name = \"'deleted user'\";\n"
                                "        };\n"
                                "      },\n"
                                "      {\n"
                                "        from = \"cloud.note(workspace_id)\";\n"
                                "        to = \"cloud.workspace(id)\";\n"
                                "        action = \"set_null\";\n" /* 110 */
                                "      }\n"
                                "    );\n"
                                "    processors = [ ];\n"
                                "    purpose = \"host the workspace\";\n"
                                "    basis = \"contract\";\n"
                                "  },\n"
                                "  {\n"
                                "    kind = \"server\";\n"
                                "    root = \"registry.server\";\n"
                                "    key = \"server_id\";\n" /* 120 */
                                "    grace = \"7 days\";\n"
                                "  }\n"
                                ");\n"
                                "global_tables = [\n"
                                "  \"cloud.region\",\n"
                                "  \"cloud.plan\" ];\n"
                                "# …\n"
                                "stores = (\n"
                                "  {\n"
                                "    name = \"snapshots-eu\";\n" /* 130 */
                                "    kind = \"directory\";\n"
                                "    role = \"snapshots\";\n"
                                "    path = \"/var/lib/expunge/snapshots/eu\";\n"
                                "    region = \"eu\";\n"
                                "  },\n"
                                "  {\n"
                                "    name = \"snapshots-us\";\n"
                                "    kind = \"directory\";\n"
                                "    role = \"snapshots\";\n"
                                "    path = \"/var/lib/expunge/snapshots/us\";\n" /* 140 */
                                "    region = \"us\";\n"
                                "  }\n"
                                ");\n"
                                "processors = ( );\n"
                                "safety = {\n"
                                "  max_rows = 1000;\n"
                                "  max_share = 0.5;\n"
                                "  max_subjects = 3;\n"
                                "  max_clock_skew = \"1 minute\";\n"
                                "  overdue_after = \"0 days\";\n" /* 150 */
                                "  allow_as_of = true;\n"
                                "};\n"
                                "notify = {\n"
                                "  metrics = \"/var/lib/prometheus/expunge.prom\";\n"
                                "};\n"
                                "evidence = {\n"
                                "  name = \"cloud\";\n"
                                "  auditors = (\n"
                                "    {\n"
                                "      name = \"auditor\";\n" /* 160 */
                                "      key = \"ssh-ed25519 "
                                "AAAAC3NzaC1lZDI1NTE5AAAAIAVPcLQ/s3zIDgSgPqXSVZJBWi6qcVQ4QiwN7U6mjDY2 jane\";\n"
                                "    }\n"
                                "  );\n"
                                "  timestamp = [ \"/usr/lib/stamp\", \"--sha256\" ];\n"
                                "  timestamp_seconds = 5;\n"
                                "};\n"
                                "end = true;\n";

static const char elsewhere_text[] =
    "# right in shape, and nothing that this version works on\n"
    "worker = {\n"
    "  state_dir = \"/var/lib/expunge\";\n"
    "  master_key = \"file:/etc/expunge/key\";\n"
    "};\n"
    "databases = ( { name = \"eu\"; conninfo = \"service=eu\"; } );\n"
    "stores = (\n"
    "  {\n"
    "    name = \"exports\";\n"
    "    kind = \"directory\";\n" /* 10 */
    "    role = \"copies\";\n"
    "    path = \"/srv/exports\";\n"
    "    match = \"workspace-${key}-*.jsonl.zst\";\n"
    "  },\n"
    "  {\n"
    "    name = \"objects\";\n"
    "    kind = \"s3\";\n"
    "    role = \"copies\";\n"
    "    endpoint = \"https://s3.example\";\n"
    "    bucket = \"uploads\";\n" /* 20 */
    "    prefix = \"workspaces/${key}/\";\n"
    "    access_key = \"credential:s3-access\";\n"
    "    secret_key = \"credential:s3-secret\";\n"
    "  },\n"
    "  {\n"
    "    name = \"cluster\";\n"
    "    kind = \"pgbackrest\";\n"
    "    role = \"backups\";\n"
    "    stanza = \"cloud-eu\";\n"
    "    databases = [ \"eu\" ];\n" /* 30 */
    "    purge = \"expire\";\n"
    "  },\n"
    "  {\n"
    "    name = \"main\";\n"
    "    kind = \"barman\";\n"
    "    role = \"backups\";\n"
    "    server = \"main\";\n"
    "    databases = [ \"eu\" ];\n"
    "    purge = \"replace\";\n"
    "  },\n" /* 40 */
    "  {\n"
    "    name = \"dumps\";\n"
    "    kind = \"restic\";\n"
    "    role = \"copies\";\n"
    "    repository = \"/srv/restic\";\n"
    "    password = \"credential:restic\";\n"
    "    tag = \"workspace=${key}\";\n"
    "  },\n"
    "  {\n"
    "    name = \"tapes\";\n" /* 50 */
    "    kind = \"command\";\n"
    "    role = \"copies\";\n"
    "    command = [ \"/usr/local/lib/expunge/tapes\" ];\n"
    "  }, { name = \"s\"; kind = \"directory\"; role = \"snapshots\"; path = \"/s\"; }\n"
    ");\n"
    "processors = (\n"
    "  {\n"
    "    name = \"stripe\";\n"
    "    purpose = \"payment processor\";\n"
    "    deadline = \"30 days\";\n" /* 60 */
    "    request = {\n"
    "      method = \"DELETE\";\n"
    "      url = \"https://api.stripe.com/v1/customers/x\";\n"
    "      headers = ( \"Authorization: Bearer ${credential:stripe}\" );\n"
    "      done = [ 200, 404 ];\n"
    "    };\n"
    "  }\n"
    ");\n"
    "subjects = (\n"
    "  { kind = \"workspace\"; root = \"cloud.workspace\"; key = \"id\"; grace = \"1 day\";\n"
    "    not_keys = (\n"
    "      {\n"
    "        columns = \"cloud.workspace(name)\";\n"
    "        why = \"what it is called\";\n"
    "      }\n"
    "    );\n"
    "  }\n"
    ");\n"
    "end = true;\n";

/* ---- a directory for each test ---- */

static Arena *arena;
static char *directory;
static char *path;

static inline void
setup(void)
{
    ck_assert_int_eq(seal_init(), OK);
    arena = arena_new();
    directory = arena_strdup(arena, "/tmp/expunge-settings-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    path = arena_printf(arena, "%s/expunge.conf", directory);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static inline void
teardown(void)
{
    ck_assert_int_eq(file_remove_tree(directory), OK);
    arena_free(arena);
}

static inline Err
load(const char *text, Rules **ret_rules)
{
    ck_assert_int_eq(file_save(path, text, strlen(text), 0600), OK);
    return settings_load(arena, path, ret_rules);
}

static inline Rules *
load_good(const char *text)
{
    Rules *rules = NULL;
    const Err e = load(text, &rules);

    ck_assert_msg(e == OK, "%s", e == OK ? "" : err_joined());
    return rules;
}

static inline void
load_bad(const char *text)
{
    Rules untouched;
    Rules *rules = &untouched;

    ck_assert_int_eq(load(text, &rules), ERR_CONFIG);
    ck_assert_ptr_eq(rules, &untouched);
}

/* The story has a line "PATH:LINE: …words…". */
static inline bool
story_says(int line, const char *words)
{
    const char *place = arena_printf(arena, "%s:%d: ", path, line);

    for (size_t i = 0; i < err_lines(); i++)
        if (text_starts(err_line(i), place) && strstr(err_line(i) + strlen(place), words) != NULL)
            return true;
    return false;
}

static inline void
assert_said(int line, const char *words)
{
    if (!story_says(line, words))
        ck_abort_msg("line %d: \"%s\" is not in: %s", line, words, err_joined());
}

/* text with its lines number to last (counted from 1) replaced by put */
static inline char *
replace_lines(const char *text, int number, int last, const char *put)
{
    const char *from = text;

    for (int i = 1; i < number; i++)
        from = strchr(from, '\n') + 1;
    const char *behind = from;

    for (int i = number; i <= last; i++)
        behind = strchr(behind, '\n') + 1;
    return arena_printf(arena, "%.*s%s\n%s", (int)(from - text), text, put, behind);
}

static inline char *
replace_line(const char *text, int number, const char *put)
{
    return replace_lines(text, number, number, put);
}

/* ---- the end of each main() ---- */

static inline int
run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
