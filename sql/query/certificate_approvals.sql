-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: plan digest, when it was approved, whether it was the plan that was counted last
  select a.plan_digest, (extract(epoch from a.approved_at) * 1000000)::bigint, a.plan_digest is not distinct from d.plan_digest
    from expunge.approval a
    join expunge.disposal d on d.id = a.disposal
   where a.disposal = $1::bigint
   order by a.approved_at
