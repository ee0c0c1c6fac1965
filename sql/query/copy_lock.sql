-- SPDX-License-Identifier: Apache-2.0
-- One worker at a time judges a store.  $1 store; columns: got it
  select pg_try_advisory_lock(hashtextextended('expunge.store.' || $1::text, 0))
