/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lookalikes.h"

#include "base/text.h"
#include "engine/settle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_ROWS 200
#define SAMPLE_COLUMNS 64 /* of one statement, for one owner */
#define MOST_COLUMNS 256  /* for all of them */
/* Nobody waits for a guess. */
#define SAMPLE_BEGIN "set statement_timeout = '2s'; set lock_timeout = '500ms'"
#define SAMPLE_END "set statement_timeout = 0; set lock_timeout = '" SESSION_LOCK_TIMEOUT "'"
#define SPARSE 100 /* numeric keys: one of so many numbers, or fewer, is a key */
#define MANY_VALUES 3

typedef struct Search
{
    Arena *arena;
    const Session *session;
    Db *db;
    const bool *uncovered; /* per table */
    const bool *global;
    const bool *told; /* per target: values alone tell its keys from anything else */
    Lookalikes *found;
} Search;

static bool
is_searched(const Target *target)
{
    return target->subject != NULL && target->scope != NULL;
}

/* -- covered ------------------------------------------------------------------------------------------------------- */

static bool
has_column(const GraphEdge *edge, size_t column)
{
    for (size_t c = 0; c < edge->column_count; c++)
        if (edge->child_columns[c] == column)
            return true;
    return false;
}

/* A key of several columns, one of them NULL, refers to nothing, and the column beside it stands alone. */
static bool
is_whole(const GraphTable *child, const GraphEdge *edge)
{
    for (size_t c = 0; edge->column_count > 1 && c < edge->column_count; c++)
        if (!child->columns[edge->child_columns[c]].not_null)
            return false;
    return true;
}

/* An edge says what the column is: the subject follows it, or it is a key of something else.  What is a key of a table
 * that holds nobody's data, and is called like a subject's, is not settled by that. */
static bool
explains(const Search *search, const Target *owner, const Target *from, const GraphEdge *edge, bool named)
{
    const bool followed = owner->scope != NULL && scope_position(owner->scope, edge->parent) != GRAPH_NONE;

    if (edge->declared && edge->only == NULL && edge->column_count == 1 && edge->parent != owner->root)
        return true; /* the server sees to it that it is the key of something else */
    if (from == owner || edge->declared)
        return followed || !named || !search->global[edge->parent];
    return edge->where == NULL && edge->parent != owner->root && (!named || !search->global[edge->parent]);
}

static bool
is_covered(const Search *search, const Target *owner, size_t table, size_t column, bool named)
{
    const Targets *targets = &search->session->targets;

    for (size_t i = 0; i < targets->count; i++)
    {
        const Graph *graph = targets->list[i].graph;
        if (targets->list[i].owner != NULL)
            continue; /* kept rows go by the edges of whoever left them behind */
        for (size_t e = 0; e < graph->edge_count; e++)
        {
            const GraphEdge *edge = &graph->edges[e];
            if (edge->child == table && has_column(edge, column) && is_whole(&graph->tables[table], edge) &&
                explains(search, owner, &targets->list[i], edge, named))
                return true;
        }
    }
    return false;
}

bool
lookalikes_settled(const Target *owner, size_t table, size_t column)
{
    const SubjectRule *subject = owner->subject;
    const GraphTable *entry = &owner->graph->tables[table];

    for (size_t i = 0; i < subject->not_key_count; i++)
    {
        const NotKeyRule *rule = &subject->not_keys[i];
        for (size_t c = 0; c < rule->column_count; c++)
            if (strcmp(rule->columns[c], entry->columns[column].name) == 0 &&
                strcmp(rule->table.table, entry->name) == 0 && strcmp(rule->table.schema, entry->schema) == 0)
                return true;
    }
    return false;
}

/* The root's own key, and its other names. */
static bool
names_root(const Target *owner, size_t table, size_t column)
{
    const GraphTable *root = &owner->graph->tables[owner->root];

    if (table != owner->root)
        return false;
    for (size_t i = 0; i < root->index_count; i++)
        if (root->indexes[i].unique && root->indexes[i].column_count == 1 && root->indexes[i].columns[0] == column)
            return true;
    return column == owner->key;
}

/* -- names --------------------------------------------------------------------------------------------------------- */

/* The name is one by which rows refer to this subject already. */
static bool
is_known_reference(const Target *target, const char *name)
{
    for (size_t e = 0; e < target->graph->edge_count; e++)
    {
        const GraphEdge *edge = &target->graph->edges[e];
        const char *known = target->graph->tables[edge->child].columns[edge->child_columns[0]].name;
        if (edge->parent == target->root && graph_edge_is_plain(edge) && edge->column_count == 1 &&
            edge->parent_columns[0] == target->key && strcmp(known, name) == 0 && !lookalike_general(name))
            return true;
    }
    return false;
}

