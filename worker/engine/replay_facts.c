/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/replay_facts.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024

/* -- disposals by id ----------------------------------------------------------------------------------------------- */

static size_t *
find_slot(const ReplayFacts *facts, int64_t id)
{
    const size_t mask = facts->slot_count - 1;
    size_t at = (size_t)id * 0x9E3779B97F4A7C15U & mask;

    while (facts->slots[at] != 0 && facts->list[facts->slots[at] - 1].id != id)
        at = (at + 1) & mask;
    return &facts->slots[at];
}

static void
grow_slots(ReplayFacts *facts)
{
    facts->slot_count = facts->slot_count == 0 ? SLOTS_FIRST : 2 * facts->slot_count;
    facts->slots = ARENA_ARRAY(facts->arena, size_t, facts->slot_count);
    for (size_t i = 0; i < facts->count; i++)
        *find_slot(facts, facts->list[i].id) = i + 1;
}

static ReplayFact *
fact_of(ReplayFacts *facts, int64_t id)
{
    if (2 * (facts->count + 1) > facts->slot_count)
        grow_slots(facts);
    size_t *slot = find_slot(facts, id);
    if (*slot == 0)
    {
        const ReplayFact fact = { .id = id,
                                  .state = STATE_OPEN,
                                  .as_of = INSTANT_NONE,
                                  .cutoff = INSTANT_NONE,
                                  .opened_at = INSTANT_NONE,
                                  .archived_at = INSTANT_NONE,
                                  .erasing_at = INSTANT_NONE,
                                  .erased_at = INSTANT_NONE,
                                  .cleared_at = INSTANT_NONE,
                                  .withdrawn_at = INSTANT_NONE };
        ARENA_PUSH(facts->arena, facts->list, facts->count, facts->room, fact);
        *slot = facts->count;
    }
    return &facts->list[*slot - 1];
}

/* -- the ledger ---------------------------------------------------------------------------------------------------- */

static Instant
instant_of(const JsonDoc *entry, const char *name)
{
    const char *text = jsondoc_get_string(entry, name);
    Instant at = INSTANT_NONE;
    return text != NULL && instant_parse(text, &at) ? at : INSTANT_NONE;
}

static void
copy_text(Arena *arena, const JsonDoc *entry, const char *name, const char **at)
{
    const char *text = jsondoc_get_string(entry, name);
    if (text != NULL && !text_equal(text, *at))
        *at = arena_strdup(arena, text);
}

static void
note_opened(Arena *arena, ReplayFact *fact, const JsonDoc *entry, Instant time)
{
    fact->opened_at = time;
    fact->as_of = instant_of(entry, "as_of");
    fact->cutoff = instant_of(entry, "cutoff");
    copy_text(arena, entry, "ground", &fact->ground);
}

static void
note_event(Arena *arena, ReplayFact *fact, const JsonDoc *entry, const char *event, Instant time)
{
    const struct
    {
        const char *event;
        State state;
        Instant *at;
    } steps[] = { { "archived", STATE_ARCHIVED, &fact->archived_at },
                  { "erasing", STATE_ERASING, &fact->erasing_at },
                  { "erased", STATE_ERASED, &fact->erased_at },
                  { "cleared", STATE_CLEARED, &fact->cleared_at },
                  { "withdrawn", STATE_WITHDRAWN, &fact->withdrawn_at } };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(event, steps[i].event) == 0)
        {
            fact->state = steps[i].state;
            *steps[i].at = time;
        }
    if (strcmp(event, "opened") == 0)
        note_opened(arena, fact, entry, time);
    else if (strcmp(event, "archiving") == 0)
    {
        copy_text(arena, entry, "store", &fact->store);
        copy_text(arena, entry, "snapshot", &fact->snapshot);
        copy_text(arena, entry, "key", &fact->key_id);
    }
    else if (strcmp(event, "restored") == 0)
        fact->restored = true;
    else if (strcmp(event, "requested") == 0)
        fact->requests++;
    else if (strcmp(event, "erasing") == 0 || strcmp(event, "erased") == 0)
        fact->gone_seq = jsondoc_get_integer(entry, "seq", 0);
    if (strcmp(event, "erased") == 0 && jsondoc_get(entry, "tables") != NULL)
        fact->tables = jsondoc_canonical(arena, jsondoc_get(entry, "tables"));
}

static void
note_placed(ReplayFacts *facts, const JsonDoc *entry, int64_t id)
{
    ReplayHold hold = { .id = id, .placed_at = instant_of(entry, "placed_at"), .until = instant_of(entry, "until") };

    copy_text(facts->arena, entry, "kind", &hold.kind);
    copy_text(facts->arena, entry, "type", &hold.type);
    copy_text(facts->arena, entry, "holder", &hold.holder);
    if (hold.kind == NULL || hold.type == NULL || hold.placed_at == INSTANT_NONE)
        return;
    for (size_t i = 0; i < facts->hold_count; i++)
        if (facts->holds[i].id == id && facts->holds[i].placed_at == hold.placed_at)
            return;
    ARENA_PUSH(facts->arena, facts->holds, facts->hold_count, facts->hold_room, hold);
}

