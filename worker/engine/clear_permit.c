/* SPDX-License-Identifier: Apache-2.0 */
/* clear_permit.c -- the part of clear.h that forbids: no copy is taken away under a hold, or from somebody who is there. */
#include "engine/clear_private.h"

#include "base/text.h"
#include "engine/job.h"
#include "sql.h"

#include <string.h>

/* -- who is there -------------------------------------------------------------------------------------------------- */

/* The store tells databases apart by itself: the key in its name is of one of them alone. */
static bool
is_of_one_database(const StoreRule *rule)
{
    const char *templates[] = { rule->match, rule->prefix, rule->tag };

    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (templates[i] != NULL && keyed_holds(templates[i], "${database}"))
            return true;
    return false;
}

/* ASCII alone, as the database's lower() does for it in any locale; a key that differs in other letters is another. */
static const char *
lower(Arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);

    for (char *c = copy; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 'a' - 'A');
    return copy;
}

static void
mark(const char *found, const char *const *lowered, size_t count, bool *lives)
{
    for (size_t i = 0; i < count; i++)
        lives[i] = lives[i] || strcmp(lowered[i], found) == 0;
}

static Err
ask_session(Judgement *j, Session *session, const char *kind, const char *const *lowered, size_t count, bool *lives)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const Target *target = targets_find(&session->targets, kind, NULL);
    const char *keys = disposals_array(j->arena, lowered, count);
    const char **owners;
    size_t owner_count;

    TRY(copystates_owners(j->arena, session->db, kind, lowered, count, &owners, &owner_count));
    for (size_t i = 0; i < owner_count; i++)
        mark(owners[i], lowered, count, lives);
    if (target == NULL || target->subject == NULL)
        return OK;
    const Selector selector = { .arena = j->arena, .target = target };
    TRY(db_query(session->db, selector_roots_of_keys(&selector), 1, &keys, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
        mark(db_text(rows, i, 0), lowered, count, lives);
    return OK;
}

static Session *
find_session(const Judgement *j, const DatabaseRule *database)
{
    for (size_t i = 0; i < j->session_count; i++)
        if (j->sessions[i]->database == database)
            return j->sessions[i];
    return NULL;
}

static Err
ask_databases(Judgement *j, const CopyCase *about, const char *const *lowered, size_t count, bool *lives)
{
    const Rules *rules = j->sessions[0]->rules;
    const bool one = is_of_one_database(j->rule);

    for (size_t i = 0; i < rules->database_count; i++)
    {
        const DatabaseRule *database = &rules->databases[i];
        Session *session = find_session(j, database);
        if (one ? !text_equal(database->name, about->database) : !rules_store_applies(j->rule, database, about->kind))
            continue;
        if (session == NULL)
            return err_new(
                ERR_DATABASE,
                "database \"%s\" shares the store and cannot be asked now whether the keys are somebody's there",
                database->name);
        TRY(ask_session(j, session, about->kind, lowered, count, lives));
    }
    return OK;
}

Err
clear_living(void *context, const CopyCase *about, const char *const *keys, size_t count, bool *ret_lives)
{
    Judgement *j = context;
    const char **lowered = ARENA_ARRAY(j->arena, const char *, count + 1);
    bool *lives = ARENA_ARRAY(j->arena, bool, count + 1);

    for (size_t i = 0; i < count; i++)
        lowered[i] = lower(j->arena, keys[i]);
    TRY(ask_databases(j, about, lowered, count, lives));
    for (size_t c = 0; c < j->barred_count; c++)
        if (j->barred[c]->key != NULL)
            mark(lower(j->arena, j->barred[c]->key), lowered, count, lives);
    memcpy(ret_lives, lives, count * sizeof *lives);
    return OK;
}

/* -- the cases themselves ------------------------------------------------------------------------------------------ */

static bool
asks_alike(const Judgement *j, const CopyCase *a, const CopyCase *b)
{
    return text_equal(a->kind, b->kind) && (!is_of_one_database(j->rule) || text_equal(a->database, b->database));
}

static bool
waits_for_word(const Judgement *j, const CopyCase *c)
{
    return !j->kind->by_barrier && c->key != NULL && c->state == COPY_PRESENT;
}

/* All keys of one kind are asked for at once. */
static Err
permit_keys(Judgement *j, bool *permitted)
{
    bool *asked = ARENA_ARRAY(j->arena, bool, j->count + 1);

    for (size_t i = 0; i < j->count; i++)
    {
        const char **keys = ARENA_ARRAY(j->arena, const char *, j->count);
        size_t *of = ARENA_ARRAY(j->arena, size_t, j->count);
        bool *lives = ARENA_ARRAY(j->arena, bool, j->count);
        size_t count = 0;
        if (asked[i] || !waits_for_word(j, j->cases[i]))
            continue;
        for (size_t k = i; k < j->count; k++)
            if (!asked[k] && waits_for_word(j, j->cases[k]) && asks_alike(j, j->cases[i], j->cases[k]))
            {
                asked[k] = true;
                of[count] = k;
                keys[count++] = j->cases[k]->key;
            }
        TRY(clear_living(j, j->cases[i], keys, count, lives));
        for (size_t k = 0; k < count; k++)
            if (lives[k])
            {
                permitted[of[k]] = false;
                j->cases[of[k]]->problem = arena_printf(
                    j->arena,
                    "a %s with its key is there (a new one, or in another database): whose copies these are "
                    "cannot be told",
                    j->cases[of[k]]->kind);
            }
    }
    return OK;
}

/* In the caller's transaction, which keeps new holds out until all are judged.  ret_story: NULL when nothing forbids it. */
static Err
ask_hold(Judgement *j, Session *session, Disposal *disposal, const char **ret_story)
{
    Outcome ignored = { .kind = disposal->kind };
    Job job;
    bool held = false;

    *ret_story = NULL;
    Err e = job_begin(session, j->arena, disposal, &ignored, &job);
    if (e == OK)
        e = job_held(&job, &held, ret_story);
    if (e != OK && session_is_broken(session))
        return e;
    if (e == OK && !held)
        *ret_story = NULL;
    else if (e != OK)
        *ret_story = arena_strdup(j->arena, err_joined());
    err_clear();
    return OK;
}

static Err
permit_hold(Judgement *j, size_t i, bool *permitted)
{
    const char *story;

    TRY(ask_hold(j, j->items[i]->session, j->items[i]->disposal, &story));
    if (story == NULL)
        return OK;
    permitted[i] = false;
    j->held = true;
    j->cases[i]->problem = story;
    return OK;
}

static bool
is_case(const Judgement *j, const Session *session, int64_t disposal)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->items[i]->session == session && j->cases[i]->disposal == disposal)
            return true;
    return false;
}

