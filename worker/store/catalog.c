/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include "base/text.h"
#include "sql.h"
#include "wrap/jsondoc.h"
#include "wrap/seal.h"

#include <stdlib.h>
#include <string.h>

/* Rows of classic children are their own tables' rows, as foreign keys and unique keys see them. */
static const char *
from_of(Arena *arena, const char *quoted, bool inherits)
{
    return inherits ? arena_printf(arena, "only %s", quoted) : quoted;
}

static Err
load_tables(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_tables, 0, NULL, &rows));
    graph->table_count = graph->table_room = db_rows(rows);
    graph->tables = ARENA_ARRAY(arena, GraphTable, graph->table_count);
    for (size_t i = 0; i < graph->table_count; i++)
    {
        const char *triggers = db_text(rows, i, 9);
        const char *schema = arena_strdup(arena, db_text(rows, i, 1));
        const char *name = arena_strdup(arena, db_text(rows, i, 2));
        graph->tables[i] = (GraphTable){
            .oid = db_int64(rows, i, 0),
            .schema = schema,
            .name = name,
            .quoted = db_ident2(arena, schema, name).quoted,
            .from = from_of(arena, db_ident2(arena, schema, name).quoted, db_bool(rows, i, 12)),
            .partitioned = db_bool(rows, i, 3),
            .row_estimate = db_int64(rows, i, 4),
            .byte_estimate = db_int64(rows, i, 5),
            .row_security = db_bool(rows, i, 6),
            .rules_delete = db_bool(rows, i, 7),
            .rules_update = db_bool(rows, i, 8),
            .triggers = triggers == NULL ? NULL : arena_strdup(arena, triggers),
            .triggers_update = db_bool(rows, i, 13),
            .triggers_deferred = db_bool(rows, i, 14),
            .unlogged = strcmp(db_text(rows, i, 11), "u") == 0,
            .inherits = db_bool(rows, i, 12),
            .foreign = db_bool(rows, i, 15),
        };
    }
    return OK;
}

static Err
load_columns(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_columns, 0, NULL, &rows));
    size_t *room = ARENA_ARRAY(arena, size_t, graph->table_count);
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(graph, db_int64(rows, i, 0));
        if (at == GRAPH_NONE)
            continue;
        GraphTable *table = &graph->tables[at];
        const char *name = arena_strdup(arena, db_text(rows, i, 2));
        const GraphColumn column = { .attnum = (int)db_int64(rows, i, 1),
                                     .name = name,
                                     .quoted = db_ident(arena, name).quoted,
                                     .type = arena_strdup(arena, db_text(rows, i, 3)),
                                     .not_null = db_bool(rows, i, 4),
                                     .generated = db_bool(rows, i, 5),
                                     .base_type = arena_strdup(arena, db_text(rows, i, 6)),
                                     .collation = db_copy_text(arena, rows, i, 7),
                                     .equals = db_copy_text(arena, rows, i, 8),
                                     .standard = db_copy_text(arena, rows, i, 9),
                                     .hashable = db_bool(rows, i, 10) };
        ARENA_PUSH(arena, table->columns, table->column_count, room[at], column);
    }
    return OK;
}

/* "{1,2,3}" → column indexes; false when a column is not among the table's (a system column) */
static bool
read_attnums(Arena *arena, const GraphTable *table, const char *text, GraphIndex *index)
{
    size_t room = 0;
    for (const char *at = text; *at != '\0'; at++)
    {
        if (*at == '{' || *at == '}' || *at == ',')
            continue;
        char *end;
        const size_t column = graph_column_attnum(table, (int)strtol(at, &end, 10));
        if (column == GRAPH_NONE)
            return false;
        ARENA_PUSH(arena, index->columns, index->column_count, room, column);
        at = end - 1;
    }
    return index->column_count > 0;
}

static Err
load_indexes(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_indexes, 0, NULL, &rows));
    size_t *room = ARENA_ARRAY(arena, size_t, graph->table_count);
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(graph, db_int64(rows, i, 0));
        if (at == GRAPH_NONE)
            continue;
        GraphTable *table = &graph->tables[at];
        GraphIndex index = { .unique = db_bool(rows, i, 1), .primary = db_bool(rows, i, 2) };
        if (read_attnums(arena, table, db_text(rows, i, 3), &index))
            ARENA_PUSH(arena, table->indexes, table->index_count, room[at], index);
    }
    return OK;
}

static Err
load_checks(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_checks, 0, NULL, &rows));
    size_t *room = ARENA_ARRAY(arena, size_t, graph->table_count);
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(graph, db_int64(rows, i, 0));
        if (at == GRAPH_NONE || db_text(rows, i, 2) == NULL) /* dropped while we read: its expression is gone first */
            continue;
        GraphTable *table = &graph->tables[at];
        const GraphCheck check = { .only = db_copy_text(arena, rows, i, 1),
                                   .expression = arena_strdup(arena, db_text(rows, i, 2)) };
        ARENA_PUSH(arena, table->checks, table->check_count, room[at], check);
    }
    return OK;
}

