-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal; columns: what, why, rows, until
  select n.what, n.why, n.rows, (extract(epoch from n.until) * 1000000)::bigint
    from expunge.not_erased n
   where n.disposal = $1::bigint
   order by n.number
