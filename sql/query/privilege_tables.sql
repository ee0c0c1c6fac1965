-- SPDX-License-Identifier: Apache-2.0
-- $1 tables' oids, an array; columns: oid, usage of its schema, select, update, update of some column, delete, row security
-- applies to this role
  select c.oid::bigint, has_schema_privilege(c.relnamespace, 'usage'), has_table_privilege(c.oid, 'select'),
         has_table_privilege(c.oid, 'update'), has_any_column_privilege(c.oid, 'update'),
         has_table_privilege(c.oid, 'delete'), row_security_active(c.oid)
    from pg_class c
   where c.oid = any ($1::bigint[])
   order by c.oid
