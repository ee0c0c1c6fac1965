/* SPDX-License-Identifier: Apache-2.0 */
/* keys_private.h -- what the files of the key file share: slots, names, reading under the lock. */
#ifndef EXPUNGE_KEYS_PRIVATE_H
#define EXPUNGE_KEYS_PRIVATE_H

#include "store/keys.h"
#include "wrap/file.h"

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

#define KEYS_MAGIC "expunge keys 1\n" /* with its NUL: FILE_ID_AT bytes */

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

/* Slots in turn, some at a time. */
typedef struct SlotScan
{
    File *file;
    int64_t slots;
    int64_t first;
    int64_t count;
    Slot held[SLOTS_READ];
} SlotScan;

void keys_name_format(const KeyName *name, char ret_text[KEYS_ID_TEXT]);
NODISCARD Err keys_name_parse(const char *text, KeyName *ret_name);
void keys_slot_close(Slot *slot);
SlotState keys_slot_state(const Slot *slot);
void keys_slot_fill(Slot *slot, const unsigned char file_id[ID_BYTES], const KeyName *name, const Secret *master,
                    const Secret *key);
NODISCARD Err keys_slot_unwrap(const Slot *slot, const unsigned char file_id[ID_BYTES], int64_t number,
                               const Secret *master, Secret **ret_key);
void keys_slot_destroy(Slot *slot);
bool keys_slot_is_of(const Slot *slot, const KeyName *name);
NODISCARD Err keys_slot_read(File *file, int64_t number, Slot *ret_slot);
NODISCARD Err keys_slot_write(File *file, int64_t number, const Slot *slot);
NODISCARD Err keys_read_header(File *file, unsigned char ret_file_id[ID_BYTES], int64_t *ret_slots);
NODISCARD Err keys_open_locked(const Keys *keys, FileMode mode, File **ret_file, int64_t *ret_slots);
NODISCARD Err keys_read_named(File *file, const KeyName *name, int64_t slots, Slot *ret_slot);
NODISCARD Err keys_damaged_slot(File *file, int64_t number);
NODISCARD Err keys_scan_slot(SlotScan *scan, int64_t number, const Slot **ret_slot);
NODISCARD Err keys_find_reusable(File *file, int64_t slots, int64_t *ret_number);

#endif
