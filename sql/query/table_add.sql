-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 number, $3 schema, $4 table, $5 action, $6 edge
  insert into expunge.disposal_table (disposal, number, schema_name, table_name, action, edge)
  values ($1::bigint, $2::integer, $3::text, $4::text, $5::text, $6::text)
      on conflict do nothing
