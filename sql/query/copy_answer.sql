-- SPDX-License-Identifier: Apache-2.0
-- What a store said of many disposals.  What is gone stays gone; what is present without a problem is about to be purged,
-- and says nothing of how often that went wrong.  $1 store; arrays: $2 disposals, $3 states, $4 items,
-- $5 until, $6 details, $7 problems (null: none), $8 pauses before the next attempt in microseconds
  update expunge.copy c
     set state = a.state, items = a.items, until = a.until, detail = a.detail, checked_at = clock_timestamp(),
         gone_at = case when a.state = 'gone' then clock_timestamp() end,
         attempts = case when a.problem is not null then c.attempts + 1 when a.state = 'present' then c.attempts else 0 end,
         next_attempt_at = case when a.problem is not null then clock_timestamp() + a.pause * interval '1 microsecond' end,
         last_error = a.problem
    from unnest($2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::bigint[])
         a(disposal, state, items, until, detail, problem, pause)
   where c.disposal = a.disposal
     and c.store = $1::text
     and c.state <> 'gone'
