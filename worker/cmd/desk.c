/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/desk.h"

#include "base/text.h"
#include "engine/settings.h"
#include "report/layout.h"

#include <inttypes.h>
#include <string.h>

Err
desk_open(Context *context, const char *user, const char *database, Desk *ret_desk)
{
    Desk desk = { .context = context, .user = user, .database = database };
    bool known = database == NULL;

    TRY(settings_load(context->arena, context->config_path, &desk.rules));
    for (size_t i = 0; i < desk.rules->database_count; i++)
        known = known || strcmp(desk.rules->databases[i].name, database) == 0;
    if (!known)
        return err_new(ERR_USAGE, "the configuration has no database \"%s\"", database);
    *ret_desk = desk;
    return OK;
}

void
desk_closep(Desk *desk)
{
    db_closep(&desk->db);
}

const char *
desk_id(const Desk *desk, int64_t id)
{
    return arena_printf(desk->context->arena, "%s-%" PRId64, desk->found->name, id);
}

Err
desk_want(const Context *context, size_t option, const char *what)
{
    return text_blank(context->values[option])
               ? err_new(ERR_USAGE, "say %s: %s %s", what, context->command->options[option].name,
                         context->command->options[option].argument)
               : OK;
}

/* -- the subject ----------------------------------------------------------------------------------------------------- */

/* The word that was typed may be a key in the wrong place: it is not repeated. */
static Err
check_kind(const Rules *rules, const char *kind)
{
    const char *names[64];
    size_t count = 0;

    for (size_t i = 0; i < rules->subject_count; i++)
    {
        if (strcmp(rules->subjects[i].kind, kind) == 0)
            return OK;
        if (count < sizeof names / sizeof *names)
            names[count++] = rules->subjects[i].kind;
    }
    const int near = text_nearest(kind, names, count);
    return err_new(ERR_USAGE, "the configuration has no such kind of subject%s%s%s",
                   near < 0 ? "" : "; did you mean \"", near < 0 ? "" : names[near], near < 0 ? "" : "\"?");
}

Err
desk_check_subject(const Desk *desk, const char *kind, const char *key)
{
    TRY(command_check_key(key));
    return check_kind(desk->rules, kind);
}

static bool
applies(const Desk *desk, const char *kind, const DatabaseRule *database)
{
    if (desk->database != NULL && strcmp(desk->database, database->name) != 0)
        return false;
    for (size_t i = 0; i < desk->rules->subject_count; i++)
        if (strcmp(desk->rules->subjects[i].kind, kind) == 0)
            return rules_subject_applies(&desk->rules->subjects[i], database->name);
    return false;
}

static Err
connect(const Desk *desk, const DatabaseRule *database, Db **ret_db)
{
    const Err e = db_open(database->conninfo, desk->user, database->name, ret_db);
    return e == OK ? OK : err_note(e, "database \"%s\"", database->name);
}

typedef struct Items
{
    SubjectItem *list;
    size_t count;
} Items;

static Err
ask(const Desk *desk, const DatabaseRule *database, const char *kind, const char *key, Db **ret_db, Items *ret_items)
{
    TRY(connect(desk, database, ret_db));
    const Err e = requests_status(desk->context->arena, *ret_db, kind, key, &ret_items->list, &ret_items->count);
    return e == OK ? OK : err_note(e, "database \"%s\"", database->name);
}

static bool
is_here(const Items *items)
{
    for (size_t i = 0; i < items->count; i++)
        if (strcmp(items->list[i].item, "disposal") == 0 ||
            (strcmp(items->list[i].item, "subject") == 0 && strcmp(items->list[i].state, "present") == 0))
            return true;
    return false;
}

Err
desk_find(Desk *desk, const char *kind, const char *key)
{
    size_t asked = 0;

    for (size_t i = 0; i < desk->rules->database_count; i++)
    {
        CLEANUP(db_closep) Db *db = NULL;
        const DatabaseRule *database = &desk->rules->databases[i];
        Items items;
        if (!applies(desk, kind, database))
            continue;
        asked++;
        TRY(ask(desk, database, kind, key, &db, &items));
        if (!is_here(&items))
            continue;
        if (desk->found != NULL)
            return err_new(ERR_USAGE,
                           "databases \"%s\" and \"%s\" have a %s of this key, each their own: name one by --database",
                           desk->found->name, database->name, kind);
        desk->found = database;
        desk->db = db;
        db = NULL;
    }
    if (asked == 0)
        return err_new(ERR_USAGE, "database \"%s\" has no %s", desk->database == NULL ? "" : desk->database, kind);
    if (desk->found == NULL)
        return err_new(ERR_USAGE, "there is no %s of this key, and none is being erased", kind);
    return OK;
}

