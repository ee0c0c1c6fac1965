/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sshsig.h"

#include "base/text.h"
#include <string.h>

#define MAGIC "SSHSIG"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define VERSION 1
#define KEY_TYPE "ssh-ed25519"
#define BEGIN_LINE "-----BEGIN SSH SIGNATURE-----\n"
#define END_LINE "-----END SSH SIGNATURE-----"
#define COLUMNS 70

/* -- the wire: a string is its length in four bytes, the largest first, and its bytes (RFC 4251, section 5) --------- */

static void
put_string(Text *out, const void *bytes, size_t length)
{
    const unsigned char head[4] = { (unsigned char)(length >> 24), (unsigned char)(length >> 16),
                                    (unsigned char)(length >> 8), (unsigned char)length };

    text_add_bytes(out, head, sizeof head);
    text_add_bytes(out, bytes, length);
}

static void
put_words(Text *out, const char *text)
{
    put_string(out, text, strlen(text));
}

typedef struct Wire
{
    const unsigned char *at;
    size_t left;
} Wire;

static bool
take_string(Wire *wire, Wire *ret_string)
{
    if (wire->left < 4)
        return false;
    const size_t length = (size_t)wire->at[0] << 24 | (size_t)wire->at[1] << 16 | (size_t)wire->at[2] << 8 |
                          (size_t)wire->at[3];
    if (wire->left - 4 < length)
        return false;
    *ret_string = (Wire){ wire->at + 4, length };
    wire->at += 4 + length;
    wire->left -= 4 + length;
    return true;
}

static bool
is_words(const Wire *string, const char *text)
{
    return string->left == strlen(text) && memcmp(string->at, text, string->left) == 0;
}

/* A pair of strings: the kind of key, and its own bytes, of which there must be length. */
static bool
take_typed(Wire wire, size_t length, unsigned char *ret)
{
    Wire type, bytes;

    if (!take_string(&wire, &type) || !take_string(&wire, &bytes) || wire.left != 0 || !is_words(&type, KEY_TYPE) ||
        bytes.left != length)
        return false;
    memcpy(ret, bytes.at, length);
    return true;
}

/* -- public keys ---------------------------------------------------------------------------------------------------- */

static void
put_key(Text *out, const unsigned char public_key[SEAL_PUBLIC_BYTES])
{
    put_words(out, KEY_TYPE);
    put_string(out, public_key, SEAL_PUBLIC_BYTES);
}

char *
sshsig_key(Arena *arena, const unsigned char public_key[SEAL_PUBLIC_BYTES])
{
    Text blob = TEXT_INIT(arena);

    put_key(&blob, public_key);
    return arena_printf(arena, KEY_TYPE " %s", seal_base64(arena, blob.bytes, blob.length));
}

bool
sshsig_key_parse(const char *text, unsigned char ret_public[SEAL_PUBLIC_BYTES])
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    unsigned char *blob;
    Wire wire;

    if (!text_starts(text, KEY_TYPE " "))
        return false;
    const char *encoded = text + sizeof KEY_TYPE;
    if (!seal_unbase64(arena, encoded, strcspn(encoded, " "), &blob, &wire.left))
        return false;
    wire.at = blob;
    return take_typed(wire, SEAL_PUBLIC_BYTES, ret_public);
}

/* -- signatures ----------------------------------------------------------------------------------------------------- */

/* What is really signed: the magic, then namespace, reserved, name of the hash, hash. */
static void
put_signed(Text *out, const char *name_space, const char *hash_name, const unsigned char *hash, size_t hash_bytes)
{
    text_add_bytes(out, MAGIC, MAGIC_BYTES);
    put_words(out, name_space);
    put_words(out, "");
    put_words(out, hash_name);
    put_string(out, hash, hash_bytes);
}

