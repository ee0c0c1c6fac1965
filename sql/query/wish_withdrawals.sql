-- SPDX-License-Identifier: Apache-2.0
-- Withdrawals that the ledger has not heard of.
-- columns: disposal, kind, commitment, who asked for it, when, why
  select d.id, d.kind, d.commitment, d.withdrawal_by, (extract(epoch from d.withdrawal_at) * 1000000)::bigint, coalesce(d.withdrawal_reason, '')
    from expunge.disposal d
   where d.withdrawal_at is not null
     and not d.withdrawal_recorded
     and d.commitment is not null
   order by d.id
