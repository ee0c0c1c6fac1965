/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/notifier.h"

#include "base/fault.h"
#include "base/text.h"
#include "copies/processors.h"
#include "engine/settings_processors.h"
#include "engine/stop.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_AT_ONCE 32 /* of one message in one pass: a declaration has fewer */

typedef struct Pass
{
    const House *house;
    Arena *arena;
    const NotifyFilter *filter;
    NotifyResult *result;
    Session *session; /* of the database under work */
} Pass;

/* One message under work. */
typedef struct Message
{
    Pass *pass;
    Arena *arena; /* of this message; what outlives it is copied */
    Http *http;
    Task *task;
    const ProcessorRule *rule;
    bool goes_on;
} Message;

/* -- what is told --------------------------------------------------------------------------------------------------- */

static void
add_note(Pass *pass, const char *note)
{
    ARENA_PUSH(pass->arena, pass->result->notes, pass->result->note_count, pass->result->note_room, note);
}

static const char *
sentence(const Pass *pass, const Task *t)
{
    if (t->state == TASK_CONFIRMED)
        return text_equal(t->confirmed_by, "term") ? "confirmed: its own term is over" : "confirmed";
    if (t->state == TASK_SETTLED)
        return "settled by hand";
    if (t->last_error != NULL)
        return t->last_error;
    if (!t->may_be_told)
        return "waits until the live rows are erased";
    if (t->held)
        return "a hold forbids it";
    if (t->state == TASK_ACCEPTED)
        return t->next_attempt_at == INSTANT_NONE ? "accepted"
                                                  : arena_printf(pass->arena, "accepted; looked at again %s",
                                                                 instant_format(pass->arena, t->next_attempt_at));
    return "not sent yet";
}

/* As the database has it at the end of the pass. */
static Err
tell(Pass *pass, const Task *which)
{
    const TaskFilter filter = { .disposal = which->disposal, .processor = which->processor, .number = which->number };
    NotifyResult *r = pass->result;
    Task *tasks;
    size_t count;

    TRY(tasks_list(pass->arena, pass->session->db, &filter, &tasks, &count));
    for (size_t i = 0; i < count; i++)
    {
        const NotifyLine line = { .database = pass->session->database->name,
                                  .task = &tasks[i],
                                  .told = sentence(pass, &tasks[i]) };
        ARENA_PUSH(pass->arena, r->lines, r->count, r->room, line);
        r->outstanding += processor_is_over(tasks[i].state) ? 0 : 1;
        r->overdue += tasks[i].overdue ? 1 : 0;
        r->failed += !processor_is_over(tasks[i].state) && tasks[i].last_error != NULL ? 1 : 0;
        r->confirmed += tasks[i].state == TASK_CONFIRMED ? 1 : 0;
    }
    return OK;
}

/* -- one transition ------------------------------------------------------------------------------------------------- */

static JsonDoc *
event_fields(const Pass *pass, const Task *task)
{
    JsonDoc *fields = session_fields(pass->session, NULL);

    jsondoc_set_integer(fields, "disposal", task->disposal);
    jsondoc_set_string(fields, "kind", task->kind);
    jsondoc_set_string(fields, "subject", task->commitment);
    jsondoc_set_string(fields, "processor", task->processor);
    jsondoc_set_string(fields, "message", task->message_id);
    if (task->receipt != NULL)
        jsondoc_set_string(fields, "receipt", task->receipt);
    if (task->confirmed_by != NULL)
        jsondoc_set_string(fields, "by", task->confirmed_by);
    return fields;
}

static Err
advance(Message *m, const TaskStep *step, const char *event)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Db *db = m->pass->session->db;

    TRY(db_begin(db, "", &tx));
    TRY(tasks_advance(m->arena, db, m->task, step));
    if (event != NULL)
        TRY(disposals_record(m->arena, db, m->task->disposal, event, event_fields(m->pass, m->task)));
    fault_point("notify.recorded");
    TRY(db_commit(&tx));
    fault_point("notify.committed");
    return OK;
}

/* After the commit: a message whose values are gone must not need them any more. */
static Err
end_values(Pass *pass, Arena *arena, const Task *task)
{
    if (task->key_id == NULL)
        return OK;
    TRY(session_key_destroy(pass->house, task->key_id));
    fault_point("notify.key_destroyed");
    return tasks_key_destroyed(arena, pass->session->db, task);
}

static unsigned
jitter(void)
{
    uint16_t random;

    seal_random(&random, sizeof random);
    return random % 1000U;
}

