-- SPDX-License-Identifier: Apache-2.0
-- A person says that it is over.  $1 disposal, $2 processor, $3 why, $4 who, or null for the role that is logged in; columns: number, message id, key's id
  update expunge.processor_task t
     set state = 'settled', confirmed_by = 'person', confirmed_at = clock_timestamp(), settle_reason = $3::text,
         settled_by = coalesce($4::text, session_user), next_attempt_at = null, last_error = null
   where t.disposal = $1::bigint and t.processor = $2::text and t.state in ('waiting', 'requested', 'accepted')
  returning t.number, t.message_id, t.key_id
