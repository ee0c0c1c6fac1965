/* SPDX-License-Identifier: Apache-2.0 */
/* catalog.h -- the live catalog of a database as a graph: never from a list kept by hand. */
#ifndef EXPUNGE_CATALOG_H
#define EXPUNGE_CATALOG_H

#include "model/graph.h"
#include "wrap/db.h"

/* Reads pg_catalog in one REPEATABLE READ, READ ONLY transaction.  Fails as db_query does. */
NODISCARD Err catalog_load(Arena *arena, Db *db, Graph **ret_graph);

/* One line for each thing whose change may change a scope, or what happens to its rows: tables, columns with types, keys,
 * foreign keys with their action, triggers and rules; what it names, a tab, how that is; sorted.  Their SHA-256 is the
 * schema's fingerprint. */
void catalog_items(Arena *arena, const Graph *graph, const char ***ret_items, size_t *ret_count);
char *catalog_fingerprint(Arena *arena, const Graph *graph);

/* What differs from the scope that was accepted last: "new: ITEM", "gone: ITEM", "changed: NAME was …, is …", sorted;
 * nothing before the first acceptance. */
NODISCARD Err catalog_drift(Arena *arena, Db *db, const Graph *graph, bool *ret_accepted, const char ***ret_changes,
                            size_t *ret_count);

#endif
