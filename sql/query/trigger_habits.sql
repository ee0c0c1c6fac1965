-- SPDX-License-Identifier: Apache-2.0
-- What the functions of triggers on DELETE and UPDATE do, as far as their source tells.
-- columns: table oid (of the topmost parent), trigger, function, on delete, on update, waits for COMMIT, source is readable,
--          may refuse, may keep the row, asks how deep it is called, tables that it names as written to
  select coalesce(pg_partition_root(t.tgrelid), t.tgrelid)::oid::bigint, t.tgname::text, p.oid::regproc::text,
         bool_or((t.tgtype::integer & 8) <> 0), bool_or((t.tgtype::integer & 16) <> 0), bool_or(t.tginitdeferred),
         l.lanname in ('plpgsql', 'sql'),
         p.prosrc ~* '\mraise\s+(exception\M|sqlstate\M|using\M|'')',
         bool_or((t.tgtype::integer & 2) <> 0) and p.prosrc ~* '\mreturn\s+null\M',
         p.prosrc ~* '\mpg_trigger_depth\M',
         (select string_agg(distinct m[2], ', ')
            from regexp_matches(p.prosrc, '\m(insert\s+into|update|delete\s+from|truncate(?:\s+table)?|merge\s+into)\s+(?:only\s+)?((?:"[^"]+"|[[:alnum:]_$]+)(?:\.(?:"[^"]+"|[[:alnum:]_$]+))?)', 'gi') m
           where lower(m[2]) not in ('of', 'nowait', 'skip', 'set', 'on', 'or', 'then'))
    from pg_trigger t
    join pg_proc p on p.oid = t.tgfoid
    join pg_language l on l.oid = p.prolang
   where not t.tgisinternal
     and t.tgenabled in ('O', 'A')
     and (t.tgtype::integer & 24) <> 0
   group by 1, t.tgname, p.oid, p.prosrc, l.lanname
   order by 1, 2, 3
