/* SPDX-License-Identifier: Apache-2.0 */
/* seal_text.h -- text that must not stay in memory: credentials, and messages that hold them or a person's data.  It grows
 * in guarded memory and is wiped when it grows or ends. */
#ifndef EXPUNGE_SEAL_TEXT_H
#define EXPUNGE_SEAL_TEXT_H

#include "base/arena.h"

typedef struct SecretText SecretText;

SecretText *secret_text_new(void);
void secret_text_free(SecretText *text); /* NULL is fine */
void secret_text_freep(SecretText **text);
void secret_text_add(SecretText *text, const char *piece);
void secret_text_add_bytes(SecretText *text, const void *bytes, size_t length);
const char *secret_text_string(const SecretText *text); /* terminated; valid until the next addition */
size_t secret_text_length(const SecretText *text);
/* The bytes of a file of at most limit bytes, without white space at the end; ERR_CONFIG when it is larger or holds a
 * control character, ERR_IO. */
NODISCARD Err secret_text_load(SecretText *text, const char *path, size_t limit);

/* -- Standard Webhooks 1.0.0: the value of a message's header "webhook-signature".  scheme "v1": HMAC-SHA256, the secret
 * is "whsec_" and 24 to 64 bytes in base64.  "v1a": Ed25519, "whsk_" and a seed of 32 bytes or a private key of 64. */
NODISCARD Err secret_text_sign(const char *scheme, const SecretText *secret, const SecretText *message,
                               SecretText *ret_signature);

#endif
