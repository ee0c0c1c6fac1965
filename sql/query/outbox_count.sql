-- SPDX-License-Identifier: Apache-2.0
-- Ledger entries that wait to be written to the ledger's file.  $1 disposal, or null for all; columns: how many
  select count(*)
    from expunge.outbox o
   where $1::bigint is null or o.disposal = $1::bigint
