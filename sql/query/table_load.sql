-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: number, schema, table, action, edge, rows_archived, rows_done, position (JSON), mark bytes, frames, rows, plain
  select t.number, t.schema_name, t.table_name, t.action, t.edge, t.rows_archived, t.rows_done,
         to_json(t.position)::text, t.mark_bytes, t.mark_frames, t.mark_rows, t.mark_plain
    from expunge.disposal_table t
   where t.disposal = $1::bigint
   order by t.number
