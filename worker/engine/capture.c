/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/capture.h"

#include "base/text.h"
#include "copies/processors.h"
#include "store/hex.h"

#include <inttypes.h>
#include <string.h>

#define MESSAGES_MAX 1000 /* of one subject to one processor: each is a key, a request and a receipt */

/* One processor of the disposal's subject. */
typedef struct Capture
{
    Job *job;
    const ProcessorRule *rule;
    CapturedKeys *keys;
    int64_t count; /* messages */
} Capture;

static Err
add_message(Capture *c, const JsonDoc *values, TaskState state)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    Job *job = c->job;
    CapturedKeys *keys = c->keys;
    unsigned char random[16];
    char message_id[TASK_MESSAGE_ID] = "msg_";
    Task task = { .disposal = job->disposal->id,
                  .processor = c->rule->name,
                  .number = ++c->count,
                  .message_id = message_id,
                  .state = state };

    seal_random(random, sizeof random);
    hex_put(random, sizeof random, message_id + strlen("msg_"));
    keys->wanted += values == NULL ? 0 : 1;
    if (values != NULL && keys->used == keys->count)
        return OK; /* counted: all of it is done again */
    if (values != NULL)
    {
        task.key_id = keys->ids[keys->used++];
        TRY(session_key_load(job->session->house, task.key_id, &key));
        TRY(tasks_keys_take(job->arena, job->session->db, task.disposal, task.key_id));
        task.sealed = processors_seal(job->arena, key, message_id, values);
    }
    return tasks_add(job->arena, job->session->db, &task, c->rule->deadline);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* The values that stand in one table: their columns there. */
typedef struct Columns
{
    size_t position; /* in the scope; GRAPH_NONE: no value stands outside of the root */
    const char **names;
    size_t *columns;
    size_t count;
} Columns;

static Columns
find_columns(const Capture *c, bool in_root)
{
    const Job *job = c->job;
    const Scope *scope = job->target->scope;
    Columns found = { .position = in_root ? 0 : GRAPH_NONE,
                      .names = ARENA_ARRAY(job->arena, const char *, c->rule->value_count + 1),
                      .columns = ARENA_ARRAY(job->arena, size_t, c->rule->value_count + 1) };

    for (size_t i = 0; i < c->rule->value_count; i++)
    {
        const ProcessorValue *value = &c->rule->values[i];
        if (rules_value(c->rule, value->name, job->target->name) != value)
            continue;
        const size_t table = graph_table(scope->graph, value->table.schema, value->table.table);
        if ((table == job->target->root) != in_root)
            continue;
        found.position = in_root ? 0 : scope_position(scope, table);
        found.names[found.count] = value->name;
        found.columns[found.count++] = graph_column(&scope->graph->tables[table], value->columns[0]);
    }
    return found;
}

static Err
read_rows(const Capture *c, const Columns *columns, DbResult **ret_rows)
{
    Selector selector = c->job->selector;
    const char *limit = arena_printf(c->job->arena, "%d", MESSAGES_MAX + 1);

    selector.arena = c->job->arena;
    TRY(db_query(c->job->session->db, selector_values(&selector, columns->position, columns->columns, columns->count),
                 1, &limit, ret_rows));
    if (db_rows(*ret_rows) > MESSAGES_MAX)
        return err_new(ERR_RAIL, "processor \"%s\" would get more than %d messages about one %s", c->rule->name,
                       MESSAGES_MAX, c->job->target->name);
    return OK;
}

/* false: one of them is missing, so that the row names nobody there */
static bool
add_values(JsonDoc *values, const Columns *columns, const DbResult *rows, size_t row)
{
    for (size_t i = 0; i < columns->count; i++)
    {
        const char *text = db_text(rows, row, i);
        if (text_blank(text))
            return false;
        jsondoc_set_string(values, columns->names[i], text);
    }
    return true;
}

static Err
add_rows(Capture *c, const Columns *root, const DbResult *root_rows, const Columns *table, const DbResult *rows)
{
    for (size_t r = 0; r < (rows == NULL ? 1 : db_rows(rows)); r++)
    {
        CLEANUP(jsondoc_freep) JsonDoc *values = jsondoc_object();
        if ((root_rows == NULL || add_values(values, root, root_rows, 0)) &&
            (rows == NULL || add_values(values, table, rows, r)))
            TRY(add_message(c, values, TASK_WAITING));
    }
    return OK;
}

