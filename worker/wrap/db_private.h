/* SPDX-License-Identifier: Apache-2.0 */
/* db_private.h -- what db.c and db_open.c share: libpq's handle.  For these two files only. */
#ifndef EXPUNGE_DB_PRIVATE_H
#define EXPUNGE_DB_PRIVATE_H

#include "wrap/db.h"

#include <libpq-fe.h>

struct Db
{
    PGconn *conn;
    Arena *scratch; /* for messages: reset before each */
    char sqlstate[6];
};

#endif
