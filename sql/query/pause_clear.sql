-- SPDX-License-Identifier: Apache-2.0
  update expunge.installation set paused_at = null, pause_reason = null, paused_by = null
   where paused_at is not null
