-- SPDX-License-Identifier: Apache-2.0
-- $1 the kinds that are configured, an array: the others are nobody's any more
  delete from expunge.subject_kind k where k.kind <> all ($1::text[])
