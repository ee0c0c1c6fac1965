/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints_text.c -- the part of checkpoints.h that writes and reads a checkpoint's text. */
#include "store/checkpoints_private.h"

#include "base/text.h"
#include "store/sshsig.h"
#include <inttypes.h>
#include <string.h>

#define TITLE "expunge checkpoint 1"

/* -- writing -------------------------------------------------------------------------------------------------------- */

static void
add_hash(Text *text, const char *name, const MerkleHash *hash)
{
    text_addf(text, "%s %s\n", name, text_hex(text->arena, hash->bytes, sizeof hash->bytes));
}

static void
add_anchor(Text *text, const Anchor *anchor)
{
    text_addf(text, "anchor %" PRId64 " %s ", anchor->number, anchor->digest);
    if (anchor->auditor != NULL)
        text_addf(text, "auditor %s %s\n", anchor->auditor, anchor->key);
    else
        text_addf(text, "timestamp %s\n", instant_format(text->arena, anchor->time));
}

char *
checkpoints_format(Arena *arena, const Checkpoint *c)
{
    Text text = TEXT_INIT(arena);

    text_addf(&text, TITLE "\norigin %s\nnumber %" PRId64 "\ntime %s\n", c->origin, c->number,
              instant_format(arena, c->time));
    text_addf(&text, "size %" PRId64 "\nbytes %" PRId64 "\n", c->place.size, c->place.bytes);
    add_hash(&text, "root", &c->root);
    text_addf(&text, "head %s\nprevious %s\nkey %" PRId64 " %s\n", c->place.head, c->previous, c->key_number,
              sshsig_key(arena, c->key));
    for (size_t i = 0; i < c->tree.peak_count; i++)
        add_hash(&text, "peak", &c->tree.peaks[i]);
    if (c->ends_key)
        text_addf(&text, "next-key %" PRId64 " %s\n", c->key_number + 1, sshsig_key(arena, c->next_key));
    for (size_t i = 0; i < c->anchor_count; i++)
        add_anchor(&text, &c->anchors[i]);
    return text_done(&text);
}

/* -- reading: leniently, because what is read is written again and compared ----------------------------------------- */

typedef struct Reader
{
    Arena *arena;
    const char *at;
    bool failed;
} Reader;

/* What stands behind "NAME " in the next line; NULL when that is another line. */
static char *
take_if(Reader *reader, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(reader->at, name, length) != 0 || reader->at[length] != ' ')
        return NULL;
    const char *value = reader->at + length + 1;
    const char *newline = strchr(value, '\n');
    if (newline == NULL)
        return NULL;
    reader->at = newline + 1;
    return arena_strndup(reader->arena, value, (size_t)(newline - value));
}

static char *
take(Reader *reader, const char *name)
{
    char *value = take_if(reader, name);

    reader->failed = reader->failed || value == NULL;
    return value != NULL ? value : arena_strdup(reader->arena, "");
}

static int64_t
take_number(Reader *reader, const char *name)
{
    int64_t number = 0;

    reader->failed = !text_int64(take(reader, name), 0, INT64_MAX, &number) || reader->failed;
    return number;
}

static void
read_hex(Reader *reader, const char *text, char ret[65])
{
    unsigned char bytes[SEAL_HASH_BYTES];

    reader->failed = reader->failed || strlen(text) != 64 || !text_unhex(text, bytes, sizeof bytes);
    memcpy(ret, reader->failed ? CHECKPOINTS_NO_DIGEST : text, 65);
}

static void
read_hash(Reader *reader, const char *text, MerkleHash *ret)
{
    reader->failed = reader->failed || strlen(text) != 64 || !text_unhex(text, ret->bytes, sizeof ret->bytes);
}

static Instant
read_time(Reader *reader, const char *text)
{
    Instant time = 0;

    reader->failed = !instant_parse(text, &time) || reader->failed;
    return time;
}

