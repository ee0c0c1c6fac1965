-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: got it.  Ends with the session.
  select pg_try_advisory_lock(hashtextextended('expunge.disposal', $1::bigint))
