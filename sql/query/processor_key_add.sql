-- SPDX-License-Identifier: Apache-2.0
-- A key that will seal values of this disposal, before it seals any.  $1 disposal, $2 key's id
  insert into expunge.processor_key (disposal, key_id) values ($1::bigint, $2::text)
