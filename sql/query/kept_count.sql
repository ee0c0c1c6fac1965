-- SPDX-License-Identifier: Apache-2.0
-- Rows that an edge of a disposal has left behind so far.  $1 disposal, $2 number; columns: rows, until (microseconds)
  select count(*), (extract(epoch from max(k.until)) * 1000000)::bigint
    from expunge.kept k
   where k.disposal = $1::bigint
     and k.number = $2::integer
