/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_private.h -- what the files of inspect share. */
#ifndef EXPUNGE_INSPECT_PRIVATE_H
#define EXPUNGE_INSPECT_PRIVATE_H

#include "engine/inspect.h"

/* The database is filled in; texts live in the findings' arena, or longer. */
void inspect_add(Findings *findings, Finding finding);
/* The story of a failed call, which is forgotten then; its first skipped lines say nothing new here. */
void inspect_story(Findings *findings, Err code, const char *where, const char *remedy, size_t skipped);
const char *inspect_table_name(Arena *arena, const GraphTable *table); /* schema.table */

/* -- inspect_tables.c: per table of a scope */
NODISCARD Err inspect_role(Findings *findings, Session *session);
NODISCARD Err inspect_tables(Findings *findings, Session *session);
NODISCARD Err inspect_kept(Findings *findings, Session *session);
NODISCARD Err inspect_indexes(Findings *findings, Session *session);

/* -- inspect_effects.c: what an erasure sets off, or leaves behind in the database itself */
NODISCARD Err inspect_effects(Findings *findings, Session *session);

/* -- inspect_restore.c */
NODISCARD Err inspect_restore(Findings *findings, Session *session);

/* -- inspect_zone.c: times without a time zone */
NODISCARD Err inspect_zone(Findings *findings, Session *session);

/* -- inspect_holds.c */
NODISCARD Err inspect_holds(Findings *findings, Session *session);

/* -- inspect_locks.c: the server's room */
NODISCARD Err inspect_locks(Findings *findings, Session *session);

/* -- inspect_cover.c: what no scope reaches, or not any more */
NODISCARD Err inspect_targets(Findings *findings, Session *session);
NODISCARD Err inspect_coverage(Findings *findings, Session *session);
NODISCARD Err inspect_lookalikes(Findings *findings, Session *session);
NODISCARD Err inspect_drift(Findings *findings, Session *session);

#endif
