-- SPDX-License-Identifier: Apache-2.0
-- $1 schema; columns: it is there, the tables and other relations in it, the role may make a schema here, the database (quoted), the role (quoted),
-- it may make tables in the schema
  select n.oid is not null,
         (select count(*) from pg_class c where c.relnamespace = n.oid),
         has_database_privilege(current_database(), 'create'), format('%I', current_database()), format('%I', current_user),
         coalesce(has_schema_privilege(n.oid, 'create'), false)
    from (select $1::text as name) w
    left join pg_namespace n on n.nspname = w.name
