-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 commitment; columns: when a subject was brought back last, restored or withdrawn by somebody (microseconds), or null
  select (extract(epoch from max(greatest(d.restored_at, case when d.withdrawal_at is not null then d.withdrawn_at end))) * 1000000)::bigint
    from expunge.disposal d
   where d.kind = $1::text
     and d.commitment = $2::text
