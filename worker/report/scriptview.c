/* SPDX-License-Identifier: Apache-2.0 */
#include "report/scriptview.h"

#include "base/text.h"
#include "wrap/db.h"

#include <inttypes.h>
#include <string.h>

typedef struct View
{
    Arena *arena;
    Outcome *const *outcomes;
    size_t count;
    size_t subjects; /* with statements */
} View;

static bool
is_policy(const Outcome *o)
{
    return strcmp(o->kind, "policy") == 0;
}

static bool
is_shown(const Outcome *o)
{
    return o->code == OK && o->statement_count > 0;
}

static View
new_view(Arena *arena, Outcome *const *outcomes, size_t count)
{
    View v = { .arena = arena, .outcomes = outcomes, .count = count };
    for (size_t i = 0; i < count; i++)
        v.subjects += is_shown(outcomes[i]) && !is_policy(outcomes[i]) ? 1 : 0;
    return v;
}

/* An earlier disposal of the same policy or kind has made the work tables. */
static bool
is_made(const View *v, size_t index)
{
    const Outcome *o = v->outcomes[index];
    for (size_t i = 0; i < index; i++)
    {
        const Outcome *other = v->outcomes[i];
        if (is_shown(other) && strcmp(other->database, o->database) == 0 && strcmp(other->kind, o->kind) == 0 &&
            (!is_policy(o) || strcmp(other->name, o->name) == 0))
            return true;
    }
    return false;
}

static const char *
statement_of(const OutcomeStatement *s, bool made)
{
    return made && s->again != NULL ? s->again : s->statement;
}

/* A name may hold a line break, which would end a comment. */
static void
add_comment(Text *text, const char *comment)
{
    text_add(text, "-- ");
    for (const char *at = comment; *at != '\0'; at++)
        text_add_bytes(text, (unsigned char)*at < ' ' ? " " : at, 1);
    text_add(text, "\n");
}

static const char *
key_variable(const View *v, const Outcome *o)
{
    return v->subjects > 1 ? arena_printf(v->arena, "key_%s", o->name) : "key";
}

static void
add_settings(Text *text)
{
    text_add(text, "\\set ON_ERROR_STOP on\n"
                   "\\if :{?expunge_copies}\n\\else\n  \\set expunge_copies /dev/null\n\\endif\n"
                   "\\set expunge_notes on\n\\if :{?expunge_disposal}\n\\else\n  \\set expunge_disposal 0\n"
                   "  \\set expunge_notes off\n\\endif\n"
                   "set client_min_messages = warning;\n"
                   "set datestyle = 'ISO'; set intervalstyle = 'postgres'; set timezone = 'UTC';\n"
                   "set extra_float_digits = 3; set bytea_output = 'hex'; set standard_conforming_strings = on;\n"
                   "set row_security = off; set jit = off; set max_parallel_workers_per_gather = 0;\n"
                   "set lock_timeout = '20s'; set statement_timeout = 0;\n");
}

static void
add_head(const View *v, Text *text)
{
    add_comment(text, "What a run of expunge would do now: its statements on user tables, in their order.");
    add_comment(text, "For psql, on a COPY of the database: psql -X -d COPY -v key=KEY -f THIS-FILE");
    add_comment(
        text, "Not in it: a run's own bookkeeping in schema expunge, its ledger and its snapshots. Run by hand on the");
    add_comment(text, "database itself, it erases without a snapshot and leaves no evidence.");
    add_comment(
        text, "Keys that a run writes down for a disposal that is not open yet need a number: -v expunge_disposal=N.");
    add_comment(text, "Rows that a run would seal in a snapshot go to the psql variable expunge_copies (/dev/null).");
    for (size_t i = 0; i < v->count; i++)
        if (is_shown(v->outcomes[i]) && !is_policy(v->outcomes[i]))
            add_comment(text,
                        arena_printf(v->arena, "The key of %s %s is not printed: give it with -v %s=KEY",
                                     v->outcomes[i]->kind, v->outcomes[i]->name, key_variable(v, v->outcomes[i])));
    add_settings(text);
}

