-- SPDX-License-Identifier: Apache-2.0
-- A policy's snapshot cannot be split: any hold of its kind of subject that came after its rows were chosen keeps it.
-- $1 kind, $2 when the disposal was opened; columns: id, type, until.  The newest hold that is in force
  select h.id, h.type, (extract(epoch from nullif(h.expires_at, 'infinity'::timestamptz)) * 1000000)::bigint
    from expunge.hold h
   where h.kind = $1::text
     and h.placed_at >= $2::timestamptz
     and h.released_at is null
     and (h.expires_at is null or h.expires_at > clock_timestamp())
   order by h.id desc
   limit 1
