-- SPDX-License-Identifier: Apache-2.0
-- Every column that a Disposal holds, in its order.  $1 id, or null for all that are not final
  select d.id, d.kind, d.name, d.subject_key, d.incarnation, d.commitment, d.ground, d.immediate, d.state,
         (extract(epoch from d.as_of) * 1000000)::bigint, (extract(epoch from d.cutoff) * 1000000)::bigint,
         (extract(epoch from d.ended_at) * 1000000)::bigint, (extract(epoch from d.opened_at) * 1000000)::bigint,
         (extract(epoch from d.archived_at) * 1000000)::bigint, (extract(epoch from d.erase_after) * 1000000)::bigint,
         (extract(epoch from d.erasing_at) * 1000000)::bigint, (extract(epoch from d.erased_at) * 1000000)::bigint,
         (extract(epoch from d.cleared_at) * 1000000)::bigint, (extract(epoch from d.withdrawn_at) * 1000000)::bigint,
         d.root_erased, d.store, d.snapshot_name, d.snapshot_id, d.key_id, d.snapshot_digest,
         (extract(epoch from d.key_destroyed_at) * 1000000)::bigint, d.configuration_digest, d.attempts, d.last_error,
         (extract(epoch from d.next_attempt_at) * 1000000)::bigint, d.ledger_seq, d.ledger_digest,
         (extract(epoch from d.restored_at) * 1000000)::bigint, d.replay_seq,
         (extract(epoch from d.requested_at) * 1000000)::bigint, d.requested_plainly,
         (extract(epoch from d.withdrawal_at) * 1000000)::bigint, d.plan_digest, (extract(epoch from d.plan_at) * 1000000)::bigint,
         d.immediate and expunge.is_approved(d.id),
         exists (select from expunge.refusal f
                   join expunge.hold h on h.id = f.hold
                  where f.disposal = d.id
                    and (h.released_at is not null or h.expires_at <= clock_timestamp()))
    from expunge.disposal d
   where (($1::bigint is null and d.state not in ('cleared', 'withdrawn')) or d.id = $1::bigint)
   order by d.id
