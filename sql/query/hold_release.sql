-- SPDX-License-Identifier: Apache-2.0
-- $1 hold, $2 reason
  select expunge.release_hold($1::bigint, $2::text)
