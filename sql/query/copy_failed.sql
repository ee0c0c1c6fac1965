-- SPDX-License-Identifier: Apache-2.0
-- A store did not answer: what it said before stands.  $1 store, $2 what went wrong; arrays: $3 disposals, $4 pauses before
-- the next attempt in microseconds
  update expunge.copy c
     set attempts = c.attempts + 1, next_attempt_at = clock_timestamp() + a.pause * interval '1 microsecond',
         last_error = $2::text
    from unnest($3::bigint[], $4::bigint[]) a(disposal, pause)
   where c.disposal = a.disposal
     and c.store = $1::text
     and c.state <> 'gone'
