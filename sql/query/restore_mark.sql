-- SPDX-License-Identifier: Apache-2.0
-- In the transaction that puts the rows back: once.  $1 disposal, $2 its state
  update expunge.disposal
     set restored_at = now(), attempts = 0, last_error = null, next_attempt_at = null
   where id = $1::bigint
     and state = $2::text
     and restored_at is null
