/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/seal.h"

#include "base/text.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((size_t)64 * 1024)
#define PIECE_EXTRA ((size_t)crypto_secretstream_xchacha20poly1305_ABYTES)
#define HEADER_BYTES ((size_t)crypto_secretstream_xchacha20poly1305_HEADERBYTES)
#define NONCE_BYTES ((size_t)crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
#define TAG_BYTES ((size_t)crypto_aead_xchacha20poly1305_ietf_ABYTES)

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(SealSha256), "a SHA-256 stream must fit");
_Static_assert(sizeof(crypto_generichash_state) <= sizeof(SealBlake2b), "a BLAKE2b stream must fit");
_Static_assert(crypto_hash_sha256_BYTES == SEAL_HASH_BYTES, "one size of hash");
_Static_assert(crypto_secretstream_xchacha20poly1305_KEYBYTES == SEAL_KEY_BYTES, "one size of key");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SEAL_KEY_BYTES, "one size of key");
_Static_assert(crypto_sign_ed25519_SEEDBYTES == SEAL_KEY_BYTES, "a seed is a secret");
_Static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == SEAL_PUBLIC_BYTES, "one size of public key");
_Static_assert(crypto_sign_ed25519_BYTES == SEAL_SIGNATURE_BYTES, "one size of signature");
_Static_assert(crypto_hash_sha512_BYTES == SEAL_SHA512_BYTES, "one size of long hash");
_Static_assert(NONCE_BYTES + SEAL_KEY_BYTES + TAG_BYTES == SEAL_WRAPPED_BYTES, "a wrapped key must fit");

struct Secret
{
    unsigned char bytes[SEAL_KEY_BYTES];
};

Err
seal_init(void)
{
    if (sodium_init() < 0)
        return err_new(ERR_INTERNAL, "libsodium could not be initialised");
    return OK;
}

/* ---- secrets ---- */

static _Noreturn void
out_of_memory(void)
{
    (void)fputs("expunge: out of memory for a key\n", stderr);
    abort();
}

static Secret *
secret_new(void)
{
    Secret *secret = sodium_malloc(sizeof *secret);

    if (secret == NULL)
        out_of_memory();
    return secret;
}

/* From here on a stray write ends the process. */
static Secret *
secret_finished(Secret *secret)
{
    (void)sodium_mprotect_readonly(secret);
    return secret;
}

Secret *
secret_random(void)
{
    Secret *secret = secret_new();

    randombytes_buf(secret->bytes, sizeof secret->bytes);
    return secret_finished(secret);
}

Err
secret_from_bytes(const void *bytes, size_t length, Secret **ret_secret)
{
    CLEANUP(secret_freep) Secret *secret = secret_new();
    const char *text = bytes;
    const size_t digits = length == 2 * SEAL_KEY_BYTES + 1 && text[length - 1] == '\n' ? length - 1 : length;

    if (length == SEAL_KEY_BYTES)
        memcpy(secret->bytes, bytes, SEAL_KEY_BYTES);
    else if (digits != 2 * SEAL_KEY_BYTES ||
             sodium_hex2bin(secret->bytes, SEAL_KEY_BYTES, text, digits, NULL, NULL, NULL) != 0)
        return err_new(ERR_CONFIG,
                       "these %zu bytes are no key; right are %d raw bytes, or %d hexadecimal digits on one line",
                       length, SEAL_KEY_BYTES, 2 * SEAL_KEY_BYTES);
    *ret_secret = secret_finished(secret);
    secret = NULL;
    return OK;
}

void
secret_free(Secret *secret)
{
    sodium_free(secret);
}

void
secret_freep(Secret **secret)
{
    secret_free(*secret);
    *secret = NULL;
}

void
seal_wipe(void *memory, size_t length)
{
    if (length > 0)
        sodium_memzero(memory, length);
}

void
seal_random(void *ret, size_t length)
{
    if (length > 0)
        randombytes_buf(ret, length);
}

/* ---- hashes: none of these libsodium calls can fail with the sizes given ---- */

static void
must(int status)
{
    assert(status == 0);
    if (status != 0)
        abort();
}

static crypto_hash_sha256_state *
sha256_of(SealSha256 *stream)
{
    return (crypto_hash_sha256_state *)(void *)stream->state;
}

static crypto_generichash_state *
blake2b_of(SealBlake2b *stream)
{
    return (crypto_generichash_state *)(void *)stream->state;
}

