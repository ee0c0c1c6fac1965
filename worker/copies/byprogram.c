/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/byprogram.h"

#include "base/text.h"
#include "copies/tool.h"

#include <inttypes.h>
#include <string.h>

/* -- asking -------------------------------------------------------------------------------------------------------- */

static const char *
id_of(Arena *arena, const CopyCase *about)
{
    return arena_printf(arena, "%s-%" PRId64, about->database, about->disposal);
}

static void
add_question(Text *text, Arena *arena, const CopyCase *about)
{
    CLEANUP(jsondoc_freep) JsonDoc *line = jsondoc_object();

    jsondoc_set_string(line, "id", id_of(arena, about));
    jsondoc_set_string(line, "database", about->database);
    jsondoc_set_string(line, "kind", about->kind);
    jsondoc_set_string(line, "key", about->key);
    jsondoc_set_instant(line, "erased_at", about->erased_at);
    text_add(text, jsondoc_canonical(arena, line));
    text_add(text, "\n");
}

static Tool
make_tool(CopyStore *store, const char *verb, CopyCase *const *cases, size_t count)
{
    const StoreRule *rule = store->rule;
    const char **argv = ARENA_ARRAY(store->arena, const char *, rule->command_count + 2);
    Text text = TEXT_INIT(store->arena);

    memcpy(argv, rule->command, rule->command_count * sizeof *argv);
    argv[rule->command_count] = verb;
    for (size_t i = 0; i < count; i++)
        add_question(&text, store->arena, cases[i]);
    const char *input = text_done(&text);
    return (Tool){ .argv = argv, .input = input, .input_bytes = text.length };
}

/* -- reading what it says ------------------------------------------------------------------------------------------ */

typedef struct Answers
{
    CopyStore *store;
    const Tool *tool;
    CopyCase *const *cases;
    size_t count;
    const char **ids; /* one for each case */
    CopyCase *said;   /* likewise: what it says of it */
    bool *answered;
    size_t next; /* most programs answer in the order of the questions */
} Answers;

static Err
nonsense(const Answers *a, size_t line, const char *what)
{
    return err_new(ERR_IO, "\"%s\" answered nonsense in line %zu: %s", a->tool->argv[0], line, what);
}

static Err
find_case(Answers *a, const JsonDoc *doc, size_t line, size_t *ret_case)
{
    const char *id = jsondoc_get_string(doc, "id");

    for (size_t tried = 0; id != NULL && tried < a->count; tried++)
    {
        const size_t at = (a->next + tried) % a->count;
        if (strcmp(a->ids[at], id) != 0)
            continue;
        if (a->answered[at])
            return nonsense(a, line, "it speaks twice of a disposal");
        a->next = at + 1;
        *ret_case = at;
        return OK;
    }
    return nonsense(a, line, "\"id\" is none that it was asked for");
}

static Err
read_state(const Answers *a, const JsonDoc *doc, size_t line, CopyCase *said)
{
    const char *state = jsondoc_get_string(doc, "state"), *until = jsondoc_get_string(doc, "until");
    const int64_t items = jsondoc_get_integer(doc, "items", text_equal(state, "gone") ? 0 : 1);

    said->until = INSTANT_NONE;
    said->items = items;
    if (text_equal(state, "gone"))
        said->state = COPY_GONE;
    else if (text_equal(state, "present"))
        said->state = COPY_PRESENT;
    else if (text_equal(state, "dated"))
        said->state = COPY_DATED;
    else
        return nonsense(a, line, "\"state\" is none of \"gone\", \"present\", \"dated\"");
    if (items < 0 || (items == 0) != (said->state == COPY_GONE))
        return nonsense(a, line, "\"items\" does not go with \"state\"");
    if (until != NULL && (said->state != COPY_DATED || !instant_parse(until, &said->until)))
        return nonsense(a, line, "\"until\" is no point in time, or does not go with \"state\"");
    return OK;
}

static const char *
hushed(const Answers *a, const JsonDoc *doc, const char *name)
{
    const char *text = jsondoc_get_string(doc, name);
    return text_blank(text) ? NULL : copies_hush(a->store->arena, text, a->cases, a->count);
}

static Err
read_line(Answers *a, const char *text, size_t line, bool states)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;
    size_t at = 0;

    if (jsondoc_parse(text, strlen(text), &doc) != OK || !jsondoc_is_object(doc))
        return nonsense(a, line, "it is no JSON object");
    TRY(find_case(a, doc, line, &at));
    if (states)
        TRY(read_state(a, doc, line, &a->said[at]));
    a->said[at].detail = hushed(a, doc, "detail");
    if (hushed(a, doc, "problem") != NULL)
        a->said[at].problem = hushed(a, doc, "problem");
    a->answered[at] = true;
    return OK;
}

/* All of it is understood before anything is believed. */
static Err
read_answers(Answers *a, const ProgramResult *result, bool states)
{
    char *rest = arena_strdup(a->store->arena, result->output);
    size_t number = 0;

    if (strlen(result->output) != result->output_bytes)
        return err_new(ERR_IO, "\"%s\" answered nonsense: a NUL", a->tool->argv[0]);
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    {
        number++;
        if (!text_blank(line))
            TRY(read_line(a, line, number, states));
    }
    for (size_t i = 0; states && i < a->count; i++)
        if (!a->answered[i])
            return err_new(ERR_IO, "\"%s\" did not answer for %s", a->tool->argv[0], a->ids[i]);
    return OK;
}

static Err
ask(CopyStore *store, const char *verb, CopyCase *const *cases, size_t count, bool states)
{
    const Tool tool = make_tool(store, verb, cases, count);
    Answers answers = { .store = store,
                        .tool = &tool,
                        .cases = cases,
                        .count = count,
                        .ids = ARENA_ARRAY(store->arena, const char *, count + 1),
                        .said = ARENA_ARRAY(store->arena, CopyCase, count + 1),
                        .answered = ARENA_ARRAY(store->arena, bool, count + 1) };
    ProgramResult result;

    TRY(tool_run(store, &tool, cases, count, &result));
    for (size_t i = 0; i < count; i++)
    {
        answers.ids[i] = id_of(store->arena, cases[i]);
        answers.said[i] = *cases[i];
    }
    TRY(read_answers(&answers, &result, states));
    for (size_t i = 0; i < count; i++)
        *cases[i] = answers.said[i];
    return OK;
}

/* -- the verbs ----------------------------------------------------------------------------------------------------- */

static Err
byprogram_list(CopyStore *store, CopyCase *const *cases, size_t count)
{
    return ask(store, "list", cases, count, true);
}

static Err
byprogram_purge(CopyStore *store, CopyCase *const *cases, size_t count)
{
    return ask(store, "purge", cases, count, false);
}

static Err
byprogram_verify(CopyStore *store, CopyCase *const *cases, size_t count)
{
    return ask(store, "verify", cases, count, true);
}

static void
byprogram_inspect(CopyStore *store, CopyFindings *findings)
{
    const Tool tool = make_tool(store, "check", NULL, 0);
    const Err e = tool_run(store, &tool, NULL, 0, NULL);

    if (e != OK)
        copies_find_story(findings, e,
                          "run it by hand with the argument \"check\", as the user that runs expunge; it must end with "
                          "exit status 0 when the store is fine");
}

const CopyKind byprogram_kind = {
    .name = "command",
    .roles = 1U << STORE_COPIES | 1U << STORE_BACKUPS,
    .list = byprogram_list,
    .purge = byprogram_purge,
    .verify = byprogram_verify,
    .inspect = byprogram_inspect,
};
