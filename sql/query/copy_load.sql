-- SPDX-License-Identifier: Apache-2.0
-- What stores hold of these disposals.  $1 disposals (array), $2 overdue_after
-- columns: disposal, store, state, items, until, detail, checked, gone, attempts, next attempt, error, late: the promised
-- window is over or will be before the copy is gone, or the store does not say (times in microseconds)
  select c.disposal, c.store, c.state, c.items, (extract(epoch from c.until) * 1000000)::bigint, c.detail,
         (extract(epoch from c.checked_at) * 1000000)::bigint, (extract(epoch from c.gone_at) * 1000000)::bigint,
         c.attempts, (extract(epoch from c.next_attempt_at) * 1000000)::bigint, c.last_error,
         coalesce(case c.state when 'gone' then false
                               when 'dated' then greatest(c.until, now()) > d.clear_by
                               else now() > least(d.clear_by, d.erased_at + $2::text::interval) end, false)
    from expunge.copy c
    join expunge.disposal d on d.id = c.disposal
   where c.disposal = any($1::bigint[])
   order by c.disposal, c.store
