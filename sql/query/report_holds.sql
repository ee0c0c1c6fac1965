-- SPDX-License-Identifier: Apache-2.0
-- Holds in force now, and what became of holds in a period; never whose they are.  $1 from, $2 to
-- columns: kind, type, in force, the first end among them, placed, released or expired in the period
  select h.kind, h.type,
         count(*) filter (where f.in_force),
         (extract(epoch from min(h.expires_at) filter (where f.in_force)) * 1000000)::bigint,
         count(*) filter (where h.placed_at >= $1::timestamptz and h.placed_at < $2::timestamptz),
         count(*) filter (where f.ended_at >= $1::timestamptz and f.ended_at < $2::timestamptz and f.ended_at <= now())
    from expunge.hold h
   cross join lateral (select h.released_at is null and (h.expires_at is null or h.expires_at > now()),
                              least(h.released_at, h.expires_at)) f(in_force, ended_at)
   group by h.kind, h.type
   order by h.kind, h.type
