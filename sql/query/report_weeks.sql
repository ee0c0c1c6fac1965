-- SPDX-License-Identifier: Apache-2.0
-- What left the live tables, week by week (Mondays, UTC).  $1 from, $2 to
-- columns: kind, policy or null, the week's first day, disposals, rows erased
  select d.kind, d.policy, (extract(epoch from w.week at time zone 'UTC') * 1000000)::bigint, count(*), sum(d.rows_erased)::bigint
    from expunge.report_disposal d
   cross join lateral (select date_trunc('week', d.live_rows_gone_at at time zone 'UTC')) w(week)
   where d.live_rows_gone_at >= $1::timestamptz
     and d.live_rows_gone_at < $2::timestamptz
   group by d.kind, d.policy, w.week
   order by d.kind, d.policy, w.week
