-- SPDX-License-Identifier: Apache-2.0
-- Every column that a Task holds, in its order.  $1 disposal, or null for all, $2 processor, or null, $3 number, or null,
-- $4 only what the notifier may still have to do
  select w.disposal, w.processor, w.number, w.message_id, w.state, w.call, w.round, encode(w.sealed, 'hex'), w.key_id, w.receipt,
         w.confirmed_by, (extract(epoch from w.made_at) * 1000000)::bigint, (extract(epoch from w.deadline) * 1000000)::bigint,
         (extract(epoch from w.requested_at) * 1000000)::bigint, (extract(epoch from w.accepted_at) * 1000000)::bigint,
         (extract(epoch from w.confirmed_at) * 1000000)::bigint, w.attempts,
         (extract(epoch from w.next_attempt_at) * 1000000)::bigint, w.last_error, w.kind, w.commitment,
         (extract(epoch from w.erased_at) * 1000000)::bigint, w.may_be_told, w.held,
         w.overdue
    from expunge.processor_work w
   where ($1::bigint is null or w.disposal = $1::bigint)
     and ($2::text is null or w.processor = $2::text)
     and ($3::integer is null or w.number = $3::integer)
     and (not $4::boolean
          or (w.is_open and w.may_be_told)
          or (w.state in ('confirmed', 'settled') and w.key_id is not null))
   order by w.disposal, w.processor, w.number
