/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settings.h"

#include "base/text.h"
#include "engine/settings_private.h"
#include "engine/settings_processors.h"
#include "engine/settings_table.h"
#include "model/shape.h"
#include "store/sshsig.h"
#include "wrap/file.h"
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

void
settings_unique(const Judge *judge, const ConfNode *list, const char *name)
{
    for (size_t i = 0; list != NULL && i < list->count; i++)
    {
        const char *one = string_of(list->children[i], name);

        for (size_t k = 0; one != NULL && k < i; k++)
        {
            if (!text_equal(one, string_of(list->children[k], name)))
                continue;
            schema_fault(judge->faults, list->children[i], name, "\"%s\" is in line %d already; must be unique", one,
                         (name == NULL ? list->children[k] : member(list->children[k], name))->line);
            break;
        }
    }
}

void
settings_known(const Judge *judge, const ConfNode *node, const char *list_name, const char *name)
{
    const ConfNode *list = member(judge->root, list_name);
    const char *wanted = string_of(node, NULL);
    const size_t room = list == NULL ? 0 : list->count;
    const char **known = ARENA_ARRAY(judge->arena, const char *, room + 1);
    size_t count = 0;

    if (wanted == NULL)
        return;
    for (size_t i = 0; i < room; i++)
    {
        const char *one = string_of(list->children[i], name);

        if (text_equal(one, wanted))
            return;
        if (one != NULL)
            known[count++] = one;
    }
    const int near = text_nearest(wanted, known, count);

    if (near >= 0)
        schema_fault(judge->faults, node, NULL, "\"%s\" is not in %s; did you mean \"%s\"?", wanted, list_name,
                     known[near]);
    else
        schema_fault(judge->faults, node, NULL, "\"%s\" is not in %s; must be the %s of one of them", wanted, list_name,
                     name);
}

/* The names that an owner lists must be there, and once. */
static void
judge_list(const Judge *judge, const ConfNode *owner, const char *list_name)
{
    const ConfNode *names = member(owner, list_name);

    if (names == NULL || (names->type != CONF_ARRAY && names->type != CONF_LIST))
        return;
    settings_unique(judge, names, NULL);
    for (size_t i = 0; i < names->count; i++)
        settings_known(judge, names->children[i], list_name, "name");
}

void
settings_databases(const Judge *judge, const ConfNode *owner)
{
    judge_list(judge, owner, "databases");
}

/* ---- tables ---- */

static bool
same_table(const TableName *a, const TableName *b)
{
    return a->table != NULL && text_equal(a->schema, b->schema) && text_equal(a->table, b->table);
}

static void
judge_global_tables(const Judge *judge)
{
    const TableName *tables = judge->rules->global_tables;

    for (size_t i = 0; i < judge->rules->global_count; i++)
        for (size_t k = 0; k < i; k++)
            if (same_table(&tables[i], &tables[k]))
                schema_fault(judge->faults, item(judge, "global_tables", i), NULL,
                             "\"%s.%s\" is in line %d already; must be unique", tables[i].schema, tables[i].table,
                             item(judge, "global_tables", k)->line);
}

/* ---- edges ---- */

#define ACTION(action) (1U << (action))
#define ANY_ACTION (~0U)

static const struct
{
    const char *setting;
    unsigned needed;
    unsigned allowed;
    const char *otherwise;
} edge_demands[] = {
    { "set", ACTION(EDGE_ANONYMISE), ACTION(EDGE_ANONYMISE) | ACTION(EDGE_KEEP), "\"anonymise\" or \"keep\"" },
    { "keep_for", ACTION(EDGE_KEEP), ACTION(EDGE_KEEP), "\"keep\"" },
    { "purpose", ACTION(EDGE_KEEP), ANY_ACTION, NULL },
    { "basis", ACTION(EDGE_KEEP), ANY_ACTION, NULL },
};

static void
judge_edge_action(const Judge *judge, const ConfNode *node, const EdgeRule *edge)
{
    const ConfNode *action = member(node, "action");
    const ConfNode *set = member(node, "set");
    const char *name = edge_action_name(edge->action);

    if (node->type != CONF_GROUP || (action != NULL && !text_equal(string_of(action, NULL), name)))
        return; /* nobody knows which action was meant */
    for (size_t i = 0; i < sizeof(edge_demands) / sizeof(edge_demands[0]); i++)
    {
        const char *setting = edge_demands[i].setting;
        const ConfNode *given = member(node, setting);

        if (given == NULL && (edge_demands[i].needed & ACTION(edge->action)) != 0)
            schema_fault(judge->faults, node, setting, "is missing; must be there for action \"%s\"", name);
        if (given != NULL && (edge_demands[i].allowed & ACTION(edge->action)) == 0)
            schema_fault(judge->faults, given, NULL,
                         "cannot go with action \"%s\"; must be left out, or the action be %s", name,
                         edge_demands[i].otherwise);
    }
    if (set != NULL && set->type == CONF_GROUP && set->count == 0)
        schema_fault(judge->faults, set, NULL, "is empty; must set one column or more");
}

