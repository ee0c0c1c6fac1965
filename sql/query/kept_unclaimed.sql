-- SPDX-License-Identifier: Apache-2.0
-- Kept rows whose edge is none of those that the configuration keeps.  $1 owners, $2 edges (side by side);
-- columns: table, owner, edge, rows, first end (microseconds)
  select k.schema_name || '.' || k.table_name, k.owner, k.edge, count(*), (extract(epoch from min(k.until)) * 1000000)::bigint
    from expunge.kept k
   where not exists (select from unnest($1::text[], $2::text[]) c (owner, edge) where c.owner = k.owner and c.edge = k.edge)
   group by 1, 2, 3
   order by 1, 2, 3
