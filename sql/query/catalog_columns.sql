-- SPDX-License-Identifier: Apache-2.0
-- The columns of those tables, in order.
-- columns: table oid, attnum, name, type, not_null, generated, base type (of a domain: what it stands on)
  select a.attrelid::bigint, a.attnum::integer, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
         a.attgenerated <> '', (with recursive base (oid, base, kind) as (
              select t.oid, t.typbasetype, t.typtype
               union all
              select b.oid, b.typbasetype, b.typtype from base x join pg_type b on b.oid = x.base where x.kind = 'd')
          select x.oid::regtype::text from base x where x.kind <> 'd')
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_type t on t.oid = a.atttypid
   where a.attnum > 0
     and not a.attisdropped
     and c.relkind in ('r', 'p')
     and not c.relispartition
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by a.attrelid, a.attnum
