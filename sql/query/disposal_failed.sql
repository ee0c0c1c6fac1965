-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 what went wrong, $3 pause in microseconds before the next attempt; 0: no failure, it waits for something else
  update expunge.disposal
     set attempts = attempts + case when $3::bigint > 0 then 1 else 0 end, last_error = $2::text,
         next_attempt_at = case when $3::bigint > 0 then clock_timestamp() + $3::bigint * interval '1 microsecond' end
   where id = $1::bigint
