-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: hold, type, when it forbade something, state then, rows that were gone already, until, released at
  select f.hold, h.type, (extract(epoch from f.refused_at) * 1000000)::bigint, f.state, f.rows_done,
         (extract(epoch from nullif(h.expires_at, 'infinity'::timestamptz)) * 1000000)::bigint,
         (extract(epoch from h.released_at) * 1000000)::bigint
    from expunge.refusal f
    join expunge.hold h on h.id = f.hold
   where f.disposal = $1::bigint
   order by f.refused_at, f.hold
