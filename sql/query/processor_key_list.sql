-- SPDX-License-Identifier: Apache-2.0
-- Keys that are ready and seal nothing yet.  $1 disposal; columns: key's id
  select k.key_id from expunge.processor_key k where k.disposal = $1::bigint order by k.key_id
