-- SPDX-License-Identifier: Apache-2.0
-- Changes whenever a column, a foreign key or a trigger of the application does.  columns: text
  select (select count(*)::text || ':' || coalesce(sum(hashtextextended(a.attrelid::text || ' ' || a.attname || ' ' || a.atttypid::text, 0)::numeric), 0)
            from pg_attribute a
            join pg_class c on c.oid = a.attrelid
           where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'
             and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge'))
      || '/' || (select count(*)::text || ':' || coalesce(sum(k.oid::bigint), 0) from pg_constraint k where k.contype = 'f')
      || '/' || (select count(*)::text || ':' || coalesce(sum(t.oid::bigint), 0) from pg_trigger t where not t.tgisinternal)
