-- SPDX-License-Identifier: Apache-2.0
-- The columns of those tables, in order.  What is of the type alone is looked up once for each type.
-- columns: table oid, attnum, name, type, not_null, generated, base type (of a domain: what it stands on), collation where it
--          is not the database's, operator that compares two values where it is not one of pg_catalog, default,
--          values of its type can be hashed (of types made of others: not looked into, false)
  select a.attrelid::bigint, a.attnum::integer, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
         a.attgenerated <> '', b.oid::regtype::text,
         (select format('%s.%I', l.collnamespace::regnamespace, l.collname) from pg_collation l
           where l.oid = a.attcollation and l.collname <> 'default'),
         b.equals,
         (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum),
         b.hashable
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
   cross join lateral (with recursive base (oid, base, kind) as (
              select t.oid, t.typbasetype, t.typtype from pg_type t where t.oid = a.atttypid
               union all
              select n.oid, n.typbasetype, n.typtype from base x join pg_type n on n.oid = x.base where x.kind = 'd')
          select x.oid,
                 (select format('operator(%s.%s)', o.oprnamespace::regnamespace, o.oprname)
                    from pg_type t
                    join pg_opclass s on s.opcintype = t.oid and s.opcdefault
                    join pg_am m on m.oid = s.opcmethod and m.amname = 'btree'
                    join pg_amop y on y.amopfamily = s.opcfamily and y.amoplefttype = t.oid and y.amoprighttype = t.oid and y.amopstrategy = 3
                    join pg_operator o on o.oid = y.amopopr
                   where t.oid = x.oid and t.typnamespace <> 'pg_catalog'::regnamespace
                     and o.oprnamespace <> 'pg_catalog'::regnamespace) as equals,
                 x.kind = 'e' or case when x.oid = 'varchar'::regtype then 'text'::regtype else x.oid end in (
                     select s.opcintype from pg_opclass s join pg_am m on m.oid = s.opcmethod
                      where m.amname = 'hash' and s.opcdefault) as hashable
            from base x where x.kind <> 'd' offset 0) b
   where a.attnum > 0
     and not a.attisdropped
     and c.relkind in ('r', 'p', 'f')
     and not c.relispartition
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by a.attrelid, a.attnum
