/* SPDX-License-Identifier: Apache-2.0 */
/* evidence_public.c -- the parts of evidence.h that face the auditor: public files, and anchors that were dropped. */
#include "store/evidence.h"

#include "base/text.h"
#include "store/asn1.h"
#include "store/minisig.h"
#include "store/sshsig.h"
#include "wrap/file.h"
#include <string.h>

/* -- keys ----------------------------------------------------------------------------------------------------------- */

static void
push_key(SigningKeys *keys, const unsigned char *key, Instant from)
{
    SigningKey one = { .from = from, .until = INSTANT_NONE };

    memcpy(one.key, key, sizeof one.key);
    ARENA_PUSH(keys->arena, keys->list, keys->count, keys->room, one);
}

void
evidence_note_keys(SigningKeys *keys, const Checkpoint *checkpoint)
{
    if (keys->count == 0)
        push_key(keys, checkpoint->key, INSTANT_NONE);
    if (!checkpoint->ends_key)
        return;
    keys->list[keys->count - 1].until = checkpoint->time;
    push_key(keys, checkpoint->next_key, checkpoint->time);
}

/* -- files ---------------------------------------------------------------------------------------------------------- */

/* ",valid-after=\"20260131235959Z\"": ssh-keygen(1), "ALLOWED SIGNERS"; both ends are included. */
static void
add_limit(Text *text, const char *name, Instant at)
{
    if (at == INSTANT_NONE)
        return;
    text_addf(text, ",%s=\"", name);
    for (const char *c = instant_format(text->arena, at); *c != '\0'; c++)
        if (strchr("0123456789Z", *c) != NULL)
            text_add_bytes(text, c, 1);
    text_add(text, "\"");
}

/* Without the comment that may stand behind it; the settings were judged. */
static const char *
plain_key(Arena *arena, const char *text)
{
    unsigned char key[SEAL_PUBLIC_BYTES];

    return sshsig_key_parse(text, key) ? sshsig_key(arena, key) : NULL;
}

static void
add_signer(Text *text, const char *name, const char *key, Instant from, Instant until)
{
    text_addf(text, "%s namespaces=\"" CHECKPOINTS_NAMESPACE "\"", name);
    add_limit(text, "valid-after", from);
    add_limit(text, "valid-before", until);
    text_addf(text, " %s\n", key);
}

void
evidence_public_files(Arena *arena, const Rules *rules, const SigningKeys *keys, PublicFile **ret_files,
                      size_t *ret_count)
{
    PublicFile *files = ARENA_ARRAY(arena, PublicFile, 2 + 2 * keys->count);
    Text signers = TEXT_INIT(arena), auditors = TEXT_INIT(arena);
    const char *origin = evidence_origin(arena, rules);
    size_t count = 0;

    for (size_t i = 0; i < keys->count; i++)
    {
        const SigningKey *key = &keys->list[i];
        const char *comment = arena_printf(arena, "key %zu of %s", i + 1, origin);
        add_signer(&signers, origin, sshsig_key(arena, key->key), key->from, key->until);
        files[count++] = (PublicFile){ arena_printf(arena, "%s/expunge-%zu.pub", rules->state_dir, i + 1),
                                       minisig_key(arena, key->key, comment), true };
        files[count++] = (PublicFile){ arena_printf(arena, "%s/expunge-%zu.pem", rules->state_dir, i + 1),
                                       asn1_public_pem(arena, key->key), true };
    }
    files[count++] = (PublicFile){ arena_printf(arena, "%s/allowed_signers", rules->state_dir), text_done(&signers),
                                   true };
    for (size_t i = 0; i < rules->auditor_count; i++)
        add_signer(&auditors, rules->auditors[i].name, plain_key(arena, rules->auditors[i].key), INSTANT_NONE,
                   INSTANT_NONE);
    if (rules->auditor_count > 0)
        files[count++] = (PublicFile){ arena_printf(arena, "%s/auditors", rules->state_dir), text_done(&auditors),
                                       false };
    *ret_files = files;
    *ret_count = count;
}

/* -- anchors -------------------------------------------------------------------------------------------------------- */

static const char *
find_auditor(Arena *arena, const Rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->auditor_count; i++)
        if (strcmp(rules->auditors[i].name, name) == 0)
            return plain_key(arena, rules->auditors[i].key);
    return NULL;
}

/* "17.tsr" or "17.kpmg.sig", and nothing else that is there. */
static bool
read_name(Arena *arena, const Rules *rules, const char *name, Anchor *ret)
{
    const size_t digits = strspn(name, "0123456789");
    const size_t length = strlen(name);
    Anchor anchor = { .time = INSTANT_NONE };

    if (digits == 0 || name[0] == '0' || !text_int64(arena_strndup(arena, name, digits), 1, INT64_MAX, &anchor.number))
        return false;
    const char *rest = name + digits;
    const size_t rest_length = length - digits;
    if (strcmp(rest, ".tsr") != 0)
    {
        if (rest_length < sizeof ".x.sig" - 1 || rest[0] != '.' || strcmp(rest + rest_length - 4, ".sig") != 0)
            return false;
        anchor.auditor = arena_strndup(arena, rest + 1, rest_length - 5);
        anchor.key = find_auditor(arena, rules, anchor.auditor);
    }
    *ret = anchor;
    return true;
}

Err
evidence_find_anchors(Arena *arena, const Rules *rules, int64_t newest, Anchor **ret_anchors, size_t *ret_count)
{
    const char *dir = evidence_checkpoints_dir(arena, rules);
    size_t count = 0, found = 0, room = 0;
    Anchor *anchors = NULL, anchor;
    char **names;

    if (file_exists(dir))
        TRY(file_list(arena, dir, &names, &count));
    for (size_t i = 0; i < count; i++)
        if (read_name(arena, rules, names[i], &anchor) && anchor.number <= newest)
            ARENA_PUSH(arena, anchors, found, room, anchor);
    *ret_anchors = anchors;
    *ret_count = found;
    return OK;
}
