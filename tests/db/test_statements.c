/* SPDX-License-Identifier: Apache-2.0 */
/* Every fixed statement is prepared by a real server against the migrated schema; and the catalog and the transitions
 * are what their headers say.  EXPUNGE_TEST_CONNINFO: a superuser of a throwaway cluster. */
#include "base/text.h"
#include "sql.h"
#include "store/catalog.h"
#include "store/disposals.h"
#include "wrap/seal.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;
static Db *db;
static DbTx tx; /* everything is rolled back */

static const char tables[] =
    "create schema shop;"
    "create table shop.customer (id bigint primary key, name text not null, old integer, initial text generated always as (left(name, 1)) stored);"
    "alter table shop.customer drop column old;"
    "create table shop.\"Order Line\" (id bigint generated always as identity primary key, customer_id bigint references shop.customer on delete restrict);"
    "create index on shop.\"Order Line\" (customer_id);"
    "create table shop.note (customer_id bigint references shop.customer on delete set null, at timestamptz not null) partition by range (at);"
    "create table shop.note_1 partition of shop.note for values from ('2026-01-01') to ('2026-02-01');"
    "create table shop.note_2 partition of shop.note for values from ('2026-02-01') to ('2026-03-01');";

static void
must(Err e)
{
    ck_assert_msg(e == OK, "%s", err_joined());
}

static void
setup(void)
{
    arena = arena_new();
    must(seal_init());
    must(db_open(getenv("EXPUNGE_TEST_CONNINFO"), NULL, "test", &db));
    must(db_exec(db, "drop schema if exists expunge cascade"));
    must(db_begin(db, "", &tx));
    for (size_t i = 0; i < SQL_MIGRATION_COUNT; i++)
        must(db_exec(db, SQL_MIGRATIONS[i].sql));
    must(db_query(db, SQL_installation_create, 2, (const char *[]){ "eu", "eu" }, NULL));
}

static void
teardown(void)
{
    db_rollback(&tx);
    db_closep(&db);
    arena_free(arena);
}

START_TEST(every_fixed_statement_can_be_prepared)
{
    size_t prepared = 0;
    for (const SqlQuery *query = SQL_QUERIES; query->name != NULL; query++, prepared++)
    {
        const Err e = db_exec(db, arena_printf(arena, "prepare expunge_%zu as %s", prepared, query->sql));
        ck_assert_msg(e == OK, "%s: %s", query->name, err_joined());
    }
    ck_assert_uint_gt(prepared, 40);
}
END_TEST

static const char *
names_of(const GraphTable *table)
{
    Text text = TEXT_INIT(arena);
    for (size_t c = 0; c < table->column_count; c++)
        text_addf(&text, "%s%s%s ", table->columns[c].name, table->columns[c].generated ? "(generated)" : "",
                  table->columns[c].not_null ? "!" : "");
    return text_done(&text);
}

START_TEST(the_catalog_becomes_a_graph)
{
    Graph *graph = NULL;
    must(db_exec(db, tables));
    must(db_commit(&tx)); /* catalog_load wants a transaction of its own */
    must(catalog_load(arena, db, &graph));
    must(db_exec(db, "drop schema shop cascade; drop schema expunge cascade"));

    const size_t customer = graph_table(graph, "shop", "customer"), line = graph_table(graph, "shop", "Order Line"),
                 note = graph_table(graph, "shop", "note");
    ck_assert_uint_ne(customer, GRAPH_NONE);
    ck_assert_uint_ne(line, GRAPH_NONE);
    ck_assert_uint_ne(note, GRAPH_NONE);
    ck_assert_uint_eq(graph_table(graph, "shop", "note_1"), GRAPH_NONE); /* a partition is its parent's */
    ck_assert_uint_eq(graph_table(graph, "expunge", "disposal"), GRAPH_NONE);
    ck_assert_str_eq(graph->tables[line].quoted, "\"shop\".\"Order Line\"");
    ck_assert_str_eq(names_of(&graph->tables[customer]), "id! name! initial(generated) ");
    ck_assert_uint_eq(graph->tables[customer].key_count, 1);
    ck_assert_uint_eq(graph->tables[note].key_count, 0);
    ck_assert(graph->tables[note].partitioned);

    size_t seen = 0;
    for (size_t e = 0; e < graph->edge_count; e++)
    {
        const GraphEdge *edge = &graph->edges[e];
        if (edge->parent != customer)
            continue;
        seen++;
        ck_assert(edge->declared);
        ck_assert_int_eq(edge->action, edge->child == note ? EDGE_SET_NULL : EDGE_DELETE);
        ck_assert_int_eq(edge->restricts, edge->child == line);
        ck_assert_int_eq(graph_has_index(&graph->tables[edge->child], edge->child_columns, 1), edge->child == line);
    }
    ck_assert_uint_eq(seen, 2); /* the partitions' copies of the key are not told again */
}
END_TEST

