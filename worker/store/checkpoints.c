/* SPDX-License-Identifier: Apache-2.0 */
#include "store/checkpoints_private.h"

#include "base/fault.h"
#include "base/text.h"
#include "store/asn1.h"
#include "store/hex.h"
#include "store/minisig.h"
#include "store/sshsig.h"
#include "wrap/file.h"
#include <inttypes.h>
#include <string.h>

void
checkpoints_digest(const char *bytes, size_t length, char ret_digest[65])
{
    unsigned char digest[SEAL_HASH_BYTES];

    seal_sha256(bytes, length, digest);
    hex_put(digest, sizeof digest, ret_digest);
}

static char *
path_of(Arena *arena, const char *dir, int64_t number, const char *suffix)
{
    return arena_printf(arena, "%s/%" PRId64 "%s", dir, number, suffix);
}

Err
checkpoints_newest(const char *dir, int64_t *ret_number)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    int64_t newest = 0, number;
    size_t count = 0;
    char **names;

    if (file_exists(dir))
        TRY(file_list(arena, dir, &names, &count));
    for (size_t i = 0; i < count; i++)
    {
        const bool plain = names[i][0] != '0' && strspn(names[i], "0123456789") == strlen(names[i]);
        if (plain && text_int64(names[i], 1, INT64_MAX, &number) && number > newest)
            newest = number;
    }
    *ret_number = newest;
    return OK;
}

Err
checkpoints_load(Arena *arena, const char *dir, int64_t number, Checkpoint *ret_checkpoint)
{
    const char *path = path_of(arena, dir, number, "");
    size_t length;
    char *text;

    if (!file_exists(path))
        return err_new(ERR_EVIDENCE, "checkpoint %" PRId64 " is missing: there is no \"%s\"", number, path);
    TRY(file_load(arena, path, CHECKPOINTS_LIMIT, &text, &length));
    const Err e = checkpoints_parse(arena, text, length, ret_checkpoint);
    if (e != OK)
        return err_note(e, "checkpoint %" PRId64 ", \"%s\", is damaged", number, path);
    if (ret_checkpoint->number != number)
        return err_new(ERR_EVIDENCE, "checkpoint %" PRId64 " is missing: \"%s\" is number %" PRId64, number, path,
                       ret_checkpoint->number);
    return OK;
}

/* -- signatures ----------------------------------------------------------------------------------------------------- */

/* One of a checkpoint's files; *ret_bytes stays NULL where there is none. */
static Err
load_beside(Arena *arena, const char *path, char **ret_bytes, size_t *ret_length)
{
    *ret_bytes = NULL;
    *ret_length = 0;
    return file_exists(path) ? file_load(arena, path, CHECKPOINTS_LIMIT, ret_bytes, ret_length) : OK;
}

static const char *
bare_fault(const unsigned char *key, const void *text, size_t length, const char *signature, size_t signature_length)
{
    if (signature_length != SEAL_SIGNATURE_BYTES)
        return "is not the 64 bytes of a signature";
    return seal_is_signed(key, text, length, (const unsigned char *)signature) ? NULL : "does not verify";
}

Err
checkpoints_judge_signatures(const char *dir, const Checkpoint *c)
{
    static const char *const suffixes[] = { ".sig", ".minisig", ".ed25519" };
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *text = checkpoints_format(arena, c);
    const size_t length = strlen(text);

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
    {
        const char *path = path_of(arena, dir, c->number, suffixes[i]);
        size_t size;
        char *bytes;

        TRY(load_beside(arena, path, &bytes, &size));
        const char *fault = bytes == NULL ? "is missing"
                            : i == 0      ? sshsig_fault(c->key, CHECKPOINTS_NAMESPACE, text, length, bytes, size)
                            : i == 1      ? minisig_fault(c->key, text, length, bytes, size)
                                          : bare_fault(c->key, text, length, bytes, size);
        if (fault != NULL)
            return err_new(ERR_EVIDENCE, "checkpoint %" PRId64 ": its signature \"%s\" %s", c->number, path, fault);
    }
    return OK;
}

