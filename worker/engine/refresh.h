/* SPDX-License-Identifier: Apache-2.0 */
/* refresh.h -- materialized views keep copies of rows that went: those that the configuration names are refreshed. */
#ifndef EXPUNGE_REFRESH_H
#define EXPUNGE_REFRESH_H

#include "engine/job.h"

/* The views that the database's "refresh" names are there and may be refreshed: ERR_CONFIG, ERR_PERMISSION otherwise.
 * Before the first row goes. */
NODISCARD Err refresh_judge(Job *job);
/* Refresh those that read a table of the disposal's scope, in the order of the configuration; outside of a transaction. */
NODISCARD Err refresh_views(Job *job);

/* Their statements, in job->arena. */
NODISCARD Err refresh_sql(Job *job, const char ***ret_list, size_t *ret_count);
/* For the plan: every view that keeps copies of rows which the outcome takes away or changes.  Read once a session. */
NODISCARD Err refresh_foretell(Job *job);

/* One of what SQL_copies_within tells. */
typedef struct RefreshView
{
    const char *schema;
    const char *name;
    bool permitted;
    bool concurrently;
    int64_t *tables; /* oids of the tables that it reads, the topmost of partitions */
    size_t table_count;
} RefreshView;

NODISCARD Err refresh_list(Session *session, Arena *arena, RefreshView **ret_views, size_t *ret_count);
/* The configuration names it. */
bool refresh_is_asked_for(const Session *session, const RefreshView *view);

#endif
