-- SPDX-License-Identifier: Apache-2.0
-- Does a table have an index that serves as well as the probe would?  Columns of the probe's condition may stand in front
-- of its own, and the same condition may make it partial.
-- $1 the table's oid, $2 the probe index's oid; columns: yes
  with probe as (
           select i.indexrelid, i.indrelid, x.relam, i.indnkeyatts, pg_get_expr(i.indpred, i.indrelid, true) as condition
             from pg_index i join pg_class x on x.oid = i.indexrelid where i.indexrelid = $2::oid),
       allowed (definition) as (
           select pg_get_indexdef(p.indexrelid, k, true) from probe p, generate_series(1, p.indnkeyatts) k
            union
           select quote_ident(a.attname)
             from probe p
             join pg_depend d on d.objid = p.indexrelid and d.refobjid = p.indrelid
             join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where p.condition is not null)
  select exists (
         select from pg_index i
           join pg_class x on x.oid = i.indexrelid
           join probe p on p.relam = x.relam
          where i.indrelid = $1::oid
            and i.indisvalid
            and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid, true) = p.condition)
            and not exists (
                select from generate_series(1, p.indnkeyatts) k
                 where not exists (
                       select from generate_series(1, i.indnkeyatts) j
                        where pg_get_indexdef(i.indexrelid, j, true) = pg_get_indexdef(p.indexrelid, k, true)
                          and not exists (
                              select from generate_series(1, j - 1) h
                               where pg_get_indexdef(i.indexrelid, h, true) not in (select definition from allowed)))))
