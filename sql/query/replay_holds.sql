-- SPDX-License-Identifier: Apache-2.0
-- The holds that this database knows.  columns: id, placed at, in force
  select h.id, (extract(epoch from h.placed_at) * 1000000)::bigint,
         h.released_at is null and (h.expires_at is null or h.expires_at > clock_timestamp())
    from expunge.hold h