static Err
read_names(Arena *arena, const GraphTable *table, const char *json, size_t **ret_columns, size_t *ret_count)
{
    CLEANUP(jsondoc_freep) JsonDoc *names = NULL;
    TRY(jsondoc_parse(json, strlen(json), &names));
    *ret_count = jsondoc_count(names);
    *ret_columns = ARENA_ARRAY(arena, size_t, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
    {
        (*ret_columns)[i] = graph_column(table, jsondoc_text(jsondoc_at(names, i)));
        if ((*ret_columns)[i] == GRAPH_NONE)
            return err_new(ERR_INTERNAL, "a key of table \"%s.%s\" names a column that is not in the catalog",
                           table->schema, table->name);
    }
    return OK;
}

static Err
read_texts(Arena *arena, const char *json, const char ***ret_texts, size_t *ret_count)
{
    CLEANUP(jsondoc_freep) JsonDoc *list = NULL;
    TRY(jsondoc_parse(json, strlen(json), &list));
    *ret_count = jsondoc_count(list);
    *ret_texts = ARENA_ARRAY(arena, const char *, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_texts)[i] = arena_strdup(arena, jsondoc_text(jsondoc_at(list, i)));
    return OK;
}

static Err
load_uniques(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_uniques, 0, NULL, &rows));
    size_t *room = ARENA_ARRAY(arena, size_t, graph->table_count);
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t at = graph_table_oid(graph, db_int64(rows, i, 0));
        if (at == GRAPH_NONE || db_text(rows, i, 7) == NULL)
            continue;
        GraphTable *table = &graph->tables[at];
        GraphUnique unique = { .only = db_copy_text(arena, rows, i, 1),
                               .from = arena_strdup(arena, db_text(rows, i, 2)),
                               .predicate = db_copy_text(arena, rows, i, 5),
                               .nulls_equal = db_bool(rows, i, 6) };
        size_t operators;
        TRY(read_texts(arena, db_text(rows, i, 3), &unique.expressions, &unique.count));
        TRY(read_texts(arena, db_text(rows, i, 4), &unique.operators, &operators));
        TRY(read_names(arena, table, db_text(rows, i, 7), &unique.columns, &unique.column_count));
        ARENA_PUSH(arena, table->uniques, table->unique_count, room[at], unique);
    }
    return OK;
}

static Err
read_compares(Arena *arena, const char *json, GraphEdge *edge)
{
    CLEANUP(jsondoc_freep) JsonDoc *list = NULL;
    TRY(jsondoc_parse(json, strlen(json), &list));
    edge->compares = ARENA_ARRAY(arena, GraphCompare, edge->column_count);
    for (size_t c = 0; c < edge->column_count; c++)
    {
        const JsonDoc *parts = jsondoc_at(list, c);
        if (!jsondoc_is_array(parts)) /* null: plain */
            continue;
        edge->compares[c] = (GraphCompare){ .operator= arena_strdup(arena, jsondoc_text(jsondoc_at(parts, 0))),
                                            .parent_cast = arena_strdup(arena, jsondoc_text(jsondoc_at(parts, 1))),
                                            .child_cast = arena_strdup(arena, jsondoc_text(jsondoc_at(parts, 2))) };
    }
    return OK;
}

static EdgeAction
action_of(const char *on_delete)
{
    if (strcmp(on_delete, "n") == 0)
        return EDGE_SET_NULL;
    return strcmp(on_delete, "d") == 0 ? EDGE_SET_DEFAULT : EDGE_DELETE;
}

static Err
load_foreign_keys(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_foreign_keys, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        GraphEdge edge = { .child = graph_table_oid(graph, db_int64(rows, i, 1)),
                           .parent = graph_table_oid(graph, db_int64(rows, i, 2)),
                           .action = action_of(db_text(rows, i, 5)),
                           .restricts = strcmp(db_text(rows, i, 5), "r") == 0,
                           .declared = true,
                           .deferrable = db_bool(rows, i, 7),
                           .name = arena_strdup(arena, db_text(rows, i, 0)),
                           .only = db_copy_text(arena, rows, i, 6),
                           .parent_only = db_copy_text(arena, rows, i, 8),
                           .match_full = db_bool(rows, i, 11) };
        if (edge.child == GRAPH_NONE || edge.parent == GRAPH_NONE)
            continue; /* of an extension's own tables */
        size_t count;
        TRY(read_names(arena, &graph->tables[edge.child], db_text(rows, i, 3), &edge.child_columns, &count));
        TRY(read_names(arena, &graph->tables[edge.parent], db_text(rows, i, 4), &edge.parent_columns,
                       &edge.column_count));
        edge.set_columns = edge.child_columns;
        edge.set_count = edge.column_count;
        if (db_text(rows, i, 9) != NULL)
            TRY(read_names(arena, &graph->tables[edge.child], db_text(rows, i, 9), &edge.set_columns, &edge.set_count));
        if (db_text(rows, i, 10) != NULL)
            TRY(read_compares(arena, db_text(rows, i, 10), &edge));
        ARENA_PUSH(arena, graph->edges, graph->edge_count, graph->edge_room, edge);
    }
    return OK;
}

