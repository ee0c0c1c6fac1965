/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settings_processors.h"

#include "base/text.h"
#include "copies/template.h"
#include "wrap/file.h"
#include "wrap/http.h"
#include "wrap/jsondoc.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECRET_BYTES_MAX 16384
#define HEADERS_MAX 28 /* as processors_send() has room for, beside its own */

/* One processor under judgement. */
typedef struct Judge
{
    Arena *arena;
    SchemaFaults *faults;
    const Rules *rules;
    const ConfNode *root;
    const ConfNode *node;
    ProcessorRule *rule;
    bool *used;       /* per value: a placeholder names it */
    bool has_receipt; /* a call before this one gives one */
    const ProcessorCall *call;
    const ConfNode *call_node;
} Judge;

static const ConfNode *
member(const ConfNode *node, const char *name)
{
    return node == NULL || node->type != CONF_GROUP ? NULL : conf_child(node, name);
}

/* -- placeholders -------------------------------------------------------------------------------------------------- */

static bool
is_word(const char *name)
{
    for (size_t i = 0; template_words[i] != NULL; i++)
        if (strcmp(template_words[i], name) == 0)
            return true;
    return false;
}

static bool
use_value(const Judge *j, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < j->rule->value_count; i++)
        if (text_equal(j->rule->values[i].name, name))
            found = j->used[i] = true;
    return found;
}

static void
refuse_name(const Judge *j, const ConfNode *node, const char *name)
{
    const char **known = ARENA_ARRAY(j->arena, const char *, j->rule->value_count + 16);
    size_t count = 0;

    for (size_t i = 0; i < j->rule->value_count; i++)
        if (j->rule->values[i].name != NULL)
            known[count++] = j->rule->values[i].name;
    for (size_t i = 0; template_words[i] != NULL; i++)
        known[count++] = template_words[i];
    const int near = text_nearest(name, known, count);

    schema_fault(j->faults, node, NULL, "\"${%s}\" is neither in values nor a word of expunge's own; %s%s%s", name,
                 near < 0 ? "must be one of them" : "did you mean \"${", near < 0 ? "" : known[near],
                 near < 0 ? "" : "}\"?");
}

static void
judge_names(const Judge *j, const ConfNode *node, const Template *template, TemplatePlace place)
{
    for (size_t i = 0; i < template->count; i++)
    {
        const TemplatePart *part = &template->parts[i];

        if (part->name == NULL)
            continue;
        if (part->is_credential && place == TEMPLATE_URL)
            schema_fault(j->faults, node, NULL,
                         "a credential would stand in an address; must be in a header or the body");
        else if (!part->is_credential && !use_value(j, part->name) && !is_word(part->name))
            refuse_name(j, node, part->name);
        else if (!part->is_credential && strcmp(part->name, TEMPLATE_RECEIPT) == 0 && !j->has_receipt)
            schema_fault(j->faults, node, NULL, "no request before it gives a \"receipt\"; must have one");
    }
}

/* false: it is not well formed, and that was told */
static bool
read_template(const Judge *j, const ConfNode *node, TemplatePlace place, Template *ret)
{
    if (node == NULL || node->type != CONF_STRING)
        return false;
    const char *wrong = template_parse(j->arena, node->string, ret);

    if (wrong != NULL)
        schema_fault(j->faults, node, NULL,
                     "%s; must be like \"${NAME}\", \"${NAME|lower|md5}\" or \"${credential:NAME}\"", wrong);
    else
        judge_names(j, node, ret, place);
    return wrong == NULL;
}

static void
judge_url(const Judge *j)
{
    const ConfNode *node = member(j->call_node, "url");
    Template t;

    if (!read_template(j, node, TEMPLATE_URL, &t))
        return;
    const char *wrong = http_judge_url(j->arena, template_sketch(j->arena, &t, "x"), j->rule->private_hosts,
                                       j->rule->private_count);
    const char *scheme = strstr(t.parts[0].text, "://");

    if (wrong != NULL)
        schema_fault(j->faults, node, NULL, "%s; must be \"https://HOST/…\"", wrong);
    else if (scheme == NULL || (t.count > 1 && strchr(scheme + 3, '/') == NULL))
        schema_fault(j->faults, node, NULL, "a placeholder stands in the host's name; must stand behind it");
}

