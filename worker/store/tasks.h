/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h -- messages to processors, in schema expunge: one for each disposal, processor and row of values.  Readable and
 * writable by the role expunge_notifier, which sees no subject's key. */
#ifndef EXPUNGE_TASKS_H
#define EXPUNGE_TASKS_H

#include "model/processor.h"
#include "wrap/db.h"

#define TASK_MESSAGE_ID 37 /* "msg_", 32 hexadecimal digits, NUL */

typedef struct Task
{
    int64_t disposal;
    const char *processor;
    int64_t number;
    const char *message_id;
    TaskState state;
    int64_t call;
    int64_t round;
    const char *sealed; /* hexadecimal; NULL: forgotten, or never there */
    const char *key_id;
    const char *receipt;
    const char *confirmed_by; /* "answer", "term", "person" */
    Instant made_at;
    Instant deadline;
    Instant requested_at;
    Instant accepted_at;
    Instant confirmed_at;
    int64_t attempts;
    Instant next_attempt_at;
    const char *last_error;
    const char *kind; /* of its disposal */
    const char *commitment;
    Instant erased_at;
    bool may_be_told; /* the live rows are gone, and were not restored */
    bool held;
    bool overdue;
} Task;

typedef struct TaskFilter
{
    int64_t disposal;      /* 0: all */
    const char *processor; /* NULL: all */
    int64_t number;        /* 0: all */
    bool open_only;        /* what a notifier may still have to do */
} TaskFilter;

NODISCARD Err tasks_list(Arena *arena, Db *db, const TaskFilter *filter, Task **ret_list, size_t *ret_count);
/* In the caller's transaction.  deadline: an interval, from now on until tasks_begin. */
NODISCARD Err tasks_add(Arena *arena, Db *db, const Task *task, const char *deadline);
/* The live rows are gone: deadlines run from now on.  In the caller's transaction. */
NODISCARD Err tasks_begin(Arena *arena, Db *db, int64_t disposal);

/* Keys that seal nothing yet: written down before they are used, so that none is left behind by a crash. */
NODISCARD Err tasks_keys_list(Arena *arena, Db *db, int64_t disposal, const char ***ret_ids, size_t *ret_count);
NODISCARD Err tasks_keys_add(Arena *arena, Db *db, int64_t disposal, const char *key_id);
NODISCARD Err tasks_keys_take(Arena *arena, Db *db, int64_t disposal, const char *key_id);

/* One session at a time works on a message. */
NODISCARD Err tasks_claim(Arena *arena, Db *db, const Task *task, bool *ret_claimed);
NODISCARD Err tasks_unclaim(Arena *arena, Db *db, const Task *task);

typedef struct TaskStep
{
    TaskState state;
    int64_t call;
    int64_t round;
    const char *receipt;      /* NULL: as it is */
    const char *confirmed_by; /* NULL: it is not */
    int64_t attempts;
    int64_t pause_us; /* until the next attempt; 0: at once */
    const char *error;
} TaskStep;
/* Compare and set, ERR_AGAIN when somebody else moved it on.  Updates task. */
NODISCARD Err tasks_advance(Arena *arena, Db *db, Task *task, const TaskStep *step);
/* A person settles all that a disposal has outstanding with a processor; ret_list: number, message_id and key_id alone. */
NODISCARD Err tasks_settle(Arena *arena, Db *db, const Task *which, const char *reason, const char *who,
                           Task **ret_list, size_t *ret_count);
NODISCARD Err tasks_key_destroyed(Arena *arena, Db *db, const Task *task);
/* Withdrawn: what was not sent is dropped. */
NODISCARD Err tasks_drop_unsent(Arena *arena, Db *db, int64_t disposal);

typedef struct TaskCounts
{
    int64_t outstanding;
    int64_t overdue;
    int64_t keys; /* of values that are not destroyed yet */
} TaskCounts;
NODISCARD Err tasks_count(Arena *arena, Db *db, int64_t disposal, TaskCounts *ret_counts);
/* Microseconds of an interval from now on, by the database. */
NODISCARD Err tasks_interval(Db *db, const char *interval, int64_t *ret_us);

#endif
