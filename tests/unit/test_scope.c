/* SPDX-License-Identifier: Apache-2.0 */
/* From a graph to a scope: which tables, in which order, found how; and the edges that the configuration adds. */
#include "model/scope.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Tables root, mid, leaf, event, other: column 0 "id" is the key, 1 "ref" and 2 "at" are plain. */
enum
{
    ROOT,
    MID,
    LEAF,
    EVENT,
    OTHER,
    TABLES
};

static Arena *arena;
static Graph graph;

static void
setup(void)
{
    static const char *const names[TABLES] = { "root", "mid", "leaf", "event", "other" };
    arena = arena_new();
    graph = (Graph){ .tables = ARENA_ARRAY(arena, GraphTable, TABLES), .table_count = TABLES };
    for (size_t t = 0; t < TABLES; t++)
    {
        GraphTable *table = &graph.tables[t];
        *table = (GraphTable){ .schema = "s", .name = names[t], .quoted = names[t], .oid = 100 + (int64_t)t };
        table->columns = ARENA_ARRAY(arena, GraphColumn, 3);
        table->columns[0] = (GraphColumn){
            .name = "id", .quoted = "\"id\"", .type = "bigint", .base_type = "bigint", .not_null = true, .attnum = 1
        };
        table->columns[1] =
            (GraphColumn){ .name = "ref", .quoted = "\"ref\"", .type = "bigint", .base_type = "bigint", .attnum = 2 };
        table->columns[2] = (GraphColumn){ .name = "at",
                                           .quoted = "\"at\"",
                                           .type = "timestamp with time zone",
                                           .base_type = "timestamp with time zone",
                                           .not_null = true,
                                           .attnum = 3 };
        table->column_count = 3;
        table->indexes = ARENA_ARRAY(arena, GraphIndex, 2);
        table->indexes[0] = (GraphIndex){
            .unique = true, .primary = true, .columns = ARENA_ARRAY(arena, size_t, 1), .column_count = 1
        };
        table->index_count = 1;
    }
    graph_choose_keys(&graph, arena);
}

static void
teardown(void)
{
    arena_free(arena);
}

static void
add_index(size_t table, size_t first, size_t second)
{
    GraphTable *entry = &graph.tables[table];
    GraphIndex *index = &entry->indexes[entry->index_count++];
    *index = (GraphIndex){ .columns = ARENA_ARRAY(arena, size_t, 2), .column_count = 2 };
    index->columns[0] = first;
    index->columns[1] = second;
}

static void
add_edge(size_t child, size_t parent, EdgeAction action)
{
    GraphEdge edge = {
        .child = child, .parent = parent, .column_count = 1, .action = action, .declared = true, .name = "fk"
    };
    edge.child_columns = ARENA_ARRAY(arena, size_t, 1);
    edge.parent_columns = ARENA_ARRAY(arena, size_t, 1);
    edge.child_columns[0] = 1;
    ARENA_PUSH(arena, graph.edges, graph.edge_count, graph.edge_room, edge);
}

static const Scope *
build(void)
{
    Scope *scope;
    ck_assert_int_eq(scope_build(arena, &graph, ROOT, 0, &scope), OK);
    return scope;
}

