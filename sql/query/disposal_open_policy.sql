-- SPDX-License-Identifier: Apache-2.0
-- $1 name, $2 as_of, $3 cutoff, $4 configuration digest, $5 ground; columns: id
  insert into expunge.disposal (kind, name, ground, as_of, cutoff, configuration_digest)
  values ('policy', $1::text, $5::text, $2::timestamptz, $3::timestamptz, $4::text)
      on conflict do nothing
  returning id
