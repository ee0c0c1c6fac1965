-- SPDX-License-Identifier: Apache-2.0
-- What two rows may not have in common, where that is more than plain columns of one whole table: unique indexes over
-- expressions, partial ones, those of another operator class or collation, with NULLs that are equal, judged at COMMIT, or of
-- one partition alone; and exclusion constraints.
-- columns: table oid (of the topmost parent), partition oid (null: the whole table), its rows (as a statement names them),
--          expressions (JSON), operators (JSON), predicate (SQL or null), NULLs are equal, names of all columns that it looks at
--          (JSON)
  select coalesce(pg_partition_root(c.oid), c.oid)::oid::bigint, case when c.relispartition then c.oid::text end,
         case when c.relkind = 'r' and not c.relispartition then 'only ' else '' end || format('%I.%I', c.relnamespace::regnamespace::text, c.relname),
         (select json_agg(pg_get_indexdef(i.indexrelid, n.n::integer, true) ||
                          coalesce((select format(' collate %I.%I', o.collnamespace::regnamespace::text, o.collname)
                                      from pg_collation o where o.oid = i.indcollation[n.n - 1]), '') order by n.n)
            from generate_series(1, i.indnkeyatts) n(n))::text,
         (select json_agg(coalesce((select format('operator(%I.%s)', p.oprnamespace::regnamespace::text, p.oprname)
                                      from pg_operator p
                                     where p.oid = coalesce(k.conexclop[n.n],
                                           (select a.amopopr from pg_amop a
                                              join pg_opclass q on q.oid = i.indclass[n.n - 1]
                                             where a.amopfamily = q.opcfamily
                                               and a.amoplefttype = q.opcintype
                                               and a.amoprighttype = q.opcintype
                                               and a.amopstrategy = 3))), '=') order by n.n)
            from generate_series(1, i.indnkeyatts) n(n))::text,
         pg_get_expr(i.indpred, i.indrelid), coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
         (select json_agg(a.attname order by a.attnum) from pg_attribute a
           where a.attrelid = i.indrelid
             and a.attnum > 0
             and (a.attnum = any (i.indkey)
                  or exists (select from pg_depend d
                              where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                                and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid
                                and d.refobjsubid = a.attnum)))::text
    from pg_index i
    join pg_class c on c.oid = i.indrelid
    join pg_class x on x.oid = i.indexrelid
    join pg_am m on m.oid = x.relam
    left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
   where (i.indisunique or i.indisexclusion)
     and i.indisvalid
     and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)
     and (i.indisexclusion or m.amname <> 'btree' or i.indpred is not null or i.indexprs is not null or not i.indimmediate
          or c.relispartition or coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
          or exists (select from unnest(i.indkey::smallint[], i.indclass::oid[], i.indcollation::oid[]) u(attnum, class, coll)
                       join pg_opclass o on o.oid = u.class
                       join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
                      where not o.opcdefault or u.coll <> a.attcollation))
     and c.relpersistence <> 't'
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by i.indrelid, i.indexrelid
