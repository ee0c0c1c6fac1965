-- SPDX-License-Identifier: Apache-2.0
-- What happened in a period, per policy and kind of subject; what was restored was not erased.  $1 from, $2 to, $3 overdue_after
-- columns: kind, policy or null, opened, archived, erased, cleared, withdrawn, erased in time, rows archived, rows erased,
-- rows changed, rows whose last copy went; and as it is now: under way, past their deadline (and not held)
    with step as (
         select d.*, d.due_at + $3::text::interval as deadline,
                coalesce(d.archived_at >= $1::timestamptz and d.archived_at < $2::timestamptz, false) as archived,
                coalesce(d.erased_at >= $1::timestamptz and d.erased_at < $2::timestamptz and d.restored_at is null, false) as erased,
                coalesce(d.cleared_at >= $1::timestamptz and d.cleared_at < $2::timestamptz, false) as cleared,
                coalesce(d.live_rows_gone_at >= $1::timestamptz and d.live_rows_gone_at < $2::timestamptz, false) as gone
           from expunge.report_disposal d
         )
  select s.kind, s.policy,
         count(*) filter (where s.opened_at >= $1::timestamptz and s.opened_at < $2::timestamptz),
         count(*) filter (where s.archived), count(*) filter (where s.erased), count(*) filter (where s.cleared),
         count(*) filter (where s.withdrawn_at >= $1::timestamptz and s.withdrawn_at < $2::timestamptz),
         count(*) filter (where s.erased and s.erased_at <= s.deadline),
         coalesce(sum(s.rows_archived) filter (where s.archived), 0)::bigint,
         coalesce(sum(s.rows_erased) filter (where s.gone), 0)::bigint,
         coalesce(sum(s.rows_changed) filter (where s.gone), 0)::bigint,
         coalesce(sum(s.rows_erased) filter (where s.cleared), 0)::bigint,
         count(*) filter (where s.state not in ('cleared', 'withdrawn')),
         count(*) filter (where s.state not in ('erased', 'cleared', 'withdrawn') and s.deadline < now() and not s.held)
    from step s
   group by s.kind, s.policy
   order by s.kind, s.policy
