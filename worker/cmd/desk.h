/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h -- what the commands for support share: they need no more than a role of the database, call the functions of
 * schema expunge there, and repeat no word that was typed. */
#ifndef EXPUNGE_DESK_H
#define EXPUNGE_DESK_H

#include "cmd/command.h"
#include "store/requests.h"

typedef struct Desk
{
    Context *context;
    Rules *rules;
    const char *user;     /* --user; NULL: the conninfo's */
    const char *database; /* --database; NULL: whichever has the subject */
    const DatabaseRule *found;
    Db *db; /* of found */
} Desk;

NODISCARD Err desk_open(Context *context, const char *user, const char *database, Desk *ret_desk);
void desk_closep(Desk *desk);

/* Kind and key as they were typed: ERR_USAGE before any connection is made. */
NODISCARD Err desk_check_subject(const Desk *desk, const char *kind, const char *key);
/* Connect to the one database that has the subject, or is erasing it.  ERR_USAGE when none has it, or several have. */
NODISCARD Err desk_find(Desk *desk, const char *kind, const char *key);
/* Connect to the database of "eu-17"; of "17" where there is only one. */
NODISCARD Err desk_find_id(Desk *desk, const char *text, const char *what, int64_t *ret_id);
/* "eu-17" */
const char *desk_id(const Desk *desk, int64_t id);

/* ERR_USAGE unless the option was given and is not blank; names it, and nothing else. */
NODISCARD Err desk_want(const Context *context, size_t option, const char *what);

/* Everything known of a subject, in all its databases. */
NODISCARD Err desk_tell_subject(Desk *desk, const char *kind, const char *key);

#endif