void
seal_sha256_init(SealSha256 *stream)
{
    *stream = (SealSha256){ 0 };
    must(crypto_hash_sha256_init(sha256_of(stream)));
}

void
seal_sha256_add(SealSha256 *stream, const void *bytes, size_t length)
{
    if (length > 0)
        must(crypto_hash_sha256_update(sha256_of(stream), bytes, length));
}

void
seal_sha256_done(SealSha256 *stream, unsigned char ret[SEAL_HASH_BYTES])
{
    must(crypto_hash_sha256_final(sha256_of(stream), ret));
}

void
seal_sha256(const void *bytes, size_t length, unsigned char ret[SEAL_HASH_BYTES])
{
    must(crypto_hash_sha256(ret, bytes, length));
}

void
seal_blake2b_init(SealBlake2b *stream)
{
    *stream = (SealBlake2b){ 0 };
    must(crypto_generichash_init(blake2b_of(stream), NULL, 0, SEAL_HASH_BYTES));
}

void
seal_blake2b_add(SealBlake2b *stream, const void *bytes, size_t length)
{
    if (length > 0)
        must(crypto_generichash_update(blake2b_of(stream), bytes, length));
}

void
seal_blake2b_done(SealBlake2b *stream, unsigned char ret[SEAL_HASH_BYTES])
{
    must(crypto_generichash_final(blake2b_of(stream), ret, SEAL_HASH_BYTES));
}

void
seal_blake2b(const void *bytes, size_t length, unsigned char ret[SEAL_HASH_BYTES])
{
    must(crypto_generichash(ret, SEAL_HASH_BYTES, bytes, length, NULL, 0));
}

void
seal_mac(const Secret *key, const void *bytes, size_t length, unsigned char ret[SEAL_HASH_BYTES])
{
    must(crypto_generichash(ret, SEAL_HASH_BYTES, bytes, length, key->bytes, SEAL_KEY_BYTES));
}

void
seal_sha512(const void *bytes, size_t length, unsigned char ret[SEAL_SHA512_BYTES])
{
    must(crypto_hash_sha512(ret, bytes, length));
}

/* ---- signatures ---- */

/* libsodium's secret key is the seed and the public key behind it: 64 bytes that live as long as one call. */
static unsigned char *
key_pair_of(const Secret *seed, unsigned char ret_public[SEAL_PUBLIC_BYTES])
{
    unsigned char *pair = sodium_malloc(crypto_sign_ed25519_SECRETKEYBYTES);

    if (pair == NULL)
        out_of_memory();
    must(crypto_sign_ed25519_seed_keypair(ret_public, pair, seed->bytes));
    return pair;
}

void
seal_public(const Secret *seed, unsigned char ret_public[SEAL_PUBLIC_BYTES])
{
    sodium_free(key_pair_of(seed, ret_public));
}

void
seal_sign(const Secret *seed, const void *bytes, size_t length, unsigned char ret[SEAL_SIGNATURE_BYTES])
{
    unsigned char public_key[SEAL_PUBLIC_BYTES];
    unsigned char *pair = key_pair_of(seed, public_key);

    must(crypto_sign_ed25519_detached(ret, NULL, bytes, length, pair));
    sodium_free(pair);
}

bool
seal_is_signed(const unsigned char public_key[SEAL_PUBLIC_BYTES], const void *bytes, size_t length,
               const unsigned char signature[SEAL_SIGNATURE_BYTES])
{
    return crypto_sign_ed25519_verify_detached(signature, bytes, length, public_key) == 0;
}

char *
seal_base64(Arena *arena, const void *bytes, size_t length)
{
    const size_t room = sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(arena, room, 1);

    return sodium_bin2base64(text, room, bytes, length, sodium_base64_VARIANT_ORIGINAL);
}

