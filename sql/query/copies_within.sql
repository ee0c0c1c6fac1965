-- SPDX-License-Identifier: Apache-2.0
-- What keeps copies of rows in the database itself: materialized views, with the tables they read (through other views, too),
-- columns that may name large objects, and foreign tables, whose rows lie elsewhere.
-- columns: what (view, large, foreign), schema, name, column (large), oids of tables it reads (view; JSON), may be refreshed by
--          this role, holds rows, can be refreshed beside readers (it has a unique index)
  with recursive reads (view, relation) as (
         select distinct r.ev_class, d.refobjid
           from pg_rewrite r
           join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
          where d.refobjid <> r.ev_class),
       deep (view, relation) as (
         select view, relation from reads
          union
         select deep.view, reads.relation from deep join reads on reads.view = deep.relation)
  select 'view', n.nspname::text, c.relname::text, null::text,
         (select json_agg(distinct coalesce(pg_partition_root(d.relation), d.relation)::oid::text)
            from deep d join pg_class t on t.oid = d.relation and t.relkind in ('r', 'p') where d.view = c.oid)::text,
         pg_has_role(c.relowner, 'usage'), c.relispopulated,
         exists (select from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null)
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'm'
   union all
  select 'large', n.nspname::text, c.relname::text, a.attname::text, null, false, false, false
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
   where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
     and (t.oid = 'oid'::regtype or t.typbasetype = 'oid'::regtype)
     and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   union all
  select 'foreign', n.nspname::text, c.relname::text, null, null, false, false, false
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'f'
   order by 1, 2, 3, 4
