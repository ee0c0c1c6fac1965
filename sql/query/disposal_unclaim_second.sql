-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  select pg_advisory_unlock(hashtextextended('expunge.disposal.second', $1::bigint))
