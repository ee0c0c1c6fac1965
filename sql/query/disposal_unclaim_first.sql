-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  select pg_advisory_unlock(hashtextextended('expunge.disposal', $1::bigint))
