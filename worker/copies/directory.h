/* SPDX-License-Identifier: Apache-2.0 */
/* directory.h -- the kind of store whose copies are files below a directory, found by their names (copies.h). */
#ifndef EXPUNGE_DIRECTORY_H
#define EXPUNGE_DIRECTORY_H

#include "copies/copies.h"

extern const CopyKind directory_kind;

#endif
