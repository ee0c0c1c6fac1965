-- SPDX-License-Identifier: Apache-2.0
-- Compare and set.  $1 disposal, $2 number, $3 rows, $4 bytes, $5 frames, $6 plain bytes: where the file stands now;
-- $7 bytes: where it stood when this worker looked last
  update expunge.disposal_table
     set rows_archived = $3::bigint, mark_rows = $3::bigint, mark_bytes = $4::bigint, mark_frames = $5::bigint, mark_plain = $6::bigint
   where disposal = $1::bigint
     and number = $2::integer
     and mark_bytes = $7::bigint