static Err
load_habits(Arena *arena, Db *db, Graph *graph)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    TRY(db_query(db, SQL_catalog_habits, 0, NULL, &rows));
    graph->habits = ARENA_ARRAY(arena, const char *, db_rows(rows) + 1);
    graph->habit_count = db_rows(rows);
    for (size_t i = 0; i < db_rows(rows); i++)
        graph->habits[i] = arena_printf(arena, "%s %s %s\t%s", db_text(rows, i, 0),
                                        db_ident2(arena, db_text(rows, i, 1), db_text(rows, i, 2)).quoted,
                                        db_ident(arena, db_text(rows, i, 3)).quoted, db_text(rows, i, 4));
    return OK;
}

Err
catalog_load(Arena *arena, Db *db, Graph **ret_graph)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Graph *graph = ARENA_NEW(arena, Graph);

    TRY(db_begin(db, "isolation level repeatable read read only", &tx));
    TRY(load_tables(arena, db, graph));
    TRY(load_columns(arena, db, graph));
    TRY(load_indexes(arena, db, graph));
    TRY(load_uniques(arena, db, graph));
    TRY(load_foreign_keys(arena, db, graph));
    TRY(load_checks(arena, db, graph));
    TRY(load_habits(arena, db, graph));
    TRY(db_commit(&tx));
    graph_choose_keys(graph, arena);
    *ret_graph = graph;
    return OK;
}

/* -- the fingerprint ----------------------------------------------------------------------------------------------- */

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_columns(Text *text, const GraphTable *table, const size_t *columns, size_t count)
{
    for (size_t c = 0; c < count; c++)
        text_addf(text, "%s%s", c > 0 ? ", " : "", table->columns[columns[c]].quoted);
}

static const char *
edge_item(Arena *arena, const Graph *graph, const GraphEdge *edge)
{
    Text item = TEXT_INIT(arena);
    const GraphTable *child = &graph->tables[edge->child];
    const GraphTable *parent = &graph->tables[edge->parent];
    text_addf(&item, "edge %s (", child->quoted);
    add_columns(&item, child, edge->child_columns, edge->column_count);
    text_addf(&item, ") → %s (", parent->quoted);
    add_columns(&item, parent, edge->parent_columns, edge->column_count);
    text_addf(&item, ")\t%s%s%s%s", edge_action_name(edge->action), edge->restricts ? ", restricts" : "",
              edge->deferrable ? ", deferrable" : "",
              edge->only != NULL          ? ", on a partition"
              : edge->parent_only != NULL ? ", to a partition"
                                          : "");
    return text_done(&item);
}

static const char *
table_item(Arena *arena, const GraphTable *table)
{
    return arena_printf(arena, "table %s\t%s%s%s%s", table->quoted,
                        table->foreign       ? "foreign"
                        : table->partitioned ? "partitioned"
                                             : "ordinary",
                        table->unlogged ? ", unlogged" : "", table->inherits ? ", in an inheritance" : "",
                        table->row_security ? ", row security" : "");
}

static const char *
key_item(Arena *arena, const GraphTable *table, const GraphIndex *index)
{
    Text item = TEXT_INIT(arena);
    text_addf(&item, "key %s (", table->quoted);
    add_columns(&item, table, index->columns, index->column_count);
    text_addf(&item, ")\t%s", index->primary ? "primary" : "unique");
    return text_done(&item);
}

void
catalog_items(Arena *arena, const Graph *graph, const char ***ret_items, size_t *ret_count)
{
    const char **items = NULL;
    size_t count = 0, room = 0;
    for (size_t t = 0; t < graph->table_count; t++)
    {
        const GraphTable *table = &graph->tables[t];
        ARENA_PUSH(arena, items, count, room, table_item(arena, table));
        for (size_t c = 0; c < table->column_count; c++)
            ARENA_PUSH(arena, items, count, room,
                       arena_printf(arena, "column %s.%s\t%s%s%s", table->quoted, table->columns[c].quoted,
                                    table->columns[c].type, table->columns[c].not_null ? " not null" : "",
                                    table->columns[c].generated ? " generated" : ""));
        for (size_t i = 0; i < table->index_count; i++)
            if (table->indexes[i].unique)
                ARENA_PUSH(arena, items, count, room, key_item(arena, table, &table->indexes[i]));
    }
    for (size_t e = 0; e < graph->edge_count; e++)
        ARENA_PUSH(arena, items, count, room, edge_item(arena, graph, &graph->edges[e]));
    for (size_t h = 0; h < graph->habit_count; h++)
        ARENA_PUSH(arena, items, count, room, graph->habits[h]);
    if (count > 0)
        qsort(items, count, sizeof *items, compare_texts);
    *ret_items = items;
    *ret_count = count;
}

