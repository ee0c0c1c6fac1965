-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 table, $3 action, $4 rows
  insert into expunge.plan_table (disposal, table_name, action, rows) values ($1::bigint, $2::text, $3::text, $4::bigint)