/* Cut the first word off. */
static char *
word(char **rest)
{
    char *first = *rest;
    char *space = strchr(first, ' ');

    if (space != NULL)
        *space = '\0';
    *rest = space != NULL ? space + 1 : first + strlen(first);
    return first;
}

/* "K ssh-ed25519 …" */
static int64_t
read_key(Reader *reader, char *text, unsigned char ret_key[SEAL_PUBLIC_BYTES])
{
    int64_t number = 0;
    const char *first = word(&text);

    reader->failed = !text_int64(first, 1, INT64_MAX, &number) || !sshsig_key_parse(text, ret_key) || reader->failed;
    return number;
}

static void
read_anchor(Reader *reader, char *text, Anchor *ret)
{
    const char *number = word(&text);
    const char *digest = word(&text);
    const char *kind = word(&text);
    unsigned char key[SEAL_PUBLIC_BYTES];

    *ret = (Anchor){ .time = INSTANT_NONE };
    reader->failed = !text_int64(number, 1, INT64_MAX, &ret->number) || reader->failed;
    read_hex(reader, digest, ret->digest);
    if (strcmp(kind, "auditor") == 0)
    {
        ret->auditor = word(&text);
        ret->key = text;
        reader->failed = !sshsig_key_parse(text, key) || reader->failed;
    }
    else
        ret->time = read_time(reader, text);
}

static void
read_tree(Reader *reader, Checkpoint *c)
{
    const size_t count = merkle_peaks_of(c->place.size);

    c->tree.size = c->place.size;
    for (c->tree.peak_count = 0; c->tree.peak_count < count && !reader->failed; c->tree.peak_count++)
        read_hash(reader, take(reader, "peak"), &c->tree.peaks[c->tree.peak_count]);
}

static void
read_rest(Reader *reader, Checkpoint *c)
{
    size_t room = 0;
    char *line = take_if(reader, "next-key");

    c->ends_key = line != NULL;
    if (line != NULL)
        (void)read_key(reader, line, c->next_key);
    while ((line = take_if(reader, "anchor")) != NULL)
    {
        Anchor anchor;
        read_anchor(reader, line, &anchor);
        ARENA_PUSH(reader->arena, c->anchors, c->anchor_count, room, anchor);
    }
}

Err
checkpoints_parse(Arena *arena, const char *text, size_t length, Checkpoint *ret_checkpoint)
{
    Reader reader = { .arena = arena, .at = arena_strndup(arena, text, length) };
    Checkpoint c = { .number = 0 };

    if (strncmp(reader.at, TITLE "\n", sizeof TITLE) != 0)
        return err_new(ERR_EVIDENCE, "it does not begin with \"" TITLE "\"");
    reader.at += sizeof TITLE;
    c.origin = take(&reader, "origin");
    c.number = take_number(&reader, "number");
    c.time = read_time(&reader, take(&reader, "time"));
    c.place.size = take_number(&reader, "size");
    c.place.bytes = take_number(&reader, "bytes");
    read_hash(&reader, take(&reader, "root"), &c.root);
    read_hex(&reader, take(&reader, "head"), c.place.head);
    read_hex(&reader, take(&reader, "previous"), c.previous);
    c.key_number = read_key(&reader, take(&reader, "key"), c.key);
    read_tree(&reader, &c);
    read_rest(&reader, &c);
    if (reader.failed)
        return err_new(ERR_EVIDENCE, "it cannot be read");
    const char *again = checkpoints_format(arena, &c);
    if (strlen(again) != length || memcmp(again, text, length) != 0)
        return err_new(ERR_EVIDENCE, "it is not in the form that expunge writes");
    const MerkleHash root = merkle_root(&c.tree);
    if (memcmp(&root, &c.root, sizeof root) != 0)
        return err_new(ERR_EVIDENCE, "its root is not that of its peaks");
    checkpoints_digest(text, length, c.digest);
    *ret_checkpoint = c;
    return OK;
}
