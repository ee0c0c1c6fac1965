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

static void
make_id(char *ret_id)
{
    unsigned char random[16];

    seal_random(random, sizeof random);
    memcpy(ret_id, "msg_", strlen("msg_"));
    hex_put(random, sizeof random, ret_id + strlen("msg_"));
}

static Err
add_message(Capture *c, const JsonDoc *values, TaskState state)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    Job *job = c->job;
    CapturedKeys *keys = c->keys;
    char message_id[TASK_MESSAGE_ID];
    Task task = { .disposal = job->disposal->id,
                  .processor = c->rule->name,
                  .number = ++c->count,
                  .message_id = message_id,
                  .state = state };

    make_id(message_id);
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

/* Of the values, what the disposal itself knows until it is cleared: the root's key.  NULL: one of them is another one. */
static JsonDoc *
known_values(const Capture *c)
{
    const Target *target = c->job->target;
    JsonDoc *values = c->job->disposal->subject_key == NULL ? NULL : jsondoc_object();

    for (size_t i = 0; i < c->rule->value_count && values != NULL; i++)
    {
        const ProcessorValue *value = &c->rule->values[i];
        if (rules_value(c->rule, value->name, target->name) != value)
            continue;
        const size_t table = graph_table(target->graph, value->table.schema, value->table.table);
        if (table == target->root && graph_column(&target->graph->tables[table], value->columns[0]) == target->key)
            jsondoc_set_string(values, value->name, c->job->disposal->subject_key);
        else
            jsondoc_freep(&values);
    }
    return values;
}

/* The rows are gone, and who knows what they held: a message without the values that it needs waits for a person. */
static Err
add_late(Capture *c)
{
    CLEANUP(jsondoc_freep) JsonDoc *values = known_values(c);
    return add_message(c, values, TASK_WAITING);
}

static Err
capture_one(Capture *c)
{
    CLEANUP(db_result_freep) DbResult *root_rows = NULL;
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const Columns root = find_columns(c, true), table = find_columns(c, false);

    if (c->rule->value_count == 0)
        return add_message(c, NULL, TASK_WAITING);
    if (c->job->root_absent)
        return add_late(c);
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

/* Of its processors, those that no message is written down for: all, or what the configuration has got since then. */
static Err
find_new(const Session *session, Arena *arena, const SubjectRule *subject, int64_t disposal,
         const ProcessorRule ***ret_rules, size_t *ret_count)
{
    const TaskFilter filter = { .disposal = disposal };
    const size_t known = subject == NULL ? 0 : subject->processor_count;
    Task *tasks;
    size_t count;

    *ret_count = 0;
    *ret_rules = ARENA_ARRAY(arena, const ProcessorRule *, known + 1);
    if (known == 0)
        return OK;
    TRY(tasks_list(arena, session->db, &filter, &tasks, &count));
    for (size_t i = 0; i < known; i++)
    {
        bool told = false;
        for (size_t t = 0; t < count && !told; t++)
            told = strcmp(tasks[t].processor, subject->processors[i]) == 0;
        if (!told)
            (*ret_rules)[(*ret_count)++] = rules_processor(session->rules, subject->processors[i]);
    }
    return OK;
}

/* One for each processor that calls the subject something: most have one row of values. */
static size_t
keys_to_begin_with(const ProcessorRule *const *rules, size_t rule_count)
{
    size_t count = 0;

    for (size_t i = 0; i < rule_count; i++)
        count += rules[i]->value_count > 0 ? 1 : 0;
    return count;
}

Err
capture_reserve(Job *job, CapturedKeys *keys)
{
    const ProcessorRule **rules;
    const char **ids;
    size_t rule_count, count;

    TRY(find_new(job->session, job->arena, job->target->subject, job->disposal->id, &rules, &rule_count));
    const size_t wanted = keys->wanted > 0 ? keys->wanted : keys_to_begin_with(rules, rule_count);
    if (wanted == 0)
        return OK;
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
    const ProcessorRule **rules;
    size_t count;

    keys->used = keys->wanted = 0;
    TRY(find_new(job->session, job->arena, job->target->subject, job->disposal->id, &rules, &count));
    for (size_t i = 0; i < count; i++)
    {
        Capture c = { .job = job, .rule = rules[i], .keys = keys };
        const Err e = capture_one(&c);
        if (e != OK)
            return err_note(e, "while the values for processor \"%s\" were read", c.rule->name);
    }
    if (capture_wants_keys(keys))
        return err_new(ERR_AGAIN, "more values for processors than keys to seal them: the next run goes on");
    return OK;
}

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

Err
capture_late(Session *session, Arena *arena, Disposal *disposal)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Target *target = targets_find(&session->targets, disposal->kind, disposal->name);
    Job job = { .session = session, .arena = arena, .disposal = disposal, .target = target };
    CapturedKeys keys = { .count = 0 };
    const ProcessorRule **rules;
    size_t count;

    if (target == NULL || disposal->restored_at != INSTANT_NONE)
        return OK;
    TRY(find_new(session, arena, target->subject, disposal->id, &rules, &count));
    if (count == 0)
        return OK;
    TRY(capture_reserve(&job, &keys));
    TRY(db_begin(session->db, "", &tx));
    for (size_t i = 0; i < count; i++)
    {
        Capture c = { .job = &job, .rule = rules[i], .keys = &keys };
        TRY(rules[i]->value_count == 0 ? add_message(&c, NULL, TASK_WAITING) : add_late(&c));
    }
    TRY(db_commit(&tx));
    return end_spare_keys(&job);
}

/* -- afterwards ----------------------------------------------------------------------------------------------------- */

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
