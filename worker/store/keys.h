/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h -- the key file: fixed slots, each a snapshot's key wrapped by the master key; destroyed by overwriting.
 *
 * STATE_DIR/keys: a header slot and then slots of 512 bytes each (one sector: a slot is written whole or not at all).
 * Slot 0 is the header (magic "expunge keys 1\n", file id); slot 1 holds the commitment key, which is never destroyed;
 * the others are free (all zero bytes), living, or destroyed (a marker and random bytes; reusable).
 * A slot holds: state byte, 16 bytes key id, wrapped key (seal_wrap, bound to file id, slot number and key id).
 * All changes are made under file_lock on the file; several processes may have it open. */
#ifndef EXPUNGE_KEYS_H
#define EXPUNGE_KEYS_H

#include "wrap/seal.h"

typedef struct Keys Keys;

/* A key's name: slot number and id, as "17-0123456789abcdef0123456789abcdef"; not secret. */
#define KEYS_ID_TEXT 48

/* Make the file with a fresh commitment key; ERR_RAIL when it exists. */
NODISCARD Err keys_create(const char *path, const Secret *master);
/* ERR_CONFIG when the master key does not open it, ERR_EVIDENCE when it is damaged, ERR_IO when it is not there.
 * next: the master key that comes after this one, or NULL: a file that was rotated to it, or half so, opens as well. */
NODISCARD Err keys_open(const char *path, const Secret *master, const Secret *next, Keys **ret_keys);
/* Wrap every living key under the next master key, in place, the commitment key last; synced.  Every slot is opened before
 * the first one is written.  An interrupted rotation is gone on with by the next call; no key is lost, whatever happens
 * in between.  Other processes that still have the old master key are told so at their next use (ERR_AGAIN).
 * ret_count: the keys that were wrapped anew; 0: it was rotated already.  The handle was opened with a next master key. */
NODISCARD Err keys_rotate(Keys *keys, size_t *ret_count);
void keys_close(Keys *keys);
void keys_closep(Keys **keys);

const Secret *keys_commitment_key(const Keys *keys);
/* A fresh random key in a free slot, synced before it returns. */
NODISCARD Err keys_make(Keys *keys, char ret_id[KEYS_ID_TEXT], Secret **ret_key);
/* ERR_EVIDENCE when the key was destroyed or never was ("the key of this snapshot was destroyed"). */
NODISCARD Err keys_load(Keys *keys, const char *id, Secret **ret_key);
/* Overwrite the slot in place and sync.  Already destroyed (that id is not in its slot any more): OK. */
NODISCARD Err keys_destroy(Keys *keys, const char *id);
/* Living snapshot keys. */
NODISCARD Err keys_count(Keys *keys, size_t *ret_living);
NODISCARD Err keys_list(Arena *arena, Keys *keys, const char ***ret_ids, size_t *ret_count);

#endif