/* afresh: it gave up, so that its work begins again with the first request, under another idempotency key. */
static Err
fail(Message *m, const char *why, int64_t retry_after_s, bool afresh)
{
    const Task *t = m->task;
    const TaskStep step = { .state = afresh ? TASK_REQUESTED : t->state,
                            .call = afresh ? 0 : t->call,
                            .round = t->round + (afresh ? 1 : 0),
                            .attempts = t->attempts + 1,
                            .pause_us = processor_pause(t->attempts + 1, jitter(), retry_after_s),
                            .error = why };
    m->goes_on = false;
    return advance(m, &step, afresh ? "processor_gave_up" : NULL);
}

static Err
confirm(Message *m, const char *by, const char *receipt)
{
    const TaskStep step = {
        .state = TASK_CONFIRMED, .call = m->task->call, .round = m->task->round, .receipt = receipt, .confirmed_by = by
    };
    m->goes_on = false;
    TRY(advance(m, &step, "processor_confirmed"));
    return end_values(m->pass, m->arena, m->task);
}

static Err
accept(Message *m, const char *receipt)
{
    Task *t = m->task;
    TaskStep step = { .state = TASK_ACCEPTED, .call = t->call + 1, .round = t->round, .receipt = receipt };
    const bool first = t->state != TASK_ACCEPTED;

    m->goes_on = (size_t)step.call < m->rule->call_count;
    if (!m->goes_on)
        TRY(tasks_interval(m->pass->session->db, m->rule->erased_within, &step.pause_us));
    TRY(advance(m, &step, first ? "processor_accepted" : NULL));
    return m->goes_on ? OK : end_values(m->pass, m->arena, t);
}

static Err
wait_for(Message *m, int64_t retry_after_s)
{
    const Task *t = m->task;
    TaskStep step = { .state = t->state, .call = t->call, .round = t->round };
    const int64_t asked = retry_after_s > 7 * 24 * 3600 ? 7 * INSTANT_DAY : retry_after_s * INSTANT_SECOND;

    m->goes_on = false;
    TRY(tasks_interval(m->pass->session->db, m->rule->calls[t->call]->every, &step.pause_us));
    step.pause_us = asked > step.pause_us ? asked : step.pause_us;
    return advance(m, &step, NULL);
}

/* -- one request ---------------------------------------------------------------------------------------------------- */

static Err
load_credential(void *context, const char *name, SecretText *ret_secret)
{
    (void)context;
    return settings_load_secret(name, ret_secret);
}

static bool
is_stopped(void)
{
    const bool stopped = stop_judge() != OK;
    if (stopped)
        err_clear();
    return stopped;
}

/* It needs values, and nobody has them. */
static bool
is_nameless(const Message *m)
{
    return m->task->key_id == NULL && processors_need_values(m->arena, m->rule, m->task->call);
}

static Err
load_values(Message *m, JsonDoc **ret_values)
{
    CLEANUP(secret_freep) Secret *key = NULL;

    if (!processors_need_values(m->arena, m->rule, m->task->call))
        return OK;
    if (is_nameless(m))
        return err_new(ERR_EVIDENCE,
                       "the subject's row was gone before its values were read: tell the processor by hand "
                       "and settle it");
    TRY(session_key_load(m->pass->house, m->task->key_id, &key));
    return processors_unseal(m->arena, key, m->task, ret_values);
}

static Err
ask(Message *m, ProcessorOutcome *ret_outcome)
{
    CLEANUP(jsondoc_freep) JsonDoc *values = NULL;
    int64_t timeout_us;

    TRY(load_values(m, &values));
    TRY(tasks_interval(m->pass->session->db, m->rule->timeout, &timeout_us));
    const ProcessorMessage message = { .rule = m->rule,
                                       .task = m->task,
                                       .disposal = arena_printf(m->arena, "%s-%" PRId64,
                                                                m->pass->session->database->name, m->task->disposal),
                                       .values = values,
                                       .credential = load_credential,
                                       .timeout_ms = timeout_us / 1000,
                                       .is_stopped = is_stopped };
    return processors_send(m->arena, m->http, &message, ret_outcome);
}