static bool
is_named_so(const Target *target, const GraphColumn *column, LookalikeForm form)
{
    const GraphTable *root = &target->graph->tables[target->root];
    const char *key = root->columns[target->key].name;
    const LookalikeName by_table = lookalike_name(column->name, root->name, key);
    const LookalikeName by_kind = lookalike_name(column->name, target->name, key);
    const LookalikeName best = by_table > by_kind ? by_table : by_kind;

    if (form == LOOKALIKE_NEVER || form == LOOKALIKE_MEMBERS)
        return false;
    return best == LOOKALIKE_KEYED || (best == LOOKALIKE_BARE && form == LOOKALIKE_PLAIN) ||
           (!lookalike_general(key) && strcmp(column->name, key) == 0) || is_known_reference(target, column->name);
}

static LookalikeForm
form_of(const Target *target, const GraphColumn *column)
{
    return lookalike_form(column->base_type, target->graph->tables[target->root].columns[target->key].base_type);
}

const Target *
lookalikes_owner(const Session *session, size_t table, size_t column)
{
    const GraphColumn *entry = &session->graph->tables[table].columns[column];

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        if (target->subject != NULL && target->root != table && is_named_so(target, entry, form_of(target, entry)))
            return target;
    }
    return NULL;
}

bool
lookalikes_holds_key(const Target *target, size_t table, size_t column)
{
    if (target->subject == NULL || target->root == table)
        return false;
    const GraphColumn *entry = &target->graph->tables[table].columns[column];
    const LookalikeForm form = form_of(target, entry);
    return (form == LOOKALIKE_PLAIN || form == LOOKALIKE_SPELT) && !is_named_so(target, entry, form);
}

/* -- values -------------------------------------------------------------------------------------------------------- */

/* Equal by chance: never with uuids; seldom where keys are texts of some length; with numbers, unless keys are rare. */
static bool
are_keys(LookalikeKey kind, const SampleColumn *column, const DbResult *row, size_t at)
{
    const int64_t values = db_int64(row, 0, 3 * at);
    const int64_t matching = db_int64(row, 0, 3 * at + 1);
    const int64_t long_ones = db_int64(row, 0, 3 * at + 2);
    const bool most = matching >= MANY_VALUES && 2 * matching >= values;

    if (column->member != NULL) /* the name says the same */
        return matching > 0;
    switch (kind)
    {
    case LOOKALIKE_UUID: return matching > 0;
    case LOOKALIKE_NUMBER: return most;
    case LOOKALIKE_TEXT: return long_ones > 0 || most;
    case LOOKALIKE_OTHER: break;
    }
    return false;
}

/* Whether values can tell keys from anything else. */
static Err
is_told_by_values(const Search *search, const Target *owner, bool *ret_told)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const Selector selector = { .arena = search->arena, .target = owner };
    const GraphTable *root = &owner->graph->tables[owner->root];
    const LookalikeKey kind = lookalike_key(root->columns[owner->key].base_type);

    *ret_told = kind == LOOKALIKE_UUID || kind == LOOKALIKE_TEXT;
    if (kind != LOOKALIKE_NUMBER)
        return OK;
    const Err e = db_query_row(search->db, selector_key_span(&selector), 0, NULL, &row);
    if (e == OK)
        *ret_told = strtod(db_text(row, 0, 0), NULL) > (double)SPARSE * (double)(root->row_estimate + 1);
    else if (db_is_broken(search->db))
        return e;
    err_clear(); /* a root that cannot be read is told by its privileges */
    return OK;
}

/* Name and type have told of the column already: a sample adds how many of its values are keys. */
static Lookalike *
find_known(const Search *search, const Target *owner, size_t table, size_t column)
{
    for (size_t i = 0; i < search->found->count; i++)
    {
        Lookalike *look = &search->found->list[i];
        if (look->owner == owner && look->table == table && look->column == column)
            return look;
    }
    return NULL;
}

static void
note_sample(Search *search, const Target *owner, size_t table, const SampleColumn *column, const int64_t counts[2])
{
    Lookalike *look = find_known(search, owner, table, column->column);

    if (look == NULL)
    {
        const Lookalike fresh = { .owner = owner, .table = table, .column = column->column, .member = column->member };
        ARENA_PUSH(search->arena, search->found->list, search->found->count, search->found->room, fresh);
        look = &search->found->list[search->found->count - 1];
    }
    look->sampled_values = counts[0];
    look->matching_values = counts[1];
}