static Err
capture_one(Capture *c)
{
    CLEANUP(db_result_freep) DbResult *root_rows = NULL;
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const Columns root = find_columns(c, true), table = find_columns(c, false);

    if (c->rule->value_count == 0)
        return add_message(c, NULL, TASK_WAITING);
    if (c->job->root_absent) /* who knows what it held: a person settles it */
        return add_message(c, NULL, TASK_WAITING);
    if (root.count > 0)
        TRY(read_rows(c, &root, &root_rows));
    if (table.count > 0)
        TRY(read_rows(c, &table, &rows));
    if (root_rows == NULL || db_rows(root_rows) > 0)
        TRY(add_rows(c, &root, root_rows, &table, rows));
    return c->count > 0 ? OK : add_message(c, NULL, TASK_NOT_CONCERNED);
}

static Err
add_key(Job *job, CapturedKeys *keys)
{
    CLEANUP(secret_freep) Secret *ignored = NULL;
    char id[KEYS_ID_TEXT];

    TRY(session_key_make(job->session->house, id, &ignored));
    keys->ids[keys->count++] = arena_strdup(job->arena, id);
    return tasks_keys_add(job->arena, job->session->db, job->disposal->id, id);
}

static Err
is_captured(Job *job, bool *ret_captured)
{
    const TaskFilter filter = { .disposal = job->disposal->id };
    const SubjectRule *subject = job->target->subject;
    Task *tasks;
    size_t count = 1;

    if (subject != NULL && subject->processor_count > 0)
        TRY(tasks_list(job->arena, job->session->db, &filter, &tasks, &count));
    *ret_captured = count > 0;
    return OK;
}

/* One for each processor that calls the subject something: most have one row of values. */
static size_t
keys_to_begin_with(const Job *job)
{
    const SubjectRule *subject = job->target->subject;
    size_t count = 0;

    for (size_t i = 0; i < subject->processor_count; i++)
        count += rules_processor(job->session->rules, subject->processors[i])->value_count > 0 ? 1 : 0;
    return count;
}

Err
capture_reserve(Job *job, CapturedKeys *keys)
{
    const char **ids;
    size_t count;
    bool captured;

    TRY(is_captured(job, &captured));
    if (captured)
        return OK;
    const size_t wanted = keys->wanted > 0 ? keys->wanted : keys_to_begin_with(job);
    TRY(tasks_keys_list(job->arena, job->session->db, job->disposal->id, &ids, &count));
    keys->ids = ARENA_ARRAY(job->arena, const char *, count + wanted + 1);
    keys->count = count;
    for (size_t i = 0; i < count; i++)
        keys->ids[i] = ids[i];
    while (keys->count < wanted)
        TRY(add_key(job, keys));
    return OK;
}

bool
capture_wants_keys(const CapturedKeys *keys)
{
    return keys->wanted > keys->count;
}

Err
capture_values(Job *job, CapturedKeys *keys)
{
    const SubjectRule *subject = job->target->subject;
    bool captured;

    keys->used = keys->wanted = 0;
    TRY(is_captured(job, &captured));
    for (size_t i = 0; !captured && i < subject->processor_count; i++)
    {
        Capture c = { .job = job, .rule = rules_processor(job->session->rules, subject->processors[i]), .keys = keys };
        const Err e = capture_one(&c);
        if (e != OK)
            return err_note(e, "while the values for processor \"%s\" were read", c.rule->name);
    }
    if (capture_wants_keys(keys))
        return err_new(ERR_AGAIN, "more values for processors than keys to seal them: the next run goes on");
    return OK;
}

/* -- afterwards ----------------------------------------------------------------------------------------------------- */

static Err
end_spare_keys(Job *job)
{
    const char **ids;
    size_t count;

    TRY(tasks_keys_list(job->arena, job->session->db, job->disposal->id, &ids, &count));
    for (size_t i = 0; i < count; i++)
    {
        TRY(session_key_destroy(job->session->house, ids[i]));
        TRY(tasks_keys_take(job->arena, job->session->db, job->disposal->id, ids[i]));
    }
    return OK;
}

static Err
end_keys(Job *job, bool all)
{
    const TaskFilter filter = { .disposal = job->disposal->id };
    Task *tasks;
    size_t count;

    TRY(tasks_list(job->arena, job->session->db, &filter, &tasks, &count));
    for (size_t i = 0; i < count; i++)
    {
        if (tasks[i].key_id == NULL || !(all || processor_is_over(tasks[i].state)))
            continue;
        TRY(session_key_destroy(job->session->house, tasks[i].key_id));
        TRY(tasks_key_destroyed(job->arena, job->session->db, &tasks[i]));
    }
    return end_spare_keys(job);
}

Err
capture_end_keys(Job *job)
{
    return end_keys(job, false);
}

Err
capture_forget(Job *job)
{
    TRY(end_keys(job, true));
    return tasks_drop_unsent(job->arena, job->session->db, job->disposal->id);
}

Err
capture_begin(Job *job)
{
    return tasks_begin(job->arena, job->session->db, job->disposal->id);
}
