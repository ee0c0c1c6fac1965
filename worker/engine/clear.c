/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/clear_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "engine/capture.h"
#include "engine/settings_processors.h"
#include "engine/stop.h"
#include "sql.h"
#include "store/tasks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- one disposal -------------------------------------------------------------------------------------------------- */

Err
clear_note(Session *session, Arena *arena, const Disposal *d)
{
    const Rules *rules = session->rules;
    const char **stores = ARENA_ARRAY(arena, const char *, rules->store_count + 1);
    size_t count = 0;

    for (size_t i = 0; i < rules->store_count; i++)
        if (rules_store_applies(&rules->stores[i], session->database, d->kind))
            stores[count++] = rules->stores[i].name;
    return copystates_note(arena, session->db, d->id, stores, count, rules_cleared_within(rules, d->kind, d->name));
}

static JsonDoc *
cleared_fields(const Session *session, const Disposal *d, const CopyRow *rows, size_t count)
{
    JsonDoc *fields = session_fields(session, d);
    JsonDoc *copies = jsondoc_array();

    if (d->key_id != NULL)
        jsondoc_set_string(fields, "key_destroyed", d->key_id);
    for (size_t i = 0; i < count; i++)
    {
        JsonDoc *copy = jsondoc_object();
        jsondoc_set_string(copy, "store", rows[i].store);
        jsondoc_set_string(copy, "state", copystates_name(rows[i].state));
        jsondoc_set_instant(copy, "gone_at", rows[i].gone_at);
        jsondoc_push(copies, copy);
    }
    jsondoc_set(fields, "copies", copies);
    return fields;
}

Err
clear_finish(Session *session, Arena *arena, Disposal *d, bool *ret_cleared)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Transit step = { .from = STATE_ERASED, .to = STATE_CLEARED };
    TaskCounts tasks;
    CopyRow *rows;
    size_t count;

    *ret_cleared = false;
    TRY(capture_late(session, arena, d));
    TRY(db_begin(session->db, "", &tx));
    TRY(tasks_count(arena, session->db, d->id, &tasks));
    if (tasks.outstanding > 0 || tasks.keys > 0) /* a processor has the subject's data still: the notifier is at it */
        return OK;
    TRY(copystates_load(arena, session->db, session->rules->overdue_after, &d->id, 1, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].state != COPY_GONE)
            return OK;
    TRY(disposals_transit(session->db, d->id, &step));
    TRY(disposals_record(arena, session->db, d->id, "cleared", cleared_fields(session, d, rows, count)));
    TRY(db_commit(&tx));
    fault_point("transit.committed");
    d->state = STATE_CLEARED;
    TRY(session_flush(session, d->id, false));
    fault_point("transit.flushed");
    *ret_cleared = true;
    return OK;
}

/* -- what is told -------------------------------------------------------------------------------------------------- */

static void
tell_row(const CopyRow *row, Outcome *o)
{
    o->copies[o->copy_count++] = (OutcomeCopy){ .store = row->store,
                                                .state = copystates_name(row->state),
                                                .until = row->until,
                                                .detail = row->detail,
                                                .error = row->last_error };
    o->overdue = o->overdue || row->late;
}

static Err
tell_processors(Session *session, Arena *arena, const Disposal *d, Outcome *o)
{
    TaskCounts tasks;

    TRY(tasks_count(arena, session->db, d->id, &tasks));
    o->untold = tasks.outstanding;
    o->untold_late = tasks.overdue;
    o->overdue = o->overdue || tasks.overdue > 0;
    return OK;
}

