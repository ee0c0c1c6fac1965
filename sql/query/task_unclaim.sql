-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 processor, $3 number; columns: it was claimed
  select pg_advisory_unlock(hashtextextended('expunge.processor ' || $2::text || ' ' || $3::integer, $1::bigint))
