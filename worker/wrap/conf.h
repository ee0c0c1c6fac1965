/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h -- a configuration file as a tree, through libconfig.  The only file that knows libconfig.
 *
 * What libconfig 1.5 lets pass is refused here, before it parses: an unterminated comment or string; an integer
 * literal outside int32 (it would wrap); "@include" (the file's digest stands for the whole configuration); a file
 * without "end = true;" at its top level; a NUL byte; more than 1 MiB.  A doubled setting is libconfig's own error.
 * Every error is ERR_CONFIG: "FILE:LINE: what is wrong; what would be right". */
#ifndef EXPUNGE_CONF_H
#define EXPUNGE_CONF_H

#include "base/arena.h"
#include <stdbool.h>

typedef enum ConfType
{
    CONF_GROUP, /* { name = value; … } */
    CONF_LIST,  /* ( … ) */
    CONF_ARRAY, /* [ … ] */
    CONF_STRING,
    CONF_INTEGER,
    CONF_FLOAT,
    CONF_BOOLEAN
} ConfType;

typedef struct ConfNode ConfNode;
struct ConfNode
{
    const char *name; /* NULL in lists and arrays */
    const char *path; /* "policies[2].exempt[0].where" : for messages */
    int line;
    ConfType type;
    const char *string;
    int64_t integer;
    double number; /* CONF_FLOAT, and CONF_INTEGER as well */
    bool boolean;
    ConfNode **children;
    size_t count;
};

typedef struct Conf
{
    const char *path;
    unsigned char sha256[32]; /* of the file's bytes */
    ConfNode *root;           /* a group; "end" is left out of it */
} Conf;

NODISCARD Err conf_load(Arena *arena, const char *path, Conf **ret_conf);
/* Child by name, or NULL. */
const ConfNode *conf_child(const ConfNode *group, const char *name);
const char *conf_type_name(ConfType type); /* "a group { … }", "a string", … : for messages */

#endif
