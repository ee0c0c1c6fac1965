/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_support.h"

#include <sys/stat.h>

/* ---- what is right ---- */

START_TEST(the_worker_is_read_from_its_settings)
{
    const Rules *rules = load_good(good_text);

    ck_assert_str_eq(rules->config_path, path);
    ck_assert_uint_eq(strlen(rules->config_digest), 64);
    ck_assert_str_eq(rules->state_dir, "/var/lib/expunge");
    ck_assert_str_eq(rules->master_key, "credential:expunge-master");
    ck_assert_int_eq(rules->jobs, 2);
    ck_assert_int_eq(rules->compression_level, 5);
    ck_assert_int_eq(rules->batch_target_ms, 7);
    ck_assert_int_eq(rules->batch_max_rows, 40000);
    ck_assert_double_eq(rules->duty, 0.25);
    ck_assert_str_eq(rules->max_replica_lag, "30 seconds");
    ck_assert_int_eq(rules->max_wal_per_second, 64 << 20);
    ck_assert(!rules->window.always);
    ck_assert_int_eq(rules->window.from_minute, 60);
    ck_assert_int_eq(rules->window.to_minute, 300);
    ck_assert_int_eq(rules->max_rows, 1000);
    ck_assert_double_eq(rules->max_share, 0.5);
    ck_assert_int_eq(rules->max_subjects, 3);
    ck_assert_str_eq(rules->max_clock_skew, "1 minute");
    ck_assert_str_eq(rules->overdue_after, "0 days");
    ck_assert(rules->allow_as_of);
    ck_assert_str_eq(rules->metrics_path, "/var/lib/prometheus/expunge.prom");
}
END_TEST

START_TEST(databases_stores_and_global_tables_are_read)
{
    const Rules *rules = load_good(good_text);

    ck_assert_uint_eq(rules->database_count, 2);
    ck_assert_str_eq(rules->databases[1].name, "us");
    ck_assert_str_eq(rules->databases[1].conninfo, "service=cloud-us");
    ck_assert_str_eq(rules->databases[1].region, "us");
    ck_assert_int_eq(rules->databases[1].line, 24);
    ck_assert_uint_eq(rules->global_count, 2);
    ck_assert_str_eq(rules->global_tables[1].schema, "cloud");
    ck_assert_str_eq(rules->global_tables[1].table, "plan");
    ck_assert_uint_eq(rules->store_count, 2);
    ck_assert_str_eq(rules->stores[1].name, "snapshots-us");
    ck_assert_str_eq(rules->stores[1].kind, "directory");
    ck_assert_int_eq(rules->stores[1].role, STORE_SNAPSHOTS);
    ck_assert_str_eq(rules->stores[1].path, "/var/lib/expunge/snapshots/us");
    ck_assert_str_eq(rules->stores[1].region, "us");
    ck_assert_int_eq(rules->stores[1].line, 136);
    ck_assert_ptr_eq(rules_snapshot_store(rules, &rules->databases[1]), &rules->stores[1]);
}
END_TEST

START_TEST(policies_are_read)
{
    const Rules *rules = load_good(good_text);
    const PolicyRule *policy = &rules->policies[0];

    ck_assert_uint_eq(rules->policy_count, 2);
    ck_assert_str_eq(policy->name, "usage-events");
    ck_assert_str_eq(policy->class_name, "usage");
    ck_assert_uint_eq(policy->database_count, 2);
    ck_assert_str_eq(policy->databases[1], "us");
    ck_assert_str_eq(policy->table.schema, "telemetry");
    ck_assert_str_eq(policy->table.table, "usage_event");
    ck_assert_str_eq(policy->age, "occurred_at");
    ck_assert_str_eq(policy->keep_for, "90 days");
    ck_assert_str_eq(policy->grace, "14 days");
    ck_assert_str_eq(policy->purpose, "operate the service");
    ck_assert_str_eq(policy->basis, "GDPR Art. 6(1)(f)");
    ck_assert_str_eq(policy->subject_kind, "workspace");
    ck_assert_str_eq(policy->subject_column, "workspace_id");
    ck_assert_int_eq(policy->line, 31);
    ck_assert_uint_eq(policy->exempt_count, 1);
    ck_assert_str_eq(policy->exempts[0].where, "purpose = 'security'");
    ck_assert_str_eq(policy->exempts[0].keep_for, "1 year");
    ck_assert_str_eq(policy->exempts[0].purpose, "detect abuse");
    ck_assert_str_eq(policy->exempts[0].basis, "GDPR Art. 6(1)(c)");
    ck_assert_int_eq(policy->exempts[0].line, 46);
    ck_assert_uint_eq(policy->edge_count, 1);
    ck_assert_int_eq(policy->edges[0].action, EDGE_DELETE);
    policy = &rules->policies[1];
    ck_assert_str_eq(policy->table.schema, "Push");
    ck_assert_str_eq(policy->table.table, "Token");
    ck_assert_ptr_null(policy->databases);
    ck_assert_ptr_null(policy->grace);
    ck_assert_ptr_null(policy->subject_kind);
}
END_TEST