START_TEST(a_table_that_no_edge_reaches_stays_out)
{
    add_edge(MID, ROOT, EDGE_DELETE);
    add_edge(LEAF, OTHER, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_uint_eq(scope->table_count, 2);
    ck_assert_uint_eq(scope_position(scope, LEAF), GRAPH_NONE);
    ck_assert_uint_eq(scope_position(scope, OTHER), GRAPH_NONE);
}
END_TEST

START_TEST(parents_stand_before_their_children_on_every_path)
{
    add_edge(LEAF, ROOT, EDGE_DELETE);
    add_edge(LEAF, MID, EDGE_DELETE);
    add_edge(MID, ROOT, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_uint_eq(scope->tables[0].table, ROOT);
    ck_assert_uint_lt(scope_position(scope, MID), scope_position(scope, LEAF));
    ck_assert_uint_eq(scope->tables[scope_position(scope, LEAF)].edge_count, 2);
}
END_TEST

START_TEST(edges_that_do_not_delete_change_rows_but_bring_no_table_in)
{
    add_edge(MID, ROOT, EDGE_SET_NULL);
    add_edge(LEAF, MID, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_uint_eq(scope->table_count, 1);
    ck_assert_uint_eq(scope->change_count, 1);
    ck_assert(scope->changes[0].writes);
}
END_TEST

START_TEST(a_leaf_with_an_ordering_index_is_erased_by_ranges)
{
    add_edge(EVENT, ROOT, EDGE_DELETE);
    const Scope *plain = build();
    ck_assert_int_eq(plain->tables[1].method, SCOPE_KEYS);
    add_index(EVENT, 1, 2);
    const Scope *indexed = build();
    ck_assert_int_eq(indexed->tables[1].method, SCOPE_RANGE);
    ck_assert_uint_eq(indexed->tables[1].order_count, 2);
    ck_assert_uint_eq(indexed->tables[1].order[0], 2); /* what stands behind the edge's column in the index */
    ck_assert_uint_eq(indexed->tables[1].order[1], 0); /* and the key, to be unique */
}
END_TEST

START_TEST(an_interior_table_is_never_erased_by_ranges)
{
    add_edge(EVENT, ROOT, EDGE_DELETE);
    add_index(EVENT, 1, 2);
    add_edge(LEAF, EVENT, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_int_eq(scope->tables[scope_position(scope, EVENT)].method, SCOPE_KEYS);
}
END_TEST

START_TEST(a_text_order_is_no_range)
{
    add_edge(EVENT, ROOT, EDGE_DELETE);
    add_index(EVENT, 1, 2);
    graph.tables[EVENT].columns[2].base_type = "text";
    ck_assert_int_eq(build()->tables[1].method, SCOPE_KEYS);
}
END_TEST

START_TEST(a_self_reference_is_known)
{
    add_edge(MID, ROOT, EDGE_DELETE);
    add_edge(MID, MID, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_uint_eq(scope->tables[1].self_edges, 1);
    ck_assert(!scope_is_cyclic(scope, 1)); /* one self reference: leaves first, batch by batch */
    ck_assert_uint_eq(scope->tables[1].edge_count, 2);
}
END_TEST

START_TEST(tables_in_a_cycle_stand_side_by_side_as_one_step)
{
    add_edge(MID, ROOT, EDGE_DELETE);
    add_edge(LEAF, MID, EDGE_DELETE);
    add_edge(MID, LEAF, EDGE_DELETE);
    add_edge(EVENT, LEAF, EDGE_DELETE);
    const Scope *scope = build();
    const size_t mid = scope_position(scope, MID), leaf = scope_position(scope, LEAF);
    ck_assert_uint_eq(scope->tables[mid].group, scope->tables[leaf].group);
    ck_assert_uint_eq(scope_group_end(scope, mid < leaf ? mid : leaf) - (mid < leaf ? mid : leaf), 2);
    ck_assert(scope_is_cyclic(scope, mid));
    ck_assert(!scope_is_cyclic(scope, 0));
    ck_assert_uint_gt(scope_position(scope, EVENT), leaf);
}
END_TEST

START_TEST(a_root_in_a_cycle_takes_its_group_along)
{
    add_edge(MID, ROOT, EDGE_DELETE);
    add_edge(ROOT, MID, EDGE_DELETE);
    add_edge(LEAF, MID, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_uint_eq(scope->tables[0].table, ROOT);
    ck_assert_uint_eq(scope_group_end(scope, 0), 2);
    ck_assert_uint_eq(scope_position(scope, LEAF), 2);
}
END_TEST

START_TEST(two_cycles_stand_in_the_order_of_their_references)
{
    add_edge(LEAF, ROOT, EDGE_DELETE);
    add_edge(EVENT, LEAF, EDGE_DELETE);
    add_edge(LEAF, EVENT, EDGE_DELETE);
    add_edge(MID, EVENT, EDGE_DELETE);
    add_edge(OTHER, MID, EDGE_DELETE);
    add_edge(MID, OTHER, EDGE_DELETE);
    const Scope *scope = build();
    ck_assert_uint_eq(scope->table_count, 5);
    ck_assert_uint_lt(scope_position(scope, LEAF), scope_position(scope, MID));
    ck_assert_uint_lt(scope_position(scope, EVENT), scope_position(scope, OTHER));
    ck_assert_uint_ne(scope->tables[scope_position(scope, LEAF)].group,
                      scope->tables[scope_position(scope, MID)].group);
}
END_TEST

START_TEST(a_leaf_without_a_key_goes_in_one_statement_an_inner_table_is_refused)
{
    Scope *scope;
    add_edge(LEAF, ROOT, EDGE_DELETE);
    graph.tables[LEAF].key_count = 0;
    ck_assert_int_eq(build()->tables[1].method, SCOPE_WHOLE);
    add_edge(EVENT, LEAF, EDGE_DELETE);
    ck_assert_int_eq(scope_build(arena, &graph, ROOT, 0, &scope), ERR_RAIL);
    ck_assert_ptr_nonnull(strstr(err_joined(), "s.leaf"));
}
END_TEST

START_TEST(a_root_that_refers_to_itself_is_refused_unless_the_configuration_says_so)
{
    static const EdgeRule named = { .line = 1 };
    static const EdgeRule meant = { .line = 1, .action_given = true };
    Scope *scope;
    add_edge(ROOT, ROOT, EDGE_DELETE);
    ck_assert_int_eq(scope_build(arena, &graph, ROOT, 0, &scope), ERR_RAIL);
    ck_assert_ptr_nonnull(strstr(err_joined(), "refers to itself"));
    ck_assert_ptr_nonnull(strstr(err_joined(), "s.root(ref)"));
    graph.edges[0].rule = &named;
    ck_assert_int_eq(scope_build(arena, &graph, ROOT, 0, &scope), ERR_RAIL);
    graph.edges[0].rule = &meant;
    ck_assert_uint_eq(build()->tables[0].self_edges, 1);
}
END_TEST

/* -- edges of the configuration ------------------------------------------------------------------------------------ */

static const char *ref[] = { "ref" };
static const char *id[] = { "id" };

static EdgeRule
rule(const char *child, const char *parent, EdgeAction action)
{
    return (EdgeRule){ .child = { "s", child },
                       .child_columns = ref,
                       .parent = { "s", parent },
                       .parent_columns = id,
                       .column_count = 1,
                       .action = action,
                       .line = 7 };
}

START_TEST(a_rule_on_a_foreign_key_changes_its_action_and_adds_none)
{
    Graph *own;
    const EdgeRule rules[] = { rule("mid", "root", EDGE_SET_NULL) };
    add_edge(MID, ROOT, EDGE_DELETE);
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 1, &own), OK);
    ck_assert_uint_eq(own->edge_count, 1);
    ck_assert_int_eq(own->edges[0].action, EDGE_SET_NULL);
    ck_assert_int_eq(graph.edges[0].action, EDGE_DELETE); /* the base is left alone */
}
END_TEST

START_TEST(a_rule_without_a_foreign_key_is_a_soft_edge)
{
    Graph *own;
    const EdgeRule rules[] = { rule("event", "root", EDGE_DELETE) };
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 1, &own), OK);
    ck_assert_uint_eq(own->edge_count, 1);
    ck_assert(!own->edges[0].declared);
}
END_TEST

/* Column 2 of a table becomes a text. */
static void
make_text(size_t table)
{
    graph.tables[table].columns[1].type = "character varying(20)";
    graph.tables[table].columns[1].base_type = "character varying";
}

START_TEST(edges_with_conditions_stand_side_by_side)
{
    Graph *own;
    EdgeRule rules[] = { rule("event", "root", EDGE_DELETE), rule("event", "root", EDGE_DELETE),
                         rule("event", "root", EDGE_DELETE) };
    rules[0].where = "a = 1";
    rules[1].where = "a = 2";
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 2, &own), OK);
    ck_assert_uint_eq(own->edge_count, 2);
    ck_assert_str_eq(own->edges[0].where, "a = 1");
    ck_assert(!graph_edge_is_plain(&own->edges[0]));
    ck_assert_str_ne(own->edges[0].name, own->edges[1].name);
    rules[2].where = "a = 2";
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 3, &own), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err_joined(), "stands in line 7 already"));
}
END_TEST

