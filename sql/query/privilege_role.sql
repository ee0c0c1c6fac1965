-- SPDX-License-Identifier: Apache-2.0
-- What the session's role may do beyond single tables.
-- columns: role, superuser, member of expunge_worker, may make temporary tables, may see how far replicas are, database
-- (quoted)
  select current_user::text, r.rolsuper, pg_has_role(current_user, 'expunge_worker', 'usage'),
         has_database_privilege(current_database(), 'temporary'),
         pg_has_role(current_user, 'pg_read_all_stats', 'usage'), format('%I', current_database())
    from pg_roles r
   where r.rolname = current_user
