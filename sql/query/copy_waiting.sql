-- SPDX-License-Identifier: Apache-2.0
-- Copies that are not gone, of disposals whose rows are; in the order of disposals.  $1 disposals (array)
-- columns: disposal, store, state, attempts, next attempt, erased at (times in microseconds), erased at (LSN), barrier (LSN)
  select c.disposal, c.store, c.state, c.attempts, (extract(epoch from c.next_attempt_at) * 1000000)::bigint,
         (extract(epoch from d.erased_at) * 1000000)::bigint, coalesce((d.erased_lsn - '0/0'::pg_lsn)::bigint, 0),
         coalesce((d.barrier_lsn - '0/0'::pg_lsn)::bigint, 0)
    from expunge.copy c
    join expunge.disposal d on d.id = c.disposal
   where c.disposal = any($1::bigint[])
     and c.state <> 'gone'
     and d.state = 'erased'
   order by c.disposal, c.store
