-- SPDX-License-Identifier: Apache-2.0
-- $1 schema and table, quoted; columns: may select, update, delete
  select has_table_privilege($1::text, 'select'), has_table_privilege($1::text, 'update'), has_table_privilege($1::text, 'delete')