static size_t
sample_columns(const Search *search, const Target *owner, size_t table, SampleColumn *columns)
{
    const GraphTable *entry = &search->session->graph->tables[table];
    const char *const *members = lookalike_members(search->arena, owner->graph->tables[owner->root].name,
                                                   search->told[owner->number]);
    size_t count = 0;

    for (size_t c = 0; c < entry->column_count && count + 8 < SAMPLE_COLUMNS; c++)
    {
        const LookalikeForm form = form_of(owner, &entry->columns[c]);
        if (form == LOOKALIKE_NEVER || names_root(owner, table, c) || lookalikes_settled(owner, table, c) ||
            (search->uncovered[table] && is_named_so(owner, &entry->columns[c], form)) || /* told with the table */
            (find_known(search, owner, table, c) == NULL && is_covered(search, owner, table, c, false)))
            continue;
        if (form != LOOKALIKE_MEMBERS && search->told[owner->number])
            columns[count++] = (SampleColumn){ .column = c, .form = form };
        for (size_t m = 0; form == LOOKALIKE_MEMBERS && members[m] != NULL; m++)
            columns[count++] = (SampleColumn){ .column = c, .form = form, .member = members[m] };
    }
    return count;
}

static void
note_unsampled(Search *search, const GraphTable *table)
{
    err_clear();
    ARENA_PUSH(search->arena, search->found->unsampled, search->found->unsampled_count, search->found->unsampled_room,
               arena_printf(search->arena, "%s.%s", table->schema, table->name));
}

/* Column by column, where any value is a key, or a name has told of one. */
static Err
look_closer(Search *search, const Target *owner, size_t table)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const GraphTable *entry = &search->session->graph->tables[table];
    const LookalikeKey kind = lookalike_key(owner->graph->tables[owner->root].columns[owner->key].base_type);
    const Selector selector = { .arena = search->arena, .target = owner };
    SampleColumn columns[SAMPLE_COLUMNS];
    const size_t count = sample_columns(search, owner, table, columns);

    if (count == 0)
        return OK;
    const Err e = db_query_row(search->db, selector_sample(&selector, entry, columns, count, SAMPLE_ROWS), 0, NULL,
                               &row);
    if (e != OK && db_is_broken(search->db))
        return e;
    if (e != OK)
    {
        note_unsampled(search, entry);
        return OK;
    }
    for (size_t i = 0; i < count; i++)
        if (are_keys(kind, &columns[i], row, i) ||
            (columns[i].member == NULL && find_known(search, owner, table, columns[i].column) != NULL))
            note_sample(search, owner, table, &columns[i],
                        (int64_t[]){ db_int64(row, 0, 3 * i), db_int64(row, 0, 3 * i + 1) });
    return OK;
}

typedef struct Owners
{
    const Target **list;
    size_t count;
} Owners;

/* What any of the owners would look at; a column is asked for once. */
static size_t
all_columns(const Search *search, const Owners *owners, size_t table, SampleColumn *columns)
{
    size_t count = 0;

    for (size_t o = 0; o < owners->count; o++)
    {
        SampleColumn own[SAMPLE_COLUMNS];
        const size_t own_count = sample_columns(search, owners->list[o], table, own);
        for (size_t i = 0; i < own_count; i++)
        {
            bool there = false;
            for (size_t k = 0; k < count && !there; k++)
                there = columns[k].column == own[i].column && text_equal(columns[k].member, own[i].member);
            if (!there && count < MOST_COLUMNS)
                columns[count++] = own[i];
        }
    }
    return count;
}

static Err
sample_table(Search *search, const Owners *owners, size_t table)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const GraphTable *entry = &search->session->graph->tables[table];
    SampleColumn *columns = ARENA_ARRAY(search->arena, SampleColumn, MOST_COLUMNS);
    const size_t count = all_columns(search, owners, table, columns);

    if (count == 0)
        return OK;
    const Err e = db_query_row(search->db,
                               selector_sample_any(search->arena, entry, columns, count, owners->list, owners->count,
                                                   SAMPLE_ROWS),
                               0, NULL, &row);
    if (e != OK && db_is_broken(search->db))
        return e;
    if (e != OK)
    {
        note_unsampled(search, entry);
        return OK;
    }
    for (size_t o = 0; o < owners->count; o++)
        if (db_bool(row, 0, o))
            TRY(look_closer(search, owners->list[o], table));
    return OK;
}

/* -- the search ---------------------------------------------------------------------------------------------------- */

