/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run.h"

#include "base/text.h"
#include "engine/caps.h"
#include "engine/clear.h"
#include "engine/dispose.h"
#include "engine/kept.h"
#include "engine/stop.h"
#include "engine/wishes.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

typedef struct Run
{
    const House *house;
    Arena *arena;
    const RunOptions *options;
    RunResult *result;
    Session **sessions;
    size_t session_count;
    bool *lost;             /* per session: its database went away, the others go on */
    const char *lost_story; /* of the first one; NULL: all are there */
    DueList due;
    size_t note_room;
    /* work: under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t policies_done;
    size_t policies_under_way;
    size_t next;
    Err fatal;
    const char *fatal_story;
} Run;

/* -- gather -------------------------------------------------------------------------------------------------------- */

static void
add_note(Run *run, const char *note)
{
    ARENA_PUSH(run->arena, run->result->notes, run->result->note_count, run->note_room, note);
}

/* A database that is down stops its own work alone; it is told at the end. */
static void
lose_database(Run *run, const char *name)
{
    const char *story = arena_strdup(run->arena, err_joined());

    err_clear();
    if (run->lost_story == NULL)
        run->lost_story = story;
    add_note(run, arena_printf(run->arena, "database \"%s\" is left out, the others are worked on: %s", name, story));
}

static Err
open_sessions(Run *run)
{
    const Rules *rules = run->house->rules;
    const char *only = run->options->filter.database;
    const SessionNeeds needs = { .look_only = run->options->look_only };

    run->sessions = ARENA_ARRAY(run->arena, Session *, rules->database_count + 1);
    for (size_t i = 0; i < rules->database_count; i++)
    {
        if (only != NULL && strcmp(only, rules->databases[i].name) != 0)
            continue;
        const Err e = session_open(run->house, &rules->databases[i], &needs, &run->sessions[run->session_count]);
        if (e != OK && e != ERR_DATABASE)
            return e;
        if (e == OK)
            run->sessions[run->session_count++]->tells_sql = run->options->tells_sql;
        else
            lose_database(run, rules->databases[i].name);
    }
    run->lost = ARENA_ARRAY(run->arena, bool, run->session_count + 1);
    return OK;
}

static Err
gather_from(Run *run, Session *session)
{
    if (!run->options->look_only)
        TRY(wishes_adopt(session));
    if (!run->options->look_only)
        TRY(session_flush(session, 0, true));
    if (run->options->allow_large)
        TRY(caps_forget(session));
    TRY(session_prepare_taken(session)); /* what one disposal takes, the next one does not count again */
    TRY(discover_due(session, run->arena, &run->options->filter, &run->due));
    return run->options->look_only ? OK : session_forget_taken(session);
}

static Err
gather(Run *run)
{
    for (size_t i = 0; i < run->session_count; i++)
    {
        Session *session = run->sessions[i];
        const size_t before = run->due.count;
        const Err e = gather_from(run, session);
        if (e != OK && !db_is_broken(session->db))
            return err_note(e, "database \"%s\"", session->database->name);
        if (e != OK)
        {
            run->due.count = before; /* the rest of it is not known: none of it is worked on */
            run->lost[i] = true;
            lose_database(run, session->database->name);
        }
        else if (session->paused)
            add_note(run,
                     arena_printf(run->arena, "database \"%s\": %s", session->database->name, session->pause_story));
    }
    return OK;
}

/* -- judge --------------------------------------------------------------------------------------------------------- */

static int64_t
removed_rows(const Outcome *outcome)
{
    int64_t rows = 0;
    for (size_t t = 0; t < outcome->table_count; t++)
        if (strcmp(outcome->tables[t].action, "move") == 0 || strcmp(outcome->tables[t].action, "delete") == 0)
            rows += outcome->tables[t].rows;
    return rows;
}

static void
digest_plan(Run *run)
{
    unsigned char digest[SEAL_HASH_BYTES];
    SealSha256 stream;
    seal_sha256_init(&stream);
    for (size_t i = 0; i < run->due.count; i++)
    {
        const Outcome *o = run->due.list[i].outcome;
        const char *line = arena_printf(run->arena, "%s %s %s %s\n", o->database, o->kind, o->name, o->step);
        seal_sha256_add(&stream, line, strlen(line));
        for (size_t t = 0; t < o->table_count; t++)
        {
            line = arena_printf(run->arena, " %s %s %" PRId64 "\n", o->tables[t].table, o->tables[t].action,
                                o->tables[t].rows);
            seal_sha256_add(&stream, line, strlen(line));
        }
    }
    seal_sha256_done(&stream, digest);
    memcpy(run->result->plan_digest, text_hex(run->arena, digest, sizeof digest), sizeof run->result->plan_digest);
}

/* -- act ----------------------------------------------------------------------------------------------------------- */

static bool
may_act(Run *run, const Due *due)
{
    Instant now;
    if (due->session->paused || due->outcome->code != OK || strcmp(due->outcome->step, "wait") == 0)
        return false;
    if (run->house->rules->window.always || due->disposal->immediate)
        return true;
    if (session_number(due->session, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", &now) != OK)
    {
        err_clear();
        return false;
    }
    if (window_is_open(&run->house->rules->window, now))
        return true;
    if (run->result->note_count == 0)
        add_note(run, "outside worker.window: only immediate requests are worked on");
    return false;
}

static void
mark_lost(Run *run, const Session *session)
{
    for (size_t i = 0; i < run->session_count; i++)
        if (run->sessions[i] == session && !run->lost[i])
        {
            run->lost[i] = true;
            lose_database(run, session->database->name);
        }
}

static bool
is_lost(const Run *run, const Session *session)
{
    for (size_t i = 0; i < run->session_count; i++)
        if (run->sessions[i] == session)
            return run->lost[i];
    return false;
}

static Err
open_one(Run *run, Due *due, Arena *scratch, size_t *others)
{
    if (due->disposal->id != 0 || !due->acts)
        return OK;
    const Err e = discover_open(due->session, scratch, due->disposal);
    if (e != OK && !db_is_broken(due->session->db))
        return e;
    if (e != OK)
    {
        due->acts = false;
        mark_lost(run, due->session);
    }
    else if (due->disposal->id == 0) /* opened since we looked: whoever did that is at work on it */
    {
        due->outcome->overdue = false;
        (*others)++;
    }
    return OK;
}

static Err
open_all(Run *run)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    size_t others = 0;
    for (size_t i = 0; i < run->due.count; i++)
    {
        Due *due = &run->due.list[i];
        due->acts = !is_lost(run, due->session) && may_act(run, due);
        TRY(open_one(run, due, scratch, &others));
        due->outcome->id = due->disposal->id;
        arena_reset(scratch);
    }
    if (others > 0)
        add_note(run, arena_printf(run->arena, "%zu disposal(s) are left to another worker, which opened them first",
                                   others));
    return OK;
}

/* Keep what the survey knows and the work does not count anew. */
static void
settle(Run *run, size_t index, const Outcome *done)
{
    Outcome *planned = run->due.list[index].outcome;
    Outcome *copy = outcome_copy(run->arena, done);
    copy->kind = planned->kind;
    copy->name = planned->name;
    copy->due_at = planned->due_at;
    copy->held = planned->held;
    copy->held_count = planned->held_count;
    copy->kept = planned->kept;
    copy->kept_count = planned->kept_count;
    copy->views = planned->views;
    copy->view_count = planned->view_count;
    copy->overdue = planned->overdue && (done->code != OK || !done->progressed);
    const int64_t left = removed_rows(planned) - removed_rows(done);
    if (planned->removes && done->code != OK && left > 0) /* one that came to its end left what another one took */
        run->result->rows_left += left;
    run->due.list[index].outcome = copy;
    run->due.list[index].settled = true;
    if (run->options->progress != NULL)
        run->options->progress(run->options->progress_context, copy);
}

typedef struct Worker
{
    Run *run;
    Session **sessions; /* this thread's own, by index; the first thread uses the run's */
    bool first;
    pthread_t thread;
} Worker;

static Err
worker_session(Worker *worker, const Due *due, Session **ret_session)
{
    for (size_t i = 0; i < worker->run->session_count; i++)
    {
        if (worker->run->sessions[i] != due->session)
            continue;
        if (worker->sessions[i] == NULL)
            TRY(session_fork(due->session, &worker->sessions[i]));
        *ret_session = worker->sessions[i];
    }
    return OK;
}

static Err
work_one(Worker *worker, size_t index, Arena *scratch)
{
    Run *run = worker->run;
    const Due *due = &run->due.list[index];
    Session *session = due->session;
    Outcome outcome = {
        .kind = due->disposal->kind, .name = due->disposal->name, .cutoff = INSTANT_NONE, .due_at = INSTANT_NONE
    };

    if (!worker->first)
        TRY(worker_session(worker, due, &session));
    const Err e = dispose_run(session, scratch, due->disposal->id, &outcome);
    pthread_mutex_lock(&run->mutex);
    settle(run, index, &outcome);
    pthread_mutex_unlock(&run->mutex);
    return e;
}

/* All policies first, then the subjects: so a run takes what its plan says, whoever works beside. */
static void
sort_due(Run *run)
{
    Due *sorted = ARENA_ARRAY(run->arena, Due, run->due.count + 1);
    size_t count = 0;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < run->due.count; i++)
            if (disposals_is_policy(run->due.list[i].disposal) == (round == 0))
                sorted[count++] = run->due.list[i];
    run->due.list = sorted;
}

static bool
take_next(Run *run, size_t *ret_index)
{
    bool found = false;
    pthread_mutex_lock(&run->mutex);
    while (!found && run->fatal == OK && run->next < run->due.count)
    {
        const Due *due = &run->due.list[run->next];
        if (!disposals_is_policy(due->disposal) && run->policies_under_way > 0)
        {
            pthread_cond_wait(&run->policies_done, &run->mutex);
            continue;
        }
        *ret_index = run->next++;
        found = due->disposal->id != 0 && due->acts && !is_lost(run, due->session);
    }
    if (found && disposals_is_policy(run->due.list[*ret_index].disposal))
        run->policies_under_way++;
    pthread_mutex_unlock(&run->mutex);
    return found;
}

static void
give_back(Run *run, size_t index)
{
    pthread_mutex_lock(&run->mutex);
    if (disposals_is_policy(run->due.list[index].disposal) && --run->policies_under_way == 0)
        pthread_cond_broadcast(&run->policies_done);
    pthread_mutex_unlock(&run->mutex);
}

/* Under the mutex: what ends the work on one database, or on all. */
static void
end_work(Run *run, size_t index, Err e)
{
    if (e == ERR_DATABASE)
    {
        mark_lost(run, run->due.list[index].session);
        err_clear();
    }
    else if (run->fatal == OK)
    {
        run->fatal = e;
        run->fatal_story = arena_strdup(run->arena, err_joined());
    }
}

static void *
work(void *context)
{
    Worker *worker = context;
    Run *run = worker->run;
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    size_t index;

    while (take_next(run, &index))
    {
        Err e = stop_judge();
        if (e == OK)
            e = work_one(worker, index, scratch);
        give_back(run, index);
        arena_reset(scratch);
        if (e == OK)
            continue;
        pthread_mutex_lock(&run->mutex);
        end_work(run, index, e);
        pthread_mutex_unlock(&run->mutex);
    }
    return NULL;
}

static Err
act(Run *run)
{
    const int64_t jobs = run->options->jobs > 0 ? run->options->jobs : run->house->rules->jobs;
    Worker *workers = ARENA_ARRAY(run->arena, Worker, (size_t)jobs);

    for (int64_t i = 0; i < jobs; i++)
    {
        workers[i] = (Worker){ .run = run,
                               .first = i == 0,
                               .sessions = ARENA_ARRAY(run->arena, Session *, run->session_count + 1) };
        if (i > 0 && pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            workers[i].run = NULL; /* fewer hands, the same work */
    }
    work(&workers[0]);
    for (int64_t i = 1; i < jobs; i++)
        if (workers[i].run != NULL)
            pthread_join(workers[i].thread, NULL);
    for (int64_t i = 0; i < jobs; i++)
        for (size_t s = 0; s < run->session_count; s++)
            session_close(workers[i].sessions[s]);
    return run->fatal == OK ? OK : err_new(run->fatal, "%s", run->fatal_story);
}

/* Copies elsewhere, of all that is erased: each store is asked once. */
static Err
clear(Run *run)
{
    Session **sessions = ARENA_ARRAY(run->arena, Session *, run->session_count + 1);
    ClearItem *items = ARENA_ARRAY(run->arena, ClearItem, run->due.count + 1);
    size_t session_count = 0, count = 0;

    for (size_t i = 0; i < run->session_count; i++)
        if (!run->lost[i])
            sessions[session_count++] = run->sessions[i];
    for (size_t i = 0; i < run->due.count; i++)
    {
        const Due *due = &run->due.list[i];
        if (due->settled && due->outcome->code == OK && due->outcome->state == STATE_ERASED &&
            !is_lost(run, due->session))
            items[count++] = (ClearItem){ .session = due->session, .id = due->disposal->id, .outcome = due->outcome };
    }
    const Err e = clear_stores(run->arena, sessions, session_count, run->options->patient, items, count);
    bool lost = false;
    for (size_t i = 0; i < session_count && e != OK; i++)
        if (session_is_broken(sessions[i]))
        {
            mark_lost(run, sessions[i]);
            lost = true;
        }
    return lost ? OK : e;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

/* Paused, capped, interrupted before its turn: what was planned for it is left, not done. */
static void
leave_undone(Run *run, Outcome *planned)
{
    run->result->rows_left += planned->removes ? removed_rows(planned) : 0;
    planned->table_count = 0;
    planned->step = "wait";
}

static void
sum_up(Run *run)
{
    RunResult *r = run->result;
    r->outcomes = ARENA_ARRAY(run->arena, Outcome *, run->due.count + 1);
    r->count = run->due.count;
    for (size_t i = 0; i < run->due.count; i++)
    {
        Outcome *o = r->outcomes[i] = run->due.list[i].outcome;
        if (!run->options->look_only && !run->due.list[i].settled)
            leave_undone(run, o);
        r->overdue += o->overdue ? 1 : 0;
        for (size_t t = 0; t < o->table_count; t++)
        {
            const bool copied = strcmp(o->tables[t].action, "copy") == 0;
            const bool moved = strcmp(o->tables[t].action, "move") == 0;
            r->rows_archived += copied || moved ? o->tables[t].rows : 0;
            r->rows_erased += moved || strcmp(o->tables[t].action, "delete") == 0 ? o->tables[t].rows : 0;
        }
        if (run->options->look_only)
            r->rows_left += o->removes ? removed_rows(o) : 0;
    }
}

static Err
run_phases(Run *run)
{
    TRY(open_sessions(run));
    TRY(gather(run));
    digest_plan(run);
    if (run->options->look_only)
        return OK;
    if (!run->options->allow_large)
        TRY(caps_judge(run->arena, run->house->rules, &run->due, run->options->filter.requests));
    for (size_t i = 0; i < run->session_count; i++)
        if (!run->lost[i])
            TRY(wishes_publish(run->sessions[i]));
    sort_due(run);
    TRY(open_all(run));
    for (size_t i = 0; i < run->session_count && !run->options->filter.requests; i++)
        TRY(kept_purge(run->sessions[i]));
    TRY(act(run));
    return clear(run);
}

Err
run_all(const House *house, Arena *arena, const RunOptions *options, RunResult *ret_result)
{
    Run run = { .house = house,
                .arena = arena,
                .options = options,
                .result = ret_result,
                .mutex = PTHREAD_MUTEX_INITIALIZER,
                .policies_done = PTHREAD_COND_INITIALIZER };
    *ret_result = (RunResult){ 0 };
    Err e = run_phases(&run);
    sum_up(&run);
    if (e == OK && run.lost_story != NULL)
        e = err_new(ERR_DATABASE, "%s", run.lost_story);
    for (size_t i = 0; i < run.session_count; i++)
        session_close(run.sessions[i]);
    pthread_mutex_destroy(&run.mutex);
    return e;
}
