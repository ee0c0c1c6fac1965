-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 key, $3 type, $4 reason, $5 its end or null, $6 reference or null; columns: hold
  select expunge.place_hold($1::text, $2::text, $3::text, $4::text, $5::timestamptz, $6::text)
