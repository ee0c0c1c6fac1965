-- SPDX-License-Identifier: Apache-2.0
-- What the role lacks for putting rows back.  $1 tables' oids (array)
-- columns: role, role (quoted), may keep triggers off, tables that it may not insert into (quoted, as a list; null: none), how many
  select current_user, format('%I', current_user), has_parameter_privilege('session_replication_role', 'set'),
         (select string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by n.nspname, c.relname)
            from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
           where c.oid = any ($1::bigint[])
             and not has_table_privilege(c.oid, 'insert')),
         (select count(*) from pg_class c where c.oid = any ($1::bigint[]) and not has_table_privilege(c.oid, 'insert'))
