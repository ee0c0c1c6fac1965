/* SPDX-License-Identifier: Apache-2.0 */
#include "store/asn1.h"

#include "base/text.h"
#include <stdio.h>
#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_OCTETS 0x04
#define TAG_OBJECT 0x06
#define TAG_TIME 0x18 /* GeneralizedTime */
#define TAG_SEQUENCE 0x30
#define TAG_SET 0x31
#define TAG_EXPLICIT_0 0xa0

static const unsigned char OBJECT_SHA256[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
static const unsigned char OBJECT_SIGNED_DATA[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02 };
static const unsigned char OBJECT_TST_INFO[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04 };

/* -- a public key --------------------------------------------------------------------------------------------------- */

char *
asn1_public_pem(Arena *arena, const unsigned char public_key[SEAL_PUBLIC_BYTES])
{
    /* SEQUENCE { SEQUENCE { OBJECT id-Ed25519 }, BIT STRING { the key } } */
    static const unsigned char head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
    unsigned char spki[sizeof head + SEAL_PUBLIC_BYTES];

    memcpy(spki, head, sizeof head);
    memcpy(spki + sizeof head, public_key, SEAL_PUBLIC_BYTES);
    return arena_printf(arena, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n",
                        seal_base64(arena, spki, sizeof spki));
}

/* -- a query: everything in it is shorter than 128 bytes, so that a length is one byte ------------------------------- */

static void
put(Text *out, unsigned char tag, const void *bytes, size_t length)
{
    const unsigned char head[] = { tag, (unsigned char)length };

    text_add_bytes(out, head, sizeof head);
    text_add_bytes(out, bytes, length);
}

static void
put_text(Text *out, unsigned char tag, const Text *inner)
{
    put(out, tag, inner->bytes, inner->length);
}

/* A nonce is a positive INTEGER without idle bytes in front: its first bits are made 01. */
static void
nonce_integer(const unsigned char nonce[ASN1_NONCE_BYTES], unsigned char ret[ASN1_NONCE_BYTES])
{
    memcpy(ret, nonce, ASN1_NONCE_BYTES);
    ret[0] = (unsigned char)((ret[0] & 0x3f) | 0x40);
}

unsigned char *
asn1_stamp_query(Arena *arena, const unsigned char digest[SEAL_HASH_BYTES], const unsigned char nonce[ASN1_NONCE_BYTES],
                 size_t *ret_length)
{
    static const unsigned char version = 1, yes[] = { 0x01, 0x01, 0xff };
    Text algorithm = TEXT_INIT(arena), imprint = TEXT_INIT(arena), body = TEXT_INIT(arena), query = TEXT_INIT(arena);
    unsigned char number[ASN1_NONCE_BYTES];

    put(&algorithm, TAG_OBJECT, OBJECT_SHA256, sizeof OBJECT_SHA256);
    put(&algorithm, 0x05, "", 0); /* NULL: its parameters */
    put_text(&imprint, TAG_SEQUENCE, &algorithm);
    put(&imprint, TAG_OCTETS, digest, SEAL_HASH_BYTES);
    put(&body, TAG_INTEGER, &version, 1);
    put_text(&body, TAG_SEQUENCE, &imprint);
    nonce_integer(nonce, number);
    put(&body, TAG_INTEGER, number, sizeof number);
    text_add_bytes(&body, yes, sizeof yes); /* certReq */
    put_text(&query, TAG_SEQUENCE, &body);
    *ret_length = query.length;
    return (unsigned char *)query.bytes;
}

/* -- a reply -------------------------------------------------------------------------------------------------------- */

typedef struct Der
{
    const unsigned char *at;
    size_t left;
} Der;

/* The next element: its tag, and what is in it.  Definite lengths of at most four bytes. */
static bool
take(Der *der, unsigned *ret_tag, Der *ret_inner)
{
    if (der->left < 2)
        return false;
    size_t length = der->at[1], head = 2;
    if (length >= 0x80)
    {
        const size_t count = length & 0x7f;
        if (count < 1 || count > 4 || der->left < 2 + count)
            return false;
        length = 0;
        for (size_t i = 0; i < count; i++)
            length = length << 8 | der->at[2 + i];
        head += count;
    }
    if (der->left - head < length)
        return false;
    *ret_tag = der->at[0];
    *ret_inner = (Der){ der->at + head, length };
    der->at += head + length;
    der->left -= head + length;
    return true;
}

static bool
take_tag(Der *der, unsigned tag, Der *ret_inner)
{
    unsigned found;

    return take(der, &found, ret_inner) && found == tag;
}

static bool
is_bytes(const Der *der, const void *bytes, size_t length)
{
    return der->left == length && memcmp(der->at, bytes, length) == 0;
}

/* TimeStampResp → PKIStatus, ContentInfo → SignedData → EncapsulatedContentInfo → TSTInfo (RFC 3161, section 2.4.2;
 * RFC 5652, section 5).  An unknown element ends it. */
static const char *
find_info(Der reply, Der *ret_info)
{
    static const char no_token[] = "holds no time stamp token";
    Der response, status, number, content, type, wrapped, data, part, info, octets;

    if (!take_tag(&reply, TAG_SEQUENCE, &response) || reply.left != 0 || !take_tag(&response, TAG_SEQUENCE, &status) ||
        !take_tag(&status, TAG_INTEGER, &number) || number.left != 1)
        return "is not an answer to a time stamp query";
    if (number.at[0] > 1) /* 0: granted, 1: granted with modifications */
        return "says that the time stamp was refused";
    if (!take_tag(&response, TAG_SEQUENCE, &content) || !take_tag(&content, TAG_OBJECT, &type) ||
        !is_bytes(&type, OBJECT_SIGNED_DATA, sizeof OBJECT_SIGNED_DATA) ||
        !take_tag(&content, TAG_EXPLICIT_0, &wrapped) || !take_tag(&wrapped, TAG_SEQUENCE, &data) ||
        !take_tag(&data, TAG_INTEGER, &part) || !take_tag(&data, TAG_SET, &part) ||
        !take_tag(&data, TAG_SEQUENCE, &part) || !take_tag(&part, TAG_OBJECT, &type) ||
        !is_bytes(&type, OBJECT_TST_INFO, sizeof OBJECT_TST_INFO) || !take_tag(&part, TAG_EXPLICIT_0, &wrapped) ||
        !take_tag(&wrapped, TAG_OCTETS, &octets) || !take_tag(&octets, TAG_SEQUENCE, &info))
        return no_token;
    *ret_info = info;
    return NULL;
}

/* "20260131235959[.123]Z" */
static bool
read_time(const Der *time, Instant *ret_time)
{
    int year, month, day, hour, minute, used = 0;
    char text[32], written[40];
    double second;

    if (time->left >= sizeof text || time->left < sizeof "20260131235959Z" - 1)
        return false;
    memcpy(text, time->at, time->left);
    text[time->left] = '\0';
    if (sscanf(text, "%4d%2d%2d%2d%2d%lf%n", &year, &month, &day, &hour, &minute, &second, &used) != 6 ||
        strcmp(text + used, "Z") != 0)
        return false;
    (void)snprintf(written, sizeof written, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute,
                   (int)second);
    return instant_parse(written, ret_time);
}

const char *
asn1_stamp_fault(const unsigned char *reply, size_t length, const unsigned char digest[SEAL_HASH_BYTES],
                 const unsigned char nonce[ASN1_NONCE_BYTES], Instant *ret_time)
{
    Der info, part, imprint, algorithm, hash, time;
    unsigned char number[ASN1_NONCE_BYTES];
    unsigned tag;
    bool answers = nonce == NULL;
    const char *fault = find_info((Der){ reply, length }, &info);

    if (fault != NULL)
        return fault;
    if (!take_tag(&info, TAG_INTEGER, &part) || !take_tag(&info, TAG_OBJECT, &part) ||
        !take_tag(&info, TAG_SEQUENCE, &imprint) || !take_tag(&imprint, TAG_SEQUENCE, &algorithm) ||
        !take_tag(&algorithm, TAG_OBJECT, &part) || !take_tag(&imprint, TAG_OCTETS, &hash) ||
        !take_tag(&info, TAG_INTEGER, &algorithm) || !take_tag(&info, TAG_TIME, &time))
        return "holds a time stamp token that cannot be read";
    if (!is_bytes(&part, OBJECT_SHA256, sizeof OBJECT_SHA256) || !is_bytes(&hash, digest, SEAL_HASH_BYTES))
        return "is a time stamp of something else";
    if (nonce != NULL)
        nonce_integer(nonce, number);
    while (!answers && take(&info, &tag, &part))
        answers = tag == TAG_INTEGER && is_bytes(&part, number, sizeof number);
    if (!answers)
        return "is a time stamp that answers another query";
    return read_time(&time, ret_time) ? NULL : "is a time stamp without a readable time";
}
