-- SPDX-License-Identifier: Apache-2.0
-- What still sees rows that were deleted before a transaction number: VACUUM would keep them.  $1 number
-- columns: its name
  select b.name
    from (select 'process ' || a.pid, a.backend_xmin
            from pg_stat_activity a
           where a.pid <> pg_backend_pid()
             and (a.datname = current_database() or a.backend_type = 'walsender')
           union all
          select 'replication slot "' || s.slot_name || '"', x.xmin
            from pg_replication_slots s, lateral (values (s.xmin), (s.catalog_xmin)) x(xmin)
           union all
          select 'prepared transaction "' || p.gid || '"', p.transaction
            from pg_prepared_xacts p
           where p.database = current_database()) b(name, xmin)
   where age(b.xmin) > age($1::text::xid8::xid)
   order by age(b.xmin) desc
   limit 1
