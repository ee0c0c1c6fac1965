/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/fault.h"
#include "base/text.h"
#include "store/hex.h"
#include "wrap/file.h"
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLOT_BYTES 512
#define SLOT_COMMITMENT 1
#define SLOT_FIRST 2                      /* of the snapshots' keys */
#define SLOTS_ADDED 8                     /* the file grows by 4 KiB */
#define SLOTS_READ 128                    /* a scan reads 64 KiB at a time */
#define SLOT_LAST INT64_C(99999999999999) /* what KEYS_ID_TEXT has room for */

/* A slot: state, key id, wrapped key, zeros; the header: magic, file id, zeros; a destroyed slot: state, random bytes.
 * Each ends in the BLAKE2b-256 of what is in front of it, so that damage is not taken for a wrong master key, nor for
 * a destroyed key. */
#define ID_BYTES 16
#define ID_AT 1
#define WRAPPED_AT (ID_AT + ID_BYTES)
#define FILE_ID_AT 16
#define SUM_AT (SLOT_BYTES - SEAL_HASH_BYTES)

static const char MAGIC[FILE_ID_AT] = "expunge keys 1\n";

/* Many bits apart: a few flipped ones make no living slot a destroyed one. */
#define MARK_LIVING 0x5a
#define MARK_DESTROYED 0xa5

typedef enum SlotState
{
    SLOT_FREE,
    SLOT_LIVING,
    SLOT_DESTROYED,
    SLOT_DAMAGED
} SlotState;

typedef struct Slot
{
    unsigned char bytes[SLOT_BYTES];
} Slot;

typedef struct KeyName
{
    int64_t slot;
    unsigned char id[ID_BYTES];
} KeyName;

struct Keys
{
    char *path;
    unsigned char file_id[ID_BYTES];
    Secret *master; /* wraps what is made */
    Secret *next;   /* comes after it: a slot may be wrapped by it already; NULL: none, or it is the master by now */
    Secret *commitment;
};

/* Names */

static void
name_format(const KeyName *name, char ret_text[KEYS_ID_TEXT])
{
    const int used = snprintf(ret_text, KEYS_ID_TEXT, "%" PRId64 "-", name->slot);

    hex_put(name->id, ID_BYTES, ret_text + used);
}

/* Only what name_format() writes is a name: no sign, no leading zero, no capitals. */
static Err
name_parse(const char *text, KeyName *ret_name)
{
    KeyName name = { 0 };
    char number[16] = "";
    char again[KEYS_ID_TEXT];
    const char *dash = strchr(text, '-');
    bool is_name = dash != NULL && (size_t)(dash - text) < sizeof number;

    if (is_name)
    {
        memcpy(number, text, (size_t)(dash - text));
        is_name = text_int64(number, SLOT_FIRST, SLOT_LAST, &name.slot) && text_unhex(dash + 1, name.id, ID_BYTES);
    }
    if (is_name)
    {
        name_format(&name, again);
        is_name = strcmp(text, again) == 0;
    }
    if (!is_name)
        return err_new(ERR_EVIDENCE, "\"%s\" is not a key's name", text);
    *ret_name = name;
    return OK;
}

/* Slots */

static void
slot_close(Slot *slot)
{
    seal_blake2b(slot->bytes, SUM_AT, slot->bytes + SUM_AT);
}

static SlotState
slot_state(const Slot *slot)
{
    static const Slot zeros;
    unsigned char sum[SEAL_HASH_BYTES];

    if (memcmp(slot, &zeros, sizeof zeros) == 0)
        return SLOT_FREE;
    seal_blake2b(slot->bytes, SUM_AT, sum);
    if (memcmp(slot->bytes + SUM_AT, sum, sizeof sum) != 0)
        return SLOT_DAMAGED;
    if (slot->bytes[0] == MARK_LIVING)
        return SLOT_LIVING;
    return slot->bytes[0] == MARK_DESTROYED ? SLOT_DESTROYED : SLOT_DAMAGED;
}