START_TEST(subjects_are_read)
{
    const Rules *rules = load_good(good_text);
    const SubjectRule *subject = &rules->subjects[0];

    ck_assert_uint_eq(rules->subject_count, 2);
    ck_assert_str_eq(subject->kind, "workspace");
    ck_assert_uint_eq(subject->database_count, 1);
    ck_assert_str_eq(subject->databases[0], "eu");
    ck_assert_str_eq(subject->root.schema, "cloud");
    ck_assert_str_eq(subject->root.table, "workspace");
    ck_assert_str_eq(subject->key, "id");
    ck_assert_str_eq(subject->label, "name");
    ck_assert_str_eq(subject->incarnation, "created_at");
    ck_assert_str_eq(subject->region, "Region");
    ck_assert_str_eq(subject->ended_at, "cancelled_at");
    ck_assert_str_eq(subject->confirm, "status = 'cancelled'");
    ck_assert_str_eq(subject->grace, "30 days");
    ck_assert(subject->removed_during_grace);
    ck_assert(subject->immediate_needs_approval);
    ck_assert_uint_eq(subject->processor_count, 0);
    ck_assert_str_eq(subject->purpose, "host the workspace");
    ck_assert_str_eq(subject->basis, "contract");
    ck_assert_int_eq(subject->line, 71);
    subject = &rules->subjects[1];
    ck_assert_ptr_null(subject->databases);
    ck_assert_ptr_null(subject->label);
    ck_assert_ptr_null(subject->ended_at);
    ck_assert(!subject->removed_during_grace);
    ck_assert(!subject->immediate_needs_approval);
    ck_assert_uint_eq(subject->edge_count, 0);
}
END_TEST

START_TEST(edges_are_read)
{
    const Rules *rules = load_good(good_text);
    const EdgeRule *edges = rules->subjects[0].edges;

    ck_assert_uint_eq(rules->subjects[0].edge_count, 3);
    ck_assert_str_eq(edges[0].child.schema, "billing");
    ck_assert_str_eq(edges[0].child.table, "invoice");
    ck_assert_str_eq(edges[0].parent.schema, "cloud");
    ck_assert_str_eq(edges[0].parent.table, "workspace");
    ck_assert_uint_eq(edges[0].column_count, 2);
    ck_assert_str_eq(edges[0].child_columns[0], "workspace_id");
    ck_assert_str_eq(edges[0].child_columns[1], "region");
    ck_assert_str_eq(edges[0].parent_columns[0], "id");
    ck_assert_str_eq(edges[0].parent_columns[1], "Region");
    ck_assert_int_eq(edges[0].action, EDGE_KEEP);
    ck_assert_str_eq(edges[0].keep_for, "10 years");
    ck_assert_str_eq(edges[0].purpose, "tax records");
    ck_assert_str_eq(edges[0].basis, "GDPR Art. 6(1)(c)");
    ck_assert_int_eq(edges[0].line, 87);
    ck_assert_int_eq(edges[1].action, EDGE_ANONYMISE);
    ck_assert_uint_eq(edges[1].set_count, 2);
    ck_assert_str_eq(edges[1].sets[0].column, "author_id");
    ck_assert_str_eq(edges[1].sets[0].expression, "NULL");
    ck_assert_str_eq(edges[1].sets[1].column, "author_name");
    ck_assert_str_eq(edges[1].sets[1].expression, "'deleted user'");
    ck_assert_int_eq(edges[2].action, EDGE_SET_NULL);
    ck_assert_uint_eq(edges[2].set_count, 0);
}
END_TEST

