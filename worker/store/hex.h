/* SPDX-License-Identifier: Apache-2.0 */
/* hex.h -- digests and ids as hexadecimal text in the caller's own buffer (text_hex() wants an arena).  Pure. */
#ifndef EXPUNGE_HEX_H
#define EXPUNGE_HEX_H

#include <stddef.h>

/* Lower case; ret_text has room for 2 * length + 1. */
static inline void
hex_put(const unsigned char *bytes, size_t length, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++)
    {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    ret_text[2 * length] = '\0';
}

#endif
