-- SPDX-License-Identifier: Apache-2.0
-- What is still to be done for a disposal whose step has ended, told as its last error; null: nothing.  $1 disposal, $2 text
  update expunge.disposal set last_error = $2::text, attempts = 0, next_attempt_at = null where id = $1::bigint
