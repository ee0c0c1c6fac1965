/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints_private.h -- what the files of checkpoints share. */
#ifndef EXPUNGE_CHECKPOINTS_PRIVATE_H
#define EXPUNGE_CHECKPOINTS_PRIVATE_H

#include "store/checkpoints.h"

#define CHECKPOINTS_NO_DIGEST "0000000000000000000000000000000000000000000000000000000000000000"

/* SHA-256 of a file's bytes, in hexadecimal. */
void checkpoints_digest(const char *bytes, size_t length, char ret_digest[65]);

#endif
