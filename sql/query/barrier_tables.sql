-- SPDX-License-Identifier: Apache-2.0
-- Tables that rows of these disposals were in and, last, where the planner's statistics hold values of them.
-- $1 disposals (array); columns: oid, schema, table, bytes with indexes and TOAST, may this role rewrite it
  select c.oid::bigint, n.nspname, c.relname,
         (select sum(pg_total_relation_size(coalesce(p.relid, c.oid)))::bigint
            from (select 1) one left join lateral pg_partition_tree(c.oid) p on true),
         pg_has_role(c.relowner, 'usage') or pg_has_role(d.datdba, 'usage')
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_database d on d.datname = current_database()
   where c.relkind in ('r', 'p', 'm')
     and (c.oid in (select to_regclass(format('%I.%I', t.schema_name, t.table_name))
                      from expunge.disposal_table t
                     where t.disposal = any($1::bigint[]))
          or c.oid in ('pg_catalog.pg_statistic'::regclass, 'pg_catalog.pg_statistic_ext_data'::regclass))
   order by n.nspname = 'pg_catalog', n.nspname, c.relname