static Err
take_outcome(Message *m, const ProcessorOutcome *o)
{
    switch (o->verdict)
    {
    case VERDICT_DONE: return confirm(m, "answer", o->receipt);
    case VERDICT_ACCEPTED: return accept(m, o->receipt);
    case VERDICT_WAITING: return wait_for(m, o->retry_after_s);
    case VERDICT_AFRESH: return fail(m, o->why, o->retry_after_s, true);
    case VERDICT_RETRY: break;
    }
    return fail(m, o->why, o->retry_after_s, false);
}

/* That something will be sent is written down before it is. */
static Err
begin_sending(Message *m)
{
    const Task *t = m->task;
    const TaskStep step = { .state = TASK_REQUESTED, .call = t->call, .round = t->round, .attempts = t->attempts };

    return t->state == TASK_WAITING && !is_nameless(m) ? advance(m, &step, "processor_requested") : OK;
}

static Err
take_step(Message *m)
{
    ProcessorOutcome outcome = { .verdict = VERDICT_RETRY };

    if ((size_t)m->task->call >= m->rule->call_count)
    {
        if (m->task->state == TASK_ACCEPTED && m->rule->erased_within != NULL)
            return confirm(m, "term", NULL);
        return fail(m,
                    "its declaration has fewer requests than when this message was sent: bring them back, or settle it",
                    0, false);
    }
    TRY(begin_sending(m));
    const Err e = ask(m, &outcome);
    if (e == ERR_CONFIG || e == ERR_RAIL || e == ERR_EVIDENCE)
    {
        const char *why = arena_strdup(m->arena, err_joined());
        err_clear();
        return fail(m, why, 0, false);
    }
    if (e != OK)
        return e;
    fault_point("notify.answered");
    return take_outcome(m, &outcome);
}

/* -- one message ---------------------------------------------------------------------------------------------------- */

static Err
work_on(Message *m, Instant now)
{
    const Task *t = m->task;

    if (processor_is_over(t->state))
        return end_values(m->pass, m->arena, t);
    if (!t->may_be_told || t->held || (t->next_attempt_at != INSTANT_NONE && t->next_attempt_at > now))
        return OK;
    m->rule = rules_processor(m->pass->house->rules, t->processor);
    if (m->rule == NULL)
        return fail(m, "the configuration has no such processor any more: bring it back, or settle it", 0, false);
    TRY(http_open(&m->http));
    m->goes_on = true;
    Err e = OK;
    for (int i = 0; e == OK && m->goes_on && i < CALLS_AT_ONCE; i++)
    {
        e = stop_judge();
        if (e == OK)
            e = take_step(m);
    }
    http_closep(&m->http);
    return e;
}

static Err
work_claimed(Pass *pass, Arena *arena, const Task *listed)
{
    const TaskFilter filter = { .disposal = listed->disposal,
                                .processor = listed->processor,
                                .number = listed->number };
    Message m = { .pass = pass, .arena = arena };
    Instant now;
    size_t count;

    TRY(session_now(pass->session, &now));
    TRY(tasks_list(arena, pass->session->db, &filter, &m.task, &count)); /* another one may have been there */
    return count == 1 ? work_on(&m, now) : OK;
}

static Err
work_message(Pass *pass, const Task *listed)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    bool claimed;

    TRY(stop_judge());
    TRY(tasks_claim(arena, pass->session->db, listed, &claimed));
    if (claimed)
    {
        const Err e = work_claimed(pass, arena, listed);
        if (e == ERR_AGAIN)
            err_clear();
        else if (e != OK)
            return e; /* the claim ends with the session */
        TRY(tasks_unclaim(arena, pass->session->db, listed));
    }
    return tell(pass, listed);
}

/* -- the whole ------------------------------------------------------------------------------------------------------ */

static Err
work_database(Pass *pass)
{
    const TaskFilter filter = { .disposal = pass->filter->disposal,
                                .processor = pass->filter->processor,
                                .open_only = true };
    Task *tasks;
    size_t count;

    if (pass->session->paused)
    {
        add_note(pass, arena_printf(pass->arena, "database \"%s\" is left out: %s", pass->session->database->name,
                                    pass->session->pause_story));
        return OK;
    }
    TRY(tasks_list(pass->arena, pass->session->db, &filter, &tasks, &count));
    for (size_t i = 0; i < count; i++)
        TRY(work_message(pass, &tasks[i]));
    return OK;
}

static Err
open_database(Pass *pass, const DatabaseRule *database, Session **ret_session)
{
    const SessionNeeds needs = { .user = pass->filter->user, .notifies = true };
    TRY(session_open(pass->house, database, &needs, ret_session));
    pass->session = *ret_session;
    return OK;
}

