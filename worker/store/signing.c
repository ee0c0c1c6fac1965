/* SPDX-License-Identifier: Apache-2.0 */
#include "store/signing.h"

#include "base/fault.h"
#include "wrap/file.h"
#include <string.h>

#define FILE_BYTES 512
#define MAGIC_BYTES 16
#define PUBLIC_AT MAGIC_BYTES
#define WRAPPED_AT (PUBLIC_AT + SEAL_PUBLIC_BYTES)
#define SUM_AT (FILE_BYTES - SEAL_HASH_BYTES)

static const char MAGIC[MAGIC_BYTES + 1] = "expunge signing\n";

static void
fill(const Secret *seed, const Secret *master, unsigned char ret_bytes[FILE_BYTES])
{
    memset(ret_bytes, 0, FILE_BYTES);
    memcpy(ret_bytes, MAGIC, MAGIC_BYTES);
    seal_public(seed, ret_bytes + PUBLIC_AT);
    seal_wrap(master, seed, ret_bytes, WRAPPED_AT, ret_bytes + WRAPPED_AT);
    seal_blake2b(ret_bytes, SUM_AT, ret_bytes + SUM_AT);
}

Err
signing_create(const char *path, const Secret *master)
{
    CLEANUP(secret_freep) Secret *seed = secret_random();
    unsigned char bytes[FILE_BYTES];

    if (file_exists(path))
        return err_new(ERR_RAIL, "there is a signing key at \"%s\" already", path);
    fill(seed, master, bytes);
    return file_save(path, bytes, sizeof bytes, 0600);
}

static Err
read_file(const char *path, unsigned char ret_bytes[FILE_BYTES])
{
    CLEANUP(file_closep) File *file = NULL;
    unsigned char sum[SEAL_HASH_BYTES];
    int64_t size = 0;

    if (!file_exists(path))
        return err_new(ERR_EVIDENCE, "there is no signing key at \"%s\": bring it back, or see \"expunge help init\"",
                       path);
    TRY(file_open(path, FILE_READ, &file));
    TRY(file_size(file, &size));
    if (size == FILE_BYTES)
        TRY(file_read_at(file, 0, ret_bytes, FILE_BYTES));
    seal_blake2b(ret_bytes, SUM_AT, sum);
    if (size != FILE_BYTES || memcmp(ret_bytes, MAGIC, MAGIC_BYTES) != 0 ||
        memcmp(sum, ret_bytes + SUM_AT, sizeof sum) != 0)
        return err_new(ERR_EVIDENCE, "the signing key \"%s\" is damaged", path);
    return OK;
}

Err
signing_open(const char *path, const Secret *master, Signing *ret_signing)
{
    CLEANUP(signing_closep) Signing signing = { .seed = NULL };
    unsigned char bytes[FILE_BYTES] = { 0 };
    unsigned char again[SEAL_PUBLIC_BYTES];

    TRY(read_file(path, bytes));
    memcpy(signing.public_key, bytes + PUBLIC_AT, SEAL_PUBLIC_BYTES);
    if (master != NULL)
    {
        if (seal_unwrap(master, bytes + WRAPPED_AT, bytes, WRAPPED_AT, &signing.seed) != OK)
            return err_new(ERR_EVIDENCE,
                           "the master key does not open the signing key \"%s\": it was made with another one, or "
                           "swapped",
                           path);
        seal_public(signing.seed, again);
        if (memcmp(again, signing.public_key, sizeof again) != 0)
            return err_new(ERR_EVIDENCE, "the signing key \"%s\" holds another public key than its own", path);
    }
    *ret_signing = signing;
    signing.seed = NULL;
    return OK;
}

void
signing_closep(Signing *signing)
{
    secret_freep(&signing->seed);
}

Err
signing_replace(const char *path, const char *from)
{
    CLEANUP(file_closep) File *file = NULL;
    unsigned char bytes[FILE_BYTES] = { 0 };

    TRY(read_file(from, bytes));
    TRY(file_open(path, FILE_UPDATE, &file));
    TRY(file_write_at(file, 0, bytes, sizeof bytes));
    TRY(file_sync(file));
    fault_point("rotate.replaced");
    return file_remove(from);
}

static Err
write_over(const char *path, const unsigned char bytes[FILE_BYTES])
{
    CLEANUP(file_closep) File *file = NULL;

    TRY(file_open(path, FILE_UPDATE, &file));
    TRY(file_lock(file, true));
    TRY(file_write_at(file, 0, bytes, FILE_BYTES));
    return file_sync(file);
}

Err
signing_rewrap(const char *path, const Secret *master, const Secret *next)
{
    CLEANUP(signing_closep) Signing signing = { .seed = NULL };
    unsigned char bytes[FILE_BYTES];

    if (signing_open(path, next, &signing) == OK)
        return OK;
    err_clear();
    TRY(signing_open(path, master, &signing));
    fill(signing.seed, next, bytes);
    TRY(write_over(path, bytes));
    fault_point("rotate.rewrapped");
    return OK;
}
