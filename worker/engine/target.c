/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target.h"

#include "base/text.h"

#include <string.h>

static Err
bind_table(Arena *arena, const Rules *rules, int line, const Graph *graph, const TableName *name, size_t *ret)
{
    *ret = graph_table(graph, name->schema, name->table);
    if (*ret != GRAPH_NONE)
        return OK;
    const char **known = ARENA_ARRAY(arena, const char *, graph->table_count + 1);
    for (size_t t = 0; t < graph->table_count; t++)
        known[t] = arena_printf(arena, "%s.%s", graph->tables[t].schema, graph->tables[t].name);
    const int near = text_nearest(arena_printf(arena, "%s.%s", name->schema, name->table), known, graph->table_count);
    return err_new(ERR_CONFIG,
                   "%s:%d: there is no table \"%s.%s\" in this database (views and partitions are no targets)%s%s%s",
                   rules->config_path, line, name->schema, name->table, near < 0 ? "" : "; did you mean \"",
                   near < 0 ? "" : known[near], near < 0 ? "" : "\"?");
}

static Err
bind_column(Arena *arena, const Rules *rules, int line, const GraphTable *table, const char *setting, const char *name,
            size_t *ret)
{
    *ret = GRAPH_NONE;
    if (name == NULL)
        return OK;
    *ret = graph_column(table, name);
    if (*ret != GRAPH_NONE)
        return OK;
    const char **known = ARENA_ARRAY(arena, const char *, table->column_count + 1);
    for (size_t c = 0; c < table->column_count; c++)
        known[c] = table->columns[c].name;
    const int near = text_nearest(name, known, table->column_count);
    return err_new(ERR_CONFIG, "%s:%d: %s: table \"%s.%s\" has no column \"%s\"%s%s%s", rules->config_path, line,
                   setting, table->schema, table->name, name, near < 0 ? "" : "; did you mean \"",
                   near < 0 ? "" : known[near], near < 0 ? "" : "\"?");
}

/* A scope that cannot be had stops this target's disposals, not the others'. */
static Err
bind_scope(Arena *arena, Target *target)
{
    Scope *scope;
    const Err e = scope_build(arena, target->graph, target->root, target->subject == NULL ? GRAPH_NONE : target->key,
                              &scope);
    if (e == ERR_RAIL)
    {
        target->problem = arena_strdup(arena, err_joined());
        err_clear();
        return OK;
    }
    target->scope = scope;
    return e;
}

/* What is said of shared rows must concern rows that go. */
static Err
judge_orphans(const Rules *rules, const Target *target)
{
    for (size_t e = 0; target->scope != NULL && e < target->graph->edge_count; e++)
    {
        const GraphEdge *edge = &target->graph->edges[e];
        const GraphTable *child = &target->graph->tables[edge->child];
        if (edge->orphans != NULL && scope_position(target->scope, edge->child) == GRAPH_NONE)
            return err_new(
                ERR_CONFIG,
                "%s:%d: orphans: no row of \"%s.%s\" goes with \"%s\", so that none can be left alone by it; "
                "must be on an edge from a table whose rows go",
                rules->config_path, edge->orphans->line, child->schema, child->name, target->name);
    }
    return OK;
}

/* What it calls no key is there, and no edge says otherwise.  A part of a key of several columns may be called none: where
 * another part is NULL, it refers to nothing. */
static Err
bind_not_keys(Arena *arena, const Rules *rules, const SubjectRule *rule, const Target *target)
{
    for (size_t i = 0; i < rule->not_key_count; i++)
    {
        const NotKeyRule *none = &rule->not_keys[i];
        size_t table, column;
        TRY(bind_table(arena, rules, none->line, target->graph, &none->table, &table));
        for (size_t c = 0; c < none->column_count; c++)
        {
            TRY(bind_column(arena, rules, none->line, &target->graph->tables[table], "not_keys", none->columns[c],
                            &column));
            for (size_t e = 0; e < rule->edge_count; e++)
                if (rule->edges[e].column_count == 1 &&
                    strcmp(rule->edges[e].child_columns[0], none->columns[c]) == 0 &&
                    strcmp(rule->edges[e].child.table, none->table.table) == 0 &&
                    strcmp(rule->edges[e].child.schema, none->table.schema) == 0)
                    return err_new(ERR_CONFIG,
                                   "%s:%d: not_keys: column \"%s\" of \"%s.%s\" is part of the edge in line %d; "
                                   "one of the two must go",
                                   rules->config_path, none->line, none->columns[c], none->table.schema,
                                   none->table.table, rule->edges[e].line);
        }
    }
    return OK;
}

