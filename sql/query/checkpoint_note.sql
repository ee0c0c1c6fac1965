-- SPDX-License-Identifier: Apache-2.0
-- A checkpoint was made.  What is known of one already stays.
-- parameters: 1 number, 2 size, 3 digest
insert into expunge.checkpoint (number, size, digest)
values ($1::bigint, $2::bigint, $3::text)
    on conflict (number) do nothing
