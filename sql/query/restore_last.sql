-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 commitment; columns: when a subject was restored last (microseconds), or null
  select (extract(epoch from max(d.restored_at)) * 1000000)::bigint
    from expunge.disposal d
   where d.kind = $1::text
     and d.commitment = $2::text
