/* SPDX-License-Identifier: Apache-2.0 */
/* minisig.h -- Ed25519 signatures in minisign's form, as "minisign -V" reads them (minisign's documentation, "Signature
 * format"; the form "Ed", which signs the bytes themselves).  Pure. */
#ifndef EXPUNGE_MINISIG_H
#define EXPUNGE_MINISIG_H

#include "wrap/seal.h"

/* A public key's file.  comment: one line that nobody vouches for. */
char *minisig_key(Arena *arena, const unsigned char public_key[SEAL_PUBLIC_BYTES], const char *comment);
/* A signature's file.  trusted: one line that is signed, too. */
char *minisig_make(Arena *arena, const Secret *seed, const void *bytes, size_t length, const char *trusted);
/* NULL: text is a signature of bytes by that key; otherwise what is wrong, as the middle of a sentence. */
const char *minisig_fault(const unsigned char public_key[SEAL_PUBLIC_BYTES], const void *bytes, size_t length,
                          const char *text, size_t text_length);

#endif
