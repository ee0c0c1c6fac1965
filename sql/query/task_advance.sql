-- SPDX-License-Identifier: Apache-2.0
-- Compare and set.  $1 disposal, $2 processor, $3 number, $4 state and $5 call as they are; $6 state, $7 call, $8 round, $9 receipt (null: as it is),
-- $10 confirmed by, $11 attempts, $12 microseconds until the next attempt (null: at once), $13 what went wrong
-- columns: now in microseconds
  update expunge.processor_task t
     set state = $6::text, call = $7::integer, round = $8::integer, receipt = coalesce($9::text, t.receipt),
         confirmed_by = $10::text, attempts = $11::integer,
         next_attempt_at = clock_timestamp() + $12::bigint * interval '1 microsecond', last_error = $13::text,
         requested_at = case when $6::text = 'requested' then coalesce(t.requested_at, clock_timestamp()) else t.requested_at end,
         accepted_at = case when $6::text = 'requested' then null
                            when $6::text in ('accepted', 'confirmed') then coalesce(t.accepted_at, clock_timestamp())
                            else t.accepted_at end,
         confirmed_at = case when $6::text = 'confirmed' then clock_timestamp() end
   where t.disposal = $1::bigint and t.processor = $2::text and t.number = $3::integer and t.state = $4::text and t.call = $5::integer
  returning (extract(epoch from clock_timestamp()) * 1000000)::bigint
