-- SPDX-License-Identifier: Apache-2.0
-- columns: a transaction number that no transaction has had yet, may this role see what others hold
  select pg_snapshot_xmax(pg_current_snapshot())::text, pg_has_role('pg_read_all_stats', 'usage')
