/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settings_table.h"

#include "processors_text.h"
#include "settings_support.h"

/* ---- every descriptor ---- */

typedef struct Walk
{
    const char *text;
    const Setting *seen[200];
    size_t count;
} Walk;

/* A value of a type that the setting is not, and how that is told. */
static void
wrong_value(const Setting *setting, const char **ret_value, const char **ret_told)
{
    const bool number = setting->type == SETTING_INTEGER || setting->type == SETTING_SHARE;

    *ret_value = number ? "\"7\"" : "7";
    *ret_told = number ? "is a string; must be " : "is a whole number; must be ";
}

/* text with put in front of the name that stands first in a line */
static char *
put_before(const char *text, const ConfNode *node, const char *put, const char *name)
{
    const char *line = text;

    for (int i = 1; i < node->line; i++)
        line = strchr(line, '\n') + 1;
    const char *at = line + strspn(line, " ");

    ck_assert_msg(text_starts(at, node->name), "%s is not first in line %d", node->path, node->line);
    return arena_printf(arena, "%.*s%s%s%s", (int)(at - text), text, put, name, at + strlen(node->name));
}

static void
try_descriptor(Walk *walk, const Setting *setting, const ConfNode *node)
{
    const char *misspelt = arena_printf(arena, "%s%c", setting->name, setting->name[strlen(setting->name) - 1]);
    const char *value;
    const char *told;

    load_bad(put_before(walk->text, node, "", misspelt));
    assert_said(node->line,
                arena_printf(arena, "unknown setting \"%s\"; did you mean \"%s\"?", misspelt, setting->name));
    wrong_value(setting, &value, &told);
    load_bad(put_before(walk->text, node, arena_printf(arena, "%s = %s; ", setting->name, value), "odd_one"));
    assert_said(node->line, arena_printf(arena, "%s: %s%s", node->path, told, schema_right(arena, setting)));
    if (setting->required)
    {
        load_bad(put_before(walk->text, node, "", "odd_one"));
        ck_assert_ptr_nonnull(strstr(err_joined(), arena_printf(arena, "%s: is missing; must be", node->path)));
    }
    ck_assert_msg(!text_blank(setting->help), "%s has no help", node->path);
    for (size_t i = 0; i < walk->count; i++)
        if (walk->seen[i] == setting)
            return;
    ck_assert_uint_lt(walk->count, sizeof(walk->seen) / sizeof(walk->seen[0]));
    walk->seen[walk->count++] = setting;
}

static void walk_group(Walk *walk, const SettingGroup *group, const ConfNode *node);

static void
walk_settings(Walk *walk, const SettingGroup *group, const ConfNode *node)
{
    for (size_t i = 0; i < group->count; i++)
    {
        const Setting *setting = &group->settings[i];
        const ConfNode *child = conf_child(node, setting->name);

        if (child == NULL || child->line == node->line)
            continue;
        try_descriptor(walk, setting, child);
        if (setting->type == SETTING_GROUP)
            walk_group(walk, setting->group, child);
        for (size_t c = 0; setting->type == SETTING_GROUPS && c < child->count; c++)
            walk_group(walk, setting->group, child->children[c]);
    }
}

static void
walk_group(Walk *walk, const SettingGroup *group, const ConfNode *node)
{
    walk_settings(walk, group, node);
    for (size_t i = 0; i < group->variant_count; i++)
        if (text_equal(group->variants[i].word, conf_child(node, group->selector)->string))
            walk_settings(walk, group->variants[i].group, node);
}

static void
walk_text(Walk *walk, const char *text)
{
    Conf *conf = NULL;

    ck_assert_int_eq(file_save(path, text, strlen(text), 0600), OK);
    ck_assert_int_eq(conf_load(arena, path, &conf), OK);
    walk->text = text;
    walk_group(walk, &settings_table, conf->root);
}

/* Each descriptor below group must have been met in one of the two texts. */
static size_t
assert_all_seen(const Walk *walk, const SettingGroup *group, const char *where)
{
    size_t count = 0;

    for (size_t i = 0; i < group->count; i++)
    {
        const Setting *setting = &group->settings[i];
        bool seen = false;

        for (size_t s = 0; s < walk->count; s++)
            seen = seen || walk->seen[s] == setting;
        ck_assert_msg(seen, "no text has %s.%s", where, setting->name);
        count += 1 + (setting->group == NULL ? 0 : assert_all_seen(walk, setting->group, setting->name));
    }
    for (size_t i = 0; i < group->variant_count; i++)
        count += assert_all_seen(walk, group->variants[i].group, group->variants[i].word);
    return count;
}

START_TEST(every_setting_misspelt_mistyped_or_missing_is_refused_with_its_line)
{
    Walk walk = { 0 };

    walk_text(&walk, good_text);
    walk_text(&walk, elsewhere_text);
    walk_text(&walk, processors_text);
    walk_text(&walk, replace_line(good_text, 110,
                                  "where = \"a\";\n expression = \"b\";\n match = \"equal\";\n orphans = \"keep\";"));
    walk_text(&walk, replace_line(good_text, 4,
                                  "  master_key = \"file:/etc/expunge/key\";\n"
                                  "  next_master_key = \"file:/etc/expunge/next\";"));
    walk_text(&walk, replace_line(good_text, 38, "grace = \"14 days\";\n cleared_within = \"60 days\";"));
    walk_text(&walk, replace_line(good_text, 81, "grace = \"30 days\";\n cleared_within = \"90 days\";"));
    walk_text(&walk, replace_line(elsewhere_text, 13,
                                  "match = \"workspace-${key}\";\n marker = \".mounted\";\n timeout = \"1 minute\";\n"
                                  "subjects = [ \"workspace\" ];"));
    walk_text(
        &walk,
        replace_line(elsewhere_text, 23,
                     "secret_key = \"credential:s3-secret\";\n signing_region = \"eu-central-1\";\n"
                     "private_hosts = [ \"s3.internal\" ];\n ca_file = \"/etc/ssl/s3.pem\";\n path = \"/srv/s3\";"));
    walk_text(&walk, replace_line(elsewhere_text, 29,
                                  "stanza = \"cloud-eu\";\n config = \"/etc/pgbackrest.conf\";\n"
                                  "scratch = \"/srv/scratch\";\n rewrite_up_to = \"4 GB\";"));
    walk_text(&walk, replace_line(elsewhere_text, 37,
                                  "server = \"main\";\n config = \"/etc/barman.conf\";\n rewrite_up_to = \"4 GB\";"));
    ck_assert_uint_ge(assert_all_seen(&walk, &settings_table, "top"), 90);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("settings_table");
    TCase *cases = tcase_create("settings_table");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, every_setting_misspelt_mistyped_or_missing_is_refused_with_its_line);
    return run_suite(suite);
}