/* What a wrapped key is bound to: it opens in its own place only. */
typedef struct SlotBinding
{
    unsigned char bytes[ID_BYTES + sizeof(uint64_t) + ID_BYTES];
} SlotBinding;

static SlotBinding
slot_binding(const unsigned char file_id[ID_BYTES], const KeyName *name)
{
    SlotBinding binding;
    const uint64_t number = htole64((uint64_t)name->slot);

    memcpy(binding.bytes, file_id, ID_BYTES);
    memcpy(binding.bytes + ID_BYTES, &number, sizeof number);
    memcpy(binding.bytes + ID_BYTES + sizeof number, name->id, ID_BYTES);
    return binding;
}

static void
slot_fill(Slot *slot, const unsigned char file_id[ID_BYTES], const KeyName *name, const Secret *master,
          const Secret *key)
{
    const SlotBinding binding = slot_binding(file_id, name);

    memset(slot, 0, sizeof *slot);
    slot->bytes[0] = MARK_LIVING;
    memcpy(slot->bytes + ID_AT, name->id, ID_BYTES);
    seal_wrap(master, key, binding.bytes, sizeof binding.bytes, slot->bytes + WRAPPED_AT);
    slot_close(slot);
}

static Err
slot_unwrap(const Slot *slot, const unsigned char file_id[ID_BYTES], int64_t number, const Secret *master,
            Secret **ret_key)
{
    KeyName name = { .slot = number };

    memcpy(name.id, slot->bytes + ID_AT, ID_BYTES);
    const SlotBinding binding = slot_binding(file_id, &name);
    return seal_unwrap(master, slot->bytes + WRAPPED_AT, binding.bytes, sizeof binding.bytes, ret_key);
}

static void
slot_destroy(Slot *slot)
{
    seal_random(slot->bytes, sizeof slot->bytes);
    slot->bytes[0] = MARK_DESTROYED;
    slot_close(slot);
}

static bool
slot_is_of(const Slot *slot, const KeyName *name)
{
    return memcmp(slot->bytes + ID_AT, name->id, ID_BYTES) == 0;
}

/* The file */

static Err
slot_read(File *file, int64_t number, Slot *ret_slot)
{
    return file_read_at(file, number * SLOT_BYTES, ret_slot->bytes, SLOT_BYTES);
}

static Err
slot_write(File *file, int64_t number, const Slot *slot)
{
    return file_write_at(file, number * SLOT_BYTES, slot->bytes, SLOT_BYTES);
}

static Err
read_header(File *file, unsigned char ret_file_id[ID_BYTES], int64_t *ret_slots)
{
    Slot header = { 0 };
    unsigned char sum[SEAL_HASH_BYTES];
    int64_t size = 0;

    TRY(file_size(file, &size));
    if (size < SLOT_FIRST * SLOT_BYTES)
        return err_new(ERR_EVIDENCE, "the key file \"%s\" is damaged: it is too short", file_path(file));
    TRY(slot_read(file, 0, &header));
    seal_blake2b(header.bytes, SUM_AT, sum);
    if (memcmp(header.bytes, MAGIC, sizeof MAGIC) != 0 || memcmp(header.bytes + SUM_AT, sum, sizeof sum) != 0)
        return err_new(ERR_EVIDENCE, "the key file \"%s\" is damaged: its header is not one of a key file",
                       file_path(file));
    memcpy(ret_file_id, header.bytes + FILE_ID_AT, ID_BYTES);
    *ret_slots = size / SLOT_BYTES; /* a last part slot is an extension that was interrupted: it holds nothing */
    return OK;
}

/* Each use opens the file for itself: a lock ends with its descriptor only. */
static Err
open_locked(const Keys *keys, FileMode mode, File **ret_file, int64_t *ret_slots)
{
    CLEANUP(file_closep) File *file = NULL;
    unsigned char file_id[ID_BYTES];

    TRY(file_open(keys->path, mode, &file));
    TRY(file_lock(file, true));
    TRY(read_header(file, file_id, ret_slots));
    if (memcmp(file_id, keys->file_id, ID_BYTES) != 0)
        return err_new(ERR_EVIDENCE, "the key file \"%s\" was replaced by another one", keys->path);
    *ret_file = file;
    file = NULL;
    return OK;
}