static int64_t
open_policy(void)
{
    DbResult *row = NULL;
    const char *params[] = { "events", "2026-01-01", "2025-10-01", "digest", "policy" };
    must(db_query_row(db, SQL_disposal_open_policy, 5, params, &row));
    const int64_t id = db_int64(row, 0, 0);
    db_result_free(row);
    return id;
}

START_TEST(a_transition_is_compared_and_set_once)
{
    const int64_t id = open_policy();
    const Transit step = { .from = STATE_OPEN, .to = STATE_ARCHIVED, .grace = "14 days", .snapshot_digest = "d" };
    Disposal *disposal;

    must(disposals_transit(db, id, &step));
    ck_assert_int_eq(disposals_transit(db, id, &step), ERR_AGAIN);
    must(disposals_load(arena, db, id, &disposal));
    ck_assert_int_eq(disposal->state, STATE_ARCHIVED);
    ck_assert_int_eq(disposal->erase_after - disposal->archived_at, 14 * INSTANT_DAY);
    ck_assert_str_eq(disposal->snapshot_digest, "d");
    ck_assert_int_eq(disposals_transit(db, id, &(Transit){ .from = STATE_ARCHIVED, .to = STATE_CLEARED }),
                     ERR_INTERNAL);
}
END_TEST

START_TEST(one_policy_has_one_open_disposal)
{
    DbResult *row = NULL;
    const char *params[] = { "events", "2026-01-01", "2025-10-01", "digest", "policy" };
    open_policy();
    must(db_query(db, SQL_disposal_open_policy, 5, params, &row));
    ck_assert_uint_eq(db_rows(row), 0);
    db_result_free(row);
}
END_TEST

START_TEST(positions_and_marks_come_back_as_they_were_written)
{
    const int64_t id = open_policy();
    const DisposalTable table = { .number = 1, .schema = "a", .table = "b \"c\"", .action = "delete", .edge = "" };
    const char *const position[] = { "2026-01-01 00:00:00.123456+00", "x\"y\\z,{}" };
    const FrameMark mark = { .bytes = 4096, .frames = 3, .rows = 77, .plain_bytes = 9999 };
    DisposalTable *list;
    size_t count;

    must(disposals_table_add(arena, db, id, &table));
    must(disposals_mark(arena, db, id, 1, 0, &mark));
    ck_assert_int_eq(disposals_mark(arena, db, id, 1, 0, &mark), ERR_AGAIN); /* it stands elsewhere by now */
    must(disposals_advance(arena, db, id, 1, 70, position, 2));
    must(disposals_advance(arena, db, id, 1, 7, NULL, 0));
    must(disposals_tables(arena, db, id, &list, &count));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(list[0].table, "b \"c\"");
    ck_assert_int_eq(list[0].rows_done, 77);
    ck_assert_int_eq(list[0].rows_archived, 77);
    ck_assert_int_eq(list[0].mark.bytes, 4096);
    ck_assert_uint_eq(list[0].position_count, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_str_eq(list[0].position[i], position[i]);
    ck_assert_int_eq(disposals_advance(arena, db, id, 2, 1, NULL, 0), ERR_INTERNAL);
}
END_TEST

START_TEST(the_key_is_forgotten_when_a_subject_is_cleared)
{
    const char *params[] = { "workspace",      "0123456789ab", "key-7",      "then",       "c0ffee",
                             "contract_ended", "2026-01-01",   "2025-12-01", "2025-12-31", "digest" };
    DbResult *row = NULL;
    Disposal *disposal;

    must(db_query_row(db, SQL_disposal_open_subject, 10, params, &row));
    const int64_t id = db_int64(row, 0, 0);
    db_result_free(row);
    static const State path[] = { STATE_OPEN, STATE_ERASING, STATE_ERASED, STATE_CLEARED };
    for (size_t i = 0; i + 1 < sizeof path / sizeof *path; i++)
    {
        must(disposals_load(arena, db, id, &disposal));
        ck_assert_str_eq(disposal->subject_key, "key-7");
        must(disposals_transit(db, id, &(Transit){ .from = path[i], .to = path[i + 1] }));
    }
    must(disposals_load(arena, db, id, &disposal));
    ck_assert_ptr_null(disposal->subject_key);
    ck_assert_ptr_null(disposal->incarnation);
    ck_assert_str_eq(disposal->commitment, "c0ffee");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("statements");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_fixed_statement_can_be_prepared);
    tcase_add_test(tests, the_catalog_becomes_a_graph);
    tcase_add_test(tests, a_transition_is_compared_and_set_once);
    tcase_add_test(tests, one_policy_has_one_open_disposal);
    tcase_add_test(tests, positions_and_marks_come_back_as_they_were_written);
    tcase_add_test(tests, the_key_is_forgotten_when_a_subject_is_cleared);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
