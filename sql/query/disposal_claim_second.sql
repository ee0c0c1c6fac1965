-- SPDX-License-Identifier: Apache-2.0
-- The second connection's part of a claim.  $1 disposal; columns: got it
  select pg_try_advisory_lock(hashtextextended('expunge.disposal.second', $1::bigint))
