/* SPDX-License-Identifier: Apache-2.0 */
/* stanza.h -- what "pgbackrest info --output=json" and "repo-ls" say of a stanza, read into sets.  No program is run here. */
#ifndef EXPUNGE_STANZA_H
#define EXPUNGE_STANZA_H

#include "copies/sets.h"
#include "wrap/jsondoc.h"

/* Fails with ERR_IO when anything that is needed is missing or odd, ERR_CONFIG where there is no such stanza. */
NODISCARD Err stanza_read(Arena *arena, const JsonDoc *info, const char *stanza, BackupSets *ret);
/* What is in the repository's directory of sets, a name a line: what looks like a set and is none of those listed is
 * half-made.  ERR_IO when one that is listed is not there. */
NODISCARD Err stanza_read_names(BackupSets *sets, BackupRepository *repository, const char *names);
/* Retention of the repositories, from the text of a configuration file. */
void stanza_read_retention(BackupSets *sets, const char *text, const char *stanza);

#endif
