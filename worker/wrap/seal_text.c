/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/seal_text.h"

#include "base/text.h"
#include "wrap/file.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256
#define KEY_BYTES_MAX 64
#define HMAC_KEY_BYTES_MIN 24

struct SecretText
{
    char *bytes;
    size_t length;
    size_t room;
};

static char *
guarded(size_t size)
{
    char *bytes = sodium_malloc(size);
    if (bytes == NULL)
    {
        (void)fputs("expunge: out of guarded memory\n", stderr);
        abort();
    }
    return bytes;
}

SecretText *
secret_text_new(void)
{
    SecretText *text = mem_alloc(sizeof *text);
    text->bytes = guarded(FIRST_ROOM);
    text->room = FIRST_ROOM;
    text->bytes[0] = '\0';
    return text;
}

void
secret_text_free(SecretText *text)
{
    if (text == NULL)
        return;
    sodium_free(text->bytes);
    mem_free(text);
}

void
secret_text_freep(SecretText **text)
{
    secret_text_free(*text);
    *text = NULL;
}

void
secret_text_add_bytes(SecretText *text, const void *bytes, size_t length)
{
    if (text->length + length + 1 > text->room)
    {
        const size_t room = 2 * (text->length + length + 1);
        char *larger = guarded(room);
        memcpy(larger, text->bytes, text->length);
        sodium_free(text->bytes);
        text->bytes = larger;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void
secret_text_add(SecretText *text, const char *piece)
{
    secret_text_add_bytes(text, piece, strlen(piece));
}

const char *
secret_text_string(const SecretText *text)
{
    return text->bytes;
}

size_t
secret_text_length(const SecretText *text)
{
    return text->length;
}

Err
secret_text_load(SecretText *text, const char *path, size_t limit)
{
    CLEANUP(file_closep) File *file = NULL;
    int64_t size = 0;

    TRY(file_open(path, FILE_READ, &file));
    TRY(file_size(file, &size));
    if (size < 0 || (size_t)size > limit)
        return err_new(ERR_CONFIG, "\"%s\" is longer than %zu bytes", path, limit);
    char *bytes = guarded((size_t)size + 1);
    const Err e = file_read_at(file, 0, bytes, (size_t)size);
    size_t length = (size_t)size;
    while (e == OK && length > 0 && strchr(" \t\r\n", bytes[length - 1]) != NULL)
        length--;
    bool fits = e == OK && length > 0;
    for (size_t i = 0; fits && i < length; i++)
        fits = (unsigned char)bytes[i] >= ' ' && bytes[i] != 0x7f;
    if (fits)
        secret_text_add_bytes(text, bytes, length);
    sodium_free(bytes);
    if (e != OK)
        return e;
    return fits ? OK : err_new(ERR_CONFIG, "\"%s\" must hold one line of text", path);
}

/* -- signatures ---------------------------------------------------------------------------------------------------- */

static Err
read_key(const SecretText *secret, const char *prefix, unsigned char ret_key[KEY_BYTES_MAX], size_t *ret_length)
{
    const size_t skip = strlen(prefix);

    if (strncmp(secret->bytes, prefix, skip) == 0 &&
        sodium_base642bin(ret_key, KEY_BYTES_MAX, secret->bytes + skip, secret->length - skip, NULL, ret_length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0)
        return OK;
    return err_new(ERR_CONFIG, "the secret of the signature is not \"%s\" and base64 behind it", prefix);
}

static void
add_signature(SecretText *text, const char *scheme, const unsigned char *bytes, size_t length)
{
    char base64[sodium_base64_ENCODED_LEN(crypto_sign_BYTES, sodium_base64_VARIANT_ORIGINAL)];

    sodium_bin2base64(base64, sizeof base64, bytes, length, sodium_base64_VARIANT_ORIGINAL);
    secret_text_add(text, scheme);
    secret_text_add(text, ",");
    secret_text_add(text, base64);
}

static Err
sign_v1(const unsigned char *key, size_t key_length, const SecretText *message, SecretText *ret_signature)
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    if (key_length < HMAC_KEY_BYTES_MIN)
        return err_new(ERR_CONFIG, "the secret of the signature is shorter than %d bytes", HMAC_KEY_BYTES_MIN);
    crypto_auth_hmacsha256_init(&state, key, key_length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)message->bytes, message->length);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
    add_signature(ret_signature, "v1", mac, sizeof mac);
    return OK;
}

static Err
sign_v1a(const unsigned char *key, size_t key_length, const SecretText *message, SecretText *ret_signature)
{
    unsigned char public[crypto_sign_PUBLICKEYBYTES], private[crypto_sign_SECRETKEYBYTES], signature[crypto_sign_BYTES];

    if (key_length != crypto_sign_SEEDBYTES && key_length != crypto_sign_SECRETKEYBYTES)
        return err_new(ERR_CONFIG, "the secret of the signature is no Ed25519 key of 32 or 64 bytes");
    crypto_sign_seed_keypair(public, private, key); /* a private key begins with its seed */
    crypto_sign_detached(signature, NULL, (const unsigned char *)message->bytes, message->length, private);
    sodium_memzero(private, sizeof private);
    add_signature(ret_signature, "v1a", signature, sizeof signature);
    return OK;
}

Err
secret_text_sign(const char *scheme, const SecretText *secret, const SecretText *message, SecretText *ret_signature)
{
    const bool asymmetric = strcmp(scheme, "v1a") == 0;
    unsigned char key[KEY_BYTES_MAX];
    size_t length = 0;

    Err e = read_key(secret, asymmetric ? "whsk_" : "whsec_", key, &length);
    if (e == OK)
        e = (asymmetric ? sign_v1a : sign_v1)(key, length, message, ret_signature);
    sodium_memzero(key, sizeof key);
    return e;
}
