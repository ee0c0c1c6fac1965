-- SPDX-License-Identifier: Apache-2.0
-- How late the latest disposal was, at up to 62 points of a period that are not in the future.  $1 from, $2 to, $3 overdue_after
-- columns: the point, disposals that were past their deadline then and not erased, the oldest deadline among them
-- A hold that is in force keeps its disposal out at every point; one that has ended moved the deadline.
    with item as materialized (
         select d.id, d.opened_at, d.due_at + $3::text::interval as deadline, coalesce(d.erased_at, d.withdrawn_at, 'infinity') as done_at
           from expunge.report_disposal d
          where not d.held
         ), point as (
         select generate_series($1::timestamptz, $2::timestamptz, greatest(($2::timestamptz - $1::timestamptz) / 60, interval '1 hour')) as at
          union
         select least($2::timestamptz, now())
         )
  select (extract(epoch from p.at) * 1000000)::bigint, count(i.id), (extract(epoch from min(i.deadline)) * 1000000)::bigint
    from point p
    left join item i on i.deadline < p.at and i.opened_at <= p.at and i.done_at > p.at
   where p.at <= now()
     and p.at >= $1::timestamptz
   group by p.at
   order by p.at
