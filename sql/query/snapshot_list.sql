-- SPDX-License-Identifier: Apache-2.0
-- $1 with those that were destroyed; columns: disposal, kind, name, state, made (microseconds), erase after, key destroyed,
-- store, snapshot's name, rows, bytes
  select d.id, d.kind, d.name, d.state, (extract(epoch from d.archived_at) * 1000000)::bigint,
         (extract(epoch from d.erase_after) * 1000000)::bigint, (extract(epoch from d.key_destroyed_at) * 1000000)::bigint,
         d.store, d.snapshot_name, coalesce(t.rows, 0), coalesce(t.bytes, 0)
    from expunge.disposal d
    left join (select t.disposal, sum(t.mark_rows)::bigint, sum(t.mark_bytes)::bigint
                 from expunge.disposal_table t group by t.disposal) t(disposal, rows, bytes) on t.disposal = d.id
   where d.snapshot_name is not null
     and ($1::boolean or d.key_destroyed_at is null)
   order by d.id
