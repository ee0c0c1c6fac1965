-- SPDX-License-Identifier: Apache-2.0
-- Foreign keys, as declared (not their copies on partitions); a key on a partition alone names that partition.
-- columns: name, child oid, parent oid, child attnames, parent attnames (arrays as JSON), on delete, child partition (oid, or null), deferrable,
--          parent partition (oid, or null), attnames that ON DELETE SET sets (JSON, null: all), how columns are compared where
--          that is not the plain "=" between the two (JSON: for each null or [operator, cast of the parent's, of the child's]), MATCH FULL
  select k.conname, coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid::bigint,
         coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid::bigint,
         (select json_agg(a.attname order by u.ord) from unnest(k.conkey) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n)::text,
         (select json_agg(a.attname order by u.ord) from unnest(k.confkey) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n)::text,
         k.confdeltype::text,
         case when c.relispartition then k.conrelid::oid::text end,
         k.condeferrable, case when p.relispartition then k.confrelid::oid::text end,
         (select json_agg(a.attname order by u.ord) from unnest(k.confdelsetcols) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n)::text,
         (select case when not bool_and(e.plain)
                      then json_agg(case when not e.plain
                                         then json_build_array(e.operator, e.parent_cast, e.child_cast) end order by e.ord) end
            from (select u.ord, format('operator(%s.%s)', o.oprnamespace::regnamespace, o.oprname) as operator,
                         case when l.typtype <> 'p' and a.atttypid <> o.oprleft
                              then '::' || format_type(o.oprleft, -1) else '' end as parent_cast,
                         case when r.typtype <> 'p' and b.atttypid <> o.oprright
                              then '::' || format_type(o.oprright, -1) else '' end
                         || case when a.attcollation <> b.attcollation and a.attcollation <> 0
                                 then (select format(' collate %s.%I', c.collnamespace::regnamespace, c.collname)
                                         from pg_collation c where c.oid = a.attcollation) else '' end as child_cast,
                         o.oprnamespace = 'pg_catalog'::regnamespace and a.attcollation = b.attcollation
                         and (a.atttypid = b.atttypid or (a.atttypid = o.oprleft and b.atttypid = o.oprright)) as plain
                    from unnest(k.confkey, k.conkey, k.conpfeqop) with ordinality u(parent, child, op, ord)
                    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.parent
                    join pg_attribute b on b.attrelid = k.conrelid and b.attnum = u.child
                    join pg_operator o on o.oid = u.op
                    join pg_type l on l.oid = o.oprleft
                    join pg_type r on r.oid = o.oprright) e)::text,
         k.confmatchtype = 'f'
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_class p on p.oid = k.confrelid
   where k.contype = 'f'
     and k.conparentid = 0
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by k.conrelid, k.conname