START_TEST(each_word_for_an_action_means_that_action)
{
    static const EdgeAction actions[] = { EDGE_DELETE, EDGE_SET_NULL, EDGE_SET_DEFAULT };

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
    {
        const char *put = arena_printf(arena, "action = \"%s\";", edge_action_name(actions[i]));

        ck_assert_int_eq(load_good(replace_line(good_text, 110, put))->subjects[0].edges[2].action, actions[i]);
    }
}
END_TEST

START_TEST(edges_beyond_columns_are_read)
{
    const EdgeRule *plain = &load_good(good_text)->subjects[0].edges[2];

    ck_assert_ptr_null(plain->where);
    ck_assert_ptr_null(plain->expression);
    ck_assert(!plain->element);
    ck_assert(!plain->orphans);
    const EdgeRule *narrow = &load_good(replace_line(good_text, 110,
                                                     "where = \"kind = 'x'\"; expression = \"workspace_id->>'id'\";"))
                                  ->subjects[0]
                                  .edges[2];
    ck_assert_str_eq(narrow->where, "kind = 'x'");
    ck_assert_str_eq(narrow->expression, "workspace_id->>'id'");
    const EdgeRule *element = &load_good(
                                   replace_line(good_text, 110, "match = \"element\"; action = \"remove_element\";"))
                                   ->subjects[0]
                                   .edges[2];
    ck_assert(element->element);
    ck_assert_int_eq(element->action, EDGE_REMOVE_ELEMENT);
    ck_assert(load_good(replace_line(good_text, 110, "orphans = \"delete\";"))->subjects[0].edges[2].orphans);
}
END_TEST

static const char least_text[] = "worker = { state_dir = \"/s\"; master_key = \"file:/etc/expunge/key\"; };\n"
                                 "databases = ( { name = \"db\"; conninfo = \"dbname=db\"; } );\n"
                                 "end = true;\n";

START_TEST(what_is_not_set_has_its_documented_value)
{
    const Rules *rules = load_good(least_text);

    ck_assert_int_eq(rules->jobs, 1);
    ck_assert_int_eq(rules->compression_level, 0); /* chosen for each table */
    ck_assert_int_eq(rules->batch_target_ms, 5);
    ck_assert_int_eq(rules->batch_max_rows, 50000);
    ck_assert_double_eq(rules->duty, 0.5);
    ck_assert_ptr_null(rules->max_replica_lag);
    ck_assert_int_eq(rules->max_wal_per_second, 0);
    ck_assert(rules->window.always);
    ck_assert_int_eq(rules->max_rows, 5000000);
    ck_assert_double_eq(rules->max_share, 0.2);
    ck_assert_int_eq(rules->max_subjects, 50);
    ck_assert_str_eq(rules->max_clock_skew, "5 minutes");
    ck_assert_str_eq(rules->overdue_after, "2 days");
    ck_assert(!rules->allow_as_of);
    ck_assert_ptr_null(rules->metrics_path);
    ck_assert_ptr_null(rules->databases[0].region);
}
END_TEST

/* P18: each deletion records the digest of the configuration that governed it */
START_TEST(the_digest_is_of_the_files_bytes)
{
    unsigned char sha256[SEAL_HASH_BYTES];

    seal_sha256(least_text, strlen(least_text), sha256);
    ck_assert_str_eq(load_good(least_text)->config_digest, text_hex(arena, sha256, sizeof(sha256)));
    ck_assert_str_ne(load_good(arena_printf(arena, "# note\n%s", least_text))->config_digest,
                     text_hex(arena, sha256, sizeof(sha256)));
}
END_TEST

/* Lines of good_text replaced by something that is right as well. */
static const struct
{
    int first, last;
    const char *put;
} rights[] = {
    { 5, 5, "jobs = 16;" },
    { 7, 7, "" },
    { 13, 13, "duty = 1;" },
    { 13, 13, "duty = 0.01;" },
    { 18, 18, "databases = ( { name = \"asia\"; conninfo = \"x\"; }," }, /* no region: any store will do */
    { 53, 58, "" },
    { 113, 113, "" },
    { 124, 127, "" },
    { 124, 127, "global_tables = ( \"a.b\" );" },
    { 135, 135, "}, { name = \"any\"; kind = \"directory\"; role = \"snapshots\"; path = \"/any\"; }," },
    { 144, 144, "" },
    { 145, 155, "" },
    { 147, 147, "max_share = 1;" },
};

