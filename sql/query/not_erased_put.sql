-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 number, $3 what, $4 why, $5 rows, $6 until
  insert into expunge.not_erased (disposal, number, what, why, rows, until)
  values ($1::bigint, $2::integer, $3::text, $4::text, $5::bigint, $6::timestamptz)
      on conflict (disposal, number) do update set rows = excluded.rows, until = excluded.until
