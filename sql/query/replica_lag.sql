-- SPDX-License-Identifier: Apache-2.0
-- columns: is any replica further behind than $1 (interval)
  select coalesce(max(r.replay_lag) > $1::text::interval, false) from pg_stat_replication r