static void
add_key(const View *v, Text *text, const Outcome *o)
{
    const char *name = key_variable(v, o);
    if (is_policy(o))
        return;
    text_addf(text,
              "\\if :{?%s}\n\\else\n  do 'begin raise exception using message = ''the key is missing: psql -v "
              "%s=KEY''; end';\n\\endif\n",
              name, name);
    if (strcmp(name, "key") != 0)
        text_addf(text, "\\set key :%s\n", name);
}

static void
add_disposal(const View *v, Text *text, size_t index)
{
    const Outcome *o = v->outcomes[index];
    const bool made = is_made(v, index);

    text_add(text, "\n");
    add_comment(text, arena_printf(v->arena, "==== %s %s: %s", o->kind, o->name, o->step));
    if (o->cutoff != INSTANT_NONE)
        add_comment(text, arena_printf(v->arena, "rows older than %s", instant_format(v->arena, o->cutoff)));
    if (o->code != OK)
    {
        add_comment(text, arena_printf(v->arena, "stopped, nothing is sent: %s", o->error));
        return;
    }
    for (size_t t = 0; t < o->table_count; t++)
        add_comment(text, arena_printf(v->arena, "  %s: %s, %s row(s)", o->tables[t].table, o->tables[t].action,
                                       text_thousands(v->arena, o->tables[t].rows)));
    if (o->statement_count == 0)
        add_comment(text, "no statement on user tables");
    else
        add_key(v, text, o);
    for (size_t i = 0; i < o->statement_count; i++)
    {
        const OutcomeStatement *s = &o->statements[i];
        text_add(text, "\n");
        if (s->table != NULL || s->comment != NULL)
            add_comment(text, arena_printf(v->arena, "%s%s%s%s%s", s->step, s->table == NULL ? "" : " ",
                                           s->table == NULL ? "" : s->table, s->comment == NULL ? "" : ": ",
                                           s->comment == NULL ? "" : s->comment));
        text_addf(text, "%s\n", statement_of(s, made));
    }
}

char *
scriptview_text(Arena *arena, Outcome *const *outcomes, size_t count)
{
    const View v = new_view(arena, outcomes, count);
    Text text = TEXT_INIT(arena);
    const char *database = NULL;

    add_head(&v, &text);
    for (size_t i = 0; i < count; i++)
    {
        if (outcomes[i]->statement_count == 0 && outcomes[i]->error == NULL)
            continue;
        if (database != NULL && strcmp(database, outcomes[i]->database) != 0)
            text_add(&text, "\n\\endif\n");
        if (database == NULL || strcmp(database, outcomes[i]->database) != 0)
            text_addf(&text,
                      "\nselect exists (select from expunge.installation i where i.database_name = %s) as here "
                      "\\gset expunge_\n\\if :expunge_here\n",
                      db_literal(arena, outcomes[i]->database));
        database = outcomes[i]->database;
        add_disposal(&v, &text, i);
    }
    if (database != NULL)
        text_add(&text, "\n\\endif\n");
    return text_done(&text);
}

JsonDoc *
scriptview_json(Arena *arena, Outcome *const *outcomes, size_t count)
{
    const View v = new_view(arena, outcomes, count);
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < count; i++)
    {
        const Outcome *o = outcomes[i];
        const bool made = is_made(&v, i);
        for (size_t n = 0; o->code == OK && n < o->statement_count; n++)
        {
            const OutcomeStatement *s = &o->statements[n];
            JsonDoc *entry = jsondoc_object();
            jsondoc_set_string(entry, "disposal", arena_printf(arena, "%s %s", o->kind, o->name));
            jsondoc_set_string(entry, "database", o->database);
            jsondoc_set_string(entry, "step", s->step);
            jsondoc_set_string(entry, "table", s->table);
            jsondoc_set_string(entry, "comment", s->comment);
            jsondoc_set_string(entry, "statement", statement_of(s, made));
            jsondoc_push(list, entry);
        }
    }
    return list;
}
