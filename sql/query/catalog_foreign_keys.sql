-- SPDX-License-Identifier: Apache-2.0
-- Foreign keys, as declared (not their copies on partitions); a key on a partition alone names that partition.
-- columns: name, child oid, parent oid, child attnames, parent attnames (arrays as JSON), on delete, child partition (oid, or null), deferrable,
--          points at a partition, attnames that ON DELETE SET sets (JSON, null: all)
  select k.conname, coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid::bigint,
         coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid::bigint,
         (select json_agg(a.attname order by u.ord) from unnest(k.conkey) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n)::text,
         (select json_agg(a.attname order by u.ord) from unnest(k.confkey) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n)::text,
         k.confdeltype::text,
         case when c.relispartition then k.conrelid::oid::text end,
         k.condeferrable, p.relispartition,
         (select json_agg(a.attname order by u.ord) from unnest(k.confdelsetcols) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n)::text
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_class p on p.oid = k.confrelid
   where k.contype = 'f'
     and k.conparentid = 0
     and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by k.conrelid, k.conname
