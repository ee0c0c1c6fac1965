-- SPDX-License-Identifier: Apache-2.0
-- Why disposals are not cleared yet, as far as stores are concerned: the failure whose next attempt comes first.
-- $1 disposals (array)
  update expunge.disposal d
     set last_error = f.story, attempts = coalesce(f.attempts, 0), next_attempt_at = f.next_attempt_at
    from unnest($1::bigint[]) i(id)
    left join lateral (select 'store "' || c.store || '": ' || c.last_error, c.attempts, c.next_attempt_at
                         from expunge.copy c
                        where c.disposal = i.id
                          and c.state <> 'gone'
                          and c.last_error is not null
                        order by c.next_attempt_at, c.store
                        limit 1) f(story, attempts, next_attempt_at) on true
   where d.id = i.id
     and d.state = 'erased'
