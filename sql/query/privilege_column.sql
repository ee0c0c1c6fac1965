-- SPDX-License-Identifier: Apache-2.0
-- $1 table's oid, $2 column; columns: may update it
  select has_column_privilege($1::bigint::oid, $2::text, 'update')
