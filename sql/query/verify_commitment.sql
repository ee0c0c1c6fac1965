-- SPDX-License-Identifier: Apache-2.0
-- $1 commitment; columns: the newest disposal that erased that subject, when (microseconds)
  select d.id, (extract(epoch from d.erased_at) * 1000000)::bigint
    from expunge.disposal d
   where d.commitment = $1::text
     and d.erased_at is not null
   order by d.id desc
   limit 1
