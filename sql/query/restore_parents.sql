-- SPDX-License-Identifier: Apache-2.0
-- Foreign keys of a table, or of one partition alone.
-- $1 table's oid
-- columns: name, columns (JSON), its rows (SQL, null: all), parent (quoted), parent's topmost table (oid), its columns (JSON),
-- its rows (SQL, null: all), operators parent = child (JSON), MATCH FULL, the role may lock the parent's rows,
-- parent (as a statement names its rows), the database vouches for it (not NOT VALID)
  select k.conname,
         (select json_agg(a.attname order by u.ord) from unnest(k.conkey) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n)::text,
         pg_get_partition_constraintdef(k.conrelid), k.confrelid::regclass::text,
         coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid::bigint,
         (select json_agg(a.attname order by u.ord) from unnest(k.confkey) with ordinality u(n, ord)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n)::text,
         pg_get_partition_constraintdef(k.confrelid),
         (select json_agg(format('operator(%I.%s)', n.nspname, p.oprname) order by u.ord)
            from unnest(k.conpfeqop) with ordinality u(o, ord)
            join pg_operator p on p.oid = u.o
            join pg_namespace n on n.oid = p.oprnamespace)::text,
         k.confmatchtype = 'f', has_any_column_privilege(k.confrelid, 'update'),
         (select case c.relkind when 'r' then 'only ' else '' end from pg_class c where c.oid = k.confrelid) || k.confrelid::regclass::text,
         k.convalidated
    from pg_constraint k
   where k.contype = 'f'
     and k.conparentid = 0
     and (k.conrelid = $1::bigint::oid or k.conrelid in (select p.relid from pg_partition_tree($1::bigint::oid::regclass) p))
   order by k.conrelid, k.conname
