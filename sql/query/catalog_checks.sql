-- SPDX-License-Identifier: Apache-2.0
-- What an UPDATE must not break beside NOT NULL of the whole table: CHECK constraints, and NOT NULL of one partition alone.
-- columns: table oid (of the topmost parent), partition oid (null: the whole table), expression over the row
  select coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid::bigint,
         case when c.relispartition then c.oid::text end, pg_get_expr(k.conbin, k.conrelid)
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
   where k.contype = 'c'
     and (not c.relispartition or k.coninhcount = 0)
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   union all
  select r.oid::bigint, c.oid::text, format('%I is not null', a.attname)
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_class r on r.oid = pg_partition_root(c.oid)
    join pg_attribute p on p.attrelid = r.oid and p.attname = a.attname and not p.attnotnull and not p.attisdropped
   where c.relispartition
     and c.relkind in ('r', 'p')
     and a.attnum > 0
     and not a.attisdropped
     and a.attnotnull
   order by 1, 2, 3