static void
judge_headers(const Judge *j)
{
    static const char *const own[] = { "content-length:", "content-type:",      "host:",
                                       "webhook-id:",     "webhook-timestamp:", "webhook-signature:" };
    const ConfNode *list = member(j->call_node, "headers");

    for (size_t i = 0; list != NULL && i < list->count; i++)
    {
        const ConfNode *node = list->children[i];
        Template t;

        if (!read_template(j, node, TEMPLATE_HEADER, &t))
            continue;
        if (strchr(t.parts[0].text, ':') == NULL)
            schema_fault(j->faults, node, NULL, "is no header; must be like \"Name: value\"");
        for (size_t o = 0; o < sizeof own / sizeof *own; o++)
            if (strncasecmp(t.parts[0].text, own[o], strlen(own[o])) == 0)
                schema_fault(j->faults, node, NULL, "is set by expunge itself; must be left out");
    }
}

static void
judge_body(const Judge *j)
{
    const ConfNode *node = member(j->call_node, "body");
    CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;
    Template t;

    if (node == NULL)
        return;
    if (j->call->content_type == NULL)
    {
        schema_fault(j->faults, j->call_node, "content_type", "is missing; must be there with a body");
        return;
    }
    const bool json = text_equal(j->call->content_type, "application/json");
    if (!read_template(j, node, json ? TEMPLATE_JSON : TEMPLATE_FORM, &t) || !json)
        return;
    const char *sketch = template_sketch(j->arena, &t, "x");
    if (jsondoc_parse(sketch, strlen(sketch), &doc) != OK)
    {
        err_clear();
        schema_fault(j->faults, node, NULL, "is not JSON; must be, and each placeholder must stand inside of a string");
    }
}

/* -- answers ------------------------------------------------------------------------------------------------------- */

static void
judge_statuses(const Judge *j, const char *name, const int64_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
    {
        const bool redirects = list[i] >= 300 && list[i] < 400;
        if (list[i] < 200 || list[i] > 599 || redirects)
            schema_fault(j->faults, j->call_node, name,
                         "%d is no status that can mean this; must be 200 to 299, or 400 to 599", (int)list[i]);
    }
}

static void
judge_answer(const Judge *j, bool last)
{
    const ProcessorCall *c = j->call;
    const bool words = c->value_count + c->waiting_count + c->failed_count > 0;

    judge_statuses(j, "done", c->done, c->done_count);
    judge_statuses(j, "accepted", c->accepted, c->accepted_count);
    for (size_t i = 0; i < c->done_count; i++)
        for (size_t k = 0; k < c->accepted_count; k++)
            if (c->done[i] == c->accepted[k])
                schema_fault(j->faults, j->call_node, "accepted", "%d is in \"done\" already; must be in one of them",
                             (int)c->done[i]);
    if (c->done_count + c->accepted_count == 0)
        schema_fault(j->faults, j->call_node, NULL, "no status means anything; must have \"done\" or \"accepted\"");
    else if (!last && c->accepted_count == 0)
        schema_fault(j->faults, j->call_node, "accepted", "is missing; must be there where another request follows");
    else if (last && c->done_count == 0 && j->rule->erased_within == NULL)
        schema_fault(j->faults, j->call_node, "done",
                     "is missing, so that nothing would ever confirm it; must be there, or the processor have "
                     "\"erased_within\"");
    if (words != (c->pointer != NULL))
        schema_fault(j->faults, j->call_node, words ? "pointer" : "value", "is missing; must go with the %s",
                     words ? "words" : "pointer");
    else if (c->pointer != NULL && c->pointer[0] != '/')
        schema_fault(j->faults, j->call_node, "pointer", "is no JSON pointer; must begin with \"/\"");
    if (c->receipt != NULL && c->receipt[0] != '/')
        schema_fault(j->faults, j->call_node, "receipt", "is no JSON pointer; must begin with \"/\"");
}

static void
judge_call(Judge *j, const ProcessorCall *call, const ConfNode *node, bool last)
{
    j->call = call;
    j->call_node = node;
    if (node == NULL || node->type != CONF_GROUP)
        return;
    judge_url(j);
    if (call->header_count > HEADERS_MAX)
        schema_fault(j->faults, node, "headers", "has more than %d headers", HEADERS_MAX);
    judge_headers(j);
    judge_body(j);
    judge_answer(j, last);
    if (text_equal(call->method, "GET") && call->body != NULL)
        schema_fault(j->faults, node, "body", "cannot go with method \"GET\"; must be left out");
    j->has_receipt = j->has_receipt || call->receipt != NULL;
}