START_TEST(a_text_column_spells_a_key_of_another_type)
{
    Graph *own;
    const EdgeRule rules[] = { rule("event", "root", EDGE_DELETE), rule("leaf", "root", EDGE_DELETE) };
    make_text(EVENT);
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 2, &own), OK);
    ck_assert_ptr_nonnull(own->edges[0].as_text);
    ck_assert(own->edges[0].as_text[0]);
    ck_assert(!graph_edge_is_plain(&own->edges[0]));
    ck_assert_ptr_null(own->edges[1].as_text);
    ck_assert(graph_edge_is_plain(&own->edges[1]));
    graph.tables[ROOT].columns[0].base_type = "text"; /* texts against texts are texts */
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 1, &own), OK);
    ck_assert_ptr_null(own->edges[0].as_text);
}
END_TEST

START_TEST(a_range_is_of_plain_columns_or_texts_alone)
{
    const struct
    {
        EdgeRule rule;
        ScopeMethod method;
    } cases[] = { { { .where = NULL }, SCOPE_RANGE },
                  { { .where = "a" }, SCOPE_KEYS },
                  { { .expression = "a" }, SCOPE_KEYS },
                  { { .element = true }, SCOPE_KEYS } };
    add_index(EVENT, 1, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        Graph *own;
        Scope *scope;
        EdgeRule one = rule("event", "root", EDGE_DELETE);
        one.where = cases[i].rule.where;
        one.expression = cases[i].rule.expression;
        one.element = cases[i].rule.element;
        ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", &one, 1, &own), OK);
        ck_assert_int_eq(scope_build(arena, own, ROOT, 0, &scope), OK);
        ck_assert_int_eq(scope->tables[1].method, cases[i].method);
    }
}
END_TEST

