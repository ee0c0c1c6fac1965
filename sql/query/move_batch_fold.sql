-- SPDX-License-Identifier: Apache-2.0
-- Batches into their tables.  $1 disposal
    with gone as (
         delete from expunge.move_batch b where b.disposal = $1::bigint returning b.*
         ),
         folded as (
         select g.number, sum(g.rows)::bigint as rows, max(g.mark_rows) as mark_rows, max(g.mark_bytes) as mark_bytes,
                max(g.mark_frames) as mark_frames, max(g.mark_plain) as mark_plain
           from gone g
          group by g.number
         )
  update expunge.disposal_table t
     set rows_done = t.rows_done + f.rows, rows_archived = f.mark_rows, mark_rows = f.mark_rows, mark_bytes = f.mark_bytes,
         mark_frames = f.mark_frames, mark_plain = f.mark_plain,
         position = coalesce((select g.position
                                from gone g
                               where g.number = t.number
                                 and g.position is not null
                               order by g.bytes_before desc
                               limit 1), t.position)
    from folded f
   where t.disposal = $1::bigint
     and t.number = f.number
