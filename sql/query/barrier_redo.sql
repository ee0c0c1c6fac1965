-- SPDX-License-Identifier: Apache-2.0
-- Where a recovery from the last checkpoint would begin.  columns: position in the WAL (bytes)
  select (redo_lsn - '0/0'::pg_lsn)::bigint from pg_control_checkpoint()
