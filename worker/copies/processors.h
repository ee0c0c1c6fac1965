/* SPDX-License-Identifier: Apache-2.0 */
/* processors.h -- one request of a message to a processor: filled in, sent, and what its answer means.  Nothing of what was
 * sent or answered is logged or told, but the words that the configuration knows and a receipt that is a plain id. */
#ifndef EXPUNGE_PROCESSORS_H
#define EXPUNGE_PROCESSORS_H

#include "store/tasks.h"
#include "wrap/http.h"
#include "wrap/jsondoc.h"
#include "wrap/seal.h"
#include "wrap/seal_text.h"

typedef struct ProcessorMessage
{
    const ProcessorRule *rule;
    const Task *task;      /* task->call says which request it is */
    const char *disposal;  /* "eu-17" */
    const JsonDoc *values; /* an object of texts; NULL: not needed */
    Err (*credential)(void *context, const char *name, SecretText *ret_secret);
    void *credential_context;
    int64_t timeout_ms;
    bool (*is_stopped)(void);
} ProcessorMessage;

typedef struct ProcessorOutcome
{
    Verdict verdict;
    const char *why;     /* RETRY and AFRESH */
    const char *receipt; /* a plain id, or "sha256:" and the digest of an answer; NULL: none */
    int64_t retry_after_s;
} ProcessorOutcome;

/* What went wrong on the way is an outcome, too (RETRY).  Fails with ERR_CONFIG when the request cannot be made, ERR_RAIL
 * (a private address), ERR_PARTLY (stopped), ERR_INTERNAL. */
NODISCARD Err processors_send(Arena *arena, Http *http, const ProcessorMessage *message, ProcessorOutcome *ret_outcome);

/* A request from this one on needs a value of the subject. */
bool processors_need_values(Arena *arena, const ProcessorRule *rule, int64_t call);

/* -- the values, sealed under a key of their own and bound to their message; hexadecimal */
char *processors_seal(Arena *arena, const Secret *key, const char *message_id, const JsonDoc *values);
NODISCARD Err processors_unseal(Arena *arena, const Secret *key, const Task *task, JsonDoc **ret_values);

#endif
