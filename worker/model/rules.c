/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rules.h"

#include "base/text.h"
#include <assert.h>
#include <string.h>

const char *
edge_action_name(EdgeAction action)
{
    static const char *const names[] = {
        [EDGE_DELETE] = "delete",       [EDGE_SET_NULL] = "set_null", [EDGE_SET_DEFAULT] = "set_default",
        [EDGE_ANONYMISE] = "anonymise", [EDGE_KEEP] = "keep",         [EDGE_REMOVE_ELEMENT] = "remove_element",
    };

    assert((size_t)action < sizeof(names) / sizeof(names[0]));
    return names[action];
}

const StoreRule *
rules_snapshot_store(const Rules *rules, const DatabaseRule *database)
{
    const StoreRule *any = NULL;

    for (size_t i = 0; i < rules->store_count; i++)
    {
        const StoreRule *store = &rules->stores[i];

        if (store->role != STORE_SNAPSHOTS)
            continue;
        if (text_equal(store->region, database->region))
            return store; /* the same region, or both without one, comes before a store of no or any region */
        if (any == NULL && (store->region == NULL || database->region == NULL))
            any = store;
    }
    return any;
}

static bool
applies(const char *const *databases, size_t count, const char *database)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(databases[i], database))
            return true;
    return databases == NULL;
}

bool
rules_store_may_hold(const StoreRule *store, const DatabaseRule *database)
{
    if (store->databases != NULL)
        return applies(store->databases, store->database_count, database->name);
    return store->region == NULL || database->region == NULL || text_equal(store->region, database->region);
}

bool
rules_store_applies(const StoreRule *store, const DatabaseRule *database, const char *kind)
{
    const bool is_policy = text_equal(kind, "policy");

    if (store->role == STORE_SNAPSHOTS || (store->role == STORE_COPIES && is_policy))
        return false;
    if (store->role == STORE_COPIES && !applies(store->subjects, store->subject_count, kind))
        return false;
    return rules_store_may_hold(store, database);
}

const StoreRule *
rules_store(const Rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->store_count; i++)
        if (text_equal(rules->stores[i].name, name))
            return &rules->stores[i];
    return NULL;
}

const char *
rules_cleared_within(const Rules *rules, const char *kind, const char *name)
{
    for (size_t i = 0; i < rules->policy_count && text_equal(kind, "policy"); i++)
        if (text_equal(rules->policies[i].name, name))
            return rules->policies[i].cleared_within;
    for (size_t i = 0; i < rules->subject_count; i++)
        if (text_equal(rules->subjects[i].kind, kind))
            return rules->subjects[i].cleared_within;
    return NULL;
}

bool
rules_policy_applies(const PolicyRule *policy, const char *database)
{
    return applies(policy->databases, policy->database_count, database);
}

bool
rules_subject_applies(const SubjectRule *subject, const char *database)
{
    return applies(subject->databases, subject->database_count, database);
}

const ProcessorRule *
rules_processor(const Rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->processor_count; i++)
        if (rules->processors[i].name != NULL && strcmp(rules->processors[i].name, name) == 0)
            return &rules->processors[i];
    return NULL;
}

const ProcessorValue *
rules_value(const ProcessorRule *processor, const char *name, const char *kind)
{
    for (size_t i = 0; i < processor->value_count; i++)
    {
        const ProcessorValue *value = &processor->values[i];
        if (value->name != NULL && strcmp(value->name, name) == 0 &&
            (value->kind == NULL || strcmp(value->kind, kind) == 0))
            return value;
    }
    return NULL;
}

bool
rules_global(const Rules *rules, const char *schema, const char *table)
{
    for (size_t g = 0; g < rules->global_count; g++)
        if (table != NULL && text_equal(rules->global_tables[g].schema, schema) &&
            text_equal(rules->global_tables[g].table, table))
            return true;
    return false;
}