char *
catalog_fingerprint(Arena *arena, const Graph *graph)
{
    const char **items;
    size_t count;
    unsigned char digest[SEAL_HASH_BYTES];
    SealSha256 stream;

    catalog_items(arena, graph, &items, &count);
    seal_sha256_init(&stream);
    for (size_t i = 0; i < count; i++)
    {
        seal_sha256_add(&stream, items[i], strlen(items[i]));
        seal_sha256_add(&stream, "\n", 1);
    }
    seal_sha256_done(&stream, digest);
    return text_hex(arena, digest, sizeof digest);
}

/* -- drift --------------------------------------------------------------------------------------------------------- */

/* An item is what it names and, behind a tab (which sorts before every character of a name), how that is. */
static size_t
name_length(const char *item)
{
    return strcspn(item, "\t");
}

static const char *
manner(const char *item)
{
    const size_t length = name_length(item);
    return item[length] == '\0' ? "" : item + length + 1;
}

static int
compare_items(const char *a, const char *b)
{
    const size_t one = name_length(a), other = name_length(b);
    const int order = strncmp(a, b, one < other ? one : other);
    return order != 0 ? order : (one > other) - (one < other);
}

typedef struct Changes
{
    Arena *arena;
    const char **list;
    size_t count;
    size_t room;
    const char **tables; /* "table NAME" items that came or went: their parts are told with them */
    size_t table_count;
    size_t table_room;
} Changes;

/* A column, key, trigger or rule of a table that came or went as a whole; an edge is told always. */
static bool
is_told(const Changes *changes, const char *item)
{
    const char *name = strchr(item, ' ');
    if (name == NULL || strncmp(item, "edge ", 5) == 0 || strncmp(item, "table ", 6) == 0)
        return false;
    for (size_t t = 0; t < changes->table_count; t++)
    {
        const char *table = changes->tables[t] + strlen("table");
        const size_t length = name_length(table);
        if (strncmp(name, table, length) == 0 && (name[length] == '.' || name[length] == ' '))
            return true;
    }
    return false;
}

static void
note_change(Changes *changes, const char *word, const char *item)
{
    if (!is_told(changes, item))
        ARENA_PUSH(changes->arena, changes->list, changes->count, changes->room,
                   arena_printf(changes->arena, "%s: %.*s%s%s", word, (int)name_length(item), item,
                                manner(item)[0] == '\0' ? "" : " ", manner(item)));
}

/* One walk through both sorted lists; tables first, so that what belongs to them is known. */
static void
compare_lists(Changes *changes, const char **items, size_t count, const DbResult *rows, bool tables)
{
    for (size_t now = 0, then = 0; now < count || then < db_rows(rows);)
    {
        const char *accepted = then < db_rows(rows) ? db_text(rows, then, 0) : NULL;
        const int order = accepted == NULL ? -1 : now == count ? 1 : compare_items(items[now], accepted);
        const char *item = order <= 0 ? items[now] : accepted;
        if (tables && order != 0 && strncmp(item, "table ", 6) == 0)
            ARENA_PUSH(changes->arena, changes->tables, changes->table_count, changes->table_room,
                       arena_strdup(changes->arena, item));
        if (!tables && order != 0)
            note_change(changes, order < 0 ? "new" : "gone", item);
        if (!tables && order == 0 && strcmp(manner(item), manner(accepted)) != 0)
            ARENA_PUSH(changes->arena, changes->list, changes->count, changes->room,
                       arena_printf(changes->arena, "changed: %.*s was %s, is %s", (int)name_length(item), item,
                                    manner(accepted), manner(item)));
        now += order <= 0 ? 1 : 0;
        then += order >= 0 ? 1 : 0;
    }
}

Err
catalog_drift(Arena *arena, Db *db, const Graph *graph, bool *ret_accepted, const char ***ret_changes,
              size_t *ret_count)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    Changes changes = { .arena = arena };
    const char **items;
    size_t count;

    TRY(db_query(db, SQL_accepted_load, 0, NULL, &rows));
    *ret_accepted = db_rows(rows) > 0;
    catalog_items(arena, graph, &items, &count);
    if (*ret_accepted)
    {
        compare_lists(&changes, items, count, rows, true);
        compare_lists(&changes, items, count, rows, false);
    }
    *ret_changes = changes.list;
    *ret_count = changes.count;
    return OK;
}
