-- SPDX-License-Identifier: Apache-2.0
-- Each disposal of a subject that something happened to in a period, or that was under way in it.  $1 from, $2 to, $3 overdue_after
-- columns: id, kind, commitment, ground, immediate, state, requested, ended, archived, end of grace, deadline, erased, cleared,
-- withdrawn, restored, held now, rows archived, rows erased, rows changed
  select d.id, d.kind, d.subject_commitment, d.ground, d.immediate, d.state,
         (extract(epoch from d.requested_at) * 1000000)::bigint, (extract(epoch from d.ended_at) * 1000000)::bigint,
         (extract(epoch from d.archived_at) * 1000000)::bigint, (extract(epoch from d.due_at) * 1000000)::bigint,
         (extract(epoch from d.due_at + $3::text::interval) * 1000000)::bigint,
         (extract(epoch from d.erased_at) * 1000000)::bigint, (extract(epoch from d.cleared_at) * 1000000)::bigint,
         (extract(epoch from d.withdrawn_at) * 1000000)::bigint, (extract(epoch from d.restored_at) * 1000000)::bigint,
         d.held, d.rows_archived, d.rows_erased, d.rows_changed
    from expunge.report_disposal d
   where d.kind <> 'policy'
     and d.opened_at < $2::timestamptz
     and coalesce(d.cleared_at, d.withdrawn_at, 'infinity') >= $1::timestamptz
   order by d.id