/* -- one processor ------------------------------------------------------------------------------------------------- */

static void
judge_steps(Judge *j)
{
    const ConfNode *steps = member(j->node, "steps");
    const size_t room = j->rule->step_count + 1;
    const ConfNode **nodes = ARENA_ARRAY(j->arena, const ConfNode *, 2 * room);
    const bool has_only = member(j->node, "request") != NULL;

    j->rule->calls = ARENA_ARRAY(j->arena, const ProcessorCall *, 2 * room);
    if (has_only == (steps != NULL) && j->node->type == CONF_GROUP)
        schema_fault(j->faults, j->node, "request", "%s; must have \"request\" or \"steps\"",
                     has_only ? "cannot go with \"steps\"" : "is missing");
    if (steps != NULL && member(j->node, "poll") != NULL)
        schema_fault(j->faults, j->node, "poll", "cannot go with \"steps\"; must stand in one of them");
    for (size_t i = 0; i < room; i++)
    {
        const bool only = i == j->rule->step_count;
        ProcessorStep *step = only ? &j->rule->only : &j->rule->steps[i];
        const ConfNode *owner = only ? j->node : steps->children[i];
        ProcessorCall *calls[] = { &step->request, &step->poll };
        static const char *const names[] = { "request", "poll" };

        if (only && !has_only)
            break;
        for (size_t c = 0; c < 2; c++)
            if (member(owner, names[c]) != NULL)
            {
                nodes[j->rule->call_count] = member(owner, names[c]);
                j->rule->calls[j->rule->call_count++] = calls[c];
                if (c == 1 && calls[c]->every == NULL)
                    calls[c]->every = "1 minute";
            }
    }
    for (size_t i = 0; i < j->rule->call_count; i++)
        judge_call(j, j->rule->calls[i], nodes[i], i + 1 == j->rule->call_count);
}

static void
judge_values(const Judge *j)
{
    const ConfNode *list = member(j->node, "values");

    for (size_t i = 0; list != NULL && i < j->rule->value_count; i++)
    {
        const ProcessorValue *value = &j->rule->values[i];

        if (value->name == NULL)
            continue;
        if (value->column_count > 1)
            schema_fault(j->faults, list->children[i], "column", "names %zu columns; must name one",
                         value->column_count);
        if (is_word(value->name))
            schema_fault(j->faults, list->children[i], "name",
                         "\"%s\" is a word of expunge's own; must be another name", value->name);
        else if (!j->used[i])
            schema_fault(j->faults, list->children[i], "name",
                         "no placeholder \"${%s}\" uses it; must be used, or left out", value->name);
        for (size_t k = 0; k < i; k++)
            if (text_equal(j->rule->values[k].name, value->name) &&
                (value->kind == NULL || j->rule->values[k].kind == NULL ||
                 text_equal(j->rule->values[k].kind, value->kind)))
                schema_fault(j->faults, list->children[i], "name", "\"%s\" is in line %d already; must be unique",
                             value->name, j->rule->values[k].line);
    }
}

static void
judge_signing(const Judge *j)
{
    if (j->rule->signing == NULL)
        return;
    for (size_t i = 0; i < j->rule->call_count; i++)
        if (j->rule->calls[i]->body == NULL && j->rule->calls[i]->every == NULL)
            schema_fault(j->faults, j->node, "signing", "is for messages with a body; every request must have one");
}

/* -- subjects that name processors ---------------------------------------------------------------------------------- */

/* Values of one message stand in the root and in one table more: otherwise nobody knows which of them belong together. */
static void
judge_kind(SchemaFaults *faults, const ConfNode *node, const SubjectRule *subject, const ProcessorRule *processor)
{
    const TableName *other = NULL;

    for (size_t i = 0; i < processor->value_count; i++)
    {
        const ProcessorValue *any = &processor->values[i];
        const ProcessorValue *value = any->name == NULL ? NULL : rules_value(processor, any->name, subject->kind);
        const TableName *table = value == NULL ? NULL : &value->table;

        if (any->name != NULL && value == NULL)
            schema_fault(faults, node, NULL, "processor \"%s\" has no value \"%s\" for kind \"%s\"; must have one",
                         processor->name, any->name, subject->kind);
        if (table == NULL || table->table == NULL ||
            (text_equal(table->schema, subject->root.schema) && text_equal(table->table, subject->root.table)))
            continue;
        if (other != NULL && (!text_equal(other->schema, table->schema) || !text_equal(other->table, table->table)))
            schema_fault(
                faults, node, NULL,
                "the values of processor \"%s\" stand in \"%s.%s\" and \"%s.%s\"; must stand in the root and one "
                "table more at most",
                processor->name, other->schema, other->table, table->schema, table->table);
        other = table;
    }
}

