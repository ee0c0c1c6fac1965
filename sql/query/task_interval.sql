-- SPDX-License-Identifier: Apache-2.0
-- $1 an interval; columns: its microseconds from now on
  select (extract(epoch from now() + $1::text::interval - now()) * 1000000)::bigint
