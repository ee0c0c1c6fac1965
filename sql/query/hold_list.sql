-- SPDX-License-Identifier: Apache-2.0
-- Holds in a period.  $1 from, $2 to; columns: id, kind, key, type, reason, reference, placed, expires, released
  select h.id, h.kind, h.subject_key, h.type, h.reference,
         (extract(epoch from h.placed_at) * 1000000)::bigint, (extract(epoch from nullif(h.expires_at, 'infinity'::timestamptz)) * 1000000)::bigint,
         (extract(epoch from h.released_at) * 1000000)::bigint
    from expunge.hold h
   where h.placed_at < $2::timestamptz
     and coalesce(h.released_at, h.expires_at, 'infinity'::timestamptz) >= $1::timestamptz
   order by h.id