char *
sshsig_make(Arena *arena, const Secret *seed, const char *name_space, const void *bytes, size_t length)
{
    unsigned char public_key[SEAL_PUBLIC_BYTES];
    unsigned char signature[SEAL_SIGNATURE_BYTES];
    unsigned char hash[SEAL_SHA512_BYTES];
    Text to_sign = TEXT_INIT(arena), key = TEXT_INIT(arena), raw = TEXT_INIT(arena), blob = TEXT_INIT(arena);
    Text armour = TEXT_INIT(arena);

    seal_public(seed, public_key);
    seal_sha512(bytes, length, hash);
    put_signed(&to_sign, name_space, "sha512", hash, sizeof hash);
    seal_sign(seed, to_sign.bytes, to_sign.length, signature);
    put_key(&key, public_key);
    put_words(&raw, KEY_TYPE);
    put_string(&raw, signature, sizeof signature);

    text_add_bytes(&blob, MAGIC, MAGIC_BYTES);
    text_add_bytes(&blob, (const unsigned char[]){ 0, 0, 0, VERSION }, 4);
    put_string(&blob, key.bytes, key.length);
    put_words(&blob, name_space);
    put_words(&blob, "");
    put_words(&blob, "sha512");
    put_string(&blob, raw.bytes, raw.length);

    const char *encoded = seal_base64(arena, blob.bytes, blob.length);
    text_add(&armour, BEGIN_LINE);
    for (size_t at = 0, left = strlen(encoded); left > 0;)
    {
        const size_t count = left < COLUMNS ? left : COLUMNS;
        text_addf(&armour, "%.*s\n", (int)count, encoded + at);
        at += count;
        left -= count;
    }
    text_add(&armour, END_LINE "\n");
    return text_done(&armour);
}

/* The bytes between the two lines. */
static bool
unarmour(Arena *arena, const char *armour, size_t length, Wire *ret_blob)
{
    const size_t begin = sizeof BEGIN_LINE - 1;
    Text joined = TEXT_INIT(arena);
    unsigned char *blob;

    if (length < begin || memcmp(armour, BEGIN_LINE, begin) != 0)
        return false;
    const char *end = memmem(armour + begin, length - begin, "\n" END_LINE, sizeof END_LINE);
    if (end == NULL)
        return false;
    const size_t tail = (size_t)(armour + length - end) - sizeof END_LINE;
    if (tail > 1 || (tail == 1 && armour[length - 1] != '\n'))
        return false;
    for (const char *at = armour + begin; at < end; at++)
        if (*at != '\n' && *at != '\r')
            text_add_bytes(&joined, at, 1);
    if (!seal_unbase64(arena, text_done(&joined), joined.length, &blob, &ret_blob->left))
        return false;
    ret_blob->at = blob;
    return true;
}

typedef struct Parts
{
    Wire key;
    Wire name_space;
    Wire reserved;
    Wire hash_name;
    Wire signature;
} Parts;

static bool
take_apart(Wire blob, Parts *ret)
{
    static const unsigned char head[] = { 'S', 'S', 'H', 'S', 'I', 'G', 0, 0, 0, VERSION };

    if (blob.left < sizeof head || memcmp(blob.at, head, sizeof head) != 0)
        return false;
    blob.at += sizeof head;
    blob.left -= sizeof head;
    return take_string(&blob, &ret->key) && take_string(&blob, &ret->name_space) &&
           take_string(&blob, &ret->reserved) && take_string(&blob, &ret->hash_name) &&
           take_string(&blob, &ret->signature) && blob.left == 0 && ret->reserved.left == 0;
}

const char *
sshsig_fault(const unsigned char public_key[SEAL_PUBLIC_BYTES], const char *name_space, const void *bytes,
             size_t length, const char *armour, size_t armour_length)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    unsigned char key[SEAL_PUBLIC_BYTES];
    unsigned char signature[SEAL_SIGNATURE_BYTES];
    unsigned char hash[SEAL_SHA512_BYTES];
    Text to_verify = TEXT_INIT(arena);
    Wire blob = { NULL, 0 };
    Parts parts;

    if (!unarmour(arena, armour, armour_length, &blob) || !take_apart(blob, &parts))
        return "is not a signature in OpenSSH's form";
    if (!take_typed(parts.key, sizeof key, key) || memcmp(key, public_key, sizeof key) != 0)
        return "is by another key";
    if (!is_words(&parts.name_space, name_space))
        return "is for another namespace";
    if (!take_typed(parts.signature, sizeof signature, signature))
        return "is not an Ed25519 signature";
    if (is_words(&parts.hash_name, "sha512"))
    {
        seal_sha512(bytes, length, hash);
        put_signed(&to_verify, name_space, "sha512", hash, SEAL_SHA512_BYTES);
    }
    else if (is_words(&parts.hash_name, "sha256"))
    {
        seal_sha256(bytes, length, hash);
        put_signed(&to_verify, name_space, "sha256", hash, SEAL_HASH_BYTES);
    }
    else
        return "uses an unknown hash";
    return seal_is_signed(key, to_verify.bytes, to_verify.length, signature) ? NULL : "does not verify";
}
