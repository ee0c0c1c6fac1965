/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h -- reading a configuration tree by tables, one descriptor per setting; every mistake is found, not the first.
 *
 * A descriptor says what a setting is called, how it is written, whether it must be there, what holds without it and
 * where its value goes.  The reader knows the types and nothing of what the settings mean. */
#ifndef EXPUNGE_SCHEMA_H
#define EXPUNGE_SCHEMA_H

#include "wrap/conf.h"
#include <stddef.h>

typedef enum SettingType
{
    SETTING_TEXT,     /* const char *: one line */
    SETTING_NAME,     /* const char *: an identifier */
    SETTING_PATH,     /* const char *: absolute */
    SETTING_SECRET,   /* const char *: "credential:NAME" or "file:/path" */
    SETTING_INTERVAL, /* const char *: a PostgreSQL interval, above zero unless zero_allowed */
    SETTING_SQL,      /* const char *: one SQL expression */
    SETTING_COLUMN,   /* const char *: a column's plain name */
    SETTING_CHOICE,   /* const char *: one of words */
    SETTING_ENUM,     /* an enum: the index of one of words */
    SETTING_SWITCH,   /* bool: false for words[0], true for words[1] */
    SETTING_BOOLEAN,  /* bool */
    SETTING_INTEGER,  /* int64_t: min to max */
    SETTING_SIZE,     /* int64_t: bytes, min to max */
    SETTING_SHARE,    /* double: above zero, min to max */
    SETTING_WINDOW,   /* Window */
    SETTING_TABLE,    /* TableName */
    SETTING_EDGE_END, /* TableName at place, columns (NULL after the last) at columns_place, their number at count_place */
    SETTING_SETS,     /* SetRule *, number at count_place: a group whose names are columns */
    SETTING_LIST,     /* an array of element's type, number at count_place */
    SETTING_GROUP,    /* members of the same struct */
    SETTING_GROUPS, /* an array of group->size bytes each, number at count_place */
    SETTING_TYPES
} SettingType;

typedef struct SettingGroup SettingGroup;

/* A place is an offset in the struct that is filled, plus one; 0: checked, and not kept. */
#define SETTING_AT(Type, member) (offsetof(Type, member) + 1)

typedef struct Setting
{
    const char *name;
    SettingType type;
    SettingType element; /* SETTING_LIST */
    bool required;       /* in its group, when the group is there */
    bool filled;         /* lists: not empty */
    bool zero_allowed;   /* SETTING_INTERVAL */
    size_t place;
    size_t columns_place;
    size_t count_place;
    double min;
    double max;
    const char *fallback;     /* the value when it is not set, as text; NULL: zero */
    const char *const *words; /* NULL after the last */
    const SettingGroup *group;
    const char *help; /* one line for people */
} Setting;

/* Groups in a list may differ by the word in one of their settings. */
typedef struct SettingVariant
{
    const char *word;
    const SettingGroup *group;
} SettingVariant;

struct SettingGroup
{
    const Setting *settings;
    size_t count;
    size_t size;          /* of the struct that one such group fills; 0: checked, and not kept */
    size_t line_place;    /* int: where it begins in the file */
    const char *selector; /* name of the setting that chooses the variant */
    const SettingVariant *variants;
    size_t variant_count;
};

/* What is wrong, so far. */
typedef struct SchemaFault
{
    int line;
    const char *text;
} SchemaFault;

typedef struct SchemaFaults
{
    Arena *arena;
    const char *file;
    SchemaFault *items;
    size_t count;
    size_t room;
} SchemaFaults;

/* Fill target (NULL: check only) from a group; node NULL: with what holds when nothing is set. */
void schema_read(SchemaFaults *faults, const SettingGroup *group, const ConfNode *node, void *target);

/* Note a fault of a node, or of a setting in it (member; NULL: itself). */
void schema_fault(SchemaFaults *faults, const ConfNode *node, const char *member, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* OK, or ERR_CONFIG with a line "FILE:LINE: setting: what is wrong; what would be right" for each of the first ten
 * faults, in the file's order, and "and N more". */
NODISCARD Err schema_verdict(const SchemaFaults *faults);

/* What the setting's value should be: "a whole number from 1 to 16", "one of \"keep\", \"remove\"", … */
const char *schema_right(Arena *arena, const Setting *setting);

#endif
