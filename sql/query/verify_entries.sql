-- SPDX-License-Identifier: Apache-2.0
-- What the disposals say of the ledger, in its order.
-- columns: disposal, seq and digest of its newest entry
  select d.id, d.ledger_seq, d.ledger_digest
    from expunge.disposal d
   where d.ledger_seq is not null
   order by d.ledger_seq, d.id