Err
clear_tell(Session *session, Arena *arena, const Disposal *d, Outcome *o)
{
    const Rules *rules = session->rules;
    CopyRow *rows = NULL;
    size_t count = 0;

    if (d->id != 0)
    {
        TRY(copystates_load(arena, session->db, rules->overdue_after, &d->id, 1, &rows, &count));
        TRY(tell_processors(session, arena, d, o));
    }
    o->copies = ARENA_ARRAY(arena, OutcomeCopy, count + rules->store_count + 1);
    o->copy_count = 0;
    for (size_t i = 0; i < count; i++)
        tell_row(&rows[i], o);
    for (size_t i = 0; i < rules->store_count; i++)
    {
        const char *name = rules->stores[i].name;
        bool known = !rules_store_applies(&rules->stores[i], session->database, d->kind);
        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(rows[k].store, name) == 0;
        if (!known)
            o->copies[o->copy_count++] =
                (OutcomeCopy){ .store = name, .state = copystates_name(COPY_PENDING), .until = INSTANT_NONE };
    }
    return OK;
}

/* -- gathering what waits ------------------------------------------------------------------------------------------ */

typedef struct Clearing
{
    Arena *arena;
    Session *const *sessions;
    size_t session_count;
    ClearItem *items;
    size_t count;
    bool patient;
    Instant now;
    Judgement *judgements; /* one for each store of the rules */
    size_t judgement_count;
} Clearing;

static Judgement *
judgement_of(const Clearing *c, const char *store)
{
    for (size_t i = 0; i < c->judgement_count; i++)
        if (strcmp(c->judgements[i].rule->name, store) == 0)
            return &c->judgements[i];
    return NULL;
}

static void
add_case(Clearing *c, Judgement *j, ClearItem *item, const CopyWaiting *waiting)
{
    CopyCase *about = ARENA_NEW(c->arena, CopyCase);
    const Disposal *d = item->disposal;

    *about = (CopyCase){ .disposal = d->id,
                         .database = item->session->database->name,
                         .kind = d->kind,
                         .key = d->subject_key,
                         .erased_at = waiting->erased_at,
                         .erased_lsn = waiting->erased_lsn,
                         .barrier_lsn = waiting->barrier_lsn,
                         .system = item->session->system_identifier,
                         .state = waiting->state,
                         .until = INSTANT_NONE };
    if (j->count == j->room)
    {
        size_t room = j->room;
        j->cases = arena_grow(c->arena, j->cases, j->count, &room, sizeof *j->cases);
        room = j->room;
        j->items = arena_grow(c->arena, j->items, j->count, &room, sizeof *j->items);
        j->attempts = arena_grow(c->arena, j->attempts, j->count, &j->room, sizeof *j->attempts);
    }
    j->cases[j->count] = about;
    j->items[j->count] = item;
    j->attempts[j->count++] = waiting->attempts;
}

/* A store that the configuration forgot can hold copies still. */
static Err
lose_store(Clearing *c, ClearItem *item, const CopyWaiting *waiting)
{
    const int64_t pause = lifecycle_backoff(waiting->attempts + 1);

    return copystates_failed(c->arena, item->session->db, waiting->store,
                             "the configuration does not have it any more: nobody can say whether it holds copies",
                             &waiting->disposal, &pause, 1);
}

static int
by_disposal(const void *a, const void *b)
{
    const ClearItem *const *one = a, *const *two = b;
    return ((*one)->id > (*two)->id) - ((*one)->id < (*two)->id);
}

/* A store's cases of one session are in the order of their disposals. */
static Err
gather_session(Clearing *c, Session *session)
{
    int64_t *ids = ARENA_ARRAY(c->arena, int64_t, c->count + 1);
    ClearItem **of = ARENA_ARRAY(c->arena, ClearItem *, c->count + 1);
    CopyWaiting *waiting;
    size_t count = 0, waiting_count, at = 0;

    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].session == session)
        {
            TRY(disposals_load(c->arena, session->db, c->items[i].id, &c->items[i].disposal));
            of[count] = &c->items[i];
            ids[count++] = c->items[i].id;
        }
    qsort(of, count, sizeof(ClearItem *), by_disposal);
    TRY(copystates_waiting(c->arena, session->db, ids, count, &waiting, &waiting_count));
    for (size_t w = 0; w < waiting_count; w++)
    {
        Judgement *j = judgement_of(c, waiting[w].store);
        while (of[at]->id != waiting[w].disposal)
            at++;
        if (c->patient && waiting[w].next_attempt_at != INSTANT_NONE && c->now < waiting[w].next_attempt_at)
            continue;
        if (j == NULL)
            TRY(lose_store(c, of[at], &waiting[w]));
        else
            add_case(c, j, of[at], &waiting[w]);
    }
    return OK;
}

