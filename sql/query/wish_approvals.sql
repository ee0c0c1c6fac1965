-- SPDX-License-Identifier: Apache-2.0
-- Approvals that the ledger has not heard of.
-- columns: disposal, kind, commitment, plan digest, who approved it, when
  select a.disposal, d.kind, d.commitment, a.plan_digest, a.approved_by, (extract(epoch from a.approved_at) * 1000000)::bigint
    from expunge.approval a
    join expunge.disposal d on d.id = a.disposal
   where not a.recorded
     and d.commitment is not null
   order by a.approved_at, a.disposal
