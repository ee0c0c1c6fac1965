-- SPDX-License-Identifier: Apache-2.0
-- A disposal that is under way here came to its end by the ledger: it does so again, at once.  $1 disposal, $2 seq of the ledger's entry
  update expunge.disposal
     set immediate = true, replay_seq = $2::bigint, attempts = 0, last_error = null, next_attempt_at = null
   where id = $1::bigint
     and state not in ('cleared', 'withdrawn')
