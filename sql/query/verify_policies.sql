-- SPDX-License-Identifier: Apache-2.0
-- The newest disposal of each policy whose rows are out of the live table: what an older one took is part of it;
-- one that was restored says nothing, nor do older ones than that.
-- columns: disposal
  select distinct on (d.name) d.id
    from expunge.disposal d
   where d.kind = 'policy'
     and d.restored_at is null
     and (d.state in ('archived', 'erased', 'cleared') or (d.state = 'erasing' and d.snapshot_name is not null))
     and not exists (select from expunge.disposal r
                      where r.kind = 'policy'
                        and r.name = d.name
                        and r.restored_at > d.opened_at)
   order by d.name, d.as_of desc
