-- SPDX-License-Identifier: Apache-2.0
-- One notifier at a time works on a message, as long as its session lives.  $1 disposal, $2 processor, $3 number; columns: claimed
  select pg_try_advisory_lock(hashtextextended('expunge.processor ' || $2::text || ' ' || $3::integer, $1::bigint))
