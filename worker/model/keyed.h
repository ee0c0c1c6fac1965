/* SPDX-License-Identifier: Apache-2.0 */
/* keyed.h -- names that hold a subject's key: "workspace-${key}-*.jsonl.zst", "workspaces/${key}/".  Pure.
 *
 * ${key} is the subject's key, ${kind} its kind, ${database} the database's name.  Where a pattern is matched, "*" stands
 * for any characters of one name, "?" for one of them; a key stands for itself alone, whatever characters it has. */
#ifndef EXPUNGE_KEYED_H
#define EXPUNGE_KEYED_H

#include "base/arena.h"
#include <stdbool.h>

typedef struct KeyedNames
{
    const char *key;
    const char *kind;
    const char *database;
} KeyedNames;

/* NULL when the template is well written; otherwise what is wrong, as the middle of a sentence (arena or static):
 * "has no ${key}", "has an unknown ${…}", … */
const char *keyed_wrong(Arena *arena, const char *template);
bool keyed_holds(const char *template, const char *name); /* "${kind}" and the like stand in it */

/* The template filled in, for a place that matches whole texts only (a tag, a prefix). */
char *keyed_fill(Arena *arena, const char *template, const KeyedNames *names);

/* The key cannot be part of a name that is one component of a path: it is empty, or has a "/" or a control character. */
bool keyed_is_no_name(const char *key);

/* One component of a pattern ("workspace-${key}-*") against one name of a directory; names->key NULL: any key.  A name that
 * begins with a dot is matched by a pattern that does alone. */
bool keyed_matches(const char *component, const KeyedNames *names, const char *name);
/* Every key for which the component would match this name; one may be there twice. */
void keyed_candidates(Arena *arena, const char *component, const KeyedNames *names, const char *name,
                      const char ***ret_keys, size_t *ret_count);

#endif
