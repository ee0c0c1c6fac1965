/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys_private.h"

#include "base/fault.h"
#include "base/text.h"
#include <inttypes.h>
#include <string.h>

/* seal.h hands out no key's bytes; a key wrapped under itself makes a second one. */
static Err
secret_twin(const Secret *secret, Secret **ret_twin)
{
    unsigned char wrapped[SEAL_WRAPPED_BYTES];

    seal_wrap(secret, secret, NULL, 0, wrapped);
    const Err e = seal_unwrap(secret, wrapped, NULL, 0, ret_twin);
    seal_wipe(wrapped, sizeof wrapped);
    return e;
}

/* The interface */

Err
keys_create(const char *path, const Secret *master)
{
    CLEANUP(secret_freep) Secret *commitment = NULL;
    Slot slots[SLOTS_ADDED] = { 0 };
    KeyName name = { .slot = SLOT_COMMITMENT };
    unsigned char file_id[ID_BYTES];

    if (file_exists(path))
        return err_new(ERR_RAIL,
                       "the key file \"%s\" exists already: a new one would end every snapshot and commitment", path);
    seal_random(file_id, sizeof file_id);
    memcpy(slots[0].bytes, KEYS_MAGIC, sizeof KEYS_MAGIC);
    memcpy(slots[0].bytes + FILE_ID_AT, file_id, sizeof file_id);
    keys_slot_close(&slots[0]);

    commitment = secret_random();
    seal_random(name.id, sizeof name.id);
    keys_slot_fill(&slots[SLOT_COMMITMENT], file_id, &name, master, commitment);
    return file_save(path, slots, sizeof slots, 0600);
}

static bool
opens(const Slot *slot, const Keys *keys, int64_t number, const Secret *master, Secret **ret_key)
{
    if (master != NULL && keys_slot_unwrap(slot, keys->file_id, number, master, ret_key) == OK)
        return true;
    err_clear();
    return false;
}

/* The commitment key is rotated last: the master key that opens it is the one that counts. */
static Err
open_commitment(File *file, Keys *keys, const Secret *master, const Secret *next)
{
    Slot slot = { 0 };

    TRY(keys_slot_read(file, SLOT_COMMITMENT, &slot));
    if (keys_slot_state(&slot) != SLOT_LIVING)
        return keys_damaged_slot(file, SLOT_COMMITMENT);
    if (opens(&slot, keys, SLOT_COMMITMENT, next, &keys->commitment))
        return secret_twin(next, &keys->master);
    if (!opens(&slot, keys, SLOT_COMMITMENT, master, &keys->commitment))
        return err_new(ERR_CONFIG,
                       "the master key does not open the key file \"%s\": it is the key of another one, or the "
                       "one before a rotation",
                       keys->path);
    TRY(secret_twin(master, &keys->master));
    return next == NULL ? OK : secret_twin(next, &keys->next);
}

Err
keys_open(const char *path, const Secret *master, const Secret *next, Keys **ret_keys)
{
    CLEANUP(keys_closep) Keys *keys = NULL;
    CLEANUP(file_closep) File *file = NULL;
    bool is_private = false;
    int64_t slots = 0;

    TRY(file_is_private(path, &is_private));
    if (!is_private)
        return err_new(ERR_PERMISSION, "the key file \"%s\" is open to others: it must be the worker's own, mode 0600",
                       path);
    keys = mem_alloc(sizeof *keys);
    keys->path = mem_alloc(strlen(path) + 1);
    memcpy(keys->path, path, strlen(path) + 1);
    TRY(file_open(path, FILE_READ, &file));
    TRY(file_lock(file, true));
    TRY(keys_read_header(file, keys->file_id, &slots));
    TRY(open_commitment(file, keys, master, next));
    *ret_keys = keys;
    keys = NULL;
    return OK;
}

void
keys_close(Keys *keys)
{
    if (keys == NULL)
        return;
    secret_free(keys->master);
    secret_free(keys->next);
    secret_free(keys->commitment);
    mem_free(keys->path);
    mem_free(keys);
}

