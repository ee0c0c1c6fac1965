-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 number, $3 rows more, $4 position (array text) or null
  update expunge.disposal_table
     set rows_done = rows_done + $3::bigint, position = coalesce($4::text[], position)
   where disposal = $1::bigint
     and number = $2::integer
