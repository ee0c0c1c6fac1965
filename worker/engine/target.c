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

static Err
bind_subject(Arena *arena, const Rules *rules, const Graph *graph, const SubjectRule *rule, Target *target)
{
    Graph *own;
    size_t ignored;

    *target = (Target){
        .number = target->number, .subject = rule, .name = rule->kind, .age = GRAPH_NONE, .holder = GRAPH_NONE
    };
    if (rule->removed_during_grace)
        return err_new(ERR_CONFIG,
                       "%s:%d: during_grace = \"remove\" is not supported by this version; must be \"keep\"",
                       rules->config_path, rule->line);
    TRY(graph_apply(arena, graph, rules->config_path, rule->edges, rule->edge_count, &own));
    target->graph = own;
    TRY(bind_table(arena, rules, rule->line, own, &rule->root, &target->root));
    const GraphTable *root = &own->tables[target->root];
    TRY(bind_column(arena, rules, rule->line, root, "key", rule->key, &target->key));
    TRY(bind_column(arena, rules, rule->line, root, "label", rule->label, &ignored));
    TRY(bind_column(arena, rules, rule->line, root, "incarnation", rule->incarnation, &ignored));
    TRY(bind_column(arena, rules, rule->line, root, "region", rule->region, &ignored));
    TRY(bind_column(arena, rules, rule->line, root, "ended_at", rule->ended_at, &ignored));
    for (size_t i = 0; i < root->index_count; i++)
        if (root->indexes[i].unique && root->indexes[i].column_count == 1 && root->indexes[i].columns[0] == target->key)
            return bind_scope(arena, target);
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
    if (!scope_policy_order(arena, root, target->age, &target->order, &target->order_count, &target->order_indexed))
        target->order_count = 0;
    target->single = target->scope->table_count == 1 && target->scope->change_count == 0 && target->order_count > 0;
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

void
targets_uncovered(Arena *arena, const Rules *rules, const Graph *graph, const Targets *targets,
                  const char ***ret_tables, size_t *ret_count)
{
    bool *covered = ARENA_ARRAY(arena, bool, graph->table_count + 1);
    const char **names = NULL;
    size_t count = 0, room = 0;

    for (size_t i = 0; i < targets->count; i++)
    {
        const Target *target = &targets->list[i];
        covered[target->root] = true;
        if (target->scope == NULL)
            continue;
        for (size_t t = 0; t < target->scope->table_count; t++)
            covered[target->scope->tables[t].table] = true;
        for (size_t c = 0; c < target->scope->change_count; c++)
            if (target->graph->edges[target->scope->changes[c].edge].rule != NULL)
                covered[target->graph->edges[target->scope->changes[c].edge].child] = true;
    }
    for (size_t g = 0; g < rules->global_count; g++)
    {
        const size_t at = graph_table(graph, rules->global_tables[g].schema, rules->global_tables[g].table);
        if (at != GRAPH_NONE)
            covered[at] = true;
    }
    for (size_t t = 0; t < graph->table_count; t++)
        if (!covered[t])
            ARENA_PUSH(arena, names, count, room, graph->tables[t].quoted);
    *ret_tables = names;
    *ret_count = count;
}
