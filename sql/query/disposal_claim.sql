-- SPDX-License-Identifier: Apache-2.0
-- A disposal's claim is two locks of sessions, one for each connection that may work on it: whoever was killed may
-- still have a COMMIT under way on the other one.  $1 disposal; columns: got the first, got the second
  select pg_try_advisory_lock(hashtextextended('expunge.disposal', $1::bigint)),
         pg_try_advisory_lock(hashtextextended('expunge.disposal.second', $1::bigint))
