-- SPDX-License-Identifier: Apache-2.0
-- $1 point in time, $2 interval; columns: their difference (microseconds)
  select (extract(epoch from $1::timestamptz - $2::text::interval) * 1000000)::bigint
