-- SPDX-License-Identifier: Apache-2.0
-- Disposals that wait for processors.  columns: disposal, messages outstanding, those past their deadline, whose, whose of those that
-- are late or failing, the first deadline, what went wrong with one of them
  select w.disposal, count(*), count(*) filter (where w.overdue), string_agg(distinct w.processor, ', ' order by w.processor),
         string_agg(distinct w.processor, ', ' order by w.processor) filter (where w.overdue or w.last_error is not null),
         (extract(epoch from min(w.deadline)) * 1000000)::bigint, min(w.last_error)
    from expunge.processor_work w
   where w.is_open and w.may_be_told
   group by w.disposal
   order by w.disposal
