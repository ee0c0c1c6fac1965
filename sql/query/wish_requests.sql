-- SPDX-License-Identifier: Apache-2.0
-- Requests that the ledger has not heard of; those of disposals that have a commitment.
-- columns: id, disposal, kind, commitment, ground, immediate, ticket, who requested it, how that was verified, who wrote it down, when
  select r.id, r.disposal, d.kind, d.commitment, r.ground, r.immediate, coalesce(r.ticket, ''), coalesce(r.requested_by, ''), coalesce(r.verified_by, ''),
         r.asked_by, (extract(epoch from r.asked_at) * 1000000)::bigint
    from expunge.request r
    join expunge.disposal d on d.id = r.disposal
   where not r.recorded
     and d.commitment is not null
   order by r.id
