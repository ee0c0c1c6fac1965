-- SPDX-License-Identifier: Apache-2.0
-- It seals values now, or is destroyed.  $1 disposal, $2 key's id
  delete from expunge.processor_key k where k.disposal = $1::bigint and k.key_id = $2::text
