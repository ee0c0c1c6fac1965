/* SPDX-License-Identifier: Apache-2.0 */
/* signing.h -- the key that signs checkpoints: STATE_DIR/signing.key, one Ed25519 seed wrapped by the master key.
 *
 * 512 bytes, one sector: magic "expunge signing\n", public key, wrapped seed (seal_wrap, bound to the public key), zeros,
 * BLAKE2b-256 of what is in front.  A new key is made beside it and written over it, so that the old seed is gone. */
#ifndef EXPUNGE_SIGNING_H
#define EXPUNGE_SIGNING_H

#include "wrap/seal.h"

typedef struct Signing
{
    unsigned char public_key[SEAL_PUBLIC_BYTES];
    Secret *seed; /* NULL: opened without the master key */
} Signing;

/* Make the file with a fresh key: ERR_RAIL when it exists. */
NODISCARD Err signing_create(const char *path, const Secret *master);
/* master NULL: the public key alone, which then nobody vouches for.  ERR_EVIDENCE when it is gone, damaged, or another
 * master key's. */
NODISCARD Err signing_open(const char *path, const Secret *master, Signing *ret_signing);
void signing_closep(Signing *signing);
/* Wrap the seed under the next master key, in place; OK when it is already. */
NODISCARD Err signing_rewrap(const char *path, const Secret *master, const Secret *next);
/* Write the key at from over the one at path, in place, sync, and remove from. */
NODISCARD Err signing_replace(const char *path, const char *from);

#endif
