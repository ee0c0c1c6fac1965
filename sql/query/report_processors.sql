-- SPDX-License-Identifier: Apache-2.0
-- What processors were told, and what they owe.  $1 from, $2 to; columns: processor, outstanding and past their deadline now, the first
-- deadline among those outstanding, those that are failing; in the period: told, confirmed, settled by hand
  select w.processor,
         count(*) filter (where w.is_open and w.may_be_told),
         count(*) filter (where w.overdue),
         (extract(epoch from min(w.deadline) filter (where w.is_open and w.may_be_told)) * 1000000)::bigint,
         count(*) filter (where w.is_open and w.may_be_told and w.last_error is not null),
         count(*) filter (where w.requested_at >= $1::timestamptz and w.requested_at < $2::timestamptz),
         count(*) filter (where w.state = 'confirmed' and w.confirmed_at >= $1::timestamptz and w.confirmed_at < $2::timestamptz),
         count(*) filter (where w.state = 'settled' and w.confirmed_at >= $1::timestamptz and w.confirmed_at < $2::timestamptz)
    from expunge.processor_work w
   group by w.processor
   order by w.processor