START_TEST(an_index_serves_an_expression_only_where_the_server_said_so)
{
    size_t column = 1;
    GraphEdge edge = { .child = EVENT, .child_columns = &column, .column_count = 1 };
    add_index(EVENT, 1, 2);
    ck_assert(graph_edge_has_index(&graph, &edge));
    edge.expression = "ref || 'x'";
    ck_assert(!graph_edge_has_index(&graph, &edge));
    edge.indexed = true;
    ck_assert(graph_edge_has_index(&graph, &edge));
}
END_TEST

START_TEST(orphans_on_a_foreign_key_leave_its_action_unless_one_is_given)
{
    Graph *own;
    EdgeRule shared = rule("mid", "other", EDGE_DELETE);
    shared.orphans = true;
    add_edge(MID, OTHER, EDGE_SET_NULL);
    add_edge(MID, ROOT, EDGE_DELETE);
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", &shared, 1, &own), OK);
    ck_assert_int_eq(own->edges[0].action, EDGE_SET_NULL);
    ck_assert_ptr_null(own->edges[0].rule);
    ck_assert_ptr_eq(own->edges[0].orphans, &shared);
    shared.action_given = true;
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", &shared, 1, &own), OK);
    ck_assert_int_eq(own->edges[0].action, EDGE_DELETE);
}
END_TEST

START_TEST(a_shared_table_stands_beside_the_scope_once)
{
    Graph *own;
    Scope *scope;
    EdgeRule rules[] = { rule("mid", "other", EDGE_DELETE), rule("leaf", "other", EDGE_DELETE),
                         rule("event", "other", EDGE_DELETE) };
    for (size_t i = 0; i < 3; i++)
        rules[i].orphans = true;
    add_edge(MID, ROOT, EDGE_DELETE);
    add_edge(LEAF, MID, EDGE_DELETE);
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 3, &own), OK);
    ck_assert_int_eq(scope_build(arena, own, ROOT, 0, &scope), OK);
    ck_assert_uint_eq(scope->orphan_count, 1);
    ck_assert_uint_eq(scope->orphans[0].table, OTHER);
    ck_assert_uint_eq(scope->orphans[0].edge_count, 2); /* rows of event do not go */
    ck_assert_uint_eq(scope_position(scope, OTHER), GRAPH_NONE);
    own->tables[OTHER].key_count = 0;
    ck_assert_int_eq(scope_build(arena, own, ROOT, 0, &scope), ERR_RAIL);
    own->tables[OTHER].key_count = 1;
    add_edge(OTHER, ROOT, EDGE_DELETE);
    ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", rules, 3, &own), OK);
    ck_assert_int_eq(scope_build(arena, own, ROOT, 0, &scope), ERR_RAIL);
    ck_assert_ptr_nonnull(strstr(err_joined(), "go by another edge"));
}
END_TEST

