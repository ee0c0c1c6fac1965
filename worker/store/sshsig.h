/* SPDX-License-Identifier: Apache-2.0 */
/* sshsig.h -- Ed25519 signatures in OpenSSH's form, as "ssh-keygen -Y sign" and "-Y verify" write and read them
 * (PROTOCOL.sshsig of OpenSSH), and public keys as in authorized_keys (RFC 8709).  Pure. */
#ifndef EXPUNGE_SSHSIG_H
#define EXPUNGE_SSHSIG_H

#include "wrap/seal.h"

/* "ssh-ed25519 AAAA…" */
char *sshsig_key(Arena *arena, const unsigned char public_key[SEAL_PUBLIC_BYTES]);
/* The same read, a comment behind it allowed; false: anything else, keys of other kinds included. */
bool sshsig_key_parse(const char *text, unsigned char ret_public[SEAL_PUBLIC_BYTES]);

/* The armoured signature of bytes in a namespace. */
char *sshsig_make(Arena *arena, const Secret *seed, const char *name_space, const void *bytes, size_t length);
/* NULL: armour is a signature of bytes by that key in that namespace; otherwise what is wrong, as the middle of a
 * sentence. */
const char *sshsig_fault(const unsigned char public_key[SEAL_PUBLIC_BYTES], const char *name_space, const void *bytes,
                         size_t length, const char *armour, size_t armour_length);

#endif
