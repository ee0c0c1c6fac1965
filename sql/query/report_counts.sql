-- SPDX-License-Identifier: Apache-2.0
-- What happened in a period, per policy and kind of subject; what was restored was not erased.  $1 from, $2 to, $3 overdue_after
-- columns: kind, policy or null, opened, archived, erased, cleared, withdrawn, erased in time, rows archived, rows erased,
-- rows changed, rows whose last copy went; and as it is now: under way, past their deadline (and not held)
    with step as (
         select d.kind, case when d.kind = 'policy' then d.name end as policy, d.state,
                d.opened_at >= $1::timestamptz and d.opened_at < $2::timestamptz as opened,
                coalesce(d.archived_at >= $1::timestamptz and d.archived_at < $2::timestamptz, false) as archived,
                coalesce(d.erased_at >= $1::timestamptz and d.erased_at < $2::timestamptz and d.restored_at is null, false) as erased,
                coalesce(d.cleared_at >= $1::timestamptz and d.cleared_at < $2::timestamptz, false) as cleared,
                coalesce(d.withdrawn_at >= $1::timestamptz and d.withdrawn_at < $2::timestamptz, false) as withdrawn,
                case when d.restored_at is not null then null when d.kind = 'policy' and d.snapshot_name is not null then d.archived_at else d.erased_at end as gone_at,
                coalesce(d.erase_after, d.ended_at, d.as_of) + $3::text::interval as deadline,
                d.erased_at, t.archived_rows, t.erased_rows, t.changed_rows,
                exists (select from expunge.hold h
                         where h.kind = d.kind
                           and h.subject_key = d.subject_key
                           and h.released_at is null
                           and (h.expires_at is null or h.expires_at > now())) as held
           from expunge.disposal d
          cross join lateral (select coalesce(sum(x.rows_archived) filter (where x.action = 'delete'), 0),
                                     coalesce(sum(x.rows_done) filter (where x.action = 'delete'), 0),
                                     coalesce(sum(x.rows_done) filter (where x.action <> 'delete'), 0)
                                from expunge.disposal_table x
                               where x.disposal = d.id) t(archived_rows, erased_rows, changed_rows)
         )
  select s.kind, s.policy,
         count(*) filter (where s.opened), count(*) filter (where s.archived), count(*) filter (where s.erased),
         count(*) filter (where s.cleared), count(*) filter (where s.withdrawn),
         count(*) filter (where s.erased and s.erased_at <= s.deadline),
         coalesce(sum(s.archived_rows) filter (where s.archived), 0)::bigint,
         coalesce(sum(s.erased_rows) filter (where s.gone_at >= $1::timestamptz and s.gone_at < $2::timestamptz), 0)::bigint,
         coalesce(sum(s.changed_rows) filter (where s.gone_at >= $1::timestamptz and s.gone_at < $2::timestamptz), 0)::bigint,
         coalesce(sum(s.erased_rows) filter (where s.cleared), 0)::bigint,
         count(*) filter (where s.state not in ('cleared', 'withdrawn')),
         count(*) filter (where s.state not in ('erased', 'cleared', 'withdrawn') and s.deadline < now() and not s.held)
    from step s
   group by s.kind, s.policy
   order by s.kind, s.policy
