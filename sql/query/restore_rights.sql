-- SPDX-License-Identifier: Apache-2.0
-- What putting rows back asks for.  $1 table's oid
-- columns: select, insert, update, row security applies, the role may keep triggers off, role (quoted), may make temporary tables
  select has_table_privilege($1::bigint::oid, 'select'), has_table_privilege($1::bigint::oid, 'insert'),
         has_table_privilege($1::bigint::oid, 'update'), row_security_active($1::bigint::oid),
         has_parameter_privilege('session_replication_role', 'set'), format('%I', current_user),
         has_database_privilege(current_database(), 'temporary')
