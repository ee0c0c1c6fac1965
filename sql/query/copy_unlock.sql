-- SPDX-License-Identifier: Apache-2.0
-- $1 store; columns: had it
  select pg_advisory_unlock(hashtextextended('expunge.store.' || $1::text, 0))