/* The columns that name the subject at its processors are there, and in tables whose rows go with it. */
static Err
bind_values(Arena *arena, const Rules *rules, const SubjectRule *rule, Target *target, const ProcessorRule *processor)
{
    for (size_t i = 0; i < processor->value_count; i++)
    {
        const ProcessorValue *value = &processor->values[i];
        size_t table, ignored;

        if (rules_value(processor, value->name, rule->kind) != value)
            continue;
        TRY(bind_table(arena, rules, value->line, target->graph, &value->table, &table));
        TRY(bind_column(arena, rules, value->line, &target->graph->tables[table], "column", value->columns[0],
                        &ignored));
        if (target->scope != NULL && scope_position(target->scope, table) == GRAPH_NONE)
            target->problem = arena_printf(
                arena, "%s:%d: no row of \"%s.%s\" goes with a %s, so that value \"%s\" of processor \"%s\" is nowhere",
                rules->config_path, value->line, value->table.schema, value->table.table, rule->kind, value->name,
                processor->name);
    }
    return OK;
}

static Err
bind_processors(Arena *arena, const Rules *rules, const SubjectRule *rule, Target *target)
{
    for (size_t i = 0; i < rule->processor_count; i++)
        TRY(bind_values(arena, rules, rule, target, rules_processor(rules, rule->processors[i])));
    return OK;
}

static Err
bind_subject(Arena *arena, const Rules *rules, const Graph *graph, const SubjectRule *rule, Target *target)
{
    Graph *own;
    size_t ignored;

    *target = (Target){
        .number = target->number, .subject = rule, .name = rule->kind, .age = GRAPH_NONE, .holder = GRAPH_NONE
    };
    TRY(graph_apply(arena, graph, rules->config_path, rule->edges, rule->edge_count, &own));
    target->graph = own;
    TRY(bind_table(arena, rules, rule->line, own, &rule->root, &target->root));
    const GraphTable *root = &own->tables[target->root];
    TRY(bind_column(arena, rules, rule->line, root, "key", rule->key, &target->key));
    TRY(bind_column(arena, rules, rule->line, root, "label", rule->label, &ignored));
    TRY(bind_column(arena, rules, rule->line, root, "incarnation", rule->incarnation, &ignored));
    TRY(bind_column(arena, rules, rule->line, root, "region", rule->region, &ignored));
    TRY(bind_column(arena, rules, rule->line, root, "ended_at", rule->ended_at, &ignored));
    TRY(bind_not_keys(arena, rules, rule, target));
    for (size_t i = 0; i < root->index_count; i++)
        if (root->indexes[i].unique && root->indexes[i].column_count == 1 && root->indexes[i].columns[0] == target->key)
        {
            TRY(bind_scope(arena, target));
            TRY(bind_processors(arena, rules, rule, target));
            return judge_orphans(rules, target);
        }
    return err_new(ERR_CONFIG, "%s:%d: key: no unique index says that \"%s\" names one row of \"%s.%s\"",
                   rules->config_path, rule->line, rule->key, root->schema, root->name);
}

/* The hold on a policy's row is looked up by the subject's key, in the type of the column that holds it. */
static Err
bind_policy(Arena *arena, const Rules *rules, const Graph *graph, const PolicyRule *rule, Target *target)
{
    Graph *own;

    *target = (Target){ .number = target->number, .policy = rule, .name = rule->name, .key = GRAPH_NONE };
    TRY(graph_apply(arena, graph, rules->config_path, rule->edges, rule->edge_count, &own));
    target->graph = own;
    TRY(bind_table(arena, rules, rule->line, own, &rule->table, &target->root));
    const GraphTable *root = &own->tables[target->root];
    target->age = graph_column(root, rule->age);
    target->age_type = target->age == GRAPH_NONE ? NULL : root->columns[target->age].base_type;
    TRY(bind_column(arena, rules, rule->line, root, "subject.column", rule->subject_column, &target->holder));
    if (target->holder != GRAPH_NONE)
        target->holder_type = root->columns[target->holder].base_type;
    TRY(bind_scope(arena, target));
    if (target->scope == NULL)
        return OK;
    TRY(judge_orphans(rules, target));
    if (!scope_policy_order(arena, root, target->age, &target->order, &target->order_count, &target->order_indexed))
        target->order_count = 0;
    target->single = target->scope->table_count == 1 && target->scope->tables[0].edge_count == 0 &&
                     target->scope->change_count == 0 && target->scope->orphan_count == 0 && target->order_count > 0;
    return OK;
}

