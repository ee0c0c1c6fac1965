/* SPDX-License-Identifier: Apache-2.0 */
/* settings_stores.c -- the part of settings.h that judges stores: what goes with their kind and role, whose keys their
 * names hold, and where they may be. */
#include "engine/settings_private.h"

#include "copies/copies.h"
#include "copies/s3.h"
#include "wrap/http.h"

#include <string.h>

static const char *const role_names[] = { "snapshots", "copies", "backups" };

/* Settings that hold a subject's key, where the store's role is "copies". */
static const char *const templates[] = { "match", "prefix", "tag" };

/* -- names with a key ---------------------------------------------------------------------------------------------- */

static void
judge_template(const Judge *judge, const ConfNode *node, const char *setting)
{
    const char *text = string_of(node, setting);
    const char *wrong = text == NULL ? NULL : keyed_wrong(judge->arena, text);

    if (wrong != NULL)
        schema_fault(judge->faults, node, setting,
                     "%s; must hold ${key} once, and may hold ${kind} and ${database}: nothing else is filled in",
                     wrong);
}

/* Below the store's path, and nowhere else. */
static void
judge_below(const Judge *judge, const ConfNode *node, const char *setting)
{
    const char *text = string_of(node, setting);

    if (text == NULL)
        return;
    for (const char *at = text;; at++)
    {
        const size_t length = strcspn(at, "/");
        if (length == 0 || (length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
        {
            schema_fault(
                judge->faults, node, setting,
                "does not stay below \"path\"; must be names joined by single slashes, without \".\" and \"..\"");
            return;
        }
        at += length;
        if (*at == '\0')
            return;
    }
}

static const char *
keyed_text(const ConfNode *node)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (string_of(node, templates[i]) != NULL)
            return string_of(node, templates[i]);
    return NULL;
}

/* Without "subjects": the only kind that there is, or the only one whose name stands in the text ("workspaces/${key}/"). */
static void
infer_kind(const Judge *judge, StoreRule *store, const char *text)
{
    const Rules *rules = judge->rules;
    const char *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < rules->subject_count; i++)
        if (rules->subjects[i].kind != NULL &&
            (rules->subject_count == 1 || strstr(text, rules->subjects[i].kind) != NULL))
        {
            found = rules->subjects[i].kind;
            count++;
        }
    if (count != 1)
        return;
    store->subjects = ARENA_ARRAY(judge->arena, const char *, 1);
    store->subjects[0] = found;
    store->subject_count = 1;
}

/* A key of one kind is never taken for another kind's. */
static void
judge_kinds(const Judge *judge, const ConfNode *node, StoreRule *store)
{
    const ConfNode *subjects = member(node, "subjects");
    const char *text = keyed_text(node);
    const bool told_apart = text == NULL || keyed_holds(text, "${kind}");

    for (size_t i = 0; subjects != NULL && i < subjects->count; i++)
        settings_known(judge, subjects->children[i], "subjects", "kind");
    settings_unique(judge, subjects, NULL);
    if (subjects == NULL && !told_apart)
        infer_kind(judge, store, text);
    if (told_apart || (subjects == NULL && judge->rules->subject_count == 0))
        return;
    if (subjects == NULL && store->subject_count == 0)
        schema_fault(
            judge->faults, node, "subjects",
            "is missing, and several kinds of subjects are configured; must name the one whose keys these are, "
            "or ${kind} stand in the name");
    if (store->subject_count > 1)
        schema_fault(
            judge->faults, node, "subjects",
            "names several kinds, and a key of one could be another's; must name one, or ${kind} stand in the name");
}

/* -- where it may be (P13) ----------------------------------------------------------------------------------------- */

static const DatabaseRule *
database_named(const Rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->database_count; i++)
        if (text_equal(rules->databases[i].name, name))
            return &rules->databases[i];
    return NULL;
}

static bool
region_is_known(const Rules *rules, const char *region)
{
    for (size_t i = 0; i < rules->database_count; i++)
        if (rules->databases[i].region == NULL || text_equal(rules->databases[i].region, region))
            return true;
    return false;
}

static void
judge_region(const Judge *judge, const ConfNode *node, const StoreRule *store)
{
    if (store->region == NULL)
        return;
    for (size_t i = 0; i < store->database_count; i++)
    {
        const DatabaseRule *database = database_named(judge->rules, store->databases[i]);
        if (database != NULL && database->region != NULL && !text_equal(database->region, store->region))
            schema_fault(judge->faults, node, "databases",
                         "database \"%s\" has region \"%s\", and the store is in \"%s\": its data would have crossed; "
                         "must be of one region",
                         database->name, database->region, store->region);
    }
    if (store->databases == NULL && !region_is_known(judge->rules, store->region))
        schema_fault(judge->faults, node, "region",
                     "no database has region \"%s\": the store would be asked for nobody; must be the region of one",
                     store->region);
}

/* -- one store ----------------------------------------------------------------------------------------------------- */

static void
refuse(const Judge *judge, const ConfNode *node, const StoreRule *store, const char *setting)
{
    if (member(node, setting) != NULL)
        schema_fault(judge->faults, node, setting, "cannot go with role \"%s\"; must be left out",
                     role_names[store->role]);
}

