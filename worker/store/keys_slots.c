/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys_private.h"

#include "base/text.h"
#include "store/hex.h"
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Names */

void
keys_name_format(const KeyName *name, char ret_text[KEYS_ID_TEXT])
{
    const int used = snprintf(ret_text, KEYS_ID_TEXT, "%" PRId64 "-", name->slot);

    hex_put(name->id, ID_BYTES, ret_text + used);
}

/* Only what keys_name_format() writes is a name: no sign, no leading zero, no capitals. */
Err
keys_name_parse(const char *text, KeyName *ret_name)
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
        keys_name_format(&name, again);
        is_name = strcmp(text, again) == 0;
    }
    if (!is_name)
        return err_new(ERR_EVIDENCE, "\"%s\" is not a key's name", text);
    *ret_name = name;
    return OK;
}

/* Slots */

void
keys_slot_close(Slot *slot)
{
    seal_blake2b(slot->bytes, SUM_AT, slot->bytes + SUM_AT);
}

SlotState
keys_slot_state(const Slot *slot)
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

void
keys_slot_fill(Slot *slot, const unsigned char file_id[ID_BYTES], const KeyName *name, const Secret *master,
               const Secret *key)
{
    const SlotBinding binding = slot_binding(file_id, name);

    memset(slot, 0, sizeof *slot);
    slot->bytes[0] = MARK_LIVING;
    memcpy(slot->bytes + ID_AT, name->id, ID_BYTES);
    seal_wrap(master, key, binding.bytes, sizeof binding.bytes, slot->bytes + WRAPPED_AT);
    keys_slot_close(slot);
}

Err
keys_slot_unwrap(const Slot *slot, const unsigned char file_id[ID_BYTES], int64_t number, const Secret *master,
                 Secret **ret_key)
{
    KeyName name = { .slot = number };

    memcpy(name.id, slot->bytes + ID_AT, ID_BYTES);
    const SlotBinding binding = slot_binding(file_id, &name);
    return seal_unwrap(master, slot->bytes + WRAPPED_AT, binding.bytes, sizeof binding.bytes, ret_key);
}

void
keys_slot_destroy(Slot *slot)
{
    seal_random(slot->bytes, sizeof slot->bytes);
    slot->bytes[0] = MARK_DESTROYED;
    keys_slot_close(slot);
}

bool
keys_slot_is_of(const Slot *slot, const KeyName *name)
{
    return memcmp(slot->bytes + ID_AT, name->id, ID_BYTES) == 0;
}

/* The file */

Err
keys_slot_read(File *file, int64_t number, Slot *ret_slot)
{
    return file_read_at(file, number * SLOT_BYTES, ret_slot->bytes, SLOT_BYTES);
}

Err
keys_slot_write(File *file, int64_t number, const Slot *slot)
{
    return file_write_at(file, number * SLOT_BYTES, slot->bytes, SLOT_BYTES);
}

Err
keys_read_header(File *file, unsigned char ret_file_id[ID_BYTES], int64_t *ret_slots)
{
    Slot header = { 0 };
    unsigned char sum[SEAL_HASH_BYTES];
    int64_t size = 0;

    TRY(file_size(file, &size));
    if (size < SLOT_FIRST * SLOT_BYTES)
        return err_new(ERR_EVIDENCE, "the key file \"%s\" is damaged: it is too short", file_path(file));
    TRY(keys_slot_read(file, 0, &header));
    seal_blake2b(header.bytes, SUM_AT, sum);
    if (memcmp(header.bytes, KEYS_MAGIC, sizeof KEYS_MAGIC) != 0 || memcmp(header.bytes + SUM_AT, sum, sizeof sum) != 0)
        return err_new(ERR_EVIDENCE, "the key file \"%s\" is damaged: its header is not one of a key file",
                       file_path(file));
    memcpy(ret_file_id, header.bytes + FILE_ID_AT, ID_BYTES);
    *ret_slots = size / SLOT_BYTES; /* a last part slot is an extension that was interrupted: it holds nothing */
    return OK;
}

/* Each use opens the file for itself: a lock ends with its descriptor only. */
Err
keys_open_locked(const Keys *keys, FileMode mode, File **ret_file, int64_t *ret_slots)
{
    CLEANUP(file_closep) File *file = NULL;
    unsigned char file_id[ID_BYTES];

    TRY(file_open(keys->path, mode, &file));
    TRY(file_lock(file, true));
    TRY(keys_read_header(file, file_id, ret_slots));
    if (memcmp(file_id, keys->file_id, ID_BYTES) != 0)
        return err_new(ERR_EVIDENCE, "the key file \"%s\" was replaced by another one", keys->path);
    *ret_file = file;
    file = NULL;
    return OK;
}

/* The slot that name speaks of.  One that was never used, or is not there, never held that key: this is not the file
 * in which it was made, and must not pass for one in which it was destroyed. */
Err
keys_read_named(File *file, const KeyName *name, int64_t slots, Slot *ret_slot)
{
    if (name->slot < slots)
    {
        TRY(keys_slot_read(file, name->slot, ret_slot));
        if (keys_slot_state(ret_slot) != SLOT_FREE)
            return OK;
    }
    return err_new(ERR_EVIDENCE,
                   "slot %" PRId64 " of the key file \"%s\" never held a key: it is another key file, or an older copy",
                   name->slot, file_path(file));
}

Err
keys_damaged_slot(File *file, int64_t number)
{
    return err_new(ERR_EVIDENCE, "slot %" PRId64 " of the key file \"%s\" is damaged", number, file_path(file));
}

Err
keys_scan_slot(SlotScan *scan, int64_t number, const Slot **ret_slot)
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
Err
keys_find_reusable(File *file, int64_t slots, int64_t *ret_number)
{
    static const Slot added[SLOTS_ADDED];
    SlotScan scan = { .file = file, .slots = slots };

    for (int64_t number = SLOT_FIRST; number < slots; number++)
    {
        const Slot *slot = NULL;

        TRY(keys_scan_slot(&scan, number, &slot));
        if (slot->bytes[0] == MARK_LIVING)
            continue;
        const SlotState state = keys_slot_state(slot);
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