START_TEST(wrong_edges_name_line_and_culprit)
{
    static const char *near[] = { "reff" };
    EdgeRule wrong_column = rule("mid", "root", EDGE_DELETE);
    wrong_column.child_columns = near;
    EdgeRule kept = rule("mid", "root", EDGE_KEEP);
    SetRule set = { "at", "now()" };
    kept.sets = &set;
    kept.set_count = 1;
    EdgeRule partly = rule("mid", "root", EDGE_DELETE);
    partly.where = "true";
    SetRule none = { "at", "NULL" };
    EdgeRule nulled = rule("event", "root", EDGE_ANONYMISE);
    nulled.sets = &none;
    nulled.set_count = 1;
    const struct
    {
        EdgeRule rules[2];
        size_t count;
        const char *words;
    } wrong[] = {
        { { partly }, 1, "the foreign key \"fk\" says so for every row" },
        { { rule("mid", "root", EDGE_DELETE), partly }, 2, "the foreign key \"fk\" says so for every row" },
        { { nulled }, 1, "column \"at\" of \"s.event\" is NOT NULL" },
        { { rule("even", "root", EDGE_DELETE) }, 1, "did you mean \"s.event\"" },
        { { rule("nowhere", "root", EDGE_DELETE) }, 1, "x.conf:7: there is no table \"s.nowhere\"" },
        { { wrong_column }, 1, "did you mean \"ref\"" },
        { { rule("mid", "root", EDGE_DELETE), rule("mid", "root", EDGE_DELETE) }, 2, "stands in line 7 already" },
        { { kept }, 1, "the rows that stay would refer to a row that goes" },
    };
    add_edge(MID, ROOT, EDGE_DELETE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    {
        Graph *own = NULL;
        ck_assert_int_eq(graph_apply(arena, &graph, "x.conf", wrong[i].rules, wrong[i].count, &own), ERR_CONFIG);
        ck_assert_ptr_null(own);
        ck_assert_msg(strstr(err_joined(), wrong[i].words) != NULL, "%s", err_joined());
    }
}
END_TEST

START_TEST(a_policy_is_ordered_by_its_age_where_an_index_begins_with_it)
{
    size_t *order, count;
    bool indexed;
    ck_assert(scope_policy_order(arena, &graph.tables[EVENT], 2, &order, &count, &indexed));
    ck_assert(!indexed);
    ck_assert_uint_eq(count, 1); /* by its key */
    add_index(EVENT, 2, 1);
    ck_assert(graph_has_index(&graph.tables[EVENT], (const size_t[]){ 2 }, 1));
    ck_assert(scope_policy_order(arena, &graph.tables[EVENT], 2, &order, &count, &indexed));
    ck_assert(indexed);
    ck_assert_uint_eq(order[0], 2);
    ck_assert_uint_eq(order[1], 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("scope");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_table_that_no_edge_reaches_stays_out);
    tcase_add_test(tests, parents_stand_before_their_children_on_every_path);
    tcase_add_test(tests, edges_that_do_not_delete_change_rows_but_bring_no_table_in);
    tcase_add_test(tests, a_leaf_with_an_ordering_index_is_erased_by_ranges);
    tcase_add_test(tests, an_interior_table_is_never_erased_by_ranges);
    tcase_add_test(tests, a_text_order_is_no_range);
    tcase_add_test(tests, a_self_reference_is_known);
    tcase_add_test(tests, tables_in_a_cycle_stand_side_by_side_as_one_step);
    tcase_add_test(tests, a_root_in_a_cycle_takes_its_group_along);
    tcase_add_test(tests, two_cycles_stand_in_the_order_of_their_references);
    tcase_add_test(tests, a_leaf_without_a_key_goes_in_one_statement_an_inner_table_is_refused);
    tcase_add_test(tests, a_root_that_refers_to_itself_is_refused_unless_the_configuration_says_so);
    tcase_add_test(tests, a_rule_on_a_foreign_key_changes_its_action_and_adds_none);
    tcase_add_test(tests, a_rule_without_a_foreign_key_is_a_soft_edge);
    tcase_add_test(tests, edges_with_conditions_stand_side_by_side);
    tcase_add_test(tests, a_text_column_spells_a_key_of_another_type);
    tcase_add_test(tests, a_range_is_of_plain_columns_or_texts_alone);
    tcase_add_test(tests, an_index_serves_an_expression_only_where_the_server_said_so);
    tcase_add_test(tests, orphans_on_a_foreign_key_leave_its_action_unless_one_is_given);
    tcase_add_test(tests, a_shared_table_stands_beside_the_scope_once);
    tcase_add_test(tests, wrong_edges_name_line_and_culprit);
    tcase_add_test(tests, a_policy_is_ordered_by_its_age_where_an_index_begins_with_it);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