static void
judge_directory(const Judge *judge, const ConfNode *node, const StoreRule *store)
{
    if (store->role != STORE_COPIES)
        return;
    if (member(node, "match") == NULL)
        schema_fault(judge->faults, node, "match", "is missing; must be there for role \"copies\"");
    judge_below(judge, node, "match");
    judge_below(judge, node, "marker");
    if (store->marker != NULL && strchr(store->marker, '/') != NULL)
        schema_fault(judge->faults, node, "marker", "names a path; must be one file in \"path\"");
}

static void
judge_pgbackrest(const Judge *judge, const ConfNode *node, const StoreRule *store)
{
    if (store->purge == STORE_REPLACE && store->scratch == NULL)
        schema_fault(judge->faults, node, "scratch",
                     "is missing; must be there for purge \"replace\": an empty place for a whole cluster");
    if (store->purge != STORE_REPLACE && store->scratch != NULL)
        schema_fault(judge->faults, node, "scratch", "goes with purge \"replace\" alone; must be left out");
}

/* No bucket and no path: expunge puts them behind it. */
static void
judge_endpoint(const Judge *judge, const ConfNode *node, const StoreRule *store)
{
    const char *text = string_of(node, "endpoint");
    const char *wrong = text == NULL ? NULL
                                     : http_judge_url(judge->arena, text, store->private_hosts, store->private_count);

    if (wrong != NULL)
        schema_fault(judge->faults, node, "endpoint", "%s; must be \"https://HOST\"", wrong);
    else if (text != NULL)
    {
        const char *host = strstr(text, "://") + strlen("://"), *behind = host + strcspn(host, "/?#");
        if (behind[0] != '\0' && strcmp(behind, "/") != 0)
            schema_fault(judge->faults, node, "endpoint", "has something behind the host; must be \"https://HOST\"");
    }
}

static void
judge_s3(const Judge *judge, const ConfNode *node, const StoreRule *store)
{
    const char *prefix = string_of(node, "prefix"), *bucket = string_of(node, "bucket");
    const char *wrong = prefix == NULL ? NULL : s3_prefix_wrong(prefix);

    judge_endpoint(judge, node, store);
    if (store->role == STORE_COPIES)
    {
        refuse(judge, node, store, "path");
        if (member(node, "prefix") == NULL)
            schema_fault(judge->faults, node, "prefix", "is missing; must be there for role \"copies\"");
    }
    else if (prefix != NULL && strchr(prefix, '$') != NULL)
        schema_fault(judge->faults, node, "prefix", "holds a \"$\"; must be plain for role \"snapshots\"");
    else if (member(node, "path") == NULL)
        schema_fault(
            judge->faults, node, "path",
            "is missing; must be there for role \"snapshots\": a directory in which they are written and read");
    if (wrong != NULL)
        schema_fault(judge->faults, node, "prefix", "%s; must be like \"workspaces/${key}/\"", wrong);
    if (bucket != NULL && shape_name(bucket) != NULL)
        schema_fault(judge->faults, node, "bucket", "%s; must be the name of a bucket", shape_name(bucket));
}

static void
judge_store(const Judge *judge, const ConfNode *node, StoreRule *store)
{
    const CopyKind *kind = copies_kind(store->kind);

    if (kind == NULL)
    {
        schema_fault(judge->faults, node, "kind", "stores of kind \"%s\"" NOT_SUPPORTED, store->kind);
        return;
    }
    if (!text_equal(string_of(node, "role"), role_names[store->role]))
        return; /* nobody knows which was meant */
    if ((kind->roles & 1U << store->role) == 0)
        schema_fault(judge->faults, node, "role", "\"%s\" is no role for a store of kind \"%s\"",
                     role_names[store->role], store->kind);
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (store->role == STORE_COPIES)
            judge_template(judge, node, templates[i]);
        else if (store->role != STORE_SNAPSHOTS || !text_equal(store->kind, "s3"))
            refuse(judge, node, store, templates[i]);
    if (store->role != STORE_COPIES)
    {
        refuse(judge, node, store, "marker");
        refuse(judge, node, store, "subjects");
    }
    else
        judge_kinds(judge, node, store);
    if (store->role == STORE_SNAPSHOTS)
        refuse(judge, node, store, "databases");
    else
    {
        settings_databases(judge, node);
        judge_region(judge, node, store);
    }
    if (text_equal(store->kind, "directory"))
        judge_directory(judge, node, store);
    if (text_equal(store->kind, "s3"))
        judge_s3(judge, node, store);
    if (text_equal(store->kind, "pgbackrest"))
        judge_pgbackrest(judge, node, store);
}

/* expunge's own snapshots are nobody else's copies. */
static void
judge_paths(const Judge *judge, size_t at)
{
    const StoreRule *stores = judge->rules->stores;

    for (size_t i = 0; i < at; i++)
        if (stores[at].path != NULL && text_equal(stores[at].path, stores[i].path) &&
            (stores[at].role == STORE_SNAPSHOTS || stores[i].role == STORE_SNAPSHOTS))
            schema_fault(judge->faults, item(judge, "stores", at), "path",
                         "\"%s\" is in line %d already; must be unique", stores[at].path,
                         member(item(judge, "stores", i), "path")->line);
}

void
settings_stores(const Judge *judge)
{
    for (size_t i = 0; i < judge->rules->store_count; i++)
    {
        if (judge->rules->stores[i].kind == NULL)
            continue;
        judge_store(judge, item(judge, "stores", i), &judge->rules->stores[i]);
        judge_paths(judge, i);
    }
}
