/* SPDX-License-Identifier: Apache-2.0 */
/* md5.h -- MD5 (RFC 1321), for vendors that name a person by it; it protects nothing.  Pure. */
#ifndef EXPUNGE_MD5_H
#define EXPUNGE_MD5_H

#include <stddef.h>

#define MD5_BYTES 16

void md5_digest(const void *bytes, size_t length, unsigned char ret[MD5_BYTES]);

#endif