static size_t
count_columns(const char *const *columns)
{
    size_t count = 0;

    while (columns != NULL && columns[count] != NULL)
        count++;
    return count;
}

static bool
same_columns(const char *const *a, const char *const *b)
{
    const size_t count = count_columns(a);

    if (count == 0 || count != count_columns(b))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!text_equal(a[i], b[i]))
            return false;
    return true;
}

static bool
same_edge(const EdgeRule *a, const EdgeRule *b)
{
    return same_table(&a->child, &b->child) && same_table(&a->parent, &b->parent) &&
           same_columns(a->child_columns, b->child_columns) && same_columns(a->parent_columns, b->parent_columns) &&
           text_equal(a->where, b->where) && text_equal(a->expression, b->expression) && a->element == b->element;
}

static void
judge_edge_ends(const Judge *judge, const ConfNode *node, const EdgeRule *edge)
{
    const size_t from = count_columns(edge->child_columns);
    const size_t to = count_columns(edge->parent_columns);

    if (from > 0 && to > 0 && from != to)
        schema_fault(judge->faults, node, "to", "names %zu columns, but \"from\" names %zu; must be as many", to, from);
    if (same_table(&edge->child, &edge->parent) && same_columns(edge->child_columns, edge->parent_columns))
        schema_fault(judge->faults, node, "to", "is the same as \"from\"; must be the columns that \"from\" refers to");
    if (rules_global(judge->rules, edge->child.schema, edge->child.table))
        schema_fault(judge->faults, node, "from",
                     "\"%s.%s\" is one of global_tables, which hold nobody's data; must be one or the other",
                     edge->child.schema, edge->child.table);
}

/* A value that is taken out of a column, or one of several in it, cannot be nulled without the rest of it. */
static void
judge_edge_match(const Judge *judge, const ConfNode *node, const EdgeRule *edge)
{
    const char *kind = edge->element ? "match" : "expression";
    const ConfNode *action = member(node, "action");

    if (node->type != CONF_GROUP)
        return;
    if (edge->action == EDGE_REMOVE_ELEMENT && !edge->element && text_equal(string_of(action, NULL), "remove_element"))
        schema_fault(judge->faults, node, "action",
                     "\"remove_element\" is for arrays; must go with match = \"element\"");
    if (edge->orphans && edge->where != NULL)
        schema_fault(judge->faults, node, "orphans",
                     "cannot go with \"where\"; must be left out, or the edge be for every row");
    if (edge->expression == NULL && !edge->element)
        return;
    if (count_columns(edge->child_columns) > 1)
        schema_fault(judge->faults, node, "from", "names %zu columns; must name one, of which \"%s\" makes the value",
                     count_columns(edge->child_columns), kind);
    if (edge->element && action == NULL)
        schema_fault(judge->faults, node, "action",
                     "is missing; must be there for match = \"element\": \"remove_element\" takes the key out and "
                     "leaves the row, \"delete\" takes rows that hold nobody else's key");
    if (edge->action == EDGE_SET_NULL || edge->action == EDGE_SET_DEFAULT)
        schema_fault(judge->faults, action, NULL,
                     "would change the whole column, not only the value that refers; must be \"delete\", "
                     "\"anonymise\" with \"set\", \"keep\"%s",
                     edge->element ? " or \"remove_element\"" : "");
    if (edge->expression != NULL && edge->action == EDGE_REMOVE_ELEMENT)
        schema_fault(judge->faults, node, "action",
                     "cannot take an element out of an expression; must be \"delete\", or \"anonymise\" with \"set\"");
    if (edge->orphans)
        schema_fault(judge->faults, node, "orphans",
                     "cannot go with \"%s\"; must be left out, or the edge compare columns", kind);
}

static void
judge_edges(const Judge *judge, const ConfNode *owner, EdgeRule *edges, size_t count)
{
    const ConfNode *list = member(owner, "edges");

    for (size_t i = 0; i < count; i++)
    {
        judge_edge_ends(judge, list->children[i], &edges[i]);
        judge_edge_action(judge, list->children[i], &edges[i]);
        judge_edge_match(judge, list->children[i], &edges[i]);
        edges[i].action_given = member(list->children[i], "action") != NULL;
        for (size_t k = 0; k < i; k++)
            if (same_edge(&edges[i], &edges[k]))
                schema_fault(judge->faults, list->children[i], NULL, "is the edge of line %d again; must be there once",
                             edges[k].line);
    }
}