Err
checkpoints_save(const char *dir, const Signing *signing, Checkpoint *c)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *text = checkpoints_format(arena, c);
    const size_t length = strlen(text);
    const char *comment = arena_printf(arena, "%s checkpoint %" PRId64 " of %s", c->origin, c->number,
                                       instant_format(arena, c->time));
    const char *armour = sshsig_make(arena, signing->seed, CHECKPOINTS_NAMESPACE, text, length);
    const char *minisig = minisig_make(arena, signing->seed, text, length, comment);
    unsigned char bare[SEAL_SIGNATURE_BYTES];

    seal_sign(signing->seed, text, length, bare);
    TRY(file_save(path_of(arena, dir, c->number, ".sig"), armour, strlen(armour), 0600));
    fault_point("checkpoint.signing");
    TRY(file_save(path_of(arena, dir, c->number, ".minisig"), minisig, strlen(minisig), 0600));
    TRY(file_save(path_of(arena, dir, c->number, ".ed25519"), bare, sizeof bare, 0600));
    fault_point("checkpoint.signed");
    TRY(file_save(path_of(arena, dir, c->number, ""), text, length, 0600));
    fault_point("checkpoint.written");
    checkpoints_digest(text, length, c->digest);
    return OK;
}

/* -- anchors -------------------------------------------------------------------------------------------------------- */

char *
checkpoints_anchor_file(Arena *arena, const Anchor *anchor)
{
    if (anchor->auditor == NULL)
        return arena_printf(arena, "%" PRId64 ".tsr", anchor->number);
    return arena_printf(arena, "%" PRId64 ".%s.sig", anchor->number, anchor->auditor);
}

Err
checkpoints_judge_anchor(Arena *arena, const char *dir, Anchor *anchor)
{
    const char *path = arena_printf(arena, "%s/%s", dir, checkpoints_anchor_file(arena, anchor));
    unsigned char key[SEAL_PUBLIC_BYTES], digest[SEAL_HASH_BYTES];
    size_t size, length;
    char *bytes, *text;
    const char *fault;

    TRY(load_beside(arena, path, &bytes, &size));
    TRY(load_beside(arena, path_of(arena, dir, anchor->number, ""), &text, &length));
    if (bytes == NULL || text == NULL)
        fault = "is missing, or its checkpoint is";
    else if (anchor->auditor == NULL)
    {
        seal_sha256(text, length, digest);
        fault = asn1_stamp_fault((const unsigned char *)bytes, size, digest, NULL, &anchor->time);
    }
    else if (!sshsig_key_parse(anchor->key, key))
        fault = "is by a key that cannot be read";
    else
        fault = sshsig_fault(key, CHECKPOINTS_NAMESPACE, text, length, bytes, size);
    if (fault != NULL)
        return err_new(ERR_EVIDENCE, "the anchor \"%s\" of checkpoint %" PRId64 " %s", path, anchor->number, fault);
    checkpoints_digest(bytes, size, anchor->digest);
    return OK;
}

/* -- the chain ------------------------------------------------------------------------------------------------------ */

/* What is wrong with a checkpoint that follows front (number 0: it is the first), or NULL. */
static const char *
find_fault(const Checkpoint *front, const Checkpoint *c)
{
    const unsigned char *key = front->ends_key ? front->next_key : front->key;

    if (strcmp(c->previous, front->number == 0 ? CHECKPOINTS_NO_DIGEST : front->digest) != 0)
        return "does not hold the digest of the one in front";
    if (front->number == 0)
        return c->key_number == 1 ? NULL : "is the first one, but not by the first key";
    if (strcmp(c->origin, front->origin) != 0)
        return "is of another origin than the one in front";
    if (c->time < front->time)
        return "is older than the one in front";
    if (c->place.size < front->place.size || c->place.bytes < front->place.bytes)
        return "signs less than the one in front";
    if (c->key_number != front->key_number + (front->ends_key ? 1 : 0) || memcmp(c->key, key, SEAL_PUBLIC_BYTES) != 0)
        return "is by a key that the one in front does not announce";
    return NULL;
}

Err
checkpoints_walk(const char *dir, CheckpointVisit visit, void *context, int64_t *ret_count)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    CLEANUP(arena_freep) Arena *other = arena_new();
    Checkpoint front = { .number = 0 }, c;
    int64_t newest;

    TRY(checkpoints_newest(dir, &newest));
    for (int64_t number = 1; number <= newest; number++)
    {
        TRY(checkpoints_load(arena, dir, number, &c));
        const char *fault = find_fault(&front, &c);
        if (fault != NULL)
            return err_new(ERR_EVIDENCE, "checkpoint %" PRId64 " %s", number, fault);
        TRY(checkpoints_judge_signatures(dir, &c));
        TRY(visit(context, &c));
        front = c; /* its texts live until the next but one */
        Arena *used = arena;
        arena = other;
        other = used;
        arena_reset(arena);
    }
    *ret_count = newest;
    return OK;
}
