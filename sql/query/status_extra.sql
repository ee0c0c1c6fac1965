-- SPDX-License-Identifier: Apache-2.0
-- What people ask about disposals beyond their own columns.  $1 overdue_after, $2 disposal, or null for all that are not final
-- Of one that waits for copies elsewhere alone, what is due is its promised window (cleared_within), and it is overdue as
-- soon as a copy is known to outlive that.  One that waits for processors alone is told of by status_processors.
-- columns: id, rows archived, rows done, due, overdue, hold, its type, its end, a worker is busy with it
  select d.id, t.archived, t.done, (extract(epoch from coalesce(u.due_at, case when c.waits then d.clear_by end)) * 1000000)::bigint,
         coalesce(h.id is null and (u.due_at + $1::text::interval < now() or c.late), false),
         h.id, h.type, (extract(epoch from h.expires_at) * 1000000)::bigint,
         exists (select from pg_locks l
                  where l.locktype = 'advisory'
                    and l.granted
                    and l.objsubid = 1
                    and l.database = (select b.oid from pg_database b where b.datname = current_database())
                    and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('expunge.disposal', d.id))
    from expunge.disposal d
   cross join lateral (select bool_or(case c.state when 'gone' then false
                                                   when 'dated' then greatest(c.until, now()) > d.clear_by
                                                   else now() > least(d.clear_by, d.erased_at + $1::text::interval) end),
                              count(*) > 0
                         from expunge.copy c
                        where c.disposal = d.id and d.state = 'erased' and c.state <> 'gone') c(late, waits)
   cross join lateral (select exists (select from expunge.processor_task k
                                       where k.disposal = d.id and k.state in ('waiting', 'requested', 'accepted'))
                              and d.state = 'erased' and (d.snapshot_name is null or d.key_destroyed_at is not null)) k(waits)
   cross join lateral (select case when d.state in ('cleared', 'withdrawn') then null
                                   when c.waits or k.waits then null
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
