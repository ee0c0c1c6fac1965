/* SPDX-License-Identifier: Apache-2.0 */
/* certview.h -- the certificate of one disposal, for programs and for people.  Pure.  It holds no row's value and no
 * subject's key, and no time of asking: the same evidence under the same configuration gives the same certificate. */
#ifndef EXPUNGE_CERTVIEW_H
#define EXPUNGE_CERTVIEW_H

#include "report/collect.h"
#include "report/page.h"

/* Sets the certificate's names in object, then "certificate_digest": the SHA-256 of the canonical form of all that
 * object holds without that name. */
void certview_json(Arena *arena, const Certificate *certificate, JsonDoc *object, char ret_digest[65]);
/* One page.  digest: of certview_json. */
Page *certview_page(Arena *arena, const Certificate *certificate, const char *digest);
const char *certview_id(Arena *arena, const Certificate *certificate); /* "eu-17" */

/* What was done to what: the fields of a certificate of sanitization (NIST SP 800-88 Rev. 1, section 4.8 and appendix G),
 * where they apply. */
typedef struct CertviewMeans
{
    const char *item;
    const char *media;
    const char *method; /* "Clear", "Purge" or "Destroy"; NULL: none of them */
    const char *technique;
    const char *verification;
    const char *tool;
    const char *performed_by;
    Instant at;
    const char *note;
} CertviewMeans;
size_t certview_means(Arena *arena, const Certificate *certificate, CertviewMeans **ret_means);

/* Why it is not complete, as a sentence without a full stop; NULL when it is. */
const char *certview_missing(Arena *arena, const Certificate *certificate);
/* When the rows were gone from the live tables: those of a policy with a grace period go when they are archived. */
Instant certview_live_gone_at(const Certificate *certificate);

#endif
