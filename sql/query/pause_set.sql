-- SPDX-License-Identifier: Apache-2.0
-- $1 reason, $2 who
  update expunge.installation set paused_at = now(), pause_reason = $1::text, paused_by = coalesce($2::text, session_user)
   where paused_at is null
