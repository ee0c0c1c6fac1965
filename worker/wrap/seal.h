/* SPDX-License-Identifier: Apache-2.0 */
/* seal.h -- cryptography through libsodium.  The only file that knows libsodium.  Secrets live in guarded memory
 * (sodium_malloc), never in an arena. */
#ifndef EXPUNGE_SEAL_H
#define EXPUNGE_SEAL_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

#define SEAL_KEY_BYTES 32
#define SEAL_HASH_BYTES 32
#define SEAL_SHA512_BYTES 64
#define SEAL_PUBLIC_BYTES 32                          /* Ed25519: RFC 8032 */
#define SEAL_SIGNATURE_BYTES 64                       /* likewise */
#define SEAL_WRAPPED_BYTES (24 + SEAL_KEY_BYTES + 16) /* nonce, sealed key, tag */

typedef struct Secret Secret; /* SEAL_KEY_BYTES bytes */

NODISCARD Err seal_init(void); /* once, before anything else; ERR_INTERNAL */

Secret *secret_random(void);
/* Exactly 32 raw bytes, or 64 hexadecimal digits with an optional newline; otherwise ERR_CONFIG that says what is
 * right.  The caller wipes bytes. */
NODISCARD Err secret_from_bytes(const void *bytes, size_t length, Secret **ret_secret);
void secret_free(Secret *secret); /* wipes */
void secret_freep(Secret **secret);
void seal_wipe(void *memory, size_t length);
void seal_random(void *ret, size_t length);

/* Hashes.  Streams: init, add any number of times, done.  Copying the struct forks the stream. */
typedef struct SealSha256
{
    _Alignas(64) unsigned char state[128];
} SealSha256;
void seal_sha256_init(SealSha256 *stream);
void seal_sha256_add(SealSha256 *stream, const void *bytes, size_t length);
void seal_sha256_done(SealSha256 *stream, unsigned char ret[SEAL_HASH_BYTES]);
void seal_sha256(const void *bytes, size_t length, unsigned char ret[SEAL_HASH_BYTES]);

typedef struct SealBlake2b
{
    _Alignas(64) unsigned char state[384];
} SealBlake2b;
void seal_blake2b_init(SealBlake2b *stream);
void seal_blake2b_add(SealBlake2b *stream, const void *bytes, size_t length);
void seal_blake2b_done(SealBlake2b *stream, unsigned char ret[SEAL_HASH_BYTES]);
void seal_blake2b(const void *bytes, size_t length, unsigned char ret[SEAL_HASH_BYTES]);
void seal_sha512(const void *bytes, size_t length, unsigned char ret[SEAL_SHA512_BYTES]); /* SSHSIG wants it */
/* Keyed BLAKE2b-256: a commitment that nobody without the key can guess values against. */
void seal_mac(const Secret *key, const void *bytes, size_t length, unsigned char ret[SEAL_HASH_BYTES]);

/* Wrap one key under another (XChaCha20-Poly1305, random nonce), bound to additional data (ad).
 * seal_unwrap: ERR_EVIDENCE when it does not authenticate. */
void seal_wrap(const Secret *master, const Secret *key, const void *ad, size_t ad_length,
               unsigned char ret[SEAL_WRAPPED_BYTES]);
NODISCARD Err seal_unwrap(const Secret *master, const unsigned char wrapped[SEAL_WRAPPED_BYTES], const void *ad,
                          size_t ad_length, Secret **ret_key);

/* Signatures: Ed25519, of which a Secret is the seed. */
void seal_public(const Secret *seed, unsigned char ret_public[SEAL_PUBLIC_BYTES]);
void seal_sign(const Secret *seed, const void *bytes, size_t length, unsigned char ret[SEAL_SIGNATURE_BYTES]);
bool seal_is_signed(const unsigned char public_key[SEAL_PUBLIC_BYTES], const void *bytes, size_t length,
                    const unsigned char signature[SEAL_SIGNATURE_BYTES]);

/* Base64 (RFC 4648, padded, no line breaks).  seal_unbase64: false where it is anything else. */
char *seal_base64(Arena *arena, const void *bytes, size_t length);
bool seal_unbase64(Arena *arena, const char *text, size_t length, unsigned char **ret_bytes, size_t *ret_length);

/* A frame: one secretstream (crypto_secretstream_xchacha20poly1305): 24 bytes header, then pieces of at most 64 KiB of
 * plain bytes, each bound to ad, the last one (and only it) tagged FINAL.  seal_frame_size: bytes it takes sealed. */
size_t seal_frame_size(size_t plain_length);
void seal_frame(const Secret *key, const void *ad, size_t ad_length, const void *plain, size_t plain_length,
                void *ret_sealed);
/* ret_plain has room for plain_length bytes, which must be exactly what the frame holds.
 * Fails with ERR_EVIDENCE when anything does not authenticate, FINAL is missing, early, or bytes follow it. */
NODISCARD Err seal_frame_open(const Secret *key, const void *ad, size_t ad_length, const void *sealed,
                              size_t sealed_length, void *ret_plain, size_t plain_length);

#endif
