/* SPDX-License-Identifier: Apache-2.0 */
/* settings_private.h -- what the files of settings share. */
#ifndef EXPUNGE_SETTINGS_PRIVATE_H
#define EXPUNGE_SETTINGS_PRIVATE_H

#include "base/text.h"
#include "engine/schema.h"
#include "engine/settings.h"
#include "model/shape.h"

#define NOT_SUPPORTED                                                                                                  \
    " are not supported by this version; take it out, or erasures would be reported complete while copies remain"

/* What the tables cannot say: how settings fit together.  Rules may be half empty here, where the file is wrong; an
 * array in them has an item for each of its node's children nevertheless. */
typedef struct Judge
{
    Arena *arena;
    SchemaFaults *faults;
    const Rules *rules;
    const ConfNode *root;
} Judge;

static inline const ConfNode *
member(const ConfNode *node, const char *name)
{
    return node == NULL || node->type != CONF_GROUP ? NULL : conf_child(node, name);
}

static inline const ConfNode *
item(const Judge *judge, const char *list, size_t index)
{
    return member(judge->root, list)->children[index];
}

/* The string of a node, or of a setting in it (name not NULL); NULL: none, or none fit to be quoted in a message. */
static inline const char *
string_of(const ConfNode *node, const char *name)
{
    if (name != NULL)
        node = member(node, name);
    return node == NULL || node->type != CONF_STRING || shape_text(node->string) != NULL ? NULL : node->string;
}

/* Items of a list, or the settings called name in them, must differ. */
void settings_unique(const Judge *judge, const ConfNode *list, const char *name);
/* node must be a string that one of the groups in list has as name. */
void settings_known(const Judge *judge, const ConfNode *node, const char *list_name, const char *name);
/* Of a group that has "databases": known, and none twice. */
void settings_databases(const Judge *judge, const ConfNode *owner);

/* -- settings_stores.c */
void settings_stores(const Judge *judge);

#endif
