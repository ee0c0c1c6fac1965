-- SPDX-License-Identifier: Apache-2.0
-- A person lets large ones go: what was asked for at once waits no longer for its next attempt.
  update expunge.disposal
     set next_attempt_at = null
   where next_attempt_at is not null
     and requested_at is not null
     and immediate
     and state in ('open', 'archived')
