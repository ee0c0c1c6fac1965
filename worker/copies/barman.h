/* SPDX-License-Identifier: Apache-2.0 */
/* barman.h -- the kind of store whose copies are barman's backups and WAL of one server (copies.h).  Written for barman 3.4.
 *
 * barman says what there is ("list-backups") and where ("show-servers"); where each backup begins stands in its backup.info,
 * and WAL is what lies in the server's directories: archived, incoming, streamed (.partial as well) or put aside as an
 * error.  Backups that are not complete are taken for copies.  Nothing is judged while a backup is being made. */
#ifndef EXPUNGE_BARMAN_H
#define EXPUNGE_BARMAN_H

#include "copies/copies.h"

extern const CopyKind barman_kind;

#endif
