-- SPDX-License-Identifier: Apache-2.0
-- $1 table's oid, $2 columns (array); columns: foreign keys of other rows that refer to one of them
  select k.conname
    from pg_constraint k
    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = any (k.confkey)
   where k.contype = 'f'
     and coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid = $1::bigint::oid
     and a.attname = any ($2::text[])
   order by k.conname
