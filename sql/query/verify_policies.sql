-- SPDX-License-Identifier: Apache-2.0
-- The newest disposal of each policy whose rows are out of the live table: what an older one took is part of it.
-- columns: disposal
  select distinct on (d.name) d.id
    from expunge.disposal d
   where d.kind = 'policy'
     and (d.state in ('archived', 'erased', 'cleared') or (d.state = 'erasing' and d.snapshot_name is not null))
   order by d.name, d.as_of desc