static Err
gather(Clearing *c)
{
    const Rules *rules = c->sessions[0]->rules;

    TRY(session_now(c->sessions[0], &c->now));
    c->judgements = ARENA_ARRAY(c->arena, Judgement, rules->store_count + 1);
    for (size_t i = 0; i < rules->store_count; i++)
        if (rules->stores[i].role != STORE_SNAPSHOTS)
            c->judgements[c->judgement_count++] = (Judgement){
                .arena = c->arena, .sessions = c->sessions, .session_count = c->session_count, .rule = &rules->stores[i]
            };
    for (size_t i = 0; i < c->session_count; i++)
        TRY(gather_session(c, c->sessions[i]));
    return OK;
}

/* -- one store ----------------------------------------------------------------------------------------------------- */

/* Before the next attempt, should this one come to nothing. */
static int64_t
pause_of(const Judgement *j, size_t i)
{
    const int64_t own = lifecycle_backoff(j->attempts[i] + 1);
    return own > j->store.asked_us ? own : j->store.asked_us;
}

/* It said nothing, or nothing that can be trusted: what is known stands. */
static Err
write_failure(Judgement *j, const char *story)
{
    for (size_t s = 0; s < j->session_count; s++)
    {
        int64_t *ids = ARENA_ARRAY(j->arena, int64_t, j->count + 1),
                *pauses = ARENA_ARRAY(j->arena, int64_t, j->count + 1);
        size_t count = 0;
        for (size_t i = 0; i < j->count; i++)
            if (j->items[i]->session == j->sessions[s])
            {
                ids[count] = j->cases[i]->disposal;
                pauses[count++] = pause_of(j, i);
            }
        TRY(copystates_failed(j->arena, j->sessions[s]->db, j->rule->name, story, ids, pauses, count));
    }
    return OK;
}

static Err
write_answers(Judgement *j)
{
    for (size_t s = 0; s < j->session_count; s++)
    {
        CopyAnswer *answers = ARENA_ARRAY(j->arena, CopyAnswer, j->count + 1);
        size_t count = 0;
        for (size_t i = 0; i < j->count; i++)
            if (j->items[i]->session == j->sessions[s])
                answers[count++] = (CopyAnswer){ .disposal = j->cases[i]->disposal,
                                                 .state = j->cases[i]->state,
                                                 .items = j->cases[i]->items,
                                                 .until = j->cases[i]->until,
                                                 .detail = j->cases[i]->detail,
                                                 .problem = j->cases[i]->problem,
                                                 .pause_us = pause_of(j, i) };
        TRY(copystates_answer(j->arena, j->sessions[s]->db, j->rule->name, answers, count));
    }
    return OK;
}

/* One entry for each database and store: which disposals, and how it went. */
static Err
record(Judgement *j, const char *event)
{
    for (size_t s = 0; s < j->session_count; s++)
    {
        JsonDoc *fields = session_fields(j->sessions[s], NULL);
        JsonDoc *list = jsondoc_array();
        for (size_t i = 0; i < j->count; i++)
        {
            if (j->items[i]->session != j->sessions[s])
                continue;
            JsonDoc *one = jsondoc_object();
            jsondoc_set_integer(one, "disposal", j->cases[i]->disposal);
            jsondoc_set_string(one, "state", copystates_name(j->cases[i]->state));
            jsondoc_set_integer(one, "items", j->cases[i]->items);
            jsondoc_push(list, one);
        }
        const bool any = jsondoc_count(list) > 0;
        jsondoc_set_string(fields, "store", j->rule->name);
        jsondoc_set(fields, "disposals", list);
        if (!any)
            jsondoc_freep(&fields);
        else
            TRY(session_record(j->sessions[s], NULL, event, fields));
    }
    return OK;
}

