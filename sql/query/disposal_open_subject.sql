-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 name, $3 key, $4 incarnation, $5 commitment, $6 ground, $7 as_of, $8 ended_at, $9 erase_after, $10 configuration digest; columns: id
  insert into expunge.disposal (kind, name, subject_key, incarnation, commitment, ground, as_of, ended_at, erase_after, configuration_digest)
  values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::timestamptz, $8::timestamptz, $9::timestamptz, $10::text)
      on conflict do nothing
  returning id
