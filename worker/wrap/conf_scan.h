/* SPDX-License-Identifier: Apache-2.0 */
/* conf_scan.h -- refuses what libconfig 1.5 would let pass.  Pure; for conf.c only. */
#ifndef EXPUNGE_CONF_SCAN_H
#define EXPUNGE_CONF_SCAN_H

#include "base/err.h"

/* Comments and strings that never end, whole numbers outside int32 (libconfig wraps them), "@include", NUL bytes
 * (raw or as \x00), nesting deeper than 32.  ERR_CONFIG "PATH:LINE: what is wrong; what would be right". */
NODISCARD Err conf_scan(const char *path, const char *bytes, size_t length);

#endif