/* -- rows that are kept for a window of their own ------------------------------------------------------------------- */

const char *
target_owner_of(Arena *arena, const Target *target)
{
    return target->subject != NULL ? target->name : arena_printf(arena, "policy %s", target->name);
}

const char *
target_owner(Arena *arena, const Target *kept)
{
    return target_owner_of(arena, kept->owner);
}

const PolicyRule *
target_policy_copy(Arena *arena, const Target *target)
{
    if (target->owner == NULL)
        return target->policy;
    PolicyRule *copy = ARENA_NEW(arena, PolicyRule);
    *copy = *target->policy;
    copy->name = arena_strdup(arena, copy->name);
    copy->table.schema = arena_strdup(arena, copy->table.schema);
    copy->table.table = arena_strdup(arena, copy->table.table);
    copy->subject_column = copy->subject_column == NULL ? NULL : arena_strdup(arena, copy->subject_column);
    return copy;
}

/* Its rows name the subject still: a hold placed on that one since is honoured. */
static void
bind_holder(Target *target, PolicyRule *policy, const GraphEdge *edge)
{
    const Target *owner = target->owner;
    const GraphTable *child = &target->graph->tables[edge->child];
    if (owner->subject == NULL || edge->parent != owner->root || edge->column_count != 1 ||
        edge->parent_columns[0] != owner->key || !graph_edge_is_plain(edge) || graph_edge_is_cut(target->graph, edge))
        return;
    policy->subject_kind = owner->subject->kind;
    policy->subject_column = child->columns[edge->child_columns[0]].name;
    target->holder = edge->child_columns[0];
    target->holder_type = child->columns[edge->child_columns[0]].base_type;
}

static Err
bind_kept(Arena *arena, const Target *owner, size_t edge_index, Target *target)
{
    const GraphEdge *edge = &owner->graph->edges[edge_index];
    const GraphTable *child = &owner->graph->tables[edge->child];
    PolicyRule *policy = ARENA_NEW(arena, PolicyRule);

    *policy = (PolicyRule){ .name = arena_printf(arena, "kept:%s:%s", owner->name, edge->name),
                            .class_name = "rows kept after an erasure",
                            .table = { child->schema, child->name },
                            .age = "when they were kept",
                            .keep_for = edge->rule->keep_for,
                            .purpose = edge->rule->purpose,
                            .basis = edge->rule->basis,
                            .line = edge->rule->line };
    *target = (Target){ .number = target->number,
                        .policy = policy,
                        .name = policy->name,
                        .graph = owner->graph,
                        .root = edge->child,
                        .key = GRAPH_NONE,
                        .age = GRAPH_NONE,
                        .age_type = "timestamp with time zone",
                        .holder = GRAPH_NONE,
                        .owner = owner,
                        .kept_edge = edge_index };
    bind_holder(target, policy, edge);
    TRY(bind_scope(arena, target));
    if (target->scope != NULL && scope_position(target->scope, owner->root) != GRAPH_NONE)
        target->problem = arena_printf(
            arena,
            "rows of %s that were kept would take rows of %s along when their window is over: say by an edge with "
            "an action what happens to the rows that refer to it",
            child->quoted, owner->graph->tables[owner->root].quoted);
    return OK;
}

static size_t
count_keeps(const Target *target)
{
    size_t count = 0;
    for (size_t c = 0; target->scope != NULL && c < target->scope->change_count; c++)
        count += target->graph->edges[target->scope->changes[c].edge].action == EDGE_KEEP ? 1 : 0;
    return count;
}

