-- SPDX-License-Identifier: Apache-2.0
-- What people ask about disposals beyond their own columns.  $1 overdue_after, $2 disposal, or null for all that are not final
-- columns: id, rows archived, rows done, due, overdue, hold, its type, its end, a worker is busy with it
  select d.id, t.archived, t.done, (extract(epoch from u.due_at) * 1000000)::bigint,
         coalesce(h.id is null and u.due_at + $1::text::interval < now(), false),
         h.id, h.type, (extract(epoch from h.expires_at) * 1000000)::bigint,
         exists (select from pg_locks l
                  where l.locktype = 'advisory'
                    and l.granted
                    and l.objsubid = 1
                    and l.database = (select b.oid from pg_database b where b.datname = current_database())
                    and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('expunge.disposal', d.id))
    from expunge.disposal d
   cross join lateral (select case when d.state in ('cleared', 'withdrawn') then null
                                   when d.state = 'open' then coalesce(d.ended_at, d.as_of)
                                   else coalesce(d.erase_after, d.ended_at, d.as_of) end) u(due_at)
   cross join lateral (select coalesce(sum(x.archived), 0)::bigint, coalesce(sum(x.done), 0)::bigint
                         from (select y.rows_archived, y.rows_done from expunge.disposal_table y where y.disposal = d.id
                                union all
                               select m.rows, m.rows from expunge.move_batch m where m.disposal = d.id) x(archived, done)) t(archived, done)
    left join lateral (select o.id, o.type, o.expires_at
                         from expunge.hold o
                        where o.kind = d.kind
                          and o.subject_key = d.subject_key
                          and o.released_at is null
                          and (o.expires_at is null or o.expires_at > now())
                        order by o.id desc
                        limit 1) h on true
   where ($2::bigint is null and d.state not in ('cleared', 'withdrawn')) or d.id = $2::bigint
   order by d.id
