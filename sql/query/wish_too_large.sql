-- SPDX-License-Identifier: Apache-2.0
-- What was asked for is larger than the caps: no failure, it is counted again later.  $1 disposal, $2 which caps
  update expunge.disposal
     set last_error = $2::text, next_attempt_at = clock_timestamp() + interval '1 hour'
   where id = $1::bigint
