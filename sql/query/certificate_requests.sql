-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: id, ground, immediate, when, commitment of the words
  select r.id, r.ground, r.immediate, (extract(epoch from r.asked_at) * 1000000)::bigint, r.commitment
    from expunge.request r
   where r.disposal = $1::bigint
   order by r.id