/* A database that is down does not keep the others' messages. */
static Err
pass_over(Pass *pass, const DatabaseRule *database, Err *lost)
{
    CLEANUP(session_closep) Session *session = NULL;
    Err e = open_database(pass, database, &session);

    if (e == OK)
        e = work_database(pass);
    if (e != ERR_DATABASE)
        return e;
    add_note(pass, arena_printf(pass->arena, "database \"%s\" is left out: %s", database->name, err_joined()));
    err_clear();
    *lost = e;
    return OK;
}

static Err
judge_credentials(const Pass *pass)
{
    const Rules *rules = pass->house->rules;

    for (size_t s = 0; s < rules->subject_count; s++)
        for (size_t p = 0; p < rules->subjects[s].processor_count; p++)
            if (pass->filter->processor == NULL ||
                text_equal(pass->filter->processor, rules->subjects[s].processors[p]))
                TRY(settings_judge_credentials(pass->arena, rules,
                                               rules_processor(rules, rules->subjects[s].processors[p])));
    return OK;
}

Err
notifier_run(const House *house, Arena *arena, const NotifyFilter *filter, NotifyResult *ret_result)
{
    Pass pass = { .house = house, .arena = arena, .filter = filter, .result = ret_result };
    Err lost = OK;

    *ret_result = (NotifyResult){ 0 };
    TRY(judge_credentials(&pass));
    for (size_t i = 0; i < house->rules->database_count; i++)
        if (filter->database == NULL || strcmp(filter->database, house->rules->databases[i].name) == 0)
            TRY(pass_over(&pass, &house->rules->databases[i], &lost));
    return lost == OK ? OK : err_new(lost, "%s", ret_result->notes[ret_result->note_count - 1]);
}

/* -- by hand --------------------------------------------------------------------------------------------------------- */

/* The reason may name a person: the ledger gets a commitment to it. */
static JsonDoc *
settled_fields(Pass *pass, const Task *task, const char *reason)
{
    unsigned char digest[SEAL_HASH_BYTES];
    JsonDoc *fields = event_fields(pass, task);

    seal_mac(keys_commitment_key(pass->house->keys), reason, strlen(reason), digest);
    jsondoc_set_string(fields, "by", "person");
    jsondoc_set_string(fields, "reason", text_hex(pass->arena, digest, sizeof digest));
    return fields;
}

static Err
settle_in(Pass *pass, const Task *which, const char *reason, Task **ret_list, size_t *ret_count)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Db *db = pass->session->db;
    const char *login = getenv("USER");

    TRY(db_begin(db, "", &tx));
    TRY(tasks_settle(pass->arena, db, which, reason, text_blank(login) ? NULL : login, ret_list, ret_count));
    for (size_t i = 0; i < *ret_count; i++)
        TRY(disposals_record(pass->arena, db, which->disposal, "processor_settled",
                             settled_fields(pass, &(*ret_list)[i], reason)));
    return db_commit(&tx);
}

static Err
settle(Pass *pass, const char *reason, int64_t *ret_settled)
{
    const TaskFilter filter = { .disposal = pass->filter->disposal, .processor = pass->filter->processor };
    Task *list;
    size_t count;

    TRY(tasks_list(pass->arena, pass->session->db, &filter, &list, &count));
    if (count == 0)
        return err_new(ERR_USAGE, "disposal %s-%" PRId64 " has no message for a processor \"%s\"",
                       pass->session->database->name, filter.disposal, filter.processor);
    const Task which = list[0];
    TRY(settle_in(pass, &which, reason, &list, &count));
    *ret_settled = (int64_t)count;
    for (size_t i = 0; i < count; i++)
        TRY(end_values(pass, pass->arena, &list[i]));
    return OK;
}

Err
notifier_settle(const House *house, Arena *arena, const NotifyFilter *filter, const char *reason, int64_t *ret_settled)
{
    NotifyResult ignored = { 0 };
    Pass pass = { .house = house, .arena = arena, .filter = filter, .result = &ignored };

    for (size_t i = 0; i < house->rules->database_count; i++)
    {
        CLEANUP(session_closep) Session *session = NULL;
        if (strcmp(filter->database, house->rules->databases[i].name) != 0)
            continue;
        TRY(open_database(&pass, &house->rules->databases[i], &session));
        return settle(&pass, reason, ret_settled);
    }
    return err_new(ERR_USAGE, "the configuration has no database \"%s\"", filter->database);
}
