/* SPDX-License-Identifier: Apache-2.0 */
/* lookalike.h -- does a column look like the key of a subject: by its name, and by what its type can hold.  Pure. */
#ifndef EXPUNGE_LOOKALIKE_H
#define EXPUNGE_LOOKALIKE_H

#include "model/graph.h"

/* How values of a column may be compared with a key. */
typedef enum LookalikeForm
{
    LOOKALIKE_NEVER,  /* its type holds no such key */
    LOOKALIKE_PLAIN,  /* a value is a key */
    LOOKALIKE_SPELT,  /* a text that may spell a numeric key or a uuid */
    LOOKALIKE_LIST,   /* an array of keys, or of texts that spell them */
    LOOKALIKE_MEMBERS /* json: a member may be a key */
} LookalikeForm;

typedef enum LookalikeKey
{
    LOOKALIKE_UUID,   /* no two of them are equal by chance */
    LOOKALIKE_NUMBER, /* small ones are equal by chance all the time */
    LOOKALIKE_TEXT,
    LOOKALIKE_OTHER
} LookalikeKey;

/* How a name resembles what subjects are called. */
typedef enum LookalikeName
{
    LOOKALIKE_NO,
    LOOKALIKE_BARE, /* "contact": may as well be what somebody is called */
    LOOKALIKE_KEYED /* "contact_id" */
} LookalikeName;

LookalikeKey lookalike_key(const char *base_type);
LookalikeForm lookalike_form(const char *base_type, const char *key_base_type);
/* An array's base type without its "[]"; otherwise the same. */
const char *lookalike_element(Arena *arena, const char *base_type);

/* The name is made of what subjects are called (stem, singular or plural: "workspaces"), alone or with a word for a key
 * behind it, and perhaps words before it: workspace_id, workspaceid, WorkspaceId, owner_workspace, workspace_uuid,
 * id_workspace, workspace_id_old, and workspace_KEY for the key's own name.  Words end at "_", "-", ".", a blank, or where
 * a capital begins: cart_id is not the id of an "art". */
LookalikeName lookalike_name(const char *name, const char *stem, const char *key);
/* A table's name as a column's would begin with it ("OrderLines": "orderline"), and a column's to look for it in: small
 * letters, nothing between the words.  A quick look before lookalike_name, never instead of it. */
const char *lookalike_stem(Arena *arena, const char *table);
const char *lookalike_flat(Arena *arena, const char *name);
/* A name that says nothing about whose key it is, in any spelling (id, Id, _id): any table may call its key so. */
bool lookalike_general(const char *name);
/* The names by which a json object would most likely hold the key: NULL after the last.  bare: the stem alone, too, which
 * may as well name a number ("order": 2). */
const char *const *lookalike_members(Arena *arena, const char *stem, bool bare);

#endif
