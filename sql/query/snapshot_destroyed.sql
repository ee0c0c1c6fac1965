-- SPDX-License-Identifier: Apache-2.0
-- columns: snapshots whose key was destroyed
  select count(*) from expunge.disposal d where d.snapshot_name is not null and d.key_destroyed_at is not null
