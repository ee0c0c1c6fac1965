-- SPDX-License-Identifier: Apache-2.0
-- What an auditor may read, and what the report itself is made from: no key, no row's value, no free text of a person.

-- A hold ends, and the subject's key is forgotten when its disposal is cleared: until when it was held is noted before.
alter table expunge.disposal add column held_until timestamptz;

create view expunge.report_installation as
  select i.id, i.database_name, i.region, i.installed_at, i.paused_at is not null as paused, i.paused_at, i.accepted_at,
         (select count(*) from expunge.outbox) as ledger_pending
    from expunge.installation i;

-- One line for each disposal.  due_at: the end of the grace period, or of the last hold where that is later.
create view expunge.report_disposal as
  select d.id, d.kind, case when d.kind = 'policy' then d.name end as policy, d.commitment as subject_commitment,
         d.ground, d.immediate, d.state, d.cutoff,
         d.opened_at as requested_at,  -- the only place that says when a disposal was asked for
         d.ended_at, d.opened_at, d.archived_at, d.erasing_at, d.erased_at, d.cleared_at, d.withdrawn_at, d.restored_at,
         case when d.restored_at is not null then null
              when d.kind = 'policy' and d.snapshot_name is not null then d.archived_at
              else d.erased_at end as live_rows_gone_at,
         greatest(coalesce(d.erase_after, d.ended_at, d.as_of), d.held_until, h.ended_at) as due_at,
         coalesce(h.in_force, false) as held,
         t.rows_archived, t.rows_erased, t.rows_changed,
         d.store, d.snapshot_name, d.key_destroyed_at,
         d.attempts, d.last_error, d.next_attempt_at, d.configuration_digest, d.ledger_seq, d.ledger_digest
    from expunge.disposal d
   cross join lateral (select coalesce(sum(x.rows_archived) filter (where x.action = 'delete'), 0)::bigint,
                              coalesce(sum(x.rows_done) filter (where x.action = 'delete'), 0)::bigint,
                              coalesce(sum(x.rows_done) filter (where x.action <> 'delete'), 0)::bigint
                         from expunge.disposal_table x
                        where x.disposal = d.id) t(rows_archived, rows_erased, rows_changed)
    left join lateral (select bool_or(o.released_at is null and (o.expires_at is null or o.expires_at > now())),
                              max(least(o.released_at, o.expires_at)) filter (where least(o.released_at, o.expires_at) <= now())
                         from expunge.hold o
                        where o.kind = d.kind
                          and o.subject_key = d.subject_key) h(in_force, ended_at) on true;

create view expunge.report_table as
  select x.disposal, x.schema_name, x.table_name, x.action, x.rows_archived, x.rows_done
    from expunge.disposal_table x;

create view expunge.report_not_erased as
  select n.disposal, n.what, n.why, n.rows, n.until
    from expunge.not_erased n;

-- Never whose they are, and not why: a reason is free text.
create view expunge.report_hold as
  select h.id, h.kind, h.type, h.placed_at, h.expires_at, h.released_at,
         h.released_at is null and (h.expires_at is null or h.expires_at > now()) as in_force,
         case when least(h.released_at, h.expires_at) <= now() then least(h.released_at, h.expires_at) end as ended_at
    from expunge.hold h;

grant select on expunge.report_installation, expunge.report_disposal, expunge.report_table, expunge.report_not_erased,
                expunge.report_hold
   to expunge_auditor, expunge_worker;
