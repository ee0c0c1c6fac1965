-- SPDX-License-Identifier: Apache-2.0
-- What a session checks before it does anything.
-- columns: now (microseconds), system identifier, timeline, wal position (bytes), in recovery, user, user is superuser, bypass rls
  select (extract(epoch from clock_timestamp()) * 1000000)::bigint,
         (select system_identifier::text from pg_control_system()),
         case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end,
         case when pg_is_in_recovery() then 0 else (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint end,
         pg_is_in_recovery(), current_user::text
