-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 name, $3 commitment, $4 when its root ended, or null, $5 the end of its grace period by that, or null
-- columns: it was not the worker's own before
  update expunge.disposal d
     set name = $2::text, commitment = $3::text, ended_at = coalesce(d.ended_at, $4::timestamptz),
         erase_after = least(d.erase_after, $5::timestamptz)
    from (select o.id, o.commitment from expunge.disposal o where o.id = $1::bigint for update) o
   where d.id = o.id
     and d.state in ('open', 'archived')
     and (d.commitment is null or ($4::timestamptz is not null and d.ended_at is null))
  returning o.commitment is null
