-- SPDX-License-Identifier: Apache-2.0
-- A request that no worker has made its own yet gets the next number.  $1 disposal; columns: the new number
  with moved as (update expunge.disposal set id = default where id = $1::bigint and commitment is null returning id),
       followed as (update expunge.request r set disposal = m.id from moved m where r.disposal = $1::bigint)
select id from moved
