-- SPDX-License-Identifier: Apache-2.0
-- What a type stands on.  $1 oid; columns: base type (of a domain: what it stands on), base type of an array's elements (null: no array)
  with recursive base (oid, base, kind, element, category) as (
           select t.oid, t.typbasetype, t.typtype, t.typelem, t.typcategory from pg_type t where t.oid = $1::oid
            union all
           select b.oid, b.typbasetype, b.typtype, b.typelem, b.typcategory
             from base x join pg_type b on b.oid = x.base where x.kind = 'd')
  select x.oid::regtype::text,
         case when x.category = 'A' then (select coalesce(nullif(e.typbasetype, 0), e.oid)::regtype::text from pg_type e where e.oid = x.element) end
    from base x
   where x.kind <> 'd'
