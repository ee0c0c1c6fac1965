/* SPDX-License-Identifier: Apache-2.0 */
/* asn1.h -- the few DER forms that evidence needs: a public key for openssl, and time stamps (RFC 3161).  Pure. */
#ifndef EXPUNGE_ASN1_H
#define EXPUNGE_ASN1_H

#include "base/instant.h"
#include "wrap/seal.h"

/* "-----BEGIN PUBLIC KEY-----" …: SubjectPublicKeyInfo of an Ed25519 key (RFC 8410). */
char *asn1_public_pem(Arena *arena, const unsigned char public_key[SEAL_PUBLIC_BYTES]);

#define ASN1_NONCE_BYTES 8
/* A TimeStampReq for a SHA-256; the authority's certificate is asked for. */
unsigned char *asn1_stamp_query(Arena *arena, const unsigned char digest[SEAL_HASH_BYTES],
                                const unsigned char nonce[ASN1_NONCE_BYTES], size_t *ret_length);
/* NULL: reply is a TimeStampResp that was granted, and its token is about that digest (and answers that nonce, unless
 * nonce is NULL); ret_time: when, by the authority's clock.  Otherwise what is wrong, as the middle of a sentence.  The
 * authority's own signature is not judged here: "openssl ts -verify" does. */
const char *asn1_stamp_fault(const unsigned char *reply, size_t length, const unsigned char digest[SEAL_HASH_BYTES],
                             const unsigned char nonce[ASN1_NONCE_BYTES], Instant *ret_time);

#endif
