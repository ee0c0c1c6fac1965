-- SPDX-License-Identifier: Apache-2.0
-- Triggers and rules of the application's tables: what runs when rows change.
-- columns: kind, schema, table, name, what it is
  select 'trigger', n.nspname, c.relname, t.tgname,
         case t.tgenabled when 'O' then '' when 'D' then 'disabled, ' when 'R' then 'on replicas alone, ' else 'always, ' end
         || regexp_replace(pg_get_triggerdef(t.oid), '\s+', ' ', 'g') || ', body ' || left(md5(p.prosrc), 12)
    from pg_trigger t
    join pg_class c on c.oid = t.tgrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_proc p on p.oid = t.tgfoid
   where not t.tgisinternal
     and t.tgparentid = 0
     and c.relkind in ('r', 'p', 'f')
     and c.relpersistence <> 't'
     and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   union all
  select 'rule', n.nspname, c.relname, r.rulename, regexp_replace(pg_get_ruledef(r.oid), '\s+', ' ', 'g')
    from pg_rewrite r
    join pg_class c on c.oid = r.ev_class
    join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'f')
     and c.relpersistence <> 't'
     and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by 2, 3, 1, 4
