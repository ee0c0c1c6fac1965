-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 processor, $3 number, $4 message id, $5 state, $6 sealed values (hexadecimal) or null, $7 key's id or null, $8 deadline (interval)
  insert into expunge.processor_task (disposal, processor, number, message_id, state, sealed, key_id, deadline)
  values ($1::bigint, $2::text, $3::integer, $4::text, $5::text, decode($6::text, 'hex'), $7::text, now() + $8::text::interval)
