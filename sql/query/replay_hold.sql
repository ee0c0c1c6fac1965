-- SPDX-License-Identifier: Apache-2.0
-- $1 hold, $2 kind, $3 key, $4 type, $5 placed at, $6 its end or null; columns: the number that it has here
  select expunge.renew_hold($1::bigint, $2::text, $3::text, $4::text, $5::timestamptz, $6::timestamptz)