/* From here on the judgement is of those alone that may be purged. */
static Err
choose(Judgement *j)
{
    CopyCase **cases = ARENA_ARRAY(j->arena, CopyCase *, j->count + 1);
    bool *permitted;
    size_t count = 0;

    TRY(clear_permit(j, &permitted));
    TRY(write_answers(j)); /* the truth until the purge has ended */
    for (size_t i = 0; i < j->count; i++)
        if (permitted[i])
        {
            j->items[count] = j->items[i];
            j->attempts[count] = j->attempts[i];
            cases[count] = j->cases[i];
            cases[count++]->problem = NULL;
        }
    j->cases = cases;
    j->count = count;
    return OK;
}

/* What a hold did not catch in the last moment. */
static Err
purge_now(Judgement *j)
{
    CopyCase **cases = ARENA_ARRAY(j->arena, CopyCase *, j->count + 1);
    size_t count = 0;

    TRY(clear_permit_again(j));
    for (size_t i = 0; i < j->count; i++)
        if (j->cases[i]->problem == NULL)
            cases[count++] = j->cases[i];
    return count > 0 ? j->kind->purge(&j->store, cases, count) : OK;
}

/* Looked at again whatever the purge says, for it may have come half-way. */
static Err
purge(Judgement *j)
{
    const char *story = NULL;

    TRY(stop_judge());
    TRY(record(j, "purging_copies"));
    fault_point("copies.intended");
    Err e = purge_now(j);
    fault_point("copies.purged");
    if (e != OK)
    {
        story = arena_strdup(j->arena, err_joined());
        err_clear();
    }
    e = (j->kind->verify == NULL ? j->kind->list : j->kind->verify)(&j->store, j->cases, j->count);
    if (e != OK)
        return story == NULL ? err_note(e, "after the purge") : err_new(e, "%s", story);
    for (size_t i = 0; i < j->count; i++)
        if (j->cases[i]->state == COPY_GONE)
            j->cases[i]->problem = NULL; /* a hold came later than its last copy went */
        else if (j->cases[i]->state == COPY_PRESENT && j->cases[i]->problem == NULL)
            j->cases[i]->problem = story != NULL ? story : "copies are still there after they were removed";
    TRY(write_answers(j));
    return record(j, "purged_copies");
}

static Err
judge(Judgement *j)
{
    j->kind = copies_kind(j->rule->kind);
    if (j->kind == NULL)
        return err_new(ERR_CONFIG, "stores of kind \"%s\" are not supported by this version", j->rule->kind);
    j->store = (CopyStore){ .rule = j->rule,
                            .arena = j->arena,
                            .living = clear_living,
                            .judge_again = clear_permit_again,
                            .context = j,
                            .secret = settings_load_secret,
                            .is_stopped = stop_is_asked,
                            .sleep = stop_sleep };
    TRY(session_now(j->sessions[0], &j->store.now));
    TRY(session_add(j->sessions[0], 0, j->rule->timeout, &j->store.time_limit_us));
    for (size_t i = 0; i < j->count; i++)
        j->cases[i]->problem = NULL;
    if (j->kind->by_barrier)
        TRY(clear_barrier(j));
    TRY(j->kind->list(&j->store, j->cases, j->count));
    fault_point("copies.listed");
    if (j->kind->purge == NULL)
        return write_answers(j);
    TRY(choose(j));
    return j->count > 0 ? purge(j) : OK;
}

