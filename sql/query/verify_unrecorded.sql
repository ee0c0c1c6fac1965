-- SPDX-License-Identifier: Apache-2.0
-- Disposals that the ledger has never heard of: no entry, and none on its way.  A request that no worker has taken up
-- yet is none.
-- columns: disposal
  select d.id
    from expunge.disposal d
   where d.ledger_seq is null
     and (d.commitment is not null or d.requested_at is null)
     and not exists (select from expunge.outbox o where o.disposal = d.id)
   order by d.id
