-- SPDX-License-Identifier: Apache-2.0
-- Snapshots of a policy that may hold rows of a subject that is erased: they cannot be split.  The number of rows is that of the
-- whole snapshot.  $1 disposal of the subject, $2 its kind, $3 policy
  insert into expunge.not_erased (disposal, number, what, why, rows, until)
  select $1::bigint, 1000000 + p.id::integer, 'snapshot of policy "' || p.name || '"',
         'past their window, they were moved into it before; some may be of this ' || $2::text || ', and a snapshot cannot be split',
         t.rows, p.erase_after
    from expunge.disposal p
   cross join lateral (select coalesce(sum(x.rows), 0)::bigint
                         from (select y.rows_archived from expunge.disposal_table y where y.disposal = p.id
                                union all
                               select m.rows from expunge.move_batch m where m.disposal = p.id) x(rows)) t(rows)
   where p.kind = 'policy'
     and p.name = $3::text
     and p.key_id is not null
     and p.key_destroyed_at is null
     and p.restored_at is null
     and p.state not in ('cleared', 'withdrawn')
     and t.rows > 0
      on conflict (disposal, number) do update set rows = excluded.rows, until = excluded.until