bool
seal_unbase64(Arena *arena, const char *text, size_t length, unsigned char **ret_bytes, size_t *ret_length)
{
    unsigned char *bytes = arena_alloc(arena, length + 1, 1);

    if (sodium_base642bin(bytes, length, text, length, NULL, ret_length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    *ret_bytes = bytes;
    return true;
}

/* ---- wrapped keys ---- */

void
seal_wrap(const Secret *master, const Secret *key, const void *ad, size_t ad_length,
          unsigned char ret[SEAL_WRAPPED_BYTES])
{
    randombytes_buf(ret, NONCE_BYTES);
    must(crypto_aead_xchacha20poly1305_ietf_encrypt(ret + NONCE_BYTES, NULL, key->bytes, SEAL_KEY_BYTES, ad, ad_length,
                                                    NULL, ret, master->bytes));
}

Err
seal_unwrap(const Secret *master, const unsigned char wrapped[SEAL_WRAPPED_BYTES], const void *ad, size_t ad_length,
            Secret **ret_key)
{
    CLEANUP(secret_freep) Secret *key = secret_new();

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(key->bytes, NULL, NULL, wrapped + NONCE_BYTES,
                                                   SEAL_KEY_BYTES + TAG_BYTES, ad, ad_length, wrapped,
                                                   master->bytes) != 0)
        return err_new(ERR_EVIDENCE, "a wrapped key does not authenticate: another master key, or it was changed");
    *ret_key = secret_finished(key);
    key = NULL;
    return OK;
}

/* ---- frames ---- */

static size_t
piece_count(size_t plain_length)
{
    return plain_length == 0 ? 1 : (plain_length - 1) / PIECE_BYTES + 1;
}

size_t
seal_frame_size(size_t plain_length)
{
    return HEADER_BYTES + plain_length + piece_count(plain_length) * PIECE_EXTRA;
}

void
seal_frame(const Secret *key, const void *ad, size_t ad_length, const void *plain, size_t plain_length,
           void *ret_sealed)
{
    crypto_secretstream_xchacha20poly1305_state state;
    const unsigned char *from = plain;
    unsigned char *to = ret_sealed;
    size_t left = plain_length;

    must(crypto_secretstream_xchacha20poly1305_init_push(&state, to, key->bytes));
    to += HEADER_BYTES;
    for (size_t piece = piece_count(plain_length); piece > 0; piece--)
    {
        const size_t length = left < PIECE_BYTES ? left : PIECE_BYTES;
        const unsigned char tag = piece == 1 ? (unsigned char)crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                             : (unsigned char)crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;

        must(crypto_secretstream_xchacha20poly1305_push(&state, to, NULL, from, length, ad, ad_length, tag));
        to += length + PIECE_EXTRA;
        from = length > 0 ? from + length : from;
        left -= length;
    }
    sodium_memzero(&state, sizeof state);
}

static bool
open_pieces(crypto_secretstream_xchacha20poly1305_state *state, const void *ad, size_t ad_length,
            const unsigned char *sealed, unsigned char *ret_plain, size_t plain_length)
{
    size_t left = plain_length;

    for (size_t piece = piece_count(plain_length); piece > 0; piece--)
    {
        const size_t length = left < PIECE_BYTES ? left : PIECE_BYTES;
        const unsigned char wanted = piece == 1 ? (unsigned char)crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                : (unsigned char)crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
        unsigned char tag = 0;

        if (crypto_secretstream_xchacha20poly1305_pull(state, ret_plain, NULL, &tag, sealed, length + PIECE_EXTRA, ad,
                                                       ad_length) != 0 ||
            tag != wanted)
            return false;
        sealed += length + PIECE_EXTRA;
        ret_plain = length > 0 ? ret_plain + length : ret_plain;
        left -= length;
    }
    return true;
}

Err
seal_frame_open(const Secret *key, const void *ad, size_t ad_length, const void *sealed, size_t sealed_length,
                void *ret_plain, size_t plain_length)
{
    crypto_secretstream_xchacha20poly1305_state state;
    const unsigned char *from = sealed;

    /* Both ends are held fast: a frame cut at a piece's edge would decrypt without an error. */
    if (plain_length > SIZE_MAX / 2 || sealed_length != seal_frame_size(plain_length))
        return err_new(ERR_EVIDENCE,
                       "a sealed frame has %zu bytes, which cannot hold %zu bytes: it was cut or extended",
                       sealed_length, plain_length);
    bool good = crypto_secretstream_xchacha20poly1305_init_pull(&state, from, key->bytes) == 0;
    good = good && open_pieces(&state, ad, ad_length, from + HEADER_BYTES, ret_plain, plain_length);
    sodium_memzero(&state, sizeof state);
    if (good)
        return OK;
    seal_wipe(ret_plain, plain_length); /* nothing of a frame that is not whole */
    return err_new(ERR_EVIDENCE, "a sealed frame does not authenticate: another key or place, or it was changed");
}
