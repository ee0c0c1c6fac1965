/* SPDX-License-Identifier: Apache-2.0 */
/* target.h -- a policy or a kind of subject, bound to the tables of one database. */
#ifndef EXPUNGE_TARGET_H
#define EXPUNGE_TARGET_H

#include "model/rules.h"
#include "model/scope.h"

typedef struct Target
{
    size_t number;            /* among the session's targets: part of its work tables' names */
    const PolicyRule *policy; /* one of the two is NULL */
    const SubjectRule *subject;
    const char *name;   /* the policy's name or the kind of subject */
    const Graph *graph; /* with the target's own edges */
    const Scope *scope; /* NULL when problem is set */
    size_t root;
    size_t key;              /* subjects: column that holds the key */
    const char *age_type;    /* policies: "date", "timestamp without time zone" or "timestamp with time zone" */
    size_t age;              /* policies: the age column, GRAPH_NONE for an expression */
    size_t holder;           /* policies: column that names the subject, or GRAPH_NONE */
    const char *holder_type; /* type of that subject's key in this database */
    size_t *order;           /* policies: what bounds a batch; NULL when it has no plain order */
    size_t order_count;
    bool order_indexed;         /* an index begins with the age column */
    bool single;                /* policies: nothing hangs on its rows, so a batch is a range of one table */
    const struct Target *owner; /* rows that this target left behind by a keep edge, as a policy of their own; NULL */
    size_t kept_edge;           /* with owner: the edge */
    const char *problem;        /* why its disposals are stopped (a rail); NULL: fine */
} Target;

typedef struct Targets
{
    Target *list;
    size_t count;
} Targets;

/* Every policy and subject of the rules that applies to the database.  ERR_CONFIG where the rules name a table or
 * column that is not there: a wrong configuration deletes nothing. */
NODISCARD Err targets_bind(Arena *arena, const Rules *rules, const DatabaseRule *database, const Graph *graph,
                           Targets *ret_targets);
/* The policy of a target as it outlives the session: what stands for kept rows is not of the configuration. */
const PolicyRule *target_policy_copy(Arena *arena, const Target *target);
/* Whose erasure it is, as expunge.kept has it: the kind of subject, or "policy" and its name. */
const char *target_owner_of(Arena *arena, const Target *target);
const char *target_owner(Arena *arena, const Target *kept); /* of kept rows */
/* The target of a disposal, or NULL. */
const Target *targets_find(const Targets *targets, const char *kind, const char *name);

/* Per table of the graph: no subject reaches it, no policy names it and global_tables does not list it.  ret_count: how
 * many; may be NULL. */
bool *targets_uncovered(Arena *arena, const Rules *rules, const Graph *graph, const Targets *targets,
                        size_t *ret_count);

#endif