/* Behind the others, which do not move any more. */
static Err
add_kept(Arena *arena, Targets *targets)
{
    const size_t own = targets->count;
    size_t count = own;
    for (size_t i = 0; i < own; i++)
        count += count_keeps(&targets->list[i]);
    Target *list = ARENA_ARRAY(arena, Target, count + 1);
    if (own > 0)
        memcpy(list, targets->list, own * sizeof *list);
    targets->list = list;
    for (size_t i = 0; i < own; i++)
        for (size_t c = 0; list[i].scope != NULL && c < list[i].scope->change_count; c++)
        {
            const size_t edge = list[i].scope->changes[c].edge;
            if (list[i].graph->edges[edge].action != EDGE_KEEP)
                continue;
            list[targets->count].number = targets->count;
            TRY(bind_kept(arena, &list[i], edge, &list[targets->count]));
            targets->count++;
        }
    return OK;
}

Err
targets_bind(Arena *arena, const Rules *rules, const DatabaseRule *database, const Graph *graph, Targets *ret_targets)
{
    Targets targets = { .list = ARENA_ARRAY(arena, Target, rules->policy_count + rules->subject_count + 1) };

    for (size_t i = 0; i < rules->policy_count; i++)
        if (rules_policy_applies(&rules->policies[i], database->name))
        {
            Target *target = &targets.list[targets.count];
            target->number = targets.count++;
            TRY(bind_policy(arena, rules, graph, &rules->policies[i], target));
        }
    for (size_t i = 0; i < rules->subject_count; i++)
        if (rules_subject_applies(&rules->subjects[i], database->name))
        {
            Target *target = &targets.list[targets.count];
            target->number = targets.count++;
            TRY(bind_subject(arena, rules, graph, &rules->subjects[i], target));
        }
    TRY(add_kept(arena, &targets));
    *ret_targets = targets;
    return OK;
}

const Target *
targets_find(const Targets *targets, const char *kind, const char *name)
{
    const bool policy = strcmp(kind, "policy") == 0;
    for (size_t i = 0; i < targets->count; i++)
    {
        const Target *target = &targets->list[i];
        if ((target->policy != NULL) == policy && strcmp(target->name, policy ? name : kind) == 0)
            return target;
    }
    return NULL;
}

/* A shared table, and what the configuration says that refers to it. */
static void
cover_shared(const Target *target, size_t table, bool *covered)
{
    covered[table] = true;
    for (size_t e = 0; e < target->graph->edge_count; e++)
        if (target->graph->edges[e].parent == table && target->graph->edges[e].rule != NULL)
            covered[target->graph->edges[e].child] = true;
}

static void
cover_target(const Target *target, bool *covered)
{
    covered[target->root] = true;
    if (target->scope == NULL)
        return;
    for (size_t t = 0; t < target->scope->table_count; t++)
        covered[target->scope->tables[t].table] = true;
    for (size_t o = 0; o < target->scope->orphan_count; o++)
        cover_shared(target, target->scope->orphans[o].table, covered);
    for (size_t c = 0; c < target->scope->change_count; c++)
        if (target->graph->edges[target->scope->changes[c].edge].rule != NULL)
            covered[target->graph->edges[target->scope->changes[c].edge].child] = true;
}

bool *
targets_uncovered(Arena *arena, const Rules *rules, const Graph *graph, const Targets *targets, size_t *ret_count)
{
    bool *covered = ARENA_ARRAY(arena, bool, graph->table_count + 1);
    bool *uncovered = ARENA_ARRAY(arena, bool, graph->table_count + 1);
    size_t count = 0;

    for (size_t i = 0; i < targets->count; i++)
        cover_target(&targets->list[i], covered);
    for (size_t g = 0; g < rules->global_count; g++)
    {
        const size_t at = graph_table(graph, rules->global_tables[g].schema, rules->global_tables[g].table);
        if (at != GRAPH_NONE)
            covered[at] = true;
    }
    for (size_t t = 0; t < graph->table_count; t++)
    {
        uncovered[t] = !covered[t];
        count += covered[t] ? 0 : 1;
    }
    if (ret_count != NULL)
        *ret_count = count;
    return uncovered;
}