/* The slot that name speaks of.  One that was never used, or is not there, never held that key: this is not the file
 * in which it was made, and must not pass for one in which it was destroyed. */
static Err
read_named(File *file, const KeyName *name, int64_t slots, Slot *ret_slot)
{
    if (name->slot < slots)
    {
        TRY(slot_read(file, name->slot, ret_slot));
        if (slot_state(ret_slot) != SLOT_FREE)
            return OK;
    }
    return err_new(ERR_EVIDENCE,
                   "slot %" PRId64 " of the key file \"%s\" never held a key: it is another key file, or an older copy",
                   name->slot, file_path(file));
}

static Err
damaged_slot(File *file, int64_t number)
{
    return err_new(ERR_EVIDENCE, "slot %" PRId64 " of the key file \"%s\" is damaged", number, file_path(file));
}

/* Slots in turn, some at a time. */
typedef struct SlotScan
{
    File *file;
    int64_t slots;
    int64_t first;
    int64_t count;
    Slot held[SLOTS_READ];
} SlotScan;

static Err
scan_slot(SlotScan *scan, int64_t number, const Slot **ret_slot)
{
    if (number < scan->first || number >= scan->first + scan->count)
    {
        const int64_t left = scan->slots - number;
        const int64_t count = left < SLOTS_READ ? left : SLOTS_READ;

        scan->count = 0;
        TRY(file_read_at(scan->file, number * SLOT_BYTES, scan->held, (size_t)count * SLOT_BYTES));
        scan->first = number;
        scan->count = count;
    }
    *ret_slot = &scan->held[number - scan->first];
    return OK;
}

/* The first slot that may be written: free or destroyed, never a damaged one.  The file grows when there is none. */
static Err
find_reusable(File *file, int64_t slots, int64_t *ret_number)
{
    static const Slot added[SLOTS_ADDED];
    SlotScan scan = { .file = file, .slots = slots };

    for (int64_t number = SLOT_FIRST; number < slots; number++)
    {
        const Slot *slot = NULL;

        TRY(scan_slot(&scan, number, &slot));
        if (slot->bytes[0] == MARK_LIVING)
            continue;
        const SlotState state = slot_state(slot);
        if (state == SLOT_FREE || state == SLOT_DESTROYED)
        {
            *ret_number = number;
            return OK;
        }
    }
    if (slots + SLOTS_ADDED > SLOT_LAST)
        return err_new(ERR_INTERNAL, "the key file \"%s\" is full", file_path(file));
    TRY(file_write_at(file, slots * SLOT_BYTES, added, sizeof added));
    *ret_number = slots;
    return OK;
}

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
    memcpy(slots[0].bytes, MAGIC, sizeof MAGIC);
    memcpy(slots[0].bytes + FILE_ID_AT, file_id, sizeof file_id);
    slot_close(&slots[0]);

    commitment = secret_random();
    seal_random(name.id, sizeof name.id);
    slot_fill(&slots[SLOT_COMMITMENT], file_id, &name, master, commitment);
    return file_save(path, slots, sizeof slots, 0600);
}

static bool
opens(const Slot *slot, const Keys *keys, int64_t number, const Secret *master, Secret **ret_key)
{
    if (master != NULL && slot_unwrap(slot, keys->file_id, number, master, ret_key) == OK)
        return true;
    err_clear();
    return false;
}