/* The newest one of its number. */
static void
note_over(ReplayFacts *facts, int64_t id)
{
    for (size_t i = facts->hold_count; i-- > 0;)
        if (facts->holds[i].id == id)
        {
            facts->holds[i].over = true;
            return;
        }
}

static void
note_hold(ReplayFacts *facts, const JsonDoc *entry, const char *event)
{
    const int64_t id = jsondoc_get_integer(entry, "hold", 0);

    if (strcmp(event, "hold_placed") == 0)
        note_placed(facts, entry, id);
    else if (strcmp(event, "hold_released") == 0 || strcmp(event, "hold_renewed") == 0)
        note_over(facts, id);
}

static Err
visit_entry(void *context, const JsonDoc *entry, const char *digest)
{
    ReplayFacts *facts = context;
    const int64_t id = jsondoc_get_integer(entry, "disposal", 0);
    const char *event = jsondoc_get_string(entry, "event");

    if (event == NULL || !text_equal(jsondoc_get_string(entry, "installation"), facts->session->installation))
        return OK;
    note_hold(facts, entry, event);
    if (id <= 0)
        return OK;
    ReplayFact *fact = fact_of(facts, id);
    copy_text(facts->arena, entry, "kind", &fact->kind);
    copy_text(facts->arena, entry, "policy", &fact->policy);
    copy_text(facts->arena, entry, "subject", &fact->subject);
    copy_text(facts->arena, entry, "configuration", &fact->configuration);
    note_event(facts->arena, fact, entry, event, instant_of(entry, "time"));
    fact->seq = jsondoc_get_integer(entry, "seq", 0);
    memcpy(fact->digest, digest, sizeof fact->digest);
    facts->last_id = id > facts->last_id ? id : facts->last_id;
    return OK;
}

/* -- the database -------------------------------------------------------------------------------------------------- */

/* Those of which the database has the newest entry are no news. */
static Err
leave_out_known(Session *session, ReplayFacts *facts)
{
    CLEANUP(db_result_freep) DbResult *rows = NULL;
    size_t kept = 0;

    TRY(db_query(session->db, SQL_replay_disposals, 0, NULL, &rows));
    for (size_t i = 0; i < db_rows(rows); i++)
    {
        const size_t slot = facts->slot_count == 0 ? 0 : *find_slot(facts, db_int64(rows, i, 0));
        if (slot > 0 && db_int64(rows, i, 1) >= facts->list[slot - 1].seq)
            facts->list[slot - 1].seq = 0;
    }
    for (size_t i = 0; i < facts->count; i++)
        if (facts->list[i].seq > 0 && facts->list[i].kind != NULL)
            facts->list[kept++] = facts->list[i];
    facts->count = kept;
    facts->slots = NULL; /* they told of the longer list */
    facts->slot_count = 0;
    return OK;
}

/* A request that no worker has made its own has no commitment yet.  Either it is the one that the ledger tells of, asked
 * before the backup, or somebody else's: the restored database gave the number a second time. */
static void
note_known(const Session *session, const ReplayFacts *facts, ReplayFact *fact, Disposal *disposal)
{
    const bool adopted = disposal->commitment != NULL;

    session_name_subject(session->house, facts->arena, disposal);
    if (adopted || disposal->commitment == NULL || text_equal(disposal->commitment, fact->subject))
        fact->known = disposal;
    else
        fact->taker = disposal;
}

static Err
load_known(Session *session, ReplayFacts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
    {
        Disposal *disposal;
        const Err e = disposals_load(facts->arena, session->db, facts->list[i].id, &disposal);
        if (e == OK)
            note_known(session, facts, &facts->list[i], disposal);
        else if (e == ERR_USAGE)
            err_clear();
        else
            return e;
    }
    return OK;
}

Err
replay_facts_gather(Arena *arena, Session *session, ReplayFacts *ret_facts)
{
    ReplayFacts facts = { .arena = arena, .session = session };
    LedgerHead head;

    const Err e = ledger_walk(ledger_path(session->house->ledger), visit_entry, &facts, &head);
    if (e != OK)
        return err_note(e, "nothing is erased by a ledger that does not verify");
    TRY(leave_out_known(session, &facts));
    TRY(load_known(session, &facts));
    *ret_facts = facts;
    return OK;
}

int64_t
replay_facts_forgotten(const ReplayFacts *facts)
{
    int64_t count = 0;
    for (size_t i = 0; i < facts->count; i++)
    {
        const ReplayFact *fact = &facts->list[i];
        const bool waits = !fact->restored && (fact->state == STATE_OPEN || fact->state == STATE_ARCHIVED);
        if (waits && (fact->known == NULL || fact->known->requested_at == INSTANT_NONE))
            count += fact->requests;
    }
    return count;
}

bool
replay_fact_is_gone(const ReplayFact *fact)
{
    return !fact->restored &&
           (fact->state == STATE_ERASING || fact->state == STATE_ERASED || fact->state == STATE_CLEARED);
}
