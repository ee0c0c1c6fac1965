/* SPDX-License-Identifier: Apache-2.0 */
/* requests.h -- the functions of schema expunge that write down what people ask for: the only path, for the command line
 * and for a support tool.  A refusal of theirs keeps its message and becomes the error of the exit status that it names.
 * Also fails with ERR_CONFIG where the database has no such functions, and with ERR_PERMISSION. */
#ifndef EXPUNGE_REQUESTS_H
#define EXPUNGE_REQUESTS_H

#include "base/instant.h"
#include "wrap/db.h"

typedef struct RequestWish
{
    const char *kind;
    const char *key;
    const char *ground;
    const char *ticket;
    const char *requested_by;
    const char *verified_by;
    bool immediate;
    const char *label; /* the root's, typed again; NULL */
} RequestWish;
NODISCARD Err requests_ask(Db *db, const RequestWish *wish, int64_t *ret_disposal);
NODISCARD Err requests_approve(Arena *arena, Db *db, int64_t disposal, const char *plan_digest);
NODISCARD Err requests_withdraw(Arena *arena, Db *db, int64_t disposal, const char *reason);

typedef struct HoldWish
{
    const char *kind;
    const char *key;
    const char *type;
    const char *reason;
    const char *reference; /* NULL: none */
    Instant until;         /* INSTANT_NONE: no end */
} HoldWish;
NODISCARD Err requests_hold(Arena *arena, Db *db, const HoldWish *wish, int64_t *ret_hold);
NODISCARD Err requests_release(Arena *arena, Db *db, int64_t hold, const char *reason);

/* What is known of a subject: "subject", "disposal", "request", "hold", one after the other. */
typedef struct SubjectItem
{
    const char *item;
    int64_t id;
    int64_t disposal;
    const char *state;
    const char *ground; /* for a hold, its type */
    bool immediate;
    Instant since;
    Instant until;
    const char *waits_for;
    const char *plan_digest;
} SubjectItem;
NODISCARD Err requests_status(Arena *arena, Db *db, const char *kind, const char *key, SubjectItem **ret_list,
                              size_t *ret_count);

/* What is to be approved, as the worker counted it. */
typedef struct PlanTable
{
    const char *table;
    const char *action;
    int64_t rows;
} PlanTable;
NODISCARD Err requests_plan(Arena *arena, Db *db, int64_t disposal, PlanTable **ret_list, size_t *ret_count,
                            const char **ret_digest); /* NULL: nothing was counted yet */

#endif