/* ---- policies, subjects, stores ---- */

static void
judge_policies(const Judge *judge)
{
    for (size_t i = 0; i < judge->rules->policy_count; i++)
    {
        const PolicyRule *policy = &judge->rules->policies[i];
        const ConfNode *node = item(judge, "policies", i);

        settings_databases(judge, node);
        settings_known(judge, member(member(node, "subject"), "kind"), "subjects", "kind");
        judge_edges(judge, node, policy->edges, policy->edge_count);
    }
}

static void
judge_subjects(const Judge *judge)
{
    for (size_t i = 0; i < judge->rules->subject_count; i++)
    {
        const SubjectRule *subject = &judge->rules->subjects[i];
        const ConfNode *node = item(judge, "subjects", i);

        if (text_equal(string_of(node, "kind"), "policy"))
            schema_fault(judge->faults, node, "kind",
                         "\"policy\" is what disposals by a policy are called; "
                         "must be another name");
        if (rules_global(judge->rules, subject->root.schema, subject->root.table))
            schema_fault(judge->faults, node, "root",
                         "\"%s.%s\" is one of global_tables, which hold nobody's data; must be one or the other",
                         subject->root.schema, subject->root.table);
        judge_list(judge, node, "processors");
        settings_databases(judge, node);
        judge_edges(judge, node, subject->edges, subject->edge_count);
    }
}

static void
judge_evidence(const Judge *judge)
{
    const ConfNode *node = member(judge->root, "evidence");
    const ConfNode *timestamp = member(node, "timestamp");
    const char *program = timestamp == NULL || timestamp->count == 0 ? NULL : string_of(timestamp->children[0], NULL);
    unsigned char key[SEAL_PUBLIC_BYTES];

    settings_unique(judge, member(node, "auditors"), "name");
    for (size_t i = 0; i < judge->rules->auditor_count; i++)
    {
        const ConfNode *auditor = member(node, "auditors")->children[i];
        const char *text = string_of(auditor, "key");
        if (text != NULL && !sshsig_key_parse(text, key))
            schema_fault(judge->faults, auditor, "key",
                         "is no Ed25519 public key in OpenSSH's form; must be the line that \"ssh-keygen -t ed25519\" "
                         "writes into its .pub file");
    }
    if (program != NULL && shape_path(program) != NULL)
        schema_fault(judge->faults, timestamp, NULL, "begins with \"%s\"; must begin with a program's absolute path",
                     program);
}

/* ---- residency (P13) ---- */

static bool
needs_snapshots(const Rules *rules, const char *database)
{
    for (size_t i = 0; i < rules->subject_count; i++)
        if (rules_subject_applies(&rules->subjects[i], database))
            return true;
    for (size_t i = 0; i < rules->policy_count; i++)
        if (rules->policies[i].grace != NULL && rules_policy_applies(&rules->policies[i], database))
            return true;
    return false;
}

/* A store whose role cannot be read counts: what is wrong with it is told already. */
static bool
has_snapshot_store(const Rules *rules, const char *region)
{
    for (size_t i = 0; i < rules->store_count; i++)
        if (rules->stores[i].role == STORE_SNAPSHOTS && (region == NULL || text_equal(rules->stores[i].region, region)))
            return true;
    return false;
}

static void
judge_residency(const Judge *judge)
{
    for (size_t i = 0; i < judge->rules->database_count; i++)
    {
        const DatabaseRule *database = &judge->rules->databases[i];
        const ConfNode *node = item(judge, "databases", i);
        const char *region = string_of(node, "region");
        const char *name = string_of(node, "name");

        if (name == NULL || !needs_snapshots(judge->rules, database->name))
            continue;
        if (!has_snapshot_store(judge->rules, NULL))
        {
            schema_fault(judge->faults, judge->root, "stores",
                         "no store has the role \"snapshots\", which every subject "
                         "and every policy with a grace needs; must have one");
            return;
        }
        if (region != NULL && !has_snapshot_store(judge->rules, region))
            schema_fault(judge->faults, node, "region",
                         "database \"%s\" has region \"%s\", but no snapshot store has it; must have a store of role "
                         "\"snapshots\" and region \"%s\"",
                         name, region, region);
    }
}

/* ---- the file ---- */

