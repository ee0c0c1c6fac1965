/* SPDX-License-Identifier: Apache-2.0 */
/* s3_private.h -- what the files of s3 share. */
#ifndef EXPUNGE_S3_PRIVATE_H
#define EXPUNGE_S3_PRIVATE_H

#include "copies/s3.h"
#include "wrap/http.h"
#include "wrap/xml.h"

/* -- s3_request.c: one signed request */

typedef struct S3
{
    CopyStore *store;
    const StoreRule *rule;
    Http *http;
    SecretText *access;
    SecretText *secret;
    const char *endpoint; /* without a slash at its end */
    const char *scope;
} S3;

typedef struct S3Call
{
    const char *method;
    const char *key;   /* NULL: of the bucket */
    const char *query; /* sorted, escaped (http.h); NULL: none */
    const char *body;  /* NULL: none */
    size_t body_length;
    const char *type;  /* of the body; NULL: XML */
    const char *range; /* "bytes=0-99"; NULL: all */
    bool is_raw;       /* a success answers with bytes */
    const char *root;  /* element that a success answers with; NULL: none is looked for */
    const char *doing; /* for messages: "list the versions in" */
} S3Call;

typedef struct S3Answer
{
    long status;
    const char *code;    /* S3's word for what is wrong; NULL: nothing is; "" when it has none */
    const char *region;  /* where it says that the bucket is; NULL */
    const XmlNode *root; /* as the call wants; NULL where something is wrong */
    const char *body;    /* of a raw one */
    size_t body_length;
    const char *etag; /* NULL: none */
    int64_t retry_after_s;
} S3Answer;

NODISCARD Err s3_open(CopyStore *store, S3 *ret_s3);
void s3_closep(S3 *s3);
/* One request, tried again for a few seconds where the service is busy.  What it refuses is no error: look at the code. */
NODISCARD Err s3_ask(S3 *s3, Arena *arena, const S3Call *call, S3Answer *ret_answer);
/* The error that a refusal is, with what to do about it. */
NODISCARD Err s3_refusal(S3 *s3, const S3Call *call, const S3Answer *answer);
/* Both: whatever is no success is an error. */
NODISCARD Err s3_demand(S3 *s3, Arena *arena, const S3Call *call, S3Answer *ret_answer);

/* A word of S3's own ("SlowDown", "eu-west-1") is fit to be told as it is; NULL: it is none. */
const char *s3_word(const char *word);

/* -- s3_listing.c: pages */

typedef struct S3Item
{
    const char *key;
    const char *id; /* of the version, or of the upload */
    bool is_upload;
    bool is_marker; /* a delete marker */
} S3Item;

typedef struct S3Page
{
    S3Item *items;
    size_t count;
    size_t room;
    bool is_last;
    const char *next_key; /* markers of the next page */
    const char *next_id;
} S3Page;

/* A listing under way: all versions below a prefix, or all unfinished uploads. */
typedef struct S3Listing
{
    const char *prefix;
    bool of_uploads;
    Arena *kept;     /* for the markers */
    const char *key; /* of the next page; NULL: the first */
    const char *id;
    const char *seen_key; /* of an earlier one: it must never come again */
    const char *seen_id;
    size_t pages;
} S3Listing;

/* The next page, in the arena.  Every key in it begins with the prefix. */
NODISCARD Err s3_page(S3 *s3, Arena *arena, S3Listing *listing, S3Page *ret_page);
/* A page as it was answered; pure.  Fails with ERR_IO where it is not what was asked for. */
NODISCARD Err s3_read_page(Arena *arena, const XmlNode *root, const char *bucket, const S3Listing *listing,
                           S3Page *ret_page);

/* -- s3_walk.c: all that belongs to the cases */

/* The prefix of a case. */
typedef struct S3Prefix
{
    const char *text;
    const char *before; /* the key */
    const char *behind;
    CopyCase *owner;
    size_t index; /* of the owner among the cases */
} S3Prefix;

typedef struct S3Found
{
    const S3Item *item;
    const S3Prefix *owners; /* all of the same text */
    size_t owner_count;
    bool is_doubtful; /* it could be another subject's, who is there */
} S3Found;

typedef struct S3Walk
{
    S3 *s3;
    S3Prefix *prefixes; /* of the cases that have one, sorted */
    size_t count;
    bool each; /* the bucket is too large for a common listing */
    bool restart;
    /* What is found belongs to nothing that was told before: a listing begins. */
    void (*begin)(void *context);
    /* ret_enough: the walk may end here. */
    Err (*visit)(void *context, const S3Found *found, bool *ret_enough);
    void *context;
} S3Walk;

/* Cases whose key cannot stand in a prefix are left out, and get a problem. */
void s3_prefixes(S3 *s3, CopyCase *const *cases, size_t count, S3Walk *ret_walk);
NODISCARD Err s3_walk(S3Walk *walk);
/* The prefix that a listed key belongs to, where the prefixes have before and behind in common; NULL: nobody's.  Pure. */
const S3Prefix *s3_owner(Arena *arena, const S3Prefix *prefixes, size_t count, const char *key, size_t *ret_count);
/* Keys of other subjects that the name could be of as well.  Pure. */
void s3_others(Arena *arena, const S3Prefix *owner, const char *name, const char ***ret_keys, size_t *ret_count);

/* -- s3_lock.c: what Object Lock forbids */

typedef struct S3Lock
{
    Instant until;    /* INSTANT_NONE: nothing, or nobody knows */
    const char *mode; /* "COMPLIANCE", "GOVERNANCE"; NULL */
    bool is_held;     /* a legal hold, which has no end */
} S3Lock;

/* Can versions in the bucket be locked at all? */
NODISCARD Err s3_lock_possible(S3 *s3, bool *ret_possible);
NODISCARD Err s3_lock_of(S3 *s3, Arena *arena, const S3Item *item, S3Lock *ret_lock);

/* -- s3_purge.c */
NODISCARD Err s3_purge(CopyStore *store, CopyCase *const *cases, size_t count);

#endif
