/* SPDX-License-Identifier: Apache-2.0 */
/* s3.h -- the kind of store whose copies are objects below a prefix of an S3 bucket (copies.h): every version of them, every
 * delete marker and every unfinished multipart upload.
 *
 * A prefix ends in "/", and each key that is listed is compared with it again.  Nothing is deleted while a listing is being
 * paged through: what is to go is listed from the start, deleted, and listed from the start again, until nothing is left.
 *
 * One listing serves many cases: the bucket is paged through once below what their prefixes have in common, at most as many
 * pages as asking for each of them would take requests; a larger bucket is asked prefix by prefix. */
#ifndef EXPUNGE_S3_H
#define EXPUNGE_S3_H

#include "copies/copies.h"

extern const CopyKind s3_kind;

/* NULL, or what is wrong with a prefix's template, as the middle of a sentence.  What keyed.h says comes first. */
const char *s3_prefix_wrong(const char *prefix);

#endif