Err
settings_load(Arena *arena, const char *path, Rules **ret_rules)
{
    static const char *const unique[][2] = {
        { "databases", "name" }, { "policies", "name" },   { "subjects", "kind" },
        { "stores", "name" },    { "processors", "name" },
    };
    Conf *conf = NULL;

    TRY(conf_load(arena, path, &conf));
    SchemaFaults faults = { .arena = arena, .file = conf->path };
    Rules *rules = ARENA_NEW(arena, Rules);
    const Judge judge = { arena, &faults, rules, conf->root };

    rules->config_path = conf->path;
    memcpy(rules->config_digest, text_hex(arena, conf->sha256, sizeof(conf->sha256)), sizeof(rules->config_digest));
    rules->window = window_always;
    schema_read(&faults, &settings_table, conf->root, rules);
    for (size_t i = 0; i < sizeof(unique) / sizeof(unique[0]); i++)
        settings_unique(&judge, member(conf->root, unique[i][0]), unique[i][1]);
    judge_global_tables(&judge);
    judge_policies(&judge);
    judge_subjects(&judge);
    settings_stores(&judge);
    settings_judge_processors(&faults, conf->root, rules);
    judge_evidence(&judge);
    judge_residency(&judge);
    TRY(schema_verdict(&faults));
    *ret_rules = rules;
    return OK;
}

/* ---- the master key ---- */

static Err
find_credential(Arena *arena, const Rules *rules, const char *setting, const char *name, const char **ret_path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");

    if (text_blank(directory))
        return err_new(ERR_CONFIG,
                       "%s: %s: credential \"%s\" needs $CREDENTIALS_DIRECTORY, which is not set; start "
                       "expunge from its systemd unit with LoadCredential=%s:/path, or set \"file:/path\"",
                       rules->config_path, setting, name, name);
    const char *path = arena_printf(arena, "%s/%s", directory, name);

    if (!file_exists(path))
        return err_new(ERR_CONFIG,
                       "%s: %s: there is no credential \"%s\" in \"%s\"; add LoadCredential=%s:"
                       "/path to the systemd unit",
                       rules->config_path, setting, name, directory, name);
    *ret_path = path;
    return OK;
}

static Err
find_key_file(const Rules *rules, const char *setting, const char *path)
{
    bool private = false;

    if (!file_exists(path))
        return err_new(ERR_CONFIG,
                       "%s: %s: there is no file \"%s\"; make one of 32 random bytes and mode "
                       "0600, and keep a copy in a safe place",
                       rules->config_path, setting, path);
    const Err e = file_is_private(path, &private);

    if (e != OK)
        return err_note(ERR_CONFIG, "%s: %s", rules->config_path, setting);
    if (!private)
        return err_new(ERR_CONFIG,
                       "%s: %s: others may read \"%s\"; must have mode 0600, and the key be "
                       "replaced if somebody did",
                       rules->config_path, setting, path);
    return OK;
}

/* At most 128 bytes: neither form of a key is longer, and no key passes through an arena. */
static Err
read_key(const char *path, Secret **ret_master)
{
    CLEANUP(file_closep) File *file = NULL;
    unsigned char bytes[128];
    int64_t size = 0;

    TRY(file_open(path, FILE_READ, &file));
    TRY(file_size(file, &size));
    if (size > (int64_t)sizeof(bytes))
        return err_new(ERR_CONFIG, "it is too long; must be 32 raw bytes or 64 hexadecimal digits");
    Err e = file_read_at(file, 0, bytes, (size_t)size);

    if (e == OK)
        e = secret_from_bytes(bytes, (size_t)size, ret_master);
    seal_wipe(bytes, sizeof(bytes));
    return e;
}

/* value: "credential:NAME" or "file:/path" */
static Err
take_key(const Rules *rules, const char *setting, const char *value, Secret **ret_key)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *path = NULL;

    if (text_starts(value, "file:"))
    {
        path = value + strlen("file:");
        TRY(find_key_file(rules, setting, path));
    }
    else
        TRY(find_credential(arena, rules, setting, value + strlen("credential:"), &path));
    if (read_key(path, ret_key) != OK)
        return err_note(ERR_CONFIG, "%s: %s: cannot take the key from \"%s\"", rules->config_path, setting, path);
    return OK;
}

Err
settings_master_key(const Rules *rules, Secret **ret_master)
{
    return take_key(rules, "worker.master_key", rules->master_key, ret_master);
}

Err
settings_next_master_key(const Rules *rules, Secret **ret_master)
{
    *ret_master = NULL;
    return rules->next_master_key == NULL
               ? OK
               : take_key(rules, "worker.next_master_key", rules->next_master_key, ret_master);
}