static void
find_named(Search *search, const Target *owner, size_t table)
{
    const GraphTable *entry = &search->session->graph->tables[table];

    for (size_t c = 0; c < entry->column_count; c++)
    {
        const GraphColumn *column = &entry->columns[c];
        if (!is_named_so(owner, column, form_of(owner, column)) || names_root(owner, table, c) ||
            lookalikes_settled(owner, table, c) || is_covered(search, owner, table, c, true))
            continue;
        const Lookalike look = { .owner = owner, .table = table, .column = c, .named = true };
        ARENA_PUSH(search->arena, search->found->list, search->found->count, search->found->room, look);
    }
}

static Err
sample_all(Search *search)
{
    const Session *session = search->session;
    Owners owners = { .list = ARENA_ARRAY(search->arena, const Target *, session->targets.count + 1) };
    bool *told = ARENA_ARRAY(search->arena, bool, session->targets.count + 1);

    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        if (!is_searched(target))
            continue;
        TRY(is_told_by_values(search, target, &told[i]));
        owners.list[owners.count++] = target;
    }
    search->told = told;
    for (size_t t = 0; owners.count > 0 && t < session->graph->table_count; t++)
        if (!session->graph->tables[t].foreign)
            TRY(sample_table(search, &owners, t));
    return OK;
}

static Search
search_names(Arena *arena, const Session *session, Lookalikes *found)
{
    const Graph *graph = session->graph;
    bool *global = ARENA_ARRAY(arena, bool, graph->table_count + 1);
    Search search = { .arena = arena,
                      .session = session,
                      .db = session->db,
                      .uncovered = targets_uncovered(arena, session->rules, graph, &session->targets, NULL),
                      .global = global,
                      .found = found };

    *found = (Lookalikes){ 0 };
    for (size_t t = 0; t < graph->table_count; t++)
        global[t] = rules_global(session->rules, graph->tables[t].schema, graph->tables[t].name);
    for (size_t i = 0; i < session->targets.count; i++)
        for (size_t t = 0; is_searched(&session->targets.list[i]) && t < graph->table_count; t++)
            if (!search.uncovered[t])
                find_named(&search, &session->targets.list[i], t);
    return search;
}

void
lookalikes_named(Arena *arena, const Session *session, Lookalikes *ret_list)
{
    search_names(arena, session, ret_list);
}

Err
lookalikes_find(Arena *arena, Session *session, Lookalikes *ret_list)
{
    Search search = search_names(arena, session, ret_list);

    TRY(db_exec(session->db, SAMPLE_BEGIN));
    const Err e = sample_all(&search);
    return e != OK ? e : db_exec(session->db, SAMPLE_END);
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

static const GraphTable *
table_of(const Session *session, const Lookalike *look)
{
    return &session->graph->tables[look->table];
}

char *
lookalikes_where(Arena *arena, const Session *session, const Lookalike *look)
{
    const GraphTable *table = table_of(session, look);
    return arena_printf(arena, "%s.%s.%s%s%s", table->schema, table->name, table->columns[look->column].name,
                        look->member == NULL ? "" : " ->> ", look->member == NULL ? "" : look->member);
}

char *
lookalikes_story(Arena *arena, const Session *session, const Lookalike *look)
{
    Text text = TEXT_INIT(arena);
    (void)session;

    if (look->named)
        text_addf(&text, "looks like the key of a %s by its name and type", look->owner->name);
    else
        text_addf(&text, "holds keys of a %s", look->owner->name);
    if (look->matching_values > 0)
        text_addf(&text, " (%" PRId64 " of %" PRId64 " values in a sample of its rows are keys of %s)",
                  look->matching_values, look->sampled_values, look->owner->graph->tables[look->owner->root].quoted);
    text_addf(&text, ", and nothing covers it: its rows would stay when the %s goes", look->owner->name);
    return text_done(&text);
}

const char *
lookalikes_edge_tail(Arena *arena, const Target *owner, const GraphColumn *column, const char *member)
{
    if (member != NULL)
        return arena_printf(arena, " expression = \"%s ->> '%s'\";", settle_name(arena, column->name), member);
    return form_of(owner, column) == LOOKALIKE_LIST ? " match = \"element\"; action = \"remove_element\";" : NULL;
}

char *
lookalikes_lines(Arena *arena, const Session *session, const Lookalike *look)
{
    const GraphTable *table = table_of(session, look);
    const char *column = table->columns[look->column].name;
    const char *edge = settle_column_edge(arena, session, look->owner, table, column,
                                          lookalikes_edge_tail(arena, look->owner, &table->columns[look->column],
                                                               look->member));

    return settle_choice(arena, session, look->owner, table, column, edge);
}
