/* SPDX-License-Identifier: Apache-2.0 */
/* http_address.c -- the part of http.h that judges addresses (IANA's registries of special-purpose addresses).  Pure. */
#include "wrap/http.h"

#include "base/text.h"
#include <string.h>

typedef struct Block
{
    unsigned char prefix[16];
    unsigned bits;
} Block;

static const Block special4[] = {
    { { 0 }, 8 },
    { { 10 }, 8 },
    { { 100, 64 }, 10 },
    { { 127 }, 8 },
    { { 169, 254 }, 16 },
    { { 172, 16 }, 12 },
    { { 192, 0, 0 }, 24 },
    { { 192, 0, 2 }, 24 },
    { { 192, 88, 99 }, 24 },
    { { 192, 168 }, 16 },
    { { 198, 18 }, 15 },
    { { 198, 51, 100 }, 24 },
    { { 203, 0, 113 }, 24 },
    { { 224 }, 4 },
    { { 240 }, 4 },
};

/* Only 2000::/3 is global unicast; what is special inside of it: */
static const Block special6[] = {
    { { 0x20, 0x01, 0x00 }, 23 },       /* IETF protocols, Teredo among them */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x3f, 0xff, 0x00 }, 20 },       /* documentation */
};

static bool
is_inside(const unsigned char *address, const Block *block)
{
    const unsigned whole = block->bits / 8, rest = block->bits % 8;
    const unsigned char mask = (unsigned char)(0xff00U >> rest);

    if (memcmp(address, block->prefix, whole) != 0)
        return false;
    return rest == 0 || (address[whole] & mask) == (block->prefix[whole] & mask);
}

static bool
is_in_any(const unsigned char *address, const Block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_inside(address, &blocks[i]))
            return true;
    return false;
}

/* Where an IPv6 address carries an IPv4 one: mapped, NAT64, 6to4; NULL: it does not. */
static const unsigned char *
embedded(const unsigned char *address)
{
    static const Block mapped = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 };
    static const Block nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };

    if (is_inside(address, &mapped) || is_inside(address, &nat64))
        return address + 12;
    return address[0] == 0x20 && address[1] == 0x02 ? address + 2 : NULL;
}

bool
http_is_private(const unsigned char *address, size_t length)
{
    if (length == 4)
        return is_in_any(address, special4, sizeof special4 / sizeof *special4);
    if (length != 16)
        return true;
    const unsigned char *inner = embedded(address);

    if (inner != NULL)
        return http_is_private(inner, 4);
    return (address[0] & 0xe0) != 0x20 || is_in_any(address, special6, sizeof special6 / sizeof *special6);
}

bool
http_is_loopback(const unsigned char *address, size_t length)
{
    static const unsigned char one[16] = { [15] = 1 };

    return length == 4 ? address[0] == 127 : length == 16 && memcmp(address, one, sizeof one) == 0;
}

char *
http_escape(Arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    Text escaped = TEXT_INIT(arena);

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
    {
        const bool plain = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
                           strchr("-._~", *c) != NULL;
        const char code[] = { '%', digits[*c >> 4], digits[*c & 15] };

        text_add_bytes(&escaped, plain ? (const char *)c : code, plain ? 1 : sizeof code);
    }
    return text_done(&escaped);
}
