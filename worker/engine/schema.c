/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/schema.h"

#include "base/text.h"
#include "model/shape.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_TOLD 10

_Static_assert(sizeof(EdgeAction) == sizeof(int) && sizeof(StoreRole) == sizeof(int), "SETTING_ENUM stores an int");

/* ---- faults ---- */

void
schema_fault(SchemaFaults *faults, const ConfNode *node, const char *member, const char *format, ...)
{
    const ConfNode *child = member == NULL || node->type != CONF_GROUP ? NULL : conf_child(node, member);
    Text text = TEXT_INIT(faults->arena);
    va_list args;

    if (child != NULL)
        node = child;
    const int line = node->line > 0 ? node->line : 1; /* the file's top level has none */

    text_addf(&text, "%s:%d: %s", faults->file, line, node->path);
    if (member != NULL && child == NULL)
        text_addf(&text, "%s%s", node->path[0] == '\0' ? "" : ".", member);
    va_start(args, format);
    text_addf(&text, ": %s", arena_vprintf(faults->arena, format, args));
    va_end(args);
    const SchemaFault fault = { .line = line, .text = text_done(&text) };

    ARENA_PUSH(faults->arena, faults->items, faults->count, faults->room, fault);
}

/* Stable, and short: there are as many faults as a person made. */
static const SchemaFault **
sort_by_line(const SchemaFaults *faults)
{
    const SchemaFault **sorted = ARENA_ARRAY(faults->arena, const SchemaFault *, faults->count);

    for (size_t i = 0; i < faults->count; i++)
    {
        size_t at = i;

        for (; at > 0 && sorted[at - 1]->line > faults->items[i].line; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &faults->items[i];
    }
    return sorted;
}

Err
schema_verdict(const SchemaFaults *faults)
{
    if (faults->count == 0)
        return OK;

    const SchemaFault **sorted = sort_by_line(faults);
    size_t told = faults->count;
    Err e = OK;

    if (told > FAULTS_TOLD)
    {
        told = FAULTS_TOLD;
        e = err_new(ERR_CONFIG, "and %zu more", faults->count - told);
    }
    for (size_t i = told; i-- > 0;)
        e = e == OK ? err_new(ERR_CONFIG, "%s", sorted[i]->text) : err_note(e, "%s", sorted[i]->text);
    return e;
}

/* ---- one value ---- */

typedef struct Reader
{
    SchemaFaults *faults;
    const Setting *setting;
    const ConfNode *node;
    void *target; /* NULL: not kept */
} Reader;

/* NULL, or what is wrong with the value ("is blank"); groups and lists note their members' faults themselves. */
typedef const char *(*ReadFunction)(const Reader *r);

static void
store(const Reader *r, size_t place, const void *value, size_t size)
{
    if (r->target != NULL && place != 0)
        memcpy((char *)r->target + place - 1, value, size);
}

/* Kept even when it is not well written, so that what refers to it is not wrong as well. */
static const char *
keep_text(const Reader *r, const char *wrong)
{
    store(r, r->setting->place, &r->node->string, sizeof(r->node->string));
    return wrong;
}

static const char *
read_text(const Reader *r)
{
    return keep_text(r, shape_text(r->node->string));
}

static const char *
read_name(const Reader *r)
{
    return keep_text(r, shape_name(r->node->string));
}

static const char *
read_path(const Reader *r)
{
    return keep_text(r, shape_path(r->node->string));
}

static const char *
read_secret(const Reader *r)
{
    return keep_text(r, shape_secret(r->node->string));
}

static const char *
read_interval(const Reader *r)
{
    return keep_text(r, shape_interval(r->faults->arena, r->node->string, r->setting->zero_allowed));
}

static const char *
read_sql(const Reader *r)
{
    return keep_text(r, shape_sql(r->node->string));
}

static const char *
read_column(const Reader *r)
{
    const char *column = NULL;
    const char *wrong = shape_column(r->faults->arena, r->node->string, &column);

    store(r, r->setting->place, &column, sizeof(column));
    return wrong;
}

static size_t
count_words(const char *const *words)
{
    size_t count = 0;

    while (words[count] != NULL)
        count++;
    return count;
}

static const char *
find_word(const Reader *r, int *ret_index)
{
    const char *const *words = r->setting->words;

    for (int i = 0; words[i] != NULL; i++)
        if (text_equal(words[i], r->node->string))
        {
            *ret_index = i;
            return NULL;
        }
    const int near = text_nearest(r->node->string, words, count_words(words));

    if (near < 0 || shape_text(r->node->string) != NULL)
        return "is a word that is not known here";
    return arena_printf(r->faults->arena, "\"%s\" is not known, did you mean \"%s\"", r->node->string, words[near]);
}

static const char *
read_choice(const Reader *r)
{
    int index = 0;
    const char *wrong = find_word(r, &index);

    if (wrong == NULL)
        store(r, r->setting->place, &r->setting->words[index], sizeof(r->setting->words[index]));
    return wrong;
}

static const char *
read_enum(const Reader *r)
{
    int index = 0;
    const char *wrong = find_word(r, &index);

    store(r, r->setting->place, &index, sizeof(index));
    return wrong;
}

static const char *
read_switch(const Reader *r)
{
    int index = 0;
    const char *wrong = find_word(r, &index);
    const bool on = index == 1;

    store(r, r->setting->place, &on, sizeof(on));
    return wrong;
}

static const char *
read_boolean(const Reader *r)
{
    store(r, r->setting->place, &r->node->boolean, sizeof(r->node->boolean));
    return NULL;
}

static bool
in_range(const Setting *setting, double number)
{
    return number >= setting->min && number <= setting->max;
}

static const char *
read_integer(const Reader *r)
{
    if (!in_range(r->setting, (double)r->node->integer))
        return arena_printf(r->faults->arena, "%" PRId64 " is out of range", r->node->integer);
    store(r, r->setting->place, &r->node->integer, sizeof(r->node->integer));
    return NULL;
}

static const char *
read_size(const Reader *r)
{
    int64_t bytes = 0;

    if (!text_size(r->node->string, &bytes))
        return "is not a size";
    if (!in_range(r->setting, (double)bytes))
        return "is out of range";
    store(r, r->setting->place, &bytes, sizeof(bytes));
    return NULL;
}

static const char *
read_share(const Reader *r)
{
    if (!(r->node->number > 0) || !in_range(r->setting, r->node->number))
        return arena_printf(r->faults->arena, "%g is out of range", r->node->number);
    store(r, r->setting->place, &r->node->number, sizeof(r->node->number));
    return NULL;
}

static const char *
read_window(const Reader *r)
{
    Window window = window_always;

    if (!window_parse(r->node->string, &window))
        return "is not a window of hours";
    store(r, r->setting->place, &window, sizeof(window));
    return NULL;
}

static const char *
read_table(const Reader *r)
{
    TableName table = { 0 };
    const char *wrong = shape_table(r->faults->arena, r->node->string, &table);

    store(r, r->setting->place, &table, sizeof(table));
    return wrong;
}

static const char *
read_edge_end(const Reader *r)
{
    EdgeEnd end = { 0 };
    const char *wrong = shape_edge_end(r->faults->arena, r->node->string, &end);

    store(r, r->setting->place, &end.table, sizeof(end.table));
    store(r, r->setting->columns_place, &end.columns, sizeof(end.columns));
    store(r, r->setting->count_place, &end.column_count, sizeof(end.column_count));
    return wrong;
}

/* ---- many values ---- */

static void read_value(const Reader *r);

static const char *
keep_array(const Reader *r, const void *items, size_t count)
{
    store(r, r->setting->place, &items, sizeof(items));
    store(r, r->setting->count_place, &count, sizeof(count));
    return count == 0 && r->setting->filled ? "is empty" : NULL;
}

static const char *
read_list(const Reader *r)
{
    const Setting element = { .type = r->setting->element, .min = INT32_MIN, .max = INT32_MAX, .place = 1 };
    const size_t size = element.type == SETTING_TABLE     ? sizeof(TableName)
                        : element.type == SETTING_INTEGER ? sizeof(int64_t)
                                                          : sizeof(const char *);
    char *items = arena_alloc(r->faults->arena, r->node->count + 1, size);

    for (size_t i = 0; i < r->node->count; i++)
        read_value(&(Reader){ r->faults, &element, r->node->children[i], items + i * size });
    return keep_array(r, items, r->node->count);
}

static const char *
read_groups(const Reader *r)
{
    const size_t size = r->setting->group->size;
    char *items = size > 0 ? arena_alloc(r->faults->arena, r->node->count + 1, size) : NULL;

    for (size_t i = 0; i < r->node->count; i++)
        schema_read(r->faults, r->setting->group, r->node->children[i], items == NULL ? NULL : items + i * size);
    return keep_array(r, items, r->node->count);
}

static const char *
read_group(const Reader *r)
{
    schema_read(r->faults, r->setting->group, r->node, r->target);
    return NULL;
}

/* The name is the column's, as PostgreSQL stores it: a setting's name cannot be quoted. */
static const char *
read_sets(const Reader *r)
{
    static const Setting expression = { .type = SETTING_SQL, .place = SETTING_AT(SetRule, expression) };
    SetRule *sets = ARENA_ARRAY(r->faults->arena, SetRule, r->node->count + 1);

    for (size_t i = 0; i < r->node->count; i++)
    {
        const ConfNode *node = r->node->children[i];

        if (strlen(node->name) > 63)
            schema_fault(r->faults, node, NULL, "is longer than 63 bytes; must be the name of a column");
        sets[i].column = node->name;
        read_value(&(Reader){ r->faults, &expression, node, &sets[i] });
    }
    return keep_array(r, sets, r->node->count);
}

/* ---- types ---- */

#define IS(type) (1U << (type))

static const struct
{
    unsigned written; /* how the file may write it */
    const char *right;
    ReadFunction read;
} types[SETTING_TYPES] = {
    [SETTING_TEXT] = { IS(CONF_STRING), "a text of one line", read_text },
    [SETTING_NAME] = { IS(CONF_STRING), "a name of letters, digits, \"_\", \"-\" and \".\"", read_name },
    [SETTING_PATH] = { IS(CONF_STRING), "an absolute path such as \"/var/lib/expunge\"", read_path },
    [SETTING_SECRET] = { IS(CONF_STRING), "\"credential:NAME\" or \"file:/absolute/path\"", read_secret },
    [SETTING_INTERVAL] = { IS(CONF_STRING), "a PostgreSQL interval such as \"90 days\"", read_interval },
    [SETTING_SQL] = { IS(CONF_STRING), "one SQL expression", read_sql },
    [SETTING_COLUMN] = { IS(CONF_STRING), "one column's name such as \"id\"", read_column },
    [SETTING_CHOICE] = { IS(CONF_STRING), NULL, read_choice },
    [SETTING_ENUM] = { IS(CONF_STRING), NULL, read_enum },
    [SETTING_SWITCH] = { IS(CONF_STRING), NULL, read_switch },
    [SETTING_BOOLEAN] = { IS(CONF_BOOLEAN), "true or false", read_boolean },
    [SETTING_INTEGER] = { IS(CONF_INTEGER), NULL, read_integer },
    [SETTING_SIZE] = { IS(CONF_STRING), "a size such as \"64MB\"", read_size },
    [SETTING_SHARE] = { IS(CONF_FLOAT) | IS(CONF_INTEGER), NULL, read_share },
    [SETTING_WINDOW] = { IS(CONF_STRING), "hours of the day in UTC such as \"01:00-05:00\"", read_window },
    [SETTING_TABLE] = { IS(CONF_STRING), "a table with its schema such as \"public.event\"", read_table },
    [SETTING_EDGE_END] = { IS(CONF_STRING), "\"schema.table(column, column)\"", read_edge_end },
    [SETTING_SETS] = { IS(CONF_GROUP), "a group { column = \"SQL expression\"; … }", read_sets },
    [SETTING_LIST] = { IS(CONF_ARRAY) | IS(CONF_LIST), NULL, read_list },
    [SETTING_GROUP] = { IS(CONF_GROUP), NULL, read_group },
    [SETTING_GROUPS] = { IS(CONF_LIST), NULL, read_groups },
};

/* "one of "a", "b"", "a group { a; b; … }": the first few will do */
static const char *
join_names(Arena *arena, const char *before, const char *between, const char *after, const Setting *setting)
{
    Text text = TEXT_INIT(arena);
    const size_t count = setting->words != NULL ? count_words(setting->words) : setting->group->count;
    const size_t told = setting->words != NULL || count <= 4 ? count : 3;

    text_add(&text, before);
    for (size_t i = 0; i < told; i++)
        text_addf(&text, "%s%s", i > 0 ? between : "",
                  setting->words != NULL ? setting->words[i] : setting->group->settings[i].name);
    text_add(&text, told < count ? " … }" : after);
    return text_done(&text);
}

const char *
schema_right(Arena *arena, const Setting *setting)
{
    switch (setting->type)
    {
    case SETTING_CHOICE:
    case SETTING_ENUM:
    case SETTING_SWITCH: return join_names(arena, "one of \"", "\", \"", "\"", setting);
    case SETTING_INTEGER: return arena_printf(arena, "a whole number from %.0f to %.0f", setting->min, setting->max);
    case SETTING_SHARE:
        if (!(setting->min > 0))
            return arena_printf(arena, "a number above 0 and at most %g", setting->max);
        return arena_printf(arena, "a number from %g to %g", setting->min, setting->max);
    case SETTING_LIST:
        return setting->element == SETTING_TABLE     ? "a list [ \"schema.table\", … ]"
               : setting->element == SETTING_INTEGER ? "a list [ number, … ]"
                                                     : "a list [ \"text\", … ]";
    case SETTING_GROUP: return join_names(arena, "a group { ", "; ", " }", setting);
    case SETTING_GROUPS: return join_names(arena, "a list of groups ( { ", "; ", " }, … )", setting);
    default: return types[setting->type].right;
    }
}

static void
refuse(const Reader *r, const char *wrong)
{
    schema_fault(r->faults, r->node, NULL, "%s; must be %s", wrong, schema_right(r->faults->arena, r->setting));
}

static void
read_value(const Reader *r)
{
    const unsigned written = IS(r->node->type);

    if ((types[r->setting->type].written & written) == 0)
    {
        refuse(r, arena_printf(r->faults->arena, "is %s", conf_type_name(r->node->type)));
        return;
    }
    const char *wrong = types[r->setting->type].read(r);

    if (wrong != NULL)
        refuse(r, wrong);
}

/* ---- groups ---- */

/* A fallback is a text in the table; it takes the same way as a value from the file. */
static void
read_fallback(SchemaFaults *faults, const Setting *setting, void *target)
{
    const char *text = setting->fallback;
    ConfNode node = { .path = setting->name, .type = CONF_STRING, .string = text };

    if (setting->type == SETTING_BOOLEAN)
    {
        node.type = CONF_BOOLEAN;
        node.boolean = text_equal(text, "true");
    }
    else if (setting->type == SETTING_INTEGER || setting->type == SETTING_SHARE)
    {
        node.type = setting->type == SETTING_INTEGER ? CONF_INTEGER : CONF_FLOAT;
        node.number = strtod(text, NULL);
        node.integer = (int64_t)node.number;
    }
    read_value(&(Reader){ faults, setting, &node, target });
}

static void
read_settings(SchemaFaults *faults, const SettingGroup *group, const ConfNode *node, void *target)
{
    for (size_t i = 0; i < group->count; i++)
    {
        const Setting *setting = &group->settings[i];
        const ConfNode *child = node == NULL ? NULL : conf_child(node, setting->name);

        if (child != NULL)
            read_value(&(Reader){ faults, setting, child, target });
        else if (node != NULL && setting->required)
            schema_fault(faults, node, setting->name, "is missing; must be %s", schema_right(faults->arena, setting));
        else if (setting->fallback != NULL)
            read_fallback(faults, setting, target);
        else if (setting->type == SETTING_GROUP)
            schema_read(faults, setting->group, NULL, target);
    }
}

static const SettingGroup *
find_variant(const SettingGroup *group, const ConfNode *node)
{
    const ConfNode *selector = group->selector == NULL ? NULL : conf_child(node, group->selector);

    for (size_t i = 0; selector != NULL && i < group->variant_count; i++)
        if (text_equal(group->variants[i].word, selector->string))
            return group->variants[i].group;
    return NULL;
}

/* The names that a group may hold: with those of every variant while nobody knows which one is meant. */
static const char **
list_names(Arena *arena, const SettingGroup *group, const SettingGroup *variant, size_t *ret_count)
{
    const char **names = NULL;
    size_t count = 0;
    size_t room = 0;

    for (size_t i = 0; i < group->count; i++)
        ARENA_PUSH(arena, names, count, room, group->settings[i].name);
    for (size_t v = 0; v < group->variant_count; v++)
        for (size_t i = 0; i < group->variants[v].group->count; i++)
            if (variant == NULL || variant == group->variants[v].group)
                ARENA_PUSH(arena, names, count, room, group->variants[v].group->settings[i].name);
    *ret_count = count;
    return names;
}

static void
refuse_unknown(SchemaFaults *faults, const SettingGroup *group, const SettingGroup *variant, const ConfNode *node)
{
    size_t count = 0;
    const char **known = list_names(faults->arena, group, variant, &count);

    for (size_t c = 0; c < node->count; c++)
    {
        const ConfNode *child = node->children[c];
        size_t at = 0;

        while (at < count && !text_equal(known[at], child->name))
            at++;
        if (at < count)
            continue;
        const int near = text_nearest(child->name, known, count);

        if (near >= 0)
            schema_fault(faults, child, NULL, "unknown setting \"%s\"; did you mean \"%s\"?", child->name, known[near]);
        else
            schema_fault(faults, child, NULL, "unknown setting \"%s\"; \"expunge help config\" lists what there is",
                         child->name);
    }
}

void
schema_read(SchemaFaults *faults, const SettingGroup *group, const ConfNode *node, void *target)
{
    if (node == NULL)
    {
        read_settings(faults, group, NULL, target);
        return;
    }
    if (node->type != CONF_GROUP)
    {
        const Setting setting = { .type = SETTING_GROUP, .group = group };

        refuse(&(Reader){ faults, &setting, node, target },
               arena_printf(faults->arena, "is %s", conf_type_name(node->type)));
        return;
    }
    if (target != NULL && group->line_place != 0)
        memcpy((char *)target + group->line_place - 1, &node->line, sizeof(node->line));
    const SettingGroup *variant = find_variant(group, node);

    read_settings(faults, group, node, target);
    if (variant != NULL)
        read_settings(faults, variant, node, target);
    refuse_unknown(faults, group, variant, node);
}
