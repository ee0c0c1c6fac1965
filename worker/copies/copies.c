/* SPDX-License-Identifier: Apache-2.0 */
#include "copies/copies.h"

#include "base/text.h"
#include "copies/barman.h"
#include "copies/byprogram.h"
#include "copies/directory.h"
#include "copies/pgbackrest.h"
#include "copies/restic.h"
#include "copies/s3.h"
#include "wrap/file.h"

#include <stdlib.h>
#include <string.h>

#define HUSHED_BYTES ((size_t)200)

static const CopyKind *const kinds[] = { &directory_kind,  &s3_kind,     &restic_kind,
                                         &pgbackrest_kind, &barman_kind, &byprogram_kind };

const CopyKind *
copies_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_equal(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

KeyedNames
copies_names(const CopyCase *about)
{
    return (KeyedNames){ .key = about->key, .kind = about->kind, .database = about->database };
}

void
copies_none(CopyCase *const *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
    {
        cases[i]->state = COPY_GONE;
        cases[i]->items = 0;
        cases[i]->until = INSTANT_NONE;
        cases[i]->detail = NULL;
    }
}

Err
copies_judge_again(CopyStore *store, CopyCase *const *cases, size_t count)
{
    TRY(store->judge_again(store->context));
    for (size_t i = 0; i < count; i++)
        if (cases[i]->problem != NULL)
            return err_new(ERR_HELD, "%s", cases[i]->problem);
    return OK;
}

/* -- what is told -------------------------------------------------------------------------------------------------- */

/* The longest key that stands here: a short one may be part of it. */
static size_t
key_at(const char *at, CopyCase *const *cases, size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++)
        if (cases[i]->key != NULL && strlen(cases[i]->key) > longest && text_starts(at, cases[i]->key))
            longest = strlen(cases[i]->key);
    return longest;
}

char *
copies_hush(Arena *arena, const char *text, CopyCase *const *cases, size_t count)
{
    Text told = TEXT_INIT(arena);

    while (*text != '\0' && told.length < HUSHED_BYTES)
    {
        const size_t key = key_at(text, cases, count);
        const bool plain = (unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f;
        if (key > 0)
            text_add(&told, "...");
        else if (plain || (told.length > 0 && told.bytes[told.length - 1] != ' '))
            text_add_bytes(&told, plain ? text : " ", 1);
        text += key > 0 ? key : 1;
    }
    while (told.length > 0 && told.bytes[told.length - 1] == ' ')
        told.bytes[--told.length] = '\0';
    return text_done(&told);
}

void
copies_find(CopyFindings *findings, Err code, const char *what, const char *remedy)
{
    const CopyFinding finding = { .code = code, .what = what, .remedy = remedy };

    ARENA_PUSH(findings->arena, findings->list, findings->count, findings->room, finding);
}

void
copies_find_story(CopyFindings *findings, Err code, const char *remedy)
{
    copies_find(findings, code, arena_strdup(findings->arena, err_joined()), remedy);
    err_clear();
}

/* -- secrets ------------------------------------------------------------------------------------------------------- */

Err
copies_secret_path(Arena *arena, const StoreRule *rule, const char *setting, const char *secret, const char **ret_path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const char *path = secret + strlen("file:");

    if (!text_starts(secret, "file:"))
    {
        const char *name = secret + strlen("credential:");
        if (text_blank(directory))
            return err_new(ERR_CONFIG,
                           "store \"%s\": %s: credential \"%s\" needs $CREDENTIALS_DIRECTORY, which is not set; start "
                           "expunge from its systemd unit with LoadCredential=%s:/path, or set \"file:/path\"",
                           rule->name, setting, name, name);
        path = arena_printf(arena, "%s/%s", directory, name);
    }
    if (!file_exists(path))
        return err_new(ERR_CONFIG, "store \"%s\": %s: there is no \"%s\"", rule->name, setting, path);
    *ret_path = path;
    return OK;
}