static void
judge_subjects(SchemaFaults *faults, const ConfNode *root, const Rules *rules)
{
    for (size_t i = 0; i < rules->subject_count; i++)
    {
        const SubjectRule *subject = &rules->subjects[i];
        const ConfNode *list = member(member(root, "subjects")->children[i], "processors");

        for (size_t p = 0; list != NULL && subject->kind != NULL && p < subject->processor_count; p++)
        {
            const ProcessorRule *processor = subject->processors[p] == NULL
                                                 ? NULL
                                                 : rules_processor(rules, subject->processors[p]);
            if (processor != NULL)
                judge_kind(faults, list->children[p], subject, processor);
        }
    }
}

void
settings_judge_processors(SchemaFaults *faults, const ConfNode *root, Rules *rules)
{
    for (size_t i = 0; i < rules->processor_count; i++)
    {
        Judge j = { .arena = faults->arena,
                    .faults = faults,
                    .rules = rules,
                    .root = root,
                    .node = member(root, "processors")->children[i],
                    .rule = &rules->processors[i] };

        j.used = ARENA_ARRAY(faults->arena, bool, j.rule->value_count + 1);
        judge_steps(&j);
        judge_values(&j);
        judge_signing(&j);
    }
    judge_subjects(faults, root, rules);
}

/* -- secrets ------------------------------------------------------------------------------------------------------- */

Err
settings_load_secret(const char *secret, SecretText *ret_text)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const bool is_file = text_starts(secret, "file:");
    const char *name = text_starts(secret, "credential:") ? secret + strlen("credential:") : secret;
    const char *path = is_file ? secret + strlen("file:") : arena_printf(arena, "%s/%s", directory, name);
    bool is_private = true;

    if (!is_file && text_blank(directory))
        return err_new(
            ERR_CONFIG,
            "credential \"%s\" needs $CREDENTIALS_DIRECTORY, which is not set; start expunge from its systemd "
            "unit with LoadCredential=%s:/path",
            name, name);
    if (!file_exists(path))
        return err_new(ERR_CONFIG, "there is no %s \"%s\"%s%s%s", is_file ? "file" : "credential",
                       is_file ? path : name, is_file ? "" : "; add LoadCredential=", is_file ? "" : name,
                       is_file ? "" : ":/path to the unit");
    if (is_file)
        TRY(file_is_private(path, &is_private));
    if (!is_private)
        return err_new(ERR_CONFIG,
                       "others may read \"%s\"; must have mode 0600, and the secret be replaced if somebody did", path);
    return secret_text_load(ret_text, path, SECRET_BYTES_MAX);
}

static Err
judge_credential(const Rules *rules, const ProcessorRule *processor, int line, const char *name)
{
    CLEANUP(secret_text_freep) SecretText *text = secret_text_new();
    const Err e = settings_load_secret(name, text);

    return e == OK ? OK : err_note(ERR_CONFIG, "%s:%d: processor \"%s\"", rules->config_path, line, processor->name);
}

static Err
judge_text(Arena *arena, const Rules *rules, const ProcessorRule *processor, int line, const char *text)
{
    Template t;

    if (text == NULL || template_parse(arena, text, &t) != NULL)
        return OK;
    for (size_t i = 0; i < t.count; i++)
        if (t.parts[i].is_credential)
            TRY(judge_credential(rules, processor, line, t.parts[i].name));
    return OK;
}

Err
settings_judge_credentials(Arena *arena, const Rules *rules, const ProcessorRule *processor)
{
    for (size_t c = 0; c < processor->call_count; c++)
    {
        const ProcessorCall *call = processor->calls[c];

        for (size_t h = 0; h < call->header_count; h++)
            TRY(judge_text(arena, rules, processor, call->line, call->headers[h]));
        TRY(judge_text(arena, rules, processor, call->line, call->body));
    }
    return processor->signing == NULL ? OK
                                      : judge_credential(rules, processor, processor->line, processor->signing_secret);
}
