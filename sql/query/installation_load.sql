-- SPDX-License-Identifier: Apache-2.0
-- columns: id, database name, region, paused at, paused by, reason, accepted, replaying
  select i.id::text, i.database_name, i.region, (extract(epoch from i.paused_at) * 1000000)::bigint, i.paused_by, i.pause_reason,
         i.accepted_at is not null, i.replaying_since is not null
    from expunge.installation i