/* What is held is no case of this run, but its rows are in the same sets. */
static Err
permit_others(Judgement *j, Session *session)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    const char *params[] = { j->rule->name };

    if (!j->kind->by_barrier)
        return OK;
    TRY(db_query(session->db, SQL_copy_sharers, 1, params, &rows));
    for (size_t i = 0; i < db_rows(rows) && !j->held; i++)
    {
        const int64_t id = db_int64(rows, i, 0);
        Disposal *other;
        const char *story;
        if (is_case(j, session, id))
            continue;
        TRY(disposals_load(j->arena, session->db, id, &other));
        TRY(ask_hold(j, session, other, &story));
        j->held = story != NULL;
    }
    return OK;
}

/* Its rows are in the sets that others wait for, whether it is to go now or not. */
static bool
is_shared(const Judgement *j, const CopyCase *c)
{
    return j->kind->by_barrier && c->state != COPY_GONE;
}

/* All of them or none. */
static void
permit_together(Judgement *j, bool *permitted)
{
    for (size_t i = 0; i < j->count; i++)
        if (permitted[i])
        {
            permitted[i] = false;
            j->cases[i]->problem = "its sets hold rows of another disposal as well, which is under a hold: they stay";
        }
}

static Err
read_mark(const Judgement *j, Session *session, const char **ret_mark)
{
    CLEANUP(db_result_freep) DbResult *mark = NULL;

    TRY(db_query_row(session->db, SQL_hold_mark, 0, NULL, &mark));
    *ret_mark = arena_strdup(j->arena, db_text(mark, 0, 0));
    return OK;
}

static Err
permit_holds(Judgement *j, size_t s, bool *permitted)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Session *session = j->sessions[s];

    TRY(db_begin(session->db, "", &tx));
    TRY(db_exec(session->db, "lock table expunge.hold in share mode"));
    for (size_t i = 0; i < j->count; i++)
        if (j->items[i]->session == session && (permitted[i] || is_shared(j, j->cases[i])))
            TRY(permit_hold(j, i, permitted));
    TRY(permit_others(j, session));
    TRY(read_mark(j, session, &j->marks[s]));
    return db_commit(&tx);
}

Err
clear_permit(Judgement *j, bool **ret_permitted)
{
    bool *permitted = ARENA_ARRAY(j->arena, bool, j->count + 1);

    for (size_t i = 0; i < j->count; i++)
        permitted[i] = j->cases[i]->state == COPY_PRESENT;
    TRY(permit_keys(j, permitted));
    j->marks = ARENA_ARRAY(j->arena, const char *, j->session_count + 1);
    for (size_t s = 0; s < j->session_count; s++)
        TRY(permit_holds(j, s, permitted));
    if (j->kind->by_barrier && j->held)
        permit_together(j, permitted);
    j->barred = ARENA_ARRAY(j->arena, CopyCase *, j->count + 1);
    for (size_t i = 0; i < j->count; i++)
        if (!permitted[i] && j->cases[i]->state != COPY_GONE)
            j->barred[j->barred_count++] = j->cases[i];
    *ret_permitted = permitted;
    return OK;
}

Err
clear_permit_again(void *context)
{
    Judgement *j = context;
    bool *permitted = ARENA_ARRAY(j->arena, bool, j->count + 1);
    bool changed = false;

    for (size_t s = 0; s < j->session_count; s++)
    {
        const char *mark;
        TRY(read_mark(j, j->sessions[s], &mark));
        changed = changed || strcmp(mark, j->marks[s]) != 0;
    }
    if (!changed)
        return OK;
    for (size_t i = 0; i < j->count; i++)
        permitted[i] = j->cases[i]->problem == NULL;
    for (size_t s = 0; s < j->session_count; s++)
        TRY(permit_holds(j, s, permitted));
    if (j->kind->by_barrier && j->held)
        permit_together(j, permitted);
    return OK;
}
