-- SPDX-License-Identifier: Apache-2.0
-- Disposals that wait for processors.  columns: disposal, messages outstanding, those past their deadline, whose, whose of those that
-- are late or failing, the first deadline, what went wrong with one of them
  select t.disposal, count(*), count(*) filter (where t.deadline < now()), string_agg(distinct t.processor, ', ' order by t.processor),
         string_agg(distinct t.processor, ', ' order by t.processor) filter (where t.deadline < now() or t.last_error is not null),
         (extract(epoch from min(t.deadline)) * 1000000)::bigint, min(t.last_error)
    from expunge.processor_task t
    join expunge.disposal d on d.id = t.disposal and d.state = 'erased' and d.restored_at is null
   where t.state in ('waiting', 'requested', 'accepted')
   group by t.disposal
   order by t.disposal
