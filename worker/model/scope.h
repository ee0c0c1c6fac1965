/* SPDX-License-Identifier: Apache-2.0 */
/* scope.h -- which tables go with a root, in which order, and how the rows of each are found.  Pure: from the graph
 * alone, without a look at the rows. */
#ifndef EXPUNGE_SCOPE_H
#define EXPUNGE_SCOPE_H

#include "model/graph.h"

typedef enum ScopeMethod
{
    SCOPE_ROOT,  /* the root itself */
    SCOPE_RANGE, /* a leaf with one edge, straight to the subject's key, and an index that orders its rows behind the
                    edge's columns: bounded ranges of that order, nothing collected */
    SCOPE_KEYS,  /* its keys are collected in a work table, once, by the union of all paths */
    SCOPE_WHOLE  /* a leaf without a key: its rows cannot be told apart, one statement takes them all */
} ScopeMethod;

typedef struct ScopeTable
{
    size_t table; /* in the graph */
    ScopeMethod method;
    size_t *edges; /* graph edges by which its rows are reached, from parents in the scope; none for the root */
    size_t edge_count;
    size_t *order; /* SCOPE_RANGE: columns, unique together within the range, all NOT NULL and of plain types */
    size_t order_count;
    size_t *refs; /* columns that edges to its children refer to, beyond its key: kept in the work table */
    size_t ref_count;
    bool
        keeps_partition; /* an edge refers to one of its partitions alone: the work table holds where each row stands */
    size_t self_edges;   /* how many of its edges are to itself; more than one: its rows go in one statement */
    size_t group;        /* strongly connected tables have the same number and stand side by side: one step */
} ScopeTable;

/* An edge whose rows stay but change: set_null, set_default, anonymise, keep (with or without "set"). */
typedef struct ScopeChange
{
    size_t edge;
    bool writes; /* false: a keep that leaves its rows as they are */
} ScopeChange;

/* Shared rows that rows of the scope refer to, and that go when nobody else refers to them (orphans = "delete"). */
typedef struct ScopeOrphan
{
    size_t table;
    size_t *edges; /* by which rows of the scope refer to it */
    size_t edge_count;
    size_t edge_room;
} ScopeOrphan;

typedef struct Scope
{
    const Graph *graph;
    ScopeTable *tables; /* parents before children; [0] is the root.  Erased from the last to the first. */
    size_t table_count;
    ScopeChange *changes;
    size_t change_count;
    ScopeOrphan *orphans;
    size_t orphan_count;
} Scope;

/* root_key: the column of the root's table that holds the subject's key; GRAPH_NONE for a policy.
 * Fails with ERR_RAIL, naming the table: one without a key that others refer to or whose rows must be changed, a root
 * that refers to itself and no rule of the configuration says that this is meant. */
NODISCARD Err scope_build(Arena *arena, const Graph *graph, size_t root, size_t root_key, Scope **ret_scope);

/* Positions [first, *ret_end) that are one step with first (ret_end: first + 1 for a table alone). */
size_t scope_group_end(const Scope *scope, size_t first);
/* Rows of the table must go together where their references form a cycle: several self references, or several tables. */
bool scope_is_cyclic(const Scope *scope, size_t position);

/* Position of a graph's table in the scope, or GRAPH_NONE. */
size_t scope_position(const Scope *scope, size_t table);

/* The columns that order a policy's rows: the age column and then what makes it unique, when an index begins with the
 * age column; otherwise the key.  false: no order of plain types (numbers, times, uuid), or no key. */
bool scope_policy_order(Arena *arena, const GraphTable *table, size_t age_column, size_t **ret_order, size_t *ret_count,
                        bool *ret_indexed);

/* The type may stand as a literal in a statement: a number, a time, a uuid. */
bool scope_type_is_plain(const char *base_type);

#endif
