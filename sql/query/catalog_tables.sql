-- SPDX-License-Identifier: Apache-2.0
-- Every ordinary, partitioned or foreign table of the application, an extension's too; a partition belongs to its topmost parent.
-- columns: oid, schema, name, partitioned, row_estimate, byte_estimate, row_security, rules on delete, rules on update, triggers (on delete), quoted, persistence, inherits or is inherited from,
--          has triggers on update, a trigger on delete waits for COMMIT, foreign
  select c.oid::bigint, n.nspname, c.relname, c.relkind = 'p',
         coalesce(s.rows, 0), coalesce(s.pages, 0) * current_setting('block_size')::bigint,
         c.relrowsecurity,
         exists (select from pg_rewrite r where r.ev_class = c.oid and r.ev_type = '4' and r.ev_enabled <> 'D'),
         exists (select from pg_rewrite r where r.ev_class = c.oid and r.ev_type = '2' and r.ev_enabled <> 'D'),
         g.on_delete,
         format('%I.%I', n.nspname, c.relname), c.relpersistence::text,
         exists (select from pg_inherits i where i.inhrelid = c.oid or (i.inhparent = c.oid and c.relkind = 'r')),
         coalesce(g.on_update, false), coalesce(g.waits, false), c.relkind = 'f'
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join (select coalesce(pg_partition_root(p.oid), p.oid) as oid, sum(greatest(p.reltuples, 0))::bigint as rows,
                      sum(p.relpages)::bigint as pages
                 from pg_class p where p.relkind = 'r' group by 1) s on s.oid = c.oid
    left join (select coalesce(pg_partition_root(t.tgrelid), t.tgrelid) as oid,
                      string_agg(distinct t.tgname::text, ', ') filter (where (t.tgtype::integer & 8) <> 0) as on_delete,
                      bool_or((t.tgtype::integer & 16) <> 0) as on_update,
                      bool_or((t.tgtype::integer & 8) <> 0 and t.tginitdeferred) as waits
                 from pg_trigger t
                where not t.tgisinternal and t.tgenabled in ('O', 'A') group by 1) g on g.oid = c.oid
   where c.relkind in ('r', 'p', 'f')
     and not c.relispartition
     and c.relpersistence <> 't'
     and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'expunge')
   order by n.nspname, c.relname
