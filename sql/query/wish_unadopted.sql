-- SPDX-License-Identifier: Apache-2.0
-- Disposals that people asked for and the worker has not made its own yet, or whose root had not ended when it did.
-- columns: id, kind, key, incarnation, made its own already, ground, as of
  select d.id, d.kind, d.subject_key, d.incarnation, d.commitment is not null, d.ground, (extract(epoch from d.as_of) * 1000000)::bigint
    from expunge.disposal d
   where d.requested_at is not null
     and d.subject_key is not null
     and (d.commitment is null or (d.state = 'open' and d.ended_at is null))
   order by d.id