START_TEST(other_right_configurations_are_taken)
{
    (void)load_good(replace_lines(good_text, rights[_i].first, rights[_i].last, rights[_i].put));
}
END_TEST

START_TEST(the_shipped_configuration_loads)
{
    const char *const shipped = "etc/expunge.conf";
    Rules *rules = NULL;

    if (file_exists(shipped))
        ck_assert_msg(settings_load(arena, shipped, &rules) == OK, "%s", err_joined());
}
END_TEST

/* ---- what does not fit together ---- */

/* P12, P3: a copy in a store that nobody asks would remain */
START_TEST(every_kind_of_store_and_processor_is_worked_on)
{
    (void)load_good(elsewhere_text);
}
END_TEST

/* P13 */
START_TEST(a_region_needs_a_store_only_where_something_is_kept_there)
{
    const char *policies = replace_lines(good_text, 70, 123, ""); /* no subjects, */
    const int region_of_us = 27;

    policies = replace_lines(policies, 41, 44, ""); /* which no policy speaks of either */
    (void)load_good(policies);
    policies = replace_line(policies, region_of_us, "region = \"asia\";");
    load_bad(policies);
    assert_said(region_of_us, "database \"us\" has region \"asia\", but no snapshot store has it");
    (void)load_good(replace_line(policies, 38, ""));                        /* no policy with a grace */
    (void)load_good(replace_line(policies, 34, "databases = [ \"eu\" ];")); /* none that applies there */
}
END_TEST

START_TEST(all_mistakes_are_told_in_the_files_order)
{
    const char *text = replace_line(good_text, 148, "max_subjects = 0;");
    size_t i = 0;

    text = replace_line(text, 5, "jobs = 0;");
    text = replace_line(text, 27, "region = \"mars\";");
    text = replace_line(text, 101, "action = \"delete\";");
    load_bad(text);
    ck_assert_uint_eq(err_lines(), 4);
    ck_assert_ptr_nonnull(strstr(err_line(i++), ":5: worker.jobs"));
    ck_assert_ptr_nonnull(strstr(err_line(i++), ":27: databases[1].region"));
    ck_assert_ptr_nonnull(strstr(err_line(i++), ":102: subjects[0].edges[1].set"));
    ck_assert_ptr_nonnull(strstr(err_line(i++), ":148: safety.max_subjects"));
}
END_TEST

START_TEST(ten_mistakes_are_told_and_the_others_counted)
{
    const char *text;

    text = replace_line(good_text, 146, "o1=1;o2=1;o3=1;o4=1;o5=1;o6=1;o7=1;o8=1;o9=1;oa=1;");
    load_bad(text);
    ck_assert_uint_eq(err_lines(), 10);
    ck_assert_ptr_nonnull(strstr(err_line(9), "safety.oa"));
    text = replace_line(good_text, 146, "o1=1;o2=1;o3=1;o4=1;o5=1;o6=1;o7=1;o8=1;o9=1;oa=1;ob=1;oc=1;");
    load_bad(text);
    ck_assert_uint_eq(err_lines(), 11);
    ck_assert_ptr_nonnull(strstr(err_line(0), "safety.o1"));
    ck_assert_str_eq(err_line(10), "and 2 more");
}
END_TEST

/* ---- the master key ---- */

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
save_key(const char *name, const char *bytes, size_t length, unsigned mode)
{
    ck_assert_int_eq(file_save(arena_printf(arena, "%s/%s", directory, name), bytes, length, mode), OK);
}

static Err
take_key(const char *master_key, Secret **ret_master)
{
    const Rules rules = { .config_path = path, .master_key = master_key };

    return settings_master_key(&rules, ret_master);
}

static void
assert_no_key(const char *master_key, const char *words)
{
    Secret *master = NULL;

    ck_assert_int_eq(take_key(master_key, &master), ERR_CONFIG);
    ck_assert_ptr_null(master);
    ck_assert_ptr_nonnull(strstr(err_joined(), "worker.master_key"));
    ck_assert_msg(strstr(err_joined(), words) != NULL, "\"%s\" is not in: %s", words, err_joined());
    ck_assert_msg(strstr(err_joined(), "00112233") == NULL, "the key is told: %s", err_joined());
}

