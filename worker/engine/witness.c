/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/witness.h"

#include "base/text.h"
#include "sql.h"
#include "store/asn1.h"
#include "wrap/db.h"
#include "wrap/file.h"
#include "wrap/program.h"

#include <inttypes.h>

#define PATIENCE "set lock_timeout = '5s'; set statement_timeout = '10s'" /* nobody waits for a note */

static Err
note(Arena *arena, const DatabaseRule *database, const Sealed *sealed)
{
    CLEANUP(db_closep) Db *db = NULL;
    const char *params[] = { arena_printf(arena, "%" PRId64, sealed->number),
                             arena_printf(arena, "%" PRId64, sealed->size), sealed->digest };

    TRY(db_open(database->conninfo, NULL, database->name, &db));
    TRY(db_exec(db, PATIENCE));
    return db_query(db, SQL_checkpoint_note, 3, params, NULL);
}

Err
witness_note(const Rules *rules, const Sealed *sealed)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *story = NULL;
    Err first = OK;

    for (size_t i = 0; i < rules->database_count; i++)
    {
        const Err e = note(arena, &rules->databases[i], sealed);
        if (e == OK || first != OK)
            continue;
        first = e;
        story = arena_strdup(arena, err_joined());
    }
    if (first == OK)
        return OK;
    return err_new(first, "a database could not note checkpoint %" PRId64 ": %s", sealed->number, story);
}

/* -- time stamps ---------------------------------------------------------------------------------------------------- */

static Err
ask_authority(Arena *arena, const Rules *rules, const unsigned char *query, size_t length, ProgramResult *ret_answer)
{
    const char **argv = ARENA_ARRAY(arena, const char *, rules->timestamp_count + 1);

    for (size_t i = 0; i < rules->timestamp_count; i++)
        argv[i] = rules->timestamp[i];
    TRY(program_run(arena,
                    &(Program){ .argv = argv,
                                .input = (const char *)query,
                                .input_bytes = length,
                                .output_limit = CHECKPOINTS_LIMIT,
                                .time_limit_us = rules->timestamp_seconds * INSTANT_SECOND },
                    ret_answer));
    if (ret_answer->status != 0)
        return err_new(ERR_AGAIN, "\"%s\" ended with status %d", argv[0], ret_answer->status);
    return OK;
}

Err
witness_stamp(const Rules *rules, const Sealed *sealed)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    unsigned char digest[SEAL_HASH_BYTES], nonce[ASN1_NONCE_BYTES];
    const Anchor anchor = { .number = sealed->number, .time = INSTANT_NONE };
    ProgramResult answer;
    size_t length;
    Instant time;

    if (rules->timestamp_count == 0)
        return OK;
    (void)text_unhex(sealed->digest, digest, sizeof digest);
    seal_random(nonce, sizeof nonce);
    const unsigned char *query = asn1_stamp_query(arena, digest, nonce, &length);
    Err e = ask_authority(arena, rules, query, length, &answer);
    const char *fault = e != OK ? NULL
                                : asn1_stamp_fault((const unsigned char *)answer.output, answer.output_bytes, digest,
                                                   nonce, &time);
    if (fault != NULL)
        e = err_new(ERR_EVIDENCE, "what \"%s\" answered %s", rules->timestamp[0], fault);
    if (e == OK)
        e = file_save(arena_printf(arena, "%s/%s", evidence_checkpoints_dir(arena, rules),
                                   checkpoints_anchor_file(arena, &anchor)),
                      answer.output, answer.output_bytes, 0600);
    return e == OK ? OK : err_note(e, "checkpoint %" PRId64 " has no time stamp", sealed->number);
}