/* Another worker that is at the store judges the same disposals, or will. */
static Err
lock_store(Judgement *j, bool *ret_locked)
{
    *ret_locked = true;
    for (j->locked = 0; j->locked < j->session_count && *ret_locked; j->locked += *ret_locked ? 1 : 0)
        TRY(copystates_lock(j->sessions[j->locked]->db, j->rule->name, ret_locked));
    return OK;
}

static Err
unlock_store(Judgement *j)
{
    for (size_t s = 0; s < j->locked; s++)
        TRY(copystates_unlock(j->sessions[s]->db, j->rule->name));
    return OK;
}

static bool
is_lost(const Judgement *j)
{
    for (size_t s = 0; s < j->session_count; s++)
        if (session_is_broken(j->sessions[s]))
            return true;
    return false;
}

static Err
judge_store(Judgement *j)
{
    bool locked;

    TRY(stop_judge());
    fault_point("copies.judging");
    TRY(lock_store(j, &locked));
    const Err e = locked ? judge(j) : OK;
    if (e == ERR_PARTLY || (e != OK && is_lost(j)))
        return e;
    if (e != OK)
    {
        const char *story = arena_strdup(j->arena, err_joined());
        err_clear();
        TRY(write_failure(j, story));
    }
    fault_point("copies.written");
    return unlock_store(j);
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static Err
finish(Clearing *c, ClearItem *item)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    Session *session = item->session;
    Outcome *o = item->outcome;
    bool claimed, cleared;

    o->overdue = false;
    TRY(disposals_claim(session->db, item->id, &claimed));
    if (!claimed) /* whoever has it finishes it */
        return OK;
    TRY(disposals_load(scratch, session->db, item->id, &item->disposal));
    if (item->disposal->state == STATE_ERASED)
    {
        TRY(session_flush(session, item->id, true));
        TRY(clear_finish(session, scratch, item->disposal, &cleared));
        o->progressed = o->progressed || cleared;
    }
    o->state = item->disposal->state;
    TRY(clear_tell(session, c->arena, item->disposal, o));
    for (size_t i = 0; i < o->copy_count && o->error == NULL; i++)
        if (o->copies[i].error != NULL && o->state == STATE_ERASED)
        {
            o->code = ERR_IO;
            o->error = arena_printf(c->arena, "store \"%s\": %s", o->copies[i].store, o->copies[i].error);
        }
    if (o->overdue && o->error == NULL)
    {
        o->code = ERR_PARTLY;
        o->error = o->untold_late > 0 ? arena_printf(c->arena,
                                                     "%" PRId64 " of %" PRId64
                                                     " message(s) to processors past their deadline: see \"expunge "
                                                     "status\", and \"expunge notify\"",
                                                     o->untold_late, o->untold)
                                      : "copies of it outlive the promised window (cleared_within)";
    }
    item->disposal = NULL; /* scratch */
    return disposals_unclaim(session->db, item->id);
}

static Err
write_reasons(Clearing *c, Session *session)
{
    int64_t *ids = ARENA_ARRAY(c->arena, int64_t, c->count + 1);
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].session == session)
            ids[count++] = c->items[i].id;
    return copystates_reason(c->arena, session->db, ids, count);
}

Err
clear_stores(Arena *arena, Session *const *sessions, size_t session_count, bool patient, ClearItem *items, size_t count)
{
    Clearing c = { .arena = arena,
                   .sessions = sessions,
                   .session_count = session_count,
                   .items = items,
                   .count = count,
                   .patient = patient };

    if (count == 0)
        return OK;
    TRY(gather(&c));
    for (size_t i = 0; i < c.judgement_count; i++)
        if (c.judgements[i].count > 0)
            TRY(judge_store(&c.judgements[i]));
    for (size_t i = 0; i < session_count; i++)
        TRY(write_reasons(&c, sessions[i]));
    for (size_t i = 0; i < count; i++)
        TRY(finish(&c, &items[i]));
    return OK;
}
