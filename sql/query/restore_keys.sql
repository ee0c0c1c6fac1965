-- SPDX-License-Identifier: Apache-2.0
-- Unique indexes and exclusion constraints of a table, or of one partition alone.  $1 table's oid
-- columns: name, on (quoted), its rows (SQL, null: all), expressions (JSON), operators (JSON), predicate (SQL or null),
-- nulls are equal, checked at once, unique, on (as a statement names its rows)
  select x.relname, c.oid::regclass::text, pg_get_partition_constraintdef(c.oid),
         (select json_agg(pg_get_indexdef(i.indexrelid, n.n::integer, true) ||
                          coalesce((select format(' collate %I.%I', cn.nspname, o.collname)
                                      from pg_collation o
                                      join pg_namespace cn on cn.oid = o.collnamespace
                                     where o.oid = i.indcollation[n.n - 1]), '') order by n.n)
            from generate_series(1, i.indnkeyatts) n(n))::text,
         (select json_agg(coalesce((select format('operator(%I.%s)', pn.nspname, p.oprname)
                                      from pg_operator p
                                      join pg_namespace pn on pn.oid = p.oprnamespace
                                     where p.oid = coalesce(k.conexclop[n.n],
                                           (select a.amopopr from pg_amop a
                                              join pg_opclass q on q.oid = i.indclass[n.n - 1]
                                             where a.amopfamily = q.opcfamily
                                               and a.amoplefttype = q.opcintype
                                               and a.amoprighttype = q.opcintype
                                               and a.amopstrategy = 3))), '=') order by n.n)
            from generate_series(1, i.indnkeyatts) n(n))::text,
         pg_get_expr(i.indpred, i.indrelid), coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), i.indimmediate and not coalesce(k.condeferrable, false),
         i.indisunique, case c.relkind when 'r' then 'only ' else '' end || c.oid::regclass::text
    from pg_index i
    join pg_class x on x.oid = i.indexrelid
    join pg_class c on c.oid = i.indrelid
    left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
   where (i.indisunique or i.indisexclusion)
     and i.indisvalid
     and (c.oid = $1::bigint::oid or c.oid in (select p.relid from pg_partition_tree($1::bigint::oid::regclass) p))
     and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)
   order by c.oid, i.indexrelid
