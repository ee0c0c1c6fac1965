-- SPDX-License-Identifier: Apache-2.0
-- The newest snapshot of each policy and each kind of subject that can still be read.  columns: disposal
  select distinct on (d.kind, case when d.kind = 'policy' then d.name end) d.id
    from expunge.disposal d
   where d.snapshot_digest is not null
     and d.key_destroyed_at is null
     and d.state in ('archived', 'erasing', 'erased')
   order by d.kind, case when d.kind = 'policy' then d.name end, d.archived_at desc, d.id desc
