/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/conf.h"

#include "base/text.h"
#include "wrap/conf_scan.h"
#include "wrap/file.h"
#include "wrap/seal.h"

#include <libconfig.h>
#include <math.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* libconfig's words, and what would be right */
static const struct
{
    const char *error;
    const char *remedy;
} remedies[] = {
    { "duplicate setting name", "each name may stand once in its group" },
    { "mismatched element type in array", "the values of an array [ … ] are all of one type; a list ( … ) takes any" },
    { "syntax error", "a setting is written NAME = VALUE; and each bracket is closed" },
};

static void
destroy_config(config_t *config)
{
    config_destroy(config);
}

static ConfType
type_of(const config_setting_t *setting)
{
    switch (config_setting_type(setting))
    {
    case CONFIG_TYPE_GROUP: return CONF_GROUP;
    case CONFIG_TYPE_LIST: return CONF_LIST;
    case CONFIG_TYPE_ARRAY: return CONF_ARRAY;
    case CONFIG_TYPE_STRING: return CONF_STRING;
    case CONFIG_TYPE_FLOAT: return CONF_FLOAT;
    case CONFIG_TYPE_BOOL: return CONF_BOOLEAN;
    default: return CONF_INTEGER;
    }
}

static const char *
path_of(Arena *arena, const ConfNode *parent, const char *name, size_t index)
{
    if (parent == NULL)
        return "";
    if (name == NULL)
        return arena_printf(arena, "%s[%zu]", parent->path, index);
    return parent->path[0] == '\0' ? arena_strdup(arena, name) : arena_printf(arena, "%s.%s", parent->path, name);
}

static ConfNode *
node_of(Arena *arena, const ConfNode *parent, config_setting_t *setting, size_t index)
{
    ConfNode *node = ARENA_NEW(arena, ConfNode);
    const char *name = config_setting_name(setting);

    node->name = name == NULL ? NULL : arena_strdup(arena, name);
    node->path = path_of(arena, parent, node->name, index);
    node->line = (int)config_setting_source_line(setting);
    node->type = type_of(setting);
    if (node->type == CONF_STRING)
        node->string = arena_strdup(arena, config_setting_get_string(setting));
    else if (node->type == CONF_INTEGER)
    {
        node->integer = config_setting_get_int64(setting);
        node->number = (double)node->integer;
    }
    else if (node->type == CONF_FLOAT)
        node->number = config_setting_get_float(setting);
    else if (node->type == CONF_BOOLEAN)
        node->boolean = config_setting_get_bool(setting) != 0;
    return node;
}

/* The scanner limits the depth of this recursion. */
static ConfNode *
tree_of(Arena *arena, const ConfNode *parent, config_setting_t *setting, size_t index)
{
    ConfNode *node = node_of(arena, parent, setting, index);

    if (node->type != CONF_GROUP && node->type != CONF_LIST && node->type != CONF_ARRAY)
        return node;
    node->count = (size_t)config_setting_length(setting);
    node->children = ARENA_ARRAY(arena, ConfNode *, node->count);
    for (size_t i = 0; i < node->count; i++)
        node->children[i] = tree_of(arena, node, config_setting_get_elem(setting, (unsigned)i), i);
    return node;
}

static Err
parse_error(const config_t *config, const char *path)
{
    const char *error = config_error_text(config);
    const char *remedy = remedies[sizeof remedies / sizeof remedies[0] - 1].remedy;

    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (text_equal(error, remedies[i].error))
            remedy = remedies[i].remedy;
    return err_new(ERR_CONFIG, "%s:%d: %s; %s", path, config_error_line(config), error != NULL ? error : "syntax error",
                   remedy);
}

/* Takes "end" off the root, where it must be the last. */
static Err
take_end(const char *path, ConfNode *root)
{
    const ConfNode *end = conf_child(root, "end");

    if (end == NULL)
        return err_new(ERR_CONFIG,
                       "%s: the last setting \"end = true;\" is missing; was the file cut, or a comment left open?",
                       path);
    if (end->type != CONF_BOOLEAN || !end->boolean)
        return err_new(ERR_CONFIG, "%s:%d: \"end\" is not true; the last setting is \"end = true;\"", path, end->line);
    if (root->children[root->count - 1] != end)
        return err_new(ERR_CONFIG, "%s:%d: settings follow \"end = true;\"; it must be the last one", path, end->line);
    root->count--;
    return OK;
}

static Err
check_numbers(const char *path, const ConfNode *node)
{
    if (!isfinite(node->number))
        return err_new(ERR_CONFIG, "%s:%d: the number of \"%s\" is too large; the largest is about 1.8e308", path,
                       node->line, node->path);
    for (size_t i = 0; i < node->count; i++)
        TRY(check_numbers(path, node->children[i]));
    return OK;
}

Err
conf_load(Arena *arena, const char *path, Conf **ret_conf)
{
    CLEANUP(destroy_config) config_t config;
    char *bytes;
    size_t length;

    config_init(&config);
    const Err e = file_load(arena, path, FILE_BYTES_MAX, &bytes, &length);
    if (e != OK)
        return err_note(ERR_CONFIG, "could not read the configuration");
    TRY(conf_scan(path, bytes, length));
    if (config_read_string(&config, bytes) != CONFIG_TRUE)
        return parse_error(&config, path);
    Conf *conf = ARENA_NEW(arena, Conf);
    conf->path = arena_strdup(arena, path);
    seal_sha256(bytes, length, conf->sha256);
    conf->root = tree_of(arena, NULL, config_root_setting(&config), 0);
    TRY(take_end(path, conf->root));
    TRY(check_numbers(path, conf->root));
    *ret_conf = conf;
    return OK;
}

const ConfNode *
conf_child(const ConfNode *group, const char *name)
{
    for (size_t i = 0; i < group->count; i++)
        if (text_equal(group->children[i]->name, name))
            return group->children[i];
    return NULL;
}

const char *
conf_type_name(ConfType type)
{
    static const char *const names[] = {
        [CONF_GROUP] = "a group { … }",   [CONF_LIST] = "a list ( … )",      [CONF_ARRAY] = "an array [ … ]",
        [CONF_STRING] = "a string",       [CONF_INTEGER] = "a whole number", [CONF_FLOAT] = "a number with a point",
        [CONF_BOOLEAN] = "true or false",
    };

    return names[type];
}
