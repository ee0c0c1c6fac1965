-- SPDX-License-Identifier: Apache-2.0
-- columns: bytes written so far
  select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint
