-- SPDX-License-Identifier: Apache-2.0
-- The oldest entry that is not in the ledger's file for sure.  $1 its disposal, or null for all; columns: id, disposal, event, fields
  select o.id, o.disposal, o.event, o.fields
    from expunge.outbox o
   where $1::bigint is null or o.disposal = $1::bigint
   order by o.number
   limit 1
     for update
