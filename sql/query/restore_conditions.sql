-- SPDX-License-Identifier: Apache-2.0
-- What a row must satisfy to be let in, beside its keys: CHECKs (of one partition alone as well), and that there is a
-- partition for it.  $1 table's oid
-- columns: what it is called (null: the partitions), condition (SQL on the row's columns), whose rows it is about (SQL, null: all)
  select k.conname, pg_get_expr(k.conbin, k.conrelid), pg_get_partition_constraintdef(k.conrelid)
    from pg_constraint k
   where k.contype = 'c'
     and (k.conrelid = $1::bigint::oid or (k.conislocal and k.coninhcount = 0))
     and (k.conrelid = $1::bigint::oid or k.conrelid in (select p.relid from pg_partition_tree($1::bigint::oid::regclass) p))
   union all
  select null, coalesce(string_agg(format('coalesce(%s, false)', coalesce(pg_get_partition_constraintdef(p.relid), 'true')), ' or '), 'false'), null
    from pg_partition_tree($1::bigint::oid::regclass) p
   where p.isleaf
  having exists (select from pg_class c where c.oid = $1::bigint::oid and c.relkind = 'p')