void
keys_closep(Keys **keys)
{
    keys_close(*keys);
    *keys = NULL;
}

const Secret *
keys_commitment_key(const Keys *keys)
{
    return keys->commitment;
}

/* A key that is wrapped under a master key that has ended would be lost: under the file's lock. */
static Err
judge_master(const Keys *keys, File *file)
{
    CLEANUP(secret_freep) Secret *commitment = NULL;
    Slot slot = { 0 };

    TRY(keys_slot_read(file, SLOT_COMMITMENT, &slot));
    if (opens(&slot, keys, SLOT_COMMITMENT, keys->master, &commitment))
        return OK;
    return err_new(ERR_AGAIN, "the master key of \"%s\" was rotated meanwhile: the next run takes the new one",
                   keys->path);
}

Err
keys_make(Keys *keys, char ret_id[KEYS_ID_TEXT], Secret **ret_key)
{
    CLEANUP(file_closep) File *file = NULL;
    CLEANUP(secret_freep) Secret *key = NULL;
    KeyName name = { 0 };
    Slot slot;
    int64_t slots = 0;

    TRY(keys_open_locked(keys, FILE_UPDATE, &file, &slots));
    TRY(judge_master(keys, file));
    TRY(keys_find_reusable(file, slots, &name.slot));
    key = secret_random();
    seal_random(name.id, sizeof name.id);
    keys_slot_fill(&slot, keys->file_id, &name, keys->master, key);
    TRY(keys_slot_write(file, name.slot, &slot));
    TRY(file_sync_data(file));
    fault_point("key.made");
    keys_name_format(&name, ret_id);
    *ret_key = key;
    key = NULL;
    return OK;
}

Err
keys_load(Keys *keys, const char *id, Secret **ret_key)
{
    CLEANUP(file_closep) File *file = NULL;
    KeyName name = { 0 };
    Slot slot = { 0 };
    int64_t slots = 0;

    TRY(keys_name_parse(id, &name));
    TRY(keys_open_locked(keys, FILE_READ, &file, &slots));
    TRY(keys_read_named(file, &name, slots, &slot));
    const SlotState state = keys_slot_state(&slot);
    if (state == SLOT_DAMAGED)
        return keys_damaged_slot(file, name.slot);
    if (state != SLOT_LIVING || !keys_slot_is_of(&slot, &name))
        return err_new(ERR_EVIDENCE, "the key of this snapshot was destroyed: \"%s\" is not in \"%s\" any more", id,
                       keys->path);
    if (opens(&slot, keys, name.slot, keys->next, ret_key))
        return OK;
    Err e = keys_slot_unwrap(&slot, keys->file_id, name.slot, keys->master, ret_key);
    if (e == OK)
        return OK;
    TRY(judge_master(keys, file));
    return err_new(e, "slot %" PRId64 " of the key file \"%s\" does not open", name.slot, keys->path);
}

Err
keys_destroy(Keys *keys, const char *id)
{
    CLEANUP(file_closep) File *file = NULL;
    KeyName name = { 0 };
    Slot slot = { 0 };
    int64_t slots = 0;

    TRY(keys_name_parse(id, &name));
    TRY(keys_open_locked(keys, FILE_UPDATE, &file, &slots));
    TRY(keys_read_named(file, &name, slots, &slot));
    if (keys_slot_is_of(&slot, &name)) /* whatever its state: a damaged one may still hold the key */
        keys_slot_destroy(&slot);
    else if (keys_slot_state(&slot) == SLOT_DAMAGED)
        return keys_damaged_slot(file, name.slot);
    /* An older try may have overwritten it and failed to sync.  The kernel then calls the page clean: only what is
     * written again is synced again. */
    TRY(keys_slot_write(file, name.slot, &slot));
    fault_point("key.overwritten");
    TRY(file_sync_data(file));
    fault_point("key.destroyed");
    return OK;
}

