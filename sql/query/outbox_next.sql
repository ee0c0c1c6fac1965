-- SPDX-License-Identifier: Apache-2.0
-- The oldest entry that is not in the ledger's file for sure.  $1 its disposal, or null for all but those of a disposal
-- that another worker has claimed: that worker writes them itself, without a look at what is in the file already.
-- Columns: id, disposal, event, fields
  select o.id, o.disposal, o.event, o.fields
    from expunge.outbox o
   where o.disposal = $1::bigint
      or ($1::bigint is null and (o.disposal is null or pg_try_advisory_xact_lock(hashtextextended('expunge.disposal', o.disposal))))
   order by o.number
   limit 1
     for update