/* Both forms, and both places, give the same key. */
START_TEST(a_master_key_comes_from_a_private_file_or_a_credential)
{
    static const char forms[][2] = { "f", "c" };
    unsigned char raw[SEAL_KEY_BYTES];
    unsigned char macs[4][SEAL_HASH_BYTES];

    ck_assert(text_unhex(DIGITS, raw, sizeof(raw)));
    save_key("raw", (const char *)raw, sizeof(raw), 0600);
    save_key("hex", DIGITS "\n", sizeof(DIGITS), 0400);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
    for (int i = 0; i < 4; i++)
    {
        CLEANUP(secret_freep) Secret *master = NULL;
        const char *name = i % 2 == 0 ? "raw" : "hex";

        ck_assert_int_eq(take_key(forms[i / 2][0] == 'f' ? arena_printf(arena, "file:%s/%s", directory, name)
                                                         : arena_printf(arena, "credential:%s", name),
                                  &master),
                         OK);
        seal_mac(master, "x", 1, macs[i]);
        ck_assert_mem_eq(macs[i], macs[0], SEAL_HASH_BYTES);
    }
}
END_TEST

START_TEST(a_master_key_that_others_may_read_is_refused)
{
    static const unsigned modes[] = { 0640, 0604, 0660, 0644, 0620, 0602, 0610 };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
    {
        save_key("key", DIGITS, strlen(DIGITS), modes[i]);
        assert_no_key(arena_printf(arena, "file:%s/key", directory), "must have mode 0600");
    }
}
END_TEST

START_TEST(a_master_key_of_another_length_is_refused)
{
    static const size_t lengths[] = { 0, 1, 31, 33, 63, 128, 129, 5000 };
    char bytes[5000];

    memset(bytes, '0', sizeof(bytes));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
    {
        save_key("key", bytes, lengths[i], 0600);
        assert_no_key(arena_printf(arena, "file:%s/key", directory), "32");
    }
}
END_TEST

START_TEST(a_master_key_that_is_not_there_is_asked_for)
{
    assert_no_key("credential:expunge-master",
                  "CREDENTIALS_DIRECTORY, which is not set; start expunge from its systemd");
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
    assert_no_key("credential:expunge-master", "there is no credential \"expunge-master\"");
    assert_no_key("credential:expunge-master", "LoadCredential=expunge-master:");
    assert_no_key(arena_printf(arena, "file:%s/none", directory), "there is no file");
    ck_assert_int_eq(mkdir(arena_printf(arena, "%s/dir", directory), 0700), 0);
    assert_no_key(arena_printf(arena, "file:%s/dir", directory), "/dir");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("settings");
    TCase *cases = tcase_create("settings");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, the_worker_is_read_from_its_settings);
    tcase_add_test(cases, databases_stores_and_global_tables_are_read);
    tcase_add_test(cases, policies_are_read);
    tcase_add_test(cases, subjects_are_read);
    tcase_add_test(cases, edges_are_read);
    tcase_add_test(cases, edges_beyond_columns_are_read);
    tcase_add_test(cases, each_word_for_an_action_means_that_action);
    tcase_add_test(cases, what_is_not_set_has_its_documented_value);
    tcase_add_test(cases, the_digest_is_of_the_files_bytes);
    tcase_add_loop_test(cases, other_right_configurations_are_taken, 0, COUNT(rights));
    tcase_add_test(cases, every_kind_of_store_and_processor_is_worked_on);
    tcase_add_test(cases, a_region_needs_a_store_only_where_something_is_kept_there);
    tcase_add_test(cases, all_mistakes_are_told_in_the_files_order);
    tcase_add_test(cases, ten_mistakes_are_told_and_the_others_counted);
    tcase_add_test(cases, the_shipped_configuration_loads);
    tcase_add_test(cases, a_master_key_comes_from_a_private_file_or_a_credential);
    tcase_add_test(cases, a_master_key_that_others_may_read_is_refused);
    tcase_add_test(cases, a_master_key_of_another_length_is_refused);
    tcase_add_test(cases, a_master_key_that_is_not_there_is_asked_for);
    return run_suite(suite);
}