/* Living slots in turn; without an arena they are only counted. */
static Err
scan_living(Arena *arena, Keys *keys, const char ***ret_ids, size_t *ret_count)
{
    CLEANUP(file_closep) File *file = NULL;
    SlotScan scan = { 0 };
    const char **ids = NULL;
    size_t count = 0;
    size_t room = 0;

    TRY(keys_open_locked(keys, FILE_READ, &file, &scan.slots));
    scan.file = file;
    for (int64_t number = SLOT_FIRST; number < scan.slots; number++)
    {
        const Slot *slot = NULL;
        KeyName name = { .slot = number };
        char text[KEYS_ID_TEXT];

        TRY(keys_scan_slot(&scan, number, &slot));
        const SlotState state = keys_slot_state(slot);
        if (state == SLOT_DAMAGED)
            return keys_damaged_slot(file, number);
        if (state != SLOT_LIVING)
            continue;
        memcpy(name.id, slot->bytes + ID_AT, ID_BYTES);
        keys_name_format(&name, text);
        if (arena == NULL)
            count++;
        else
            ARENA_PUSH(arena, ids, count, room, arena_strdup(arena, text));
    }
    *ret_ids = ids;
    *ret_count = count;
    return OK;
}

Err
keys_count(Keys *keys, size_t *ret_living)
{
    const char **ids = NULL;

    return scan_living(NULL, keys, &ids, ret_living);
}

Err
keys_list(Arena *arena, Keys *keys, const char ***ret_ids, size_t *ret_count)
{
    return scan_living(arena, keys, ret_ids, ret_count);
}

/* Rotating */

/* One slot: wrapped under the next master key already, or now (in place) when writes. */
static Err
rotate_slot(Keys *keys, File *file, int64_t number, const Slot *slot, bool writes, size_t *count)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    KeyName name = { .slot = number };
    Slot fresh;

    if (opens(slot, keys, number, keys->next, &key))
        return OK;
    const Err e = keys_slot_unwrap(slot, keys->file_id, number, keys->master, &key);
    if (e != OK)
        return err_new(e, "slot %" PRId64 " of the key file \"%s\" does not open", number, keys->path);
    (*count)++;
    if (!writes)
        return OK;
    memcpy(name.id, slot->bytes + ID_AT, ID_BYTES);
    keys_slot_fill(&fresh, keys->file_id, &name, keys->next, key);
    TRY(keys_slot_write(file, number, &fresh));
    fault_point("key.rewrapped");
    return OK;
}

static Err
rotate_snapshots(Keys *keys, File *file, int64_t slots, bool writes, size_t *ret_count)
{
    SlotScan scan = { .file = file, .slots = slots };

    *ret_count = 0;
    for (int64_t number = SLOT_FIRST; number < slots; number++)
    {
        const Slot *slot = NULL;
        TRY(keys_scan_slot(&scan, number, &slot));
        const SlotState state = keys_slot_state(slot);
        if (state == SLOT_DAMAGED)
            return keys_damaged_slot(file, number);
        if (state == SLOT_LIVING)
            TRY(rotate_slot(keys, file, number, slot, writes, ret_count));
    }
    return OK;
}

Err
keys_rotate(Keys *keys, size_t *ret_count)
{
    CLEANUP(file_closep) File *file = NULL;
    Slot slot = { 0 };
    int64_t slots = 0;
    size_t count = 0;

    *ret_count = 0;
    if (keys->next == NULL) /* the commitment key opened with it: all the others were before it */
        return OK;
    TRY(keys_open_locked(keys, FILE_UPDATE, &file, &slots));
    TRY(judge_master(keys, file));
    TRY(rotate_snapshots(keys, file, slots, false, &count));
    TRY(rotate_snapshots(keys, file, slots, true, &count));
    TRY(file_sync_data(file));
    fault_point("key.rotated");
    TRY(keys_slot_read(file, SLOT_COMMITMENT, &slot));
    TRY(rotate_slot(keys, file, SLOT_COMMITMENT, &slot, true, &count));
    TRY(file_sync_data(file));
    fault_point("key.rotation_ended");
    secret_freep(&keys->master);
    keys->master = keys->next;
    keys->next = NULL;
    *ret_count = count;
    return OK;
}