/* The commitment key is rotated last: the master key that opens it is the one that counts. */
static Err
open_commitment(File *file, Keys *keys, const Secret *master, const Secret *next)
{
    Slot slot = { 0 };

    TRY(slot_read(file, SLOT_COMMITMENT, &slot));
    if (slot_state(&slot) != SLOT_LIVING)
        return damaged_slot(file, SLOT_COMMITMENT);
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
    TRY(read_header(file, keys->file_id, &slots));
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

    TRY(slot_read(file, SLOT_COMMITMENT, &slot));
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

    TRY(open_locked(keys, FILE_UPDATE, &file, &slots));
    TRY(judge_master(keys, file));
    TRY(find_reusable(file, slots, &name.slot));
    key = secret_random();
    seal_random(name.id, sizeof name.id);
    slot_fill(&slot, keys->file_id, &name, keys->master, key);
    TRY(slot_write(file, name.slot, &slot));
    TRY(file_sync_data(file));
    fault_point("key.made");
    name_format(&name, ret_id);
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

    TRY(name_parse(id, &name));
    TRY(open_locked(keys, FILE_READ, &file, &slots));
    TRY(read_named(file, &name, slots, &slot));
    const SlotState state = slot_state(&slot);
    if (state == SLOT_DAMAGED)
        return damaged_slot(file, name.slot);
    if (state != SLOT_LIVING || !slot_is_of(&slot, &name))
        return err_new(ERR_EVIDENCE, "the key of this snapshot was destroyed: \"%s\" is not in \"%s\" any more", id,
                       keys->path);
    if (opens(&slot, keys, name.slot, keys->next, ret_key))
        return OK;
    Err e = slot_unwrap(&slot, keys->file_id, name.slot, keys->master, ret_key);
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

    TRY(name_parse(id, &name));
    TRY(open_locked(keys, FILE_UPDATE, &file, &slots));
    TRY(read_named(file, &name, slots, &slot));
    if (slot_is_of(&slot, &name)) /* whatever its state: a damaged one may still hold the key */
        slot_destroy(&slot);
    else if (slot_state(&slot) == SLOT_DAMAGED)
        return damaged_slot(file, name.slot);
    /* An older try may have overwritten it and failed to sync.  The kernel then calls the page clean: only what is
     * written again is synced again. */
    TRY(slot_write(file, name.slot, &slot));
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

    TRY(open_locked(keys, FILE_READ, &file, &scan.slots));
    scan.file = file;
    for (int64_t number = SLOT_FIRST; number < scan.slots; number++)
    {
        const Slot *slot = NULL;
        KeyName name = { .slot = number };
        char text[KEYS_ID_TEXT];

        TRY(scan_slot(&scan, number, &slot));
        const SlotState state = slot_state(slot);
        if (state == SLOT_DAMAGED)
            return damaged_slot(file, number);
        if (state != SLOT_LIVING)
            continue;
        memcpy(name.id, slot->bytes + ID_AT, ID_BYTES);
        name_format(&name, text);
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
    const Err e = slot_unwrap(slot, keys->file_id, number, keys->master, &key);
    if (e != OK)
        return err_new(e, "slot %" PRId64 " of the key file \"%s\" does not open", number, keys->path);
    (*count)++;
    if (!writes)
        return OK;
    memcpy(name.id, slot->bytes + ID_AT, ID_BYTES);
    slot_fill(&fresh, keys->file_id, &name, keys->next, key);
    TRY(slot_write(file, number, &fresh));
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
        TRY(scan_slot(&scan, number, &slot));
        const SlotState state = slot_state(slot);
        if (state == SLOT_DAMAGED)
            return damaged_slot(file, number);
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
    TRY(open_locked(keys, FILE_UPDATE, &file, &slots));
    TRY(judge_master(keys, file));
    TRY(rotate_snapshots(keys, file, slots, false, &count));
    TRY(rotate_snapshots(keys, file, slots, true, &count));
    TRY(file_sync_data(file));
    fault_point("key.rotated");
    TRY(slot_read(file, SLOT_COMMITMENT, &slot));
    TRY(rotate_slot(keys, file, SLOT_COMMITMENT, &slot, true, &count));
    TRY(file_sync_data(file));
    fault_point("key.rotation_ended");
    secret_freep(&keys->master);
    keys->master = keys->next;
    keys->next = NULL;
    *ret_count = count;
    return OK;
}