Err
desk_find_id(Desk *desk, const char *text, const char *what, int64_t *ret_id)
{
    const DatabaseRule *first = &desk->rules->databases[0];
    const char *dash = strrchr(text, '-');

    for (size_t i = 0; dash != NULL && i < desk->rules->database_count; i++)
        if (strncmp(desk->rules->databases[i].name, text, (size_t)(dash - text)) == 0 &&
            desk->rules->databases[i].name[dash - text] == '\0')
            desk->found = &desk->rules->databases[i];
    if (!text_int64(dash == NULL ? text : dash + 1, 1, INT64_MAX, ret_id) || (dash != NULL && desk->found == NULL))
        return err_new(ERR_USAGE, "that is no %s of a configured database: one would look like %s-17", what,
                       first->name);
    if (dash == NULL && desk->rules->database_count > 1)
        return err_new(ERR_USAGE, "there are several databases: name one, as in %s-%" PRId64, first->name, *ret_id);
    if (dash == NULL)
        desk->found = first;
    return connect(desk, desk->found, &desk->db);
}

/* -- telling --------------------------------------------------------------------------------------------------------- */

static void
tell_json(JsonDoc *list, const DatabaseRule *database, const SubjectItem *item)
{
    JsonDoc *entry = jsondoc_object();
    jsondoc_set_string(entry, "database", database->name);
    jsondoc_set_string(entry, "item", item->item);
    jsondoc_set_integer(entry, "id", item->id);
    jsondoc_set_integer(entry, "disposal", item->disposal);
    jsondoc_set_string(entry, "state", item->state);
    jsondoc_set_string(entry, strcmp(item->item, "hold") == 0 ? "type" : "ground", item->ground);
    jsondoc_set_bool(entry, "immediate", item->immediate);
    jsondoc_set_instant(entry, "since", item->since);
    jsondoc_set_instant(entry, "until", item->until);
    jsondoc_set_string(entry, "waits_for", item->waits_for);
    jsondoc_set_string(entry, "plan_digest", item->plan_digest);
    jsondoc_push(list, entry);
}

static void
add_item(Grid *grid, const DatabaseRule *database, const SubjectItem *item)
{
    Arena *arena = grid->arena;
    const bool subject = strcmp(item->item, "subject") == 0;
    const char *id = item->id == 0 ? "" : arena_printf(arena, "%s-%" PRId64, database->name, item->id);
    const char *when = item->since == INSTANT_NONE ? ""
                                                   : arena_printf(arena, "since %s", layout_moment(arena, item->since));
    const char *until = item->until == INSTANT_NONE
                            ? ""
                            : arena_printf(arena, "until %s", layout_moment(arena, item->until));
    const bool planned = item->plan_digest != NULL && item->waits_for != NULL &&
                         strcmp(item->waits_for, "an approval") == 0;
    const char *waits = item->waits_for == NULL
                            ? ""
                            : arena_printf(arena, "waits for %s%s%s", item->waits_for, planned ? " of plan " : "",
                                           planned ? item->plan_digest : "");

    LAYOUT_ROW(grid, item->item, subject ? database->name : id, item->state == NULL ? "" : item->state,
               item->ground == NULL ? "" : item->ground, item->immediate ? "immediate" : "", when, until, waits);
}

Err
desk_tell_subject(Desk *desk, const char *kind, const char *key)
{
    JsonDoc *list = jsondoc_array();
    Grid grid = layout_grid(desk->context->arena, "llllllll");
    Text text = TEXT_INIT(desk->context->arena);

    jsondoc_set(desk->context->out, "items", list);
    for (size_t i = 0; i < desk->rules->database_count; i++)
    {
        CLEANUP(db_closep) Db *db = NULL;
        const DatabaseRule *database = &desk->rules->databases[i];
        Items items;
        if (!applies(desk, kind, database))
            continue;
        TRY(ask(desk, database, kind, key, &db, &items));
        for (size_t n = 0; n < items.count; n++)
        {
            tell_json(list, database, &items.list[n]);
            add_item(&grid, database, &items.list[n]);
        }
    }
    layout_print(&grid, "", &text);
    command_say(desk->context, "%s", text_done(&text));
    return OK;
}
