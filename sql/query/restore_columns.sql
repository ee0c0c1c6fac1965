-- SPDX-License-Identifier: Apache-2.0
-- $1 table's oid; columns: name, has a default or is an identity, is an identity, default (SQL)
  select a.attname, a.atthasdef or a.attidentity <> '', a.attidentity <> '', pg_get_expr(d.adbin, d.adrelid)
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attrelid = $1::bigint::oid
     and a.attnum > 0
     and not a.attisdropped
     and a.attgenerated = ''
   order by a.attnum
