/* SPDX-License-Identifier: Apache-2.0 */
/* script_parts.c -- the part of script.h that writes one statement as psql takes it. */
#include "engine/script_private.h"

#include "base/text.h"

#include <string.h>

const GraphTable *
script_table(const Script *x, size_t position)
{
    return &x->scope->graph->tables[x->scope->tables[position].table];
}

const GraphTable *
script_child(const Script *x, size_t change)
{
    return &x->scope->graph->tables[x->scope->graph->edges[x->scope->changes[change].edge].child];
}

void
script_add(Script *x, const char *step, const GraphTable *table, const char *comment, const char *statement)
{
    Outcome *o = x->job->outcome;
    Arena *arena = x->job->arena;
    const OutcomeStatement entry = { .step = step,
                                     .table = table == NULL ? NULL
                                                            : arena_printf(arena, "%s.%s", table->schema, table->name),
                                     .comment = comment,
                                     .statement = statement };
    ARENA_PUSH(arena, o->statements, o->statement_count, o->statement_room, entry);
}

void
script_send(Script *x, const char *step, const GraphTable *table, const char *comment, const char *sql)
{
    script_add(x, step, table, comment, arena_printf(x->job->arena, "%s;", sql));
}

void
script_copy(Script *x, const GraphTable *table, const char *comment, const char *sql)
{
    script_add(x, "copy", table, comment, arena_printf(x->job->arena, "%s \\g :expunge_copies", sql));
}

void
script_ask(Script *x, const char *step, const GraphTable *table, const char *comment, const char *sql)
{
    script_add(x, step, table, comment, arena_printf(x->job->arena, "%s \\gset expunge_", sql));
}

/* In literals within a literal: a name may hold anything. */
void
script_demand(Script *x, const char *step, const GraphTable *table, const char *query, const char *otherwise)
{
    Arena *arena = x->job->arena;
    const char *body = arena_printf(arena, "begin raise exception using message = %s; end",
                                    db_literal(arena, otherwise));
    script_add(x, step, table, NULL,
               arena_printf(arena, "%s \\gset expunge_\n\\if :expunge_fine\n\\else\n  do %s;\n\\endif", query,
                            db_literal(arena, body)));
}

/* Behind a quoted piece that begins at text: '…' (with backslashes after E) or "…". */
static const char *
behind_quotes(const char *text, bool escapes)
{
    const char quote = *text++;
    for (; *text != '\0'; text++)
    {
        if (escapes && *text == '\\' && text[1] != '\0')
            text++;
        else if (*text == quote && text[1] == quote)
            text++;
        else if (*text == quote)
            return text + 1;
    }
    return text;
}

static bool
has_escapes(const char *sql, const char *at)
{
    const bool letter = *at == '\'' && at > sql && (at[-1] == 'E' || at[-1] == 'e');
    return letter && (at - 1 == sql || strchr(" (,=<>|:[+-*/", at[-2]) != NULL);
}

char *
script_fill_in(Arena *arena, const char *sql, const char *const *texts, size_t count)
{
    Text text = TEXT_INIT(arena);
    for (const char *at = sql; *at != '\0';)
    {
        const char *end = at + 1;
        if (*at == '\'' || *at == '"')
            end = behind_quotes(at, has_escapes(sql, at));
        else if (*at == '$' && at[1] >= '1' && at[1] <= '9')
        {
            size_t number = 0;
            while (*end >= '0' && *end <= '9')
                number = number * 10 + (size_t)(*end++ - '0');
            text_add(&text, number <= count ? texts[number - 1] : "null");
            at = end;
            continue;
        }
        text_add_bytes(&text, at, (size_t)(end - at));
        at = end;
    }
    return text_done(&text);
}

char *
script_unquote(Arena *arena, const char *sql, const char *const *names, size_t count)
{
    Text text = TEXT_INIT(arena);
    for (const char *at = sql; *at != '\0';)
    {
        const char *end = at + 1;
        if (*at == '\'' || *at == '"')
            end = behind_quotes(at, has_escapes(sql, at));
        for (size_t i = 0; *at == '\'' && i < count; i++)
            if (strlen(names[i]) + 2 == (size_t)(end - at) && strncmp(at + 1, names[i], strlen(names[i])) == 0)
                text_add(&text, ":");
        text_add_bytes(&text, at, (size_t)(end - at));
        at = end;
    }
    return text_done(&text);
}
