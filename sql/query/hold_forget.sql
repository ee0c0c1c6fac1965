-- SPDX-License-Identifier: Apache-2.0
-- Holds that are over, of a subject that is about to be cleared: whose they were, and the words about them.  $1 disposal
  update expunge.hold h
     set subject_key = null, reason = null, reference = null, release_reason = null
    from expunge.disposal d
   where d.id = $1::bigint
     and h.kind = d.kind
     and h.subject_key = d.subject_key
     and (h.released_at is not null or h.expires_at <= clock_timestamp())
