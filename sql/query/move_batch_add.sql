-- SPDX-License-Identifier: Apache-2.0
-- Adds nothing where another worker went on from the same place.  $1 disposal, $2 number, $3 rows of the batch, $4 position
-- (array text) or null, $5 rows, $6 bytes, $7 frames, $8 plain bytes: where the file stands now; $9 bytes: where it stood
  insert into expunge.move_batch (disposal, number, rows, position, mark_rows, mark_bytes, mark_frames, mark_plain, bytes_before)
  values ($1::bigint, $2::integer, $3::bigint, $4::text[], $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint)
      on conflict do nothing
