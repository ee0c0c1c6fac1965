-- SPDX-License-Identifier: Apache-2.0
-- What processors were told, and what they owe.  $1 from, $2 to; columns: processor, outstanding and past their deadline now, the first
-- deadline among those outstanding, those that are failing; in the period: told, confirmed, settled by hand
  select t.processor,
         count(*) filter (where t.state in ('waiting', 'requested', 'accepted')),
         count(*) filter (where t.state in ('waiting', 'requested', 'accepted') and t.deadline < now()),
         (extract(epoch from min(t.deadline) filter (where t.state in ('waiting', 'requested', 'accepted'))) * 1000000)::bigint,
         count(*) filter (where t.state in ('waiting', 'requested', 'accepted') and t.last_error is not null),
         count(*) filter (where t.requested_at >= $1::timestamptz and t.requested_at < $2::timestamptz),
         count(*) filter (where t.state = 'confirmed' and t.confirmed_at >= $1::timestamptz and t.confirmed_at < $2::timestamptz),
         count(*) filter (where t.state = 'settled' and t.confirmed_at >= $1::timestamptz and t.confirmed_at < $2::timestamptz)
    from expunge.processor_task t
    join expunge.disposal d on d.id = t.disposal and d.state <> 'withdrawn'
   group by t.processor
   order by t.processor
