/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/watch.h"

#include "base/arena.h"
#include "engine/stop.h"
#include "sql.h"
#include "wrap/db.h"

#define CHANNEL "expunge_request"
#define EVERY_US INSTANT_MINUTE
#define RETRY_FIRST_US INSTANT_SECOND
#define RETRY_LAST_US (30 * INSTANT_SECOND)

typedef struct Listener
{
    const DatabaseRule *database;
    Db *db;         /* NULL: not connected */
    int64_t due_us; /* monotonic: when it is looked at, or connected to, again */
    int64_t retry_us;
    bool told;  /* that it is away */
    bool known; /* since it was connected to it was looked after once: whatever happened before is done */
} Listener;

struct Watch
{
    Arena *arena;
    Arena *story;
    Listener *listeners;
    size_t count;
};

Watch *
watch_open(const Rules *rules)
{
    Watch *watch = mem_alloc(sizeof *watch);
    watch->arena = arena_new();
    watch->story = arena_new();
    watch->count = rules->database_count;
    watch->listeners = ARENA_ARRAY(watch->arena, Listener, watch->count + 1);
    for (size_t i = 0; i < watch->count; i++)
        watch->listeners[i] = (Listener){ .database = &rules->databases[i], .retry_us = RETRY_FIRST_US };
    return watch;
}

void
watch_closep(Watch **watch)
{
    if (*watch == NULL)
        return;
    for (size_t i = 0; i < (*watch)->count; i++)
        db_close((*watch)->listeners[i].db);
    arena_free((*watch)->story);
    arena_free((*watch)->arena);
    mem_free(*watch);
    *watch = NULL;
}

/* Listening comes first: what is asked for after the look is said. */
static Err
listen_to(Listener *l)
{
    if (l->db != NULL)
        return OK;
    TRY(db_open(l->database->conninfo, NULL, l->database->name, &l->db));
    return db_listen(l->db, CHANNEL);
}

static Err
look(Listener *l, bool *ret_pending)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    bool notified;

    TRY(listen_to(l));
    TRY(db_notified(l->db, &notified));
    TRY(db_query_row(l->db, SQL_wish_pending, 0, NULL, &row));
    *ret_pending = db_bool(row, 0, 0) || !l->known;
    l->known = true;
    return OK;
}

/* One that cannot be asked does not hold up the others. */
static void
lose(Watch *watch, Listener *l, const char **ret_story)
{
    db_closep(&l->db);
    l->known = false;
    l->due_us = instant_monotonic() + l->retry_us;
    l->retry_us = l->retry_us * 2 < RETRY_LAST_US ? l->retry_us * 2 : RETRY_LAST_US;
    if (!l->told)
        *ret_story = arena_printf(watch->story, "database \"%s\": %s", l->database->name, err_joined());
    l->told = true;
    err_clear();
}

static bool
has_said_something(Listener *l)
{
    bool notified = false;
    if (l->db != NULL && db_notified(l->db, &notified) != OK)
    {
        err_clear();
        return true; /* it is gone: looking finds out */
    }
    return notified;
}

const char *
watch_next(Watch *watch, const char **ret_story)
{
    arena_reset(watch->story);
    *ret_story = NULL;
    for (size_t i = 0; i < watch->count; i++)
    {
        Listener *l = &watch->listeners[i];
        bool pending = false;
        if (instant_monotonic() < l->due_us && !has_said_something(l))
            continue;
        if (look(l, &pending) != OK)
        {
            lose(watch, l, ret_story);
            continue;
        }
        l->due_us = instant_monotonic() + EVERY_US;
        l->retry_us = RETRY_FIRST_US;
        l->told = false;
        if (pending)
            return l->database->name;
    }
    return NULL;
}

void
watch_wait(Watch *watch)
{
    int *sockets = ARENA_ARRAY(watch->story, int, watch->count + 1);
    const int64_t now = instant_monotonic();
    int64_t until = now + EVERY_US;

    for (size_t i = 0; i < watch->count; i++)
    {
        const Listener *l = &watch->listeners[i];
        sockets[i] = l->db == NULL ? -1 : db_socket(l->db);
        until = l->due_us < until ? l->due_us : until;
    }
    if (until > now)
        stop_wait(sockets, watch->count, until - now);
}
