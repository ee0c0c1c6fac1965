-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 key, $3 ground, $4 ticket, $5 requester, $6 how that was verified, $7 immediate, $8 label or null; columns: disposal
  select expunge.request_erasure($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::boolean, $8::text)
