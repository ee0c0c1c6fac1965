-- SPDX-License-Identifier: Apache-2.0
-- What such a disposal took from one table.  $1 disposal, $2 number, $3 schema, $4 table, $5 action, $6 rows
  insert into expunge.disposal_table (disposal, number, schema_name, table_name, action, edge, rows_done)
  values ($1::bigint, $2::integer, $3::text, $4::text, $5::text, case when $5::text = 'delete' then '' else 'by the ledger, ' || $2::text end, $6::bigint)
      on conflict do nothing
