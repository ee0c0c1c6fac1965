-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: number, schema, table, action, edge, rows_archived, rows_done, position (JSON), mark bytes, frames, rows, plain
  select t.number, t.schema_name, t.table_name, t.action, t.edge, coalesce(b.mark_rows, t.rows_archived),
         t.rows_done + coalesce(b.rows, 0), to_json(coalesce(b.position, t.position))::text,
         coalesce(b.mark_bytes, t.mark_bytes), coalesce(b.mark_frames, t.mark_frames), coalesce(b.mark_rows, t.mark_rows),
         coalesce(b.mark_plain, t.mark_plain)
    from expunge.disposal_table t
    left join lateral (select (select sum(a.rows)::bigint from expunge.move_batch a where a.disposal = m.disposal and a.number = m.number) as rows,
                              (select p.position
                                 from expunge.move_batch p
                                where p.disposal = m.disposal
                                  and p.number = m.number
                                  and p.position is not null
                                order by p.bytes_before desc
                                limit 1) as position,
                              m.mark_rows, m.mark_bytes, m.mark_frames, m.mark_plain
                         from expunge.move_batch m
                        where m.disposal = t.disposal
                          and m.number = t.number
                        order by m.bytes_before desc
                        limit 1) b on true
   where t.disposal = $1::bigint
   order by t.number
