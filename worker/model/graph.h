/* SPDX-License-Identifier: Apache-2.0 */
/* graph.h -- a database's tables and the edges between them, as decisions need them.  Pure. */
#ifndef EXPUNGE_GRAPH_H
#define EXPUNGE_GRAPH_H

#include "model/rules.h"

typedef struct GraphColumn
{
    int attnum;
    const char *name;
    const char *quoted;
    const char *type;      /* as format_type() prints it */
    const char *base_type; /* what a domain stands on; otherwise the type without its modifier */
    const char *collation; /* quoted; NULL: the database's, or none */
    const char *equals;    /* the operator by which values of its type are equal; NULL: "=" of pg_catalog */
    const char *standard;  /* its default, an expression; NULL: none */
    bool not_null;
    bool generated;
    bool hashable; /* UNION over its values is possible in a recursive statement */
} GraphColumn;

typedef struct GraphCheck
{
    const char *only; /* oid of the partition that has it; NULL: the whole table */
    const char *expression;
} GraphCheck;

/* Columns are given by their index in GraphTable.columns, everywhere. */
typedef struct GraphIndex
{
    bool unique;
    bool primary;
    size_t *columns;
    size_t column_count;
} GraphIndex;

/* What no two rows may have in common, where that is more than plain columns: see SQL_catalog_uniques. */
typedef struct GraphUnique
{
    const char *only; /* oid of the partition that has it; NULL: the whole table */
    const char *from; /* the rows that it is about, as a statement names them */
    const char **expressions;
    const char **operators; /* by which two values are the same, one for each expression */
    size_t count;
    const char *predicate; /* NULL: all rows */
    bool nulls_equal;
    size_t *columns; /* that it looks at */
    size_t column_count;
} GraphUnique;

typedef struct GraphTable
{
    int64_t oid;
    const char *schema;
    const char *name;
    const char *quoted; /* "schema"."name" */
    const char *from;   /* as a statement names its rows: with "only" where classic inheritance would add others */
    bool partitioned;
    bool row_security;
    bool rules_delete; /* what a DELETE or an UPDATE on it does is rewritten by a rule */
    bool rules_update;
    bool unlogged;
    bool foreign;         /* its rows are on another server: never in a scope */
    bool inherits;        /* classic inheritance, from it or to it */
    const char *triggers; /* names of those that fire on DELETE, its partitions' too; NULL: none */
    bool triggers_update;
    bool triggers_deferred; /* one that fires on DELETE waits for COMMIT */
    int64_t row_estimate;
    int64_t byte_estimate;
    GraphColumn *columns;
    size_t column_count;
    GraphIndex *indexes;
    size_t index_count;
    GraphUnique *uniques;
    size_t unique_count;
    GraphCheck *checks;
    size_t check_count;
    size_t *key; /* primary key, or a unique index of columns that are all NOT NULL; NULL: none */
    size_t key_count;
} GraphTable;

/* How the server compares a column of a foreign key, where "=" between the two might mean something else. */
typedef struct GraphCompare
{
    const char *operator; /* NULL: "=" between the two columns as they are */
    const char *parent_cast;
    const char *child_cast; /* "::type", a collation, both or "" */
} GraphCompare;

typedef struct GraphEdge
{
    size_t child; /* index of the table */
    size_t parent;
    size_t *child_columns;
    size_t *parent_columns;
    size_t column_count;
    GraphCompare *compares; /* NULL: all of them plain */
    EdgeAction action;
    bool declared; /* a FOREIGN KEY says so */
    bool deferrable;
    bool match_full;
    bool restricts;          /* ON DELETE RESTRICT */
    const char *name;        /* the constraint's, or "schema.table(columns)" of the configuration */
    const char *only;        /* oid of the partition that the key sits on; NULL: the whole table */
    const char *parent_only; /* oid of the parent's partition that it points at; NULL: the whole table */
    size_t *set_columns;     /* set_null, set_default: what is set (ON DELETE SET NULL (column) sets a part) */
    size_t set_count;
    const EdgeRule *rule; /* what the configuration says of it; NULL: nothing */

    const EdgeRule *orphans; /* orphans = "delete"; NULL otherwise */

    /* Soft edges that are more than a column against a column: */
    const char *where;      /* as in EdgeRule */
    const char *expression; /* stands for the value of child_columns[0], which it is made of */
    bool element;           /* the value is an array, each element refers */
    bool *as_text;          /* per column: the child's value is a text that spells the parent's key; NULL: none is */
    bool indexed;           /* the server has an index for where, expression or element (engine/softedge) */
    const char *value_type; /* element: the type of the arrays that are compared (engine/softedge) */
    const char *value_cast; /* element: NULL, or what the child's array is cast to for that */
} GraphEdge;

typedef struct Graph
{
    GraphTable *tables;
    size_t table_count;
    size_t table_room;
    GraphEdge *edges;
    size_t edge_count;
    size_t edge_room;
    const char **habits; /* triggers and rules as lines of the accepted scope: catalog_items() */
    size_t habit_count;
} Graph;

#define GRAPH_NONE SIZE_MAX

/* Index of a table by name or oid, of a column by name or attnum; GRAPH_NONE when there is none. */
size_t graph_table(const Graph *graph, const char *schema, const char *name);
size_t graph_table_oid(const Graph *graph, int64_t oid);
size_t graph_column(const GraphTable *table, const char *name);
size_t graph_column_attnum(const GraphTable *table, int attnum);

/* Choose the key of every table: the primary key, or the first unique index over NOT NULL columns. */
void graph_choose_keys(Graph *graph, Arena *arena);

/* A copy of base whose edges are what the rules say: a rule for a foreign key (same ends) sets its action, others are
 * added as soft edges.  Fails with ERR_CONFIG naming the rule's line: an unknown table or column (with the nearest
 * right name), an anonymise or keep edge on a foreign key whose set leaves the referencing columns as they are, a keep
 * edge on a foreign key that is NOT NULL. */
NODISCARD Err graph_apply(Arena *arena, const Graph *base, const char *config_path, const EdgeRule *rules, size_t count,
                          Graph **ret_graph);

/* The edge compares columns with columns, for every row of the child. */
bool graph_edge_is_plain(const GraphEdge *edge);
/* "set" changes what refers: the row does not refer to its parent afterwards. */
bool graph_edge_is_cut(const Graph *graph, const GraphEdge *edge);
/* The action changes the referring columns themselves, not what "set" says. */
bool graph_sets_reference(EdgeAction action);
/* A type whose values are texts, blanks at the end aside; a domain's base type is asked for. */
bool graph_type_is_text(const char *base_type);
/* The rows that refer are found by an index. */
bool graph_edge_has_index(const Graph *graph, const GraphEdge *edge);
/* The table has an index whose first columns are these, in any order. */
bool graph_has_index(const GraphTable *table, const size_t *columns, size_t count);

#endif
