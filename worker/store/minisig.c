/* SPDX-License-Identifier: Apache-2.0 */
#include "store/minisig.h"

#include "base/text.h"
#include <string.h>

#define ALGORITHM "Ed" /* over the bytes, not over a hash of them */
#define ALGORITHM_BYTES 2
#define ID_BYTES 8
#define HEAD_BYTES (ALGORITHM_BYTES + ID_BYTES)
#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "

/* A key's name only helps to find it: any eight bytes that belong to it do. */
static void
put_head(const unsigned char public_key[SEAL_PUBLIC_BYTES], unsigned char ret_head[HEAD_BYTES])
{
    unsigned char digest[SEAL_HASH_BYTES];

    seal_sha256(public_key, SEAL_PUBLIC_BYTES, digest);
    memcpy(ret_head, ALGORITHM, ALGORITHM_BYTES);
    memcpy(ret_head + ALGORITHM_BYTES, digest, ID_BYTES);
}

char *
minisig_key(Arena *arena, const unsigned char public_key[SEAL_PUBLIC_BYTES], const char *comment)
{
    unsigned char blob[HEAD_BYTES + SEAL_PUBLIC_BYTES];

    put_head(public_key, blob);
    memcpy(blob + HEAD_BYTES, public_key, SEAL_PUBLIC_BYTES);
    return arena_printf(arena, UNTRUSTED "%s\n%s\n", comment, seal_base64(arena, blob, sizeof blob));
}

/* The second signature is of the first one and of the comment. */
static char *
sealed_comment(Arena *arena, const unsigned char signature[SEAL_SIGNATURE_BYTES], const char *trusted, size_t length,
               size_t *ret_length)
{
    char *both = arena_alloc(arena, SEAL_SIGNATURE_BYTES + length + 1, 1);

    memcpy(both, signature, SEAL_SIGNATURE_BYTES);
    memcpy(both + SEAL_SIGNATURE_BYTES, trusted, length);
    *ret_length = SEAL_SIGNATURE_BYTES + length;
    return both;
}

char *
minisig_make(Arena *arena, const Secret *seed, const void *bytes, size_t length, const char *trusted)
{
    unsigned char public_key[SEAL_PUBLIC_BYTES];
    unsigned char blob[HEAD_BYTES + SEAL_SIGNATURE_BYTES];
    unsigned char global[SEAL_SIGNATURE_BYTES];
    size_t both_length;

    seal_public(seed, public_key);
    put_head(public_key, blob);
    seal_sign(seed, bytes, length, blob + HEAD_BYTES);
    const char *both = sealed_comment(arena, blob + HEAD_BYTES, trusted, strlen(trusted), &both_length);
    seal_sign(seed, both, both_length, global);
    return arena_printf(arena, UNTRUSTED "signature by expunge\n%s\n" TRUSTED "%s\n%s\n",
                        seal_base64(arena, blob, sizeof blob), trusted, seal_base64(arena, global, sizeof global));
}

/* The next line of a text: without its newline, which must be there. */
static bool
take_line(const char **at, const char *end, const char **ret_line, size_t *ret_length)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));

    if (newline == NULL)
        return false;
    *ret_line = *at;
    *ret_length = (size_t)(newline - *at);
    *at = newline + 1;
    return true;
}

const char *
minisig_fault(const unsigned char public_key[SEAL_PUBLIC_BYTES], const void *bytes, size_t length, const char *text,
              size_t text_length)
{
    static const char no_signature[] = "is not a signature in minisign's form";
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *end = text + text_length, *line[4];
    size_t line_length[4], blob_length, global_length, both_length;
    unsigned char head[HEAD_BYTES], *blob, *global;

    for (size_t i = 0; i < 4; i++)
        if (!take_line(&text, end, &line[i], &line_length[i]))
            return no_signature;
    const size_t prefix = sizeof TRUSTED - 1;
    if (text != end || line_length[2] < prefix || memcmp(line[2], TRUSTED, prefix) != 0 ||
        !seal_unbase64(arena, line[1], line_length[1], &blob, &blob_length) ||
        blob_length != HEAD_BYTES + SEAL_SIGNATURE_BYTES || memcmp(blob, ALGORITHM, ALGORITHM_BYTES) != 0 ||
        !seal_unbase64(arena, line[3], line_length[3], &global, &global_length) ||
        global_length != SEAL_SIGNATURE_BYTES)
        return no_signature;
    put_head(public_key, head);
    if (memcmp(blob, head, HEAD_BYTES) != 0)
        return "is by another key";
    const char *both = sealed_comment(arena, blob + HEAD_BYTES, line[2] + prefix, line_length[2] - prefix,
                                      &both_length);
    return seal_is_signed(public_key, bytes, length, blob + HEAD_BYTES) &&
                   seal_is_signed(public_key, both, both_length, global)
               ? NULL
               : "does not verify";
}
