-- SPDX-License-Identifier: Apache-2.0
-- Holds in force now, and what became of holds in a period; never whose they are.  $1 from, $2 to
-- columns: kind, type, in force, the first end among them, placed in the period, released in it, expired in it
  select h.kind, h.type,
         count(*) filter (where h.in_force),
         (extract(epoch from min(h.expires_at) filter (where h.in_force)) * 1000000)::bigint,
         count(*) filter (where h.placed_at >= $1::timestamptz and h.placed_at < $2::timestamptz),
         count(*) filter (where h.ended_at >= $1::timestamptz and h.ended_at < $2::timestamptz and h.ended_at = h.released_at),
         count(*) filter (where h.ended_at >= $1::timestamptz and h.ended_at < $2::timestamptz and h.ended_at is distinct from h.released_at)
    from expunge.report_hold h
   group by h.kind, h.type
   order by h.kind, h.type
