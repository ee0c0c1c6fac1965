-- SPDX-License-Identifier: Apache-2.0
-- Holds whose placing or release the ledger has not heard of.
-- columns: id, kind, key, type, placed by, placed at, until, released by, released at, placing is recorded
  select h.id, h.kind, coalesce(h.subject_key, ''), h.type, h.placed_by, (extract(epoch from h.placed_at) * 1000000)::bigint,
         (extract(epoch from nullif(h.expires_at, 'infinity'::timestamptz)) * 1000000)::bigint, coalesce(h.released_by, ''),
         (extract(epoch from h.released_at) * 1000000)::bigint, h.recorded
    from expunge.hold h
   where not h.recorded
      or (h.released_at is not null and not h.release_recorded)
   order by h.id
